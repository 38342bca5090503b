"""Nexus failures and errors in the words of Temporal, and which of them may be tried again.

Owns the two older forms in which workers report (semantics 9.3): a handler error, and an operation
without success, each with a Nexus failure inside.
"""

from typing import Final

from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import NexusHandlerErrorRetryBehavior
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    NexusHandlerFailureInfo,
)
from temporalio.api.nexus.v1 import (
    Failure as NexusFailure,
    HandlerError,
    UnsuccessfulOperationError,
)

UPSTREAM_TIMEOUT: Final = "UPSTREAM_TIMEOUT"
NOT_FOUND: Final = "NOT_FOUND"
INTERNAL: Final = "INTERNAL"
_CANCELED: Final = "canceled"

RETRYABLE_TYPES: Final = frozenset(
    {"RESOURCE_EXHAUSTED", INTERNAL, "UNAVAILABLE", UPSTREAM_TIMEOUT, "REQUEST_TIMEOUT"}
)
_Behavior = NexusHandlerErrorRetryBehavior
_RETRYABLE: Final = _Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE
_NON_RETRYABLE: Final = _Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE
_TEMPORAL_FAILURE: Final = "temporal.api.failure.v1.Failure"


def handler_failure(error_type: str, message: str) -> Failure:
    """Return a handler's failure that the service itself found."""
    return Failure(
        message=message, nexus_handler_failure_info=NexusHandlerFailureInfo(type=error_type)
    )


def is_retryable_handler_failure(failure: Failure) -> bool:
    """Whether a call that failed so may succeed later."""
    handler = failure.nexus_handler_failure_info
    if handler.retry_behavior in {_RETRYABLE, _NON_RETRYABLE}:
        return handler.retry_behavior == _RETRYABLE
    return handler.type in RETRYABLE_TYPES


def handler_error_failure(error: HandlerError) -> Failure:
    """Return the failure that an older worker's handler error means."""
    failure = Failure(
        message=error.failure.message or "handler error",
        nexus_handler_failure_info=NexusHandlerFailureInfo(
            type=error.error_type, retry_behavior=error.retry_behavior
        ),
    )
    if error.failure.metadata or error.failure.details:
        failure.cause.CopyFrom(temporal_failure(error.failure))
    return failure


def operation_error_failure(error: UnsuccessfulOperationError) -> Failure:
    """Return the failure that an older worker's unsuccessful operation means."""
    failure = temporal_failure(error.failure)
    is_canceled = error.operation_state == _CANCELED
    if is_canceled and not failure.HasField("canceled_failure_info"):
        wrapped = Failure(message=failure.message, canceled_failure_info=CanceledFailureInfo())
        wrapped.cause.CopyFrom(failure)
        return wrapped
    return failure


def temporal_failure(nexus: NexusFailure) -> Failure:
    """Return a Nexus failure as a Temporal one; what is not understood is kept in its details."""
    failure = Failure()
    if nexus.metadata.get("type") == _TEMPORAL_FAILURE:
        try:
            json_format.Parse(nexus.details, failure, ignore_unknown_fields=True)
        except json_format.ParseError:
            failure = _opaque(nexus)
    else:
        failure = _opaque(nexus)
    failure.message = nexus.message
    failure.stack_trace = nexus.stack_trace
    if nexus.HasField("cause"):
        failure.cause.CopyFrom(temporal_failure(nexus.cause))
    return failure


def _opaque(nexus: NexusFailure) -> Failure:
    kept = NexusFailure(metadata=nexus.metadata, details=nexus.details)
    text = json_format.MessageToJson(kept, indent=None)
    details = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=text.encode())])
    has_more = bool(nexus.metadata or nexus.details)
    return Failure(
        application_failure_info=ApplicationFailureInfo(
            type="NexusFailure", non_retryable=True, details=details if has_more else None
        )
    )
