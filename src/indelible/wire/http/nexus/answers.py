"""What a caller of Nexus is answered: results, and failures with their status (semantics 9.4).

Owns the status of each kind of error. Older callers do not know the errors that wrap a failure, so
they are told what is inside.
"""

import json
from collections.abc import Mapping
from typing import Final

from temporalio.api.failure.v1 import Failure
from temporalio.api.nexus.v1 import Failure as NexusFailure, StartOperationResponse

from indelible.base.errors import StatusCode
from indelible.engine.nexus.content import content_of
from indelible.engine.nexus.error_types import OPERATION_UNSUCCESSFUL, STATUSES
from indelible.engine.nexus.failure_json import (
    CANCELED,
    FAILED,
    dumped_failure,
    nexus_failure,
    operation_error,
)
from indelible.engine.nexus.failures import handler_failure
from indelible.engine.nexus.link_headers import link_headers
from indelible.ports.clients import NexusAnswer
from indelible.wire.calls.status import status_of
from indelible.wire.http.messages import JSON_TYPE, Request, Response

STATE_HEADER: Final = "nexus-operation-state"
FAILURE_SUPPORT_HEADER: Final = "temporal-nexus-failure-support"
BAD_REQUEST: Final = "BAD_REQUEST"
_RETRYABLE_HEADER: Final = "nexus-request-retryable"
_FROM_WORKER: Final = ("temporal-nexus-failure-source", "worker")
_TYPES: Final[Mapping[StatusCode, str]] = {
    StatusCode.INVALID_ARGUMENT: BAD_REQUEST,
    StatusCode.ALREADY_EXISTS: BAD_REQUEST,
    StatusCode.FAILED_PRECONDITION: BAD_REQUEST,
    StatusCode.OUT_OF_RANGE: BAD_REQUEST,
    StatusCode.ABORTED: "UNAVAILABLE",
    StatusCode.UNAVAILABLE: "UNAVAILABLE",
    StatusCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    StatusCode.PERMISSION_DENIED: "UNAUTHORIZED",
    StatusCode.NOT_FOUND: "NOT_FOUND",
    StatusCode.RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
    StatusCode.UNIMPLEMENTED: "NOT_IMPLEMENTED",
    StatusCode.DEADLINE_EXCEEDED: "UPSTREAM_TIMEOUT",
}


def refused(request: Request, error_type: str, message: str) -> Response:
    """Return the answer to a request that we refuse ourselves."""
    return _handler_failed(request, handler_failure(error_type, message))


def failed(request: Request, error: Exception) -> Response:
    """Return the answer to a request that could not be carried out."""
    status = status_of(error)
    return refused(request, _TYPES.get(status.code, "INTERNAL"), status.message)


def started(request: Request, answer: NexusAnswer | None) -> Response:
    """Return what a worker made of a call that starts an operation."""
    if answer is None or answer.response is None:
        return _unanswered(request, answer)
    return _start_response(request, answer.response.start_operation)


def canceled(request: Request, answer: NexusAnswer | None) -> Response:
    """Return what a worker made of a call that cancels an operation."""
    if answer is None or answer.response is None:
        return _unanswered(request, answer)
    return Response(status=202)


def _unanswered(request: Request, answer: NexusAnswer | None) -> Response:
    if answer is None:
        failure = handler_failure("UPSTREAM_TIMEOUT", "upstream timeout")
    else:
        failure = answer.failure or handler_failure("INTERNAL", "empty outcome")
    return _handler_failed(request, failure, _FROM_WORKER)


def _start_response(request: Request, response: StartOperationResponse) -> Response:
    match response.WhichOneof("variant"):
        case "sync_success":
            success = response.sync_success
            content = content_of(success.payload if success.HasField("payload") else None)
            headers = [
                (f"content-{name.lower()}", value) for name, value in content.headers.items()
            ]
            return Response(headers=(*headers, *link_headers(success.links)), body=content.body)
        case "async_success":
            running = response.async_success
            token = running.operation_token or running.operation_id
            body = json.dumps({"token": token, "state": "running"}, separators=(",", ":")).encode()
            headers = [("content-type", JSON_TYPE), *link_headers(running.links)]
            return Response(status=201, headers=headers, body=body)
        case "operation_error":
            error = response.operation_error
            state = CANCELED if error.operation_state == CANCELED else FAILED
            return _operation_failed(request, state, error.failure)
        case "failure":
            failure = response.failure
            state = CANCELED if failure.HasField("canceled_failure_info") else FAILED
            return _operation_failed(request, state, nexus_failure(failure))
        case _:
            empty = handler_failure("INTERNAL", "empty outcome")
            return _handler_failed(request, empty, _FROM_WORKER)


def _operation_failed(request: Request, state: str, cause: NexusFailure) -> Response:
    return Response(
        status=OPERATION_UNSUCCESSFUL,
        headers=[("content-type", JSON_TYPE), (STATE_HEADER, state), _FROM_WORKER],
        body=_told(request, operation_error(state, cause)),
    )


def _handler_failed(request: Request, failure: Failure, *headers: tuple[str, str]) -> Response:
    handler = failure.nexus_handler_failure_info
    nexus = nexus_failure(failure)
    override = json.loads(nexus.details).get("retryableOverride") if nexus.details else None
    told = [("content-type", JSON_TYPE), *headers]
    if override is not None:
        told.append((_RETRYABLE_HEADER, "true" if override else "false"))
    return Response(
        status=STATUSES.get(handler.type, 500), headers=told, body=_told(request, nexus)
    )


def _told(request: Request, nexus: NexusFailure) -> bytes:
    knows_wrappers = request.header(FAILURE_SUPPORT_HEADER) == "true"
    is_inner = not knows_wrappers and nexus.HasField("cause")
    return dumped_failure(nexus.cause if is_inner else nexus)
