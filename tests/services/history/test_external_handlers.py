"""What a call to a handler with a URL says, and what its answer means."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.nexus.v1 import Link as NexusLink

from indelible.base.callback_token import CallbackToken, decode_callback_token
from indelible.base.ids import EventId, NamespaceId, NamespaceName, RunId, WorkflowId
from indelible.base.instants import DAY, SECOND, Instant, seconds
from indelible.base.limits import Limits
from indelible.base.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    StartOutcome,
)
from indelible.engine.namespace.record import Namespace
from indelible.ports.outbound import AnswerTooLargeError, OutboundError
from indelible.services.history.external_handlers import ExternalHandlers, nowhere
from indelible.services.history.operation_calls import (
    CallResult,
    CancelCall,
    OperationName,
    StartCall,
)
from tests.services.history.elsewhere import Elsewhere, answered

URL = "https://host:1/base/?a=b"
BACK = "http://here/back"
NAME = OperationName(endpoint="e", endpoint_id="i", service="s/1", operation="o o")
TOKEN = CallbackToken(NamespaceId("n"), WorkflowId("w"), RunId("r"), EventId(5), "q")
LINK = (
    "<temporal:///namespaces/n/workflows/w/r/history?eventType=WorkflowExecutionStarted"
    '&referenceType=EventReference>; type="temporal.api.common.v1.Link.WorkflowEvent"'
)
NOW = Instant(1_700_000_000 * SECOND)
NAMESPACE = Namespace(
    id=NamespaceId("n"),
    name=NamespaceName("default"),
    retention=DAY,
    created_at=NOW,
    updated_at=NOW,
)


async def start(elsewhere: Elsewhere, **header: str) -> StartOutcome:
    return await ExternalHandlers(elsewhere, lambda _: BACK).start(
        URL,
        StartCall(
            namespace=NAMESPACE,
            target=NAME,
            request_id="q",
            payload=Payload(metadata={"encoding": b"json/plain"}, data=b"1"),
            header={name.replace("_", "-"): value for name, value in header.items()},
            token=TOKEN,
            link=NexusLink(url="temporal:///x", type="t"),
            patience=seconds(2),
            limits=Limits(blob_bytes_max=10),
            now=NOW,
        ),
    )


async def cancel(elsewhere: Elsewhere) -> CallResult:
    return await ExternalHandlers(elsewhere, nowhere).cancel(
        URL,
        CancelCall(
            namespace=NAMESPACE,
            target=NAME,
            operation_token=GIVEN,
            header={},
            patience=seconds(2),
            now=NOW,
        ),
    )


GIVEN = "op"


async def test_a_start_says_all_that_a_handler_needs() -> None:
    elsewhere = answered(200)
    header = {"Mine": "1", "Content-Length": "7", "host": "h", "broken": "a\r\nb", "te": "x"}
    await start(elsewhere, **header)
    ((url, headers, body),) = elsewhere.asked
    assert url == "https://host:1/base/s%2F1/o%20o?a=b&callback=http%3A%2F%2Fhere%2Fback"
    token = headers.pop("nexus-callback-temporal-callback-token")
    assert decode_callback_token(token) == TOKEN
    assert headers == {
        "mine": "1",
        "content-type": "application/json",
        "request-timeout": "2000ms",
        "temporal-nexus-failure-support": "true",
        "user-agent": "indelible",
        "nexus-request-id": "q",
        "nexus-link": '<temporal:///x>; type="t"',
    }
    assert body == b"1"


async def test_without_a_way_back_nobody_is_called() -> None:
    elsewhere = answered(200)
    call = ExternalHandlers(elsewhere, nowhere)
    given = StartCall(
        namespace=NAMESPACE,
        target=NAME,
        request_id="q",
        payload=None,
        header={},
        token=TOKEN,
        link=NexusLink(),
        patience=seconds(2),
        limits=Limits(blob_bytes_max=10),
        now=NOW,
    )
    assert isinstance(await call.start(URL, given), CallFailed)
    assert not elsewhere.asked


async def test_an_answer_has_a_result_or_a_token() -> None:
    done = await start(answered(200, b"2", content_type="application/json", nexus_link=LINK))
    assert isinstance(done, OperationSucceeded)
    assert done.result == Payload(metadata={"encoding": b"json/plain"}, data=b"2")
    assert done.links[0].workflow_event.workflow_id == "w"
    running = await start(answered(201, b'{"token":"op","state":"running"}', nexus_link=LINK))
    assert isinstance(running, OperationStarted)
    assert (running.token, len(running.links)) == (GIVEN, 1)


@pytest.mark.parametrize(("state", "is_canceled"), [("failed", False), ("canceled", True)])
async def test_an_operation_may_end_without_success(state: str, is_canceled: bool) -> None:
    ended = await start(answered(424, b'{"message":"m"}', nexus_operation_state=state))
    assert isinstance(ended, OperationFailed)
    assert (ended.is_canceled, ended.failure.message) == (is_canceled, "m")


@pytest.mark.parametrize(
    ("status", "headers", "is_retried"),
    [
        (400, {}, False),
        (404, {}, False),
        (404, {"nexus_request_retryable": "true"}, True),
        (408, {}, True),
        (409, {}, False),
        (429, {}, True),
        (500, {}, True),
        (501, {}, False),
        (503, {}, True),
        (503, {"nexus_request_retryable": "false"}, False),
        (520, {}, True),
        # Whatever this is, it may be better next time.
        (302, {}, True),
        (418, {}, True),
        (424, {}, True),
        (201, {}, True),
        (200, {"nexus_link": "x"}, True),
        (200, {"content_type": "application/x-temporal-payload"}, True),
    ],
)
async def test_a_refusal_is_repeated_or_final(
    status: int, headers: dict[str, str], is_retried: bool
) -> None:
    outcome = await start(answered(status, b"\xff", **headers))
    assert isinstance(outcome, CallFailed if is_retried else OperationFailed)


async def test_a_handlers_error_says_itself_what_it_is() -> None:
    body = (
        b'{"message":"m","metadata":{"type":"nexus.HandlerError"},'
        b'"details":{"type":"UNAVAILABLE","retryableOverride":false}}'
    )
    outcome = await start(answered(503, body, content_type="application/json"))
    assert isinstance(outcome, OperationFailed)
    assert outcome.failure.message == "m"
    assert outcome.failure.nexus_handler_failure_info.type == "UNAVAILABLE"
    other = await start(answered(503, b'{"message":"m"}', content_type="application/json"))
    assert isinstance(other, CallFailed)
    assert other.failure.cause.message == "m"


async def test_without_an_answer_the_call_is_repeated_unless_it_was_too_long() -> None:
    outcome = await start(Elsewhere(OutboundError("gone")))
    assert isinstance(outcome, CallFailed)
    assert outcome.failure.message == "gone"
    assert isinstance(await start(Elsewhere(AnswerTooLargeError("x"))), OperationFailed)


async def test_a_cancellation_brings_the_token() -> None:
    elsewhere = answered(202)
    assert await cancel(elsewhere) == CallResult()
    ((url, headers, _),) = elsewhere.asked
    assert url == "https://host:1/base/s%2F1/o%20o/cancel?a=b"
    assert headers["nexus-operation-token"] == GIVEN


@pytest.mark.parametrize(
    ("elsewhere", "is_retryable"),
    [(answered(404), False), (answered(503), True), (Elsewhere(OutboundError("gone")), True)],
)
async def test_a_cancellation_may_fail(elsewhere: Elsewhere, is_retryable: bool) -> None:
    result = await cancel(elsewhere)
    assert result.failure is not None
    assert result.is_retryable is is_retryable
