"""What a call of a callback that has a URL says, and what its answer means."""

import json
from dataclasses import dataclass, field

import pytest
from temporalio.api.common.v1 import Callback, Link, Payload
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    TerminatedFailureInfo,
)

from indelible.base.instants import SECOND, Instant, seconds
from indelible.base.nexus_operations import (
    Completion,
    OperationEnd,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
)
from indelible.ports.outbound import AnswerTooLargeError, OutboundError
from indelible.services.history.external_callbacks import ExternalCallbacks
from indelible.services.history.operation_calls import CallResult
from tests.services.history.elsewhere import Elsewhere, answered

URL = "https://host:1/back?a=b"
STARTED_AT = Instant(1_700_000_000 * SECOND + 1)
LINK = Link(activity=Link.Activity(namespace="n", activity_id="a/b", run_id="r"))
GIVEN = "token"
RESULT = OperationSucceeded(result=Payload(metadata={"encoding": b"json/plain"}, data=b"1"))
JSON = {"content-type": "application/json"}


@dataclass
class Told:
    """What somebody elsewhere heard, and what that meant."""

    result: CallResult
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def summary(self) -> tuple[str, bool, bool]:
        """Return the message, and whether the call is repeated, twice told."""
        failure = self.result.failure
        assert failure is not None
        is_final = failure.application_failure_info.non_retryable
        return failure.message, self.result.is_retryable, not is_final


async def tell(
    elsewhere: Elsewhere, end: OperationEnd = RESULT, header: dict[str, str] | None = None
) -> Told:
    started = OperationStarted(token=GIVEN, links=[LINK], at=STARTED_AT)
    completion = Completion(
        started=started, end=end, closed_at=Instant(STARTED_AT + 1_500_000_000 - 1)
    )
    result = await ExternalCallbacks(elsewhere).complete(
        Callback.Nexus(url=URL, header=header or {}), completion, seconds(2)
    )
    ((url, headers, body),) = elsewhere.asked
    assert url == URL
    return Told(result, headers, body)


async def test_a_success_says_all_that_a_caller_needs() -> None:
    told = await tell(answered(204), header={"temporal-callback-token": "t", "mark": "1"})
    assert told.result == CallResult()
    assert told.body == b"1"
    assert told.headers == {
        "content-type": "application/json",
        "temporal-callback-token": "t",
        "mark": "1",
        "nexus-operation-state": "succeeded",
        "nexus-operation-token": "token",
        "nexus-operation-start-time": "Tue, 14 Nov 2023 22:13:20 GMT",
        "nexus-operation-close-time": "2023-11-14T22:13:21.500Z",
        "nexus-link": (
            "<temporal:///namespaces/n/activities/a%2Fb/r/details>;"
            ' type="temporal.api.common.v1.Link.Activity"'
        ),
        "user-agent": "indelible",
    }


async def test_no_result_is_no_content() -> None:
    told = await tell(answered(200), OperationSucceeded(result=None))
    assert told.body == b""
    assert "content-type" not in told.headers


async def test_what_came_with_the_callback_changes_nothing_but_what_it_may() -> None:
    header = {
        "nexus-operation-token": "mine",
        "user-agent": "me",
        "nexus-link": "<x>; type=y",
        "nexus-operation-state": "failed",
        "content-type": "text/plain",
        "content-length": "7",
        "host": "h",
        "te": "x",
        "broken": "a\r\nb",
    }
    told = await tell(answered(200), header=header)
    assert told.headers["nexus-operation-token"] == "mine"
    assert told.headers["user-agent"] == "me"
    assert told.headers["nexus-link"] == "<x>; type=y"
    assert told.headers["nexus-operation-state"] == "succeeded"
    assert told.headers["content-type"] == "application/json"
    assert not {"content-length", "host", "te", "broken"} & set(told.headers)


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Failure(message="m", application_failure_info=ApplicationFailureInfo(type="T")), "failed"),
        (Failure(message="m", terminated_failure_info=TerminatedFailureInfo()), "failed"),
        (Failure(message="m", canceled_failure_info=CanceledFailureInfo()), "canceled"),
    ],
)
async def test_a_failure_is_told_as_json(failure: Failure, state: str) -> None:
    told = await tell(answered(200), OperationFailed(failure=failure))
    assert told.headers["nexus-operation-state"] == state
    assert told.headers["content-type"] == "application/json"
    body = json.loads(told.body)
    assert body["message"] == "m"
    assert body["metadata"] == {"type": "temporal.api.failure.v1.Failure"}


@pytest.mark.parametrize(
    ("elsewhere", "message", "is_retryable"),
    [
        (answered(404), "handler error (NOT_FOUND): status 404", False),
        (answered(400, b'{"message":"why"}', **JSON), "handler error (BAD_REQUEST): why", False),
        (answered(409), "handler error (CONFLICT): status 409", False),
        (answered(429), "handler error (RESOURCE_EXHAUSTED): status 429", True),
        (answered(500), "handler error (INTERNAL): status 500", True),
        (answered(503), "handler error (UNAVAILABLE): status 503", True),
        (answered(302), "unexpected response status: 302", True),
        (answered(418), "unexpected response status: 418", True),
        (
            answered(400, nexus_request_retryable="true"),
            "handler error (BAD_REQUEST): status 400",
            True,
        ),
        (
            answered(503, nexus_request_retryable="false"),
            "handler error (UNAVAILABLE): status 503",
            False,
        ),
        (Elsewhere(OutboundError("nobody there")), "nobody there", True),
        (Elsewhere(AnswerTooLargeError("more than 1 bytes")), "more than 1 bytes", True),
    ],
)
async def test_an_answer_decides_about_another_call(
    elsewhere: Elsewhere, message: str, is_retryable: bool
) -> None:
    told = await tell(elsewhere)
    assert told.summary == (message, is_retryable, is_retryable)
