"""Nexus over HTTP, through a real listener: what requests mean, and how they are answered."""

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import NexusHandlerErrorRetryBehavior as Behavior
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    NexusHandlerFailureInfo,
)
from temporalio.api.nexus.v1 import (
    Failure as NexusFailure,
    Link as NexusLink,
    Request as NexusRequest,
    Response as NexusResponse,
    StartOperationResponse,
    UnsuccessfulOperationError,
)

from indelible.base.errors import (
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ServiceError,
    UnavailableError,
)
from indelible.base.instants import SECOND, Instant, elapsed
from indelible.base.nexus_operations import OperationFailed, OperationSucceeded
from indelible.ports.clients import NexusAnswer
from indelible.ports.nexus import EndpointTarget, OperationCompletion, QueueTarget
from indelible.ports.rpc import Call
from indelible.runtime.system_clock import SystemClock
from indelible.wire.http.nexus.routes import nexus_routes
from tests.wire.http_listening import HttpListening, Reply, http_listening

OPERATION_TOKEN = "op"  # noqa: S105 - of a test
CALLBACK_TOKEN = "t"  # noqa: S105 - of a test
TOKEN = ("temporal-callback-token", "t")
SUCCEEDED = ("nexus-operation-state", "succeeded")
JSON = ("content-type", "application/json")
START = "/namespaces/a%20b/task-queues/q%2F1/nexus-services/s/o"
ENDPOINT = "/nexus/endpoints/e/services/s/o"


@dataclass
class Services:
    """Answers everything with one answer, and remembers what it was asked."""

    answer: NexusAnswer | None = None
    error: Exception | None = None
    completions: list[OperationCompletion] = field(default_factory=list[OperationCompletion])
    asked: list[tuple[QueueTarget | EndpointTarget, NexusRequest, Call]] = field(
        default_factory=list[tuple[QueueTarget | EndpointTarget, NexusRequest, Call]]
    )

    async def complete_operation(self, completion: OperationCompletion, call: Call) -> None:
        self.completions.append(completion)
        if self.error is not None:
            raise self.error

    async def call_handler(
        self, target: QueueTarget | EndpointTarget, request: NexusRequest, call: Call
    ) -> NexusAnswer | None:
        self.asked.append((target, request, call))
        if self.error is not None:
            raise self.error
        return self.answer

    def serving(self) -> AbstractAsyncContextManager[HttpListening]:
        return http_listening(nexus_routes(self, clock=SystemClock()))

    async def ask(
        self, target: str, *headers: tuple[str, str], body: bytes = b"", method: str = "POST"
    ) -> Reply:
        async with self.serving() as http:
            return await http.ask(method, target, body=body, headers=headers)


def told(reply: Reply) -> Any:
    return json.loads(reply.body)


# -- completions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "namespace"),
    [("/nexus/callback", None), ("/namespaces/a%20b/nexus/callback", "a b")],
)
async def test_a_success_brings_a_payload_and_its_circumstances(
    path: str, namespace: str | None
) -> None:
    services = Services()
    reply = await services.ask(
        path,
        *(TOKEN, SUCCEEDED, JSON),
        ("Nexus-Operation-Token", "op"),
        ("Nexus-Operation-Start-Time", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("Nexus-Link", '<temporal:///namespaces/n/a?b=c>; type="t.L", <x:y>; other="z"; type=u'),
        ("Nexus-Link", "<z:z>;type=v"),
        body=b"1",
    )
    assert (reply.status, reply.body) == (200, b"")
    (completion,) = services.completions
    assert completion == OperationCompletion(
        callback_token=CALLBACK_TOKEN,
        namespace=namespace,
        operation_token=OPERATION_TOKEN,
        started_at=Instant(1_700_000_000 * SECOND),
        links=[
            NexusLink(url="temporal:///namespaces/n/a?b=c", type="t.L"),
            NexusLink(url="x:y", type="u"),
            NexusLink(url="z:z", type="v"),
        ],
        end=OperationSucceeded(
            result=Payload(metadata={"encoding": b"json/plain"}, data=b"1"),
        ),
    )


@pytest.mark.parametrize(("state", "is_canceled"), [("failed", False), ("canceled", True)])
async def test_a_failure_says_whether_it_was_a_cancellation(state: str, is_canceled: bool) -> None:
    services = Services()
    headers = (TOKEN, ("nexus-operation-state", state), JSON)
    reply = await services.ask("/nexus/callback", *headers, body=b'{"message":"m"}')
    assert reply.status == 200
    end = services.completions[0].end
    assert isinstance(end, OperationFailed)
    assert (end.is_canceled, end.failure.message) == (is_canceled, "m")


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ([], b"", "invalid request operation state"),
        ([("nexus-operation-state", "running")], b"", '"running"'),
        ([("nexus-operation-state", "failed")], b"{}", "content type"),
        ([("nexus-operation-state", "failed"), JSON], b"{", "invalid completion"),
        ([("nexus-operation-state", "failed"), JSON], b"[]", "not a failure"),
        ([SUCCEEDED, ("nexus-operation-start-time", "soon")], b"", "invalid completion"),
        ([SUCCEEDED, ("nexus-link", "x")], b"", "not a link"),
        ([SUCCEEDED, ("nexus-link", "<x:y>; kind=z")], b"", "without a type"),
        ([SUCCEEDED, ("content-type", "application/x-temporal-payload")], b"\xff", "no payload"),
    ],
)
async def test_a_broken_completion_is_refused(
    headers: list[tuple[str, str]], body: bytes, text: str
) -> None:
    services = Services()
    reply = await services.ask("/nexus/callback", TOKEN, *headers, body=body)
    assert (reply.status, services.completions) == (400, [])
    failure = told(reply)
    assert failure["metadata"] == {"type": "nexus.HandlerError"}
    assert failure["details"] == {"type": "BAD_REQUEST"}
    assert text in failure["message"]


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (InvalidArgumentError("m"), 400, "BAD_REQUEST"),
        (FailedPreconditionError("m"), 400, "BAD_REQUEST"),
        (NotFoundError("m"), 404, "NOT_FOUND"),
        (PermissionDeniedError("m"), 403, "UNAUTHORIZED"),
        (ResourceExhaustedError("m"), 429, "RESOURCE_EXHAUSTED"),
        (UnavailableError("m"), 503, "UNAVAILABLE"),
    ],
)
async def test_a_refusal_has_the_status_of_its_kind(
    error: ServiceError, status: int, error_type: str
) -> None:
    reply = await Services(error=error).ask("/nexus/callback", TOKEN, SUCCEEDED)
    assert reply.status == status
    assert told(reply)["details"]["type"] == error_type
    assert told(reply)["message"] == "m"


async def test_a_defect_is_masked() -> None:
    reply = await Services(error=InternalError("secret")).ask("/nexus/callback", TOKEN, SUCCEEDED)
    assert (reply.status, told(reply)["details"]) == (500, {"type": "INTERNAL"})
    assert b"secret" not in reply.body


# -- calls -----------------------------------------------------------------------------------------


async def test_a_start_becomes_a_request() -> None:
    services = Services()
    await services.ask(
        f"{START}?callback=http%3A%2F%2Fx%2Fy",
        JSON,
        ("Nexus-Request-Id", "r"),
        ("Nexus-Callback-Token", "back"),
        ("Nexus-Link", '<x:y>; type="t"'),
        ("Operation-Timeout", "5s"),
        ("Request-Timeout", "2.5s"),
        ("Mine", "1"),
        ("Mine", "2"),
        body=b'"in"',
    )
    ((target, request, call),) = services.asked
    assert target == QueueTarget(namespace="a b", task_queue="q/1")
    start = request.start_operation
    assert (start.service, start.operation, start.request_id) == ("s", "o", "r")
    assert start.callback == "http://x/y"
    assert dict(start.callback_header) == {"token": "back"}
    assert start.payload == Payload(metadata={"encoding": b"json/plain"}, data=b'"in"')
    assert list(start.links) == [NexusLink(url="x:y", type="t")]
    assert dict(request.header) == {
        "nexus-request-id": "r",
        "nexus-link": '<x:y>; type="t"',
        "operation-timeout": "5s",
        "request-timeout": "2.5s",
        "mine": "1",
    }
    assert not request.capabilities.temporal_failure_responses
    assert call.deadline is not None
    assert 0 < elapsed(SystemClock().now(), call.deadline) <= 2.5 * SECOND


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"{ENDPOINT}/cancel", [("nexus-operation-token", "x/y")]),
        (f"{ENDPOINT}/cancel?token=x%2Fy", []),
        (f"{ENDPOINT}/x%2Fy/cancel", []),
    ],
)
async def test_a_cancellation_names_its_operation(
    path: str, headers: list[tuple[str, str]]
) -> None:
    services = Services(answer=NexusAnswer(response=NexusResponse()))
    reply = await services.ask(path, *headers, ("temporal-nexus-failure-support", "true"))
    assert (reply.status, reply.body) == (202, b"")
    ((target, request, _),) = services.asked
    assert target == EndpointTarget(endpoint_id="e")
    cancel = request.cancel_operation
    assert (cancel.service, cancel.operation) == ("s", "o")
    assert (cancel.operation_token, cancel.operation_id) == ("x/y", "x/y")
    assert request.capabilities.temporal_failure_responses
    assert "nexus-operation-token" not in request.header


@pytest.mark.parametrize(
    ("path", "headers", "text"),
    [
        (f"{ENDPOINT}/cancel", [], "missing operation token"),
        (ENDPOINT, [("request-timeout", "soon")], "request timeout"),
        (ENDPOINT, [("request-timeout", "-1s")], "request timeout"),
        (ENDPOINT, [("nexus-link", "x")], "not a link"),
    ],
)
async def test_a_broken_call_is_refused(
    path: str, headers: list[tuple[str, str]], text: str
) -> None:
    services = Services()
    reply = await services.ask(path, *headers)
    assert (reply.status, services.asked) == (400, [])
    assert text in told(reply)["message"]


def started(**variant: Any) -> NexusAnswer:
    return NexusAnswer(response=NexusResponse(start_operation=StartOperationResponse(**variant)))


async def test_a_result_is_content_with_links() -> None:
    success = StartOperationResponse.Sync(
        payload=Payload(metadata={"encoding": b"json/plain"}, data=b'"out"'),
        links=[NexusLink(url="x:y", type="t"), NexusLink(url="x:\n", type="t")],
    )
    reply = await Services(answer=started(sync_success=success)).ask(START)
    assert (reply.status, reply.body) == (200, b'"out"')
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["nexus-link"] == '<x:y>; type="t"'
    nothing = started(sync_success=StartOperationResponse.Sync())
    reply = await Services(answer=nothing).ask(START)
    assert (reply.status, reply.body) == (200, b"")
    assert "content-type" not in reply.headers


async def test_a_running_operation_has_a_token() -> None:
    running = StartOperationResponse.Async(
        operation_token=OPERATION_TOKEN, links=[NexusLink(url="x:y", type="t")]
    )
    reply = await Services(answer=started(async_success=running)).ask(START)
    assert (reply.status, told(reply)) == (201, {"token": "op", "state": "running"})
    assert reply.headers["nexus-link"] == '<x:y>; type="t"'


FAILURE = Failure(message="m", application_failure_info=ApplicationFailureInfo(type="t"))
CANCELED = Failure(message="m", canceled_failure_info=CanceledFailureInfo())
OLD = UnsuccessfulOperationError(
    operation_state="canceled", failure=NexusFailure(message="m", details=b"[1]")
)


@pytest.mark.parametrize(
    ("variant", "state", "inner"),
    [
        (
            {"failure": FAILURE},
            "failed",
            {
                "message": "m",
                "metadata": {"type": "temporal.api.failure.v1.Failure"},
                "details": {"applicationFailureInfo": {"type": "t"}},
            },
        ),
        (
            {"failure": CANCELED},
            "canceled",
            {
                "message": "m",
                "metadata": {"type": "temporal.api.failure.v1.Failure"},
                "details": {"canceledFailureInfo": {}},
            },
        ),
        ({"operation_error": OLD}, "canceled", {"message": "m", "details": [1]}),
    ],
)
async def test_an_operation_without_success_tells_its_state(
    variant: dict[str, Any], state: str, inner: Any
) -> None:
    services = Services(answer=started(**variant))
    reply = await services.ask(START)
    assert (reply.status, told(reply)) == (424, inner)
    assert reply.headers["nexus-operation-state"] == state
    assert reply.headers["temporal-nexus-failure-source"] == "worker"
    # Whoever knows wrappers gets the whole.
    whole = told(await services.ask(START, ("temporal-nexus-failure-support", "true")))
    assert whole["cause"] == inner
    assert whole["details"] == {"state": state}
    assert whole["metadata"] == {"type": "nexus.OperationError", "unwrap-error": "true"}


@pytest.mark.parametrize("path", [START, f"{START}/t/cancel"])
@pytest.mark.parametrize(
    ("answer", "status", "error_type", "retryable"),
    [
        (None, 520, "UPSTREAM_TIMEOUT", None),
        (NexusAnswer(), 500, "INTERNAL", None),
        *(
            (
                NexusAnswer(
                    failure=Failure(
                        nexus_handler_failure_info=NexusHandlerFailureInfo(
                            type=error_type, retry_behavior=behavior
                        )
                    )
                ),
                status,
                error_type,
                retryable,
            )
            for error_type, status, behavior, retryable in (
                ("BAD_REQUEST", 400, Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE, "true"),
                ("CONFLICT", 409, Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED, None),
                (
                    "UNAVAILABLE",
                    503,
                    Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE,
                    "false",
                ),
                ("THEIRS", 500, Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED, None),
            )
        ),
    ],
)
async def test_a_handlers_error_has_its_status(
    path: str, answer: NexusAnswer | None, status: int, error_type: str, retryable: str | None
) -> None:
    reply = await Services(answer=answer).ask(path)
    assert reply.status == status
    assert told(reply)["details"]["type"] == error_type
    assert reply.headers.get("nexus-request-retryable") == retryable
    assert reply.headers["temporal-nexus-failure-source"] == "worker"


async def test_an_empty_answer_is_an_error_of_the_worker() -> None:
    reply = await Services(answer=started()).ask(START)
    assert (reply.status, told(reply)["message"]) == (500, "empty outcome")
