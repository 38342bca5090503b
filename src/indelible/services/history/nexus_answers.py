"""What the answer of a worker to a start call means for the operation (semantics 9.2)."""

from typing import Final

from temporalio.api.common.v1 import Link
from temporalio.api.nexus.v1 import StartOperationResponse

from indelible.base.failures import server_failure
from indelible.base.limits import Limits
from indelible.base.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    StartOutcome,
)
from indelible.engine.nexus.failures import (
    INTERNAL,
    UPSTREAM_TIMEOUT,
    handler_failure,
    is_retryable_handler_failure,
    operation_error_failure,
)
from indelible.ports.clients import NexusAnswer
from indelible.services.history.nexus_links import temporal_links

RESULT_TOO_LARGE: Final = "http: response body too large"
"""In the words of the reference, whose handlers are called over HTTP."""


def start_outcome(answer: NexusAnswer | None, *, limits: Limits) -> StartOutcome:
    """Return what became of a call; no answer means that there was none in time."""
    if answer is None:
        return CallFailed(failure=handler_failure(UPSTREAM_TIMEOUT, "upstream timeout"))
    if answer.failure is not None:
        if is_retryable_handler_failure(answer.failure):
            return CallFailed(failure=answer.failure)
        return OperationFailed(failure=answer.failure)
    if answer.response is None:
        return CallFailed(failure=handler_failure(INTERNAL, "empty outcome"))
    return _response_outcome(answer.response.start_operation, limits)


def _response_outcome(response: StartOperationResponse, limits: Limits) -> StartOutcome:
    match response.WhichOneof("variant"):
        case "sync_success":
            success = response.sync_success
            if success.payload.ByteSize() > limits.blob_bytes_max:
                return OperationFailed(
                    failure=server_failure(RESULT_TOO_LARGE, is_non_retryable=True)
                )
            result = success.payload if success.HasField("payload") else None
            return OperationSucceeded(result=result, links=temporal_links(success.links))
        case "async_success":
            started = response.async_success
            token = started.operation_token or started.operation_id
            return started_outcome(token, temporal_links(started.links), limits)
        case "operation_error":
            return OperationFailed(failure=operation_error_failure(response.operation_error))
        case "failure":
            return OperationFailed(failure=response.failure)
        case _:
            return CallFailed(failure=handler_failure(INTERNAL, "empty outcome"))


def started_outcome(token: str, links: list[Link], limits: Limits) -> StartOutcome:
    """Return what the answer of a handler means that will call back."""
    length = len(token.encode())
    if length > limits.nexus_token_bytes_max:
        message = (
            "invalid operation token: length exceeds allowed limit "
            f"({length}/{limits.nexus_token_bytes_max})"
        )
        return OperationFailed(failure=server_failure(message, is_non_retryable=True))
    return OperationStarted(token=token, links=links)
