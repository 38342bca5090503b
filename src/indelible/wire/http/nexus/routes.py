"""The routes of Nexus: a request becomes a completion, or a call of a handler (semantics 9.4).

Owns the paths, and what a request must bring. Must not know what becomes of it.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs

from temporalio.api.nexus.v1 import (
    CancelOperationRequest,
    Request as NexusRequest,
    StartOperationRequest,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, after, timestamp
from indelible.base.nexus_operations import (
    OPERATION_TOKEN_HEADER,
    TOKEN_HEADER,
    OperationEnd,
    OperationFailed,
    OperationSucceeded,
)
from indelible.engine.nexus.content import media_type, payload_of
from indelible.engine.nexus.failure_json import CANCELED, FAILED, operation_failure, parsed_failure
from indelible.engine.nexus.link_headers import links_in
from indelible.ports.clock import Clock
from indelible.ports.nexus import EndpointTarget, NexusServices, OperationCompletion, QueueTarget
from indelible.ports.rpc import Call
from indelible.wire.http.api.call_heads import metadata_of
from indelible.wire.http.messages import JSON_TYPE, Request, Response
from indelible.wire.http.nexus import answers, heads
from indelible.wire.http.routes import Answer, Route

_SERVICE: Final = "nexus"
_CALLBACKS: Final = ("/nexus/callback", "/namespaces/{namespace}/nexus/callback")
_OPERATIONS: Final = (
    "/namespaces/{namespace}/task-queues/{task_queue}/nexus-services/{service}/{operation}",
    "/nexus/endpoints/{endpoint}/services/{service}/{operation}",
)
_STATE_HEADER: Final = answers.STATE_HEADER
_SUCCEEDED: Final = "succeeded"


def nexus_routes(services: NexusServices, *, clock: Clock) -> Iterator[Route]:
    """Yield the routes of completions and of calls."""
    edge = _Edge(services, clock)
    for pattern in _CALLBACKS:
        yield Route(method="POST", pattern=pattern, answer=_guarded(edge.complete))
    for pattern in _OPERATIONS:
        yield Route(method="POST", pattern=pattern, answer=_guarded(edge.start))
        yield Route(method="POST", pattern=f"{pattern}/cancel", answer=_guarded(edge.cancel))
        # An older form, with the token in the path.
        older = f"{pattern}/{{token}}/cancel"
        yield Route(method="POST", pattern=older, answer=_guarded(edge.cancel))


def _guarded(answer: Answer) -> Answer:
    """Every refusal of these routes has the form that callers of Nexus understand."""

    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except Exception as error:  # noqa: BLE001 - the edge of a request: one request fails
            return answers.failed(request, error)

    return guarded


class _Edge:
    def __init__(self, services: NexusServices, clock: Clock) -> None:
        self._services = services
        self._clock = clock

    async def complete(self, request: Request) -> Response:
        """Take the end of an operation."""
        started_at = request.header("nexus-operation-start-time")
        try:
            completion = OperationCompletion(
                callback_token=request.header(TOKEN_HEADER),
                namespace=request.variables.get("namespace"),
                operation_token=request.header(OPERATION_TOKEN_HEADER),
                started_at=heads.http_time(started_at) if started_at else None,
                links=links_in(request.headers),
                end=_end(request),
            )
        except ValueError as error:
            raise InvalidArgumentError(f"invalid completion: {error}") from error
        call = self._call(request, "CompleteNexusOperation", None)
        await self._services.complete_operation(completion, call)
        return Response()

    async def start(self, request: Request) -> Response:
        """Have an operation started."""
        try:
            payload = payload_of(heads.content(request))
            links = links_in(request.headers)
        except ValueError as error:
            raise InvalidArgumentError(f"invalid input: {error}") from error
        asked = self._asked(request)
        asked.start_operation.CopyFrom(
            StartOperationRequest(
                service=request.variables["service"],
                operation=request.variables["operation"],
                request_id=request.header("nexus-request-id"),
                callback=parse_qs(request.query).get("callback", [""])[0],
                callback_header=heads.callback_header(request),
                payload=payload,
                links=links,
            )
        )
        call = self._call(request, "StartNexusOperation", self._deadline(request))
        return answers.started(
            request, await self._services.call_handler(_target(request), asked, call)
        )

    async def cancel(self, request: Request) -> Response:
        """Have an operation canceled."""
        token = (
            request.variables.get("token")
            or request.header(OPERATION_TOKEN_HEADER)
            or parse_qs(request.query).get("token", [""])[0]
        )
        if not token:
            raise InvalidArgumentError("missing operation token")
        asked = self._asked(request, OPERATION_TOKEN_HEADER)
        asked.cancel_operation.CopyFrom(
            CancelOperationRequest(
                service=request.variables["service"],
                operation=request.variables["operation"],
                operation_id=token,
                operation_token=token,
            )
        )
        call = self._call(request, "CancelNexusOperation", self._deadline(request))
        return answers.canceled(
            request, await self._services.call_handler(_target(request), asked, call)
        )

    def _asked(self, request: Request, *dropped: str) -> NexusRequest:
        asked = NexusRequest(
            header=heads.handler_header(request, *dropped),
            scheduled_time=timestamp(self._clock.now()),
        )
        knows_failures = request.header(answers.FAILURE_SUPPORT_HEADER) == "true"
        asked.capabilities.temporal_failure_responses = knows_failures
        return asked

    def _deadline(self, request: Request) -> Instant | None:
        text = request.header("request-timeout")
        if not text:
            return None
        try:
            return after(self._clock.now(), heads.request_timeout(text))
        except ValueError as error:
            raise InvalidArgumentError("invalid request timeout header") from error

    def _call(self, request: Request, method: str, deadline: Instant | None) -> Call:
        return Call(
            service=_SERVICE,
            method=method,
            deadline=deadline,
            metadata=metadata_of(request),
            peer=request.peer,
        )


def _end(request: Request) -> OperationEnd:
    state = request.header(_STATE_HEADER)
    if state == _SUCCEEDED:
        return OperationSucceeded(result=payload_of(heads.content(request)))
    if state not in {CANCELED, FAILED}:
        raise ValueError(f'invalid request operation state: "{state}"')
    given = request.header("content-type")
    if media_type(given).name != JSON_TYPE:
        raise ValueError(f'invalid request content type: "{given}"')
    return OperationFailed(failure=operation_failure(parsed_failure(request.body), state))


def _target(request: Request) -> QueueTarget | EndpointTarget:
    found = request.variables
    if "endpoint" in found:
        return EndpointTarget(endpoint_id=found["endpoint"])
    return QueueTarget(namespace=found["namespace"], task_queue=found["task_queue"])
