"""Failures: those that the service writes itself, and what a failure says about another attempt.

Owns the texts that SDKs and users see in such failures (semantics 7.3 to 7.5). Must not know what
the failure is about.
"""

from collections.abc import Iterable
from typing import Final

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    Failure,
    ServerFailureInfo,
    TimeoutFailureInfo,
)

TIMEOUT_TYPE_NAMES: Final = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: "StartToClose",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: "ScheduleToStart",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: "ScheduleToClose",
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: "Heartbeat",
}
TIMEOUT_ERROR_TYPE_PREFIX: Final = "TemporalTimeout:"
"""A non-retryable error type that begins so names a timeout."""

RESULT_TOO_LARGE: Final = "Complete result exceeds size limit."
FAILURE_TOO_LARGE: Final = "Failure exceeds size limit."
CANCEL_DETAILS_TOO_LARGE: Final = "Cancel details exceed size limit."
HEARTBEAT_TOO_LARGE: Final = "Heartbeat details exceed size limit."

_RETRYABLE_TIMEOUTS: Final = (
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT,
)
_CAUSES_KEPT_MAX: Final = 20
_FIELD_BYTES: Final = 4
"""What a field costs beside its text: room for the tag and the length."""


def server_failure(message: str, *, is_non_retryable: bool) -> Failure:
    """Return a failure that the service found."""
    return Failure(
        message=message, server_failure_info=ServerFailureInfo(non_retryable=is_non_retryable)
    )


def timeout_failure(
    message: str,
    timeout_type: "TimeoutType.ValueType",
    *,
    last_heartbeat_details: Payloads | None = None,
    cause: Failure | None = None,
) -> Failure:
    """Return the failure of something that took too long."""
    return Failure(
        message=message,
        source="Server",
        cause=cause,
        timeout_failure_info=TimeoutFailureInfo(
            timeout_type=timeout_type, last_heartbeat_details=last_heartbeat_details
        ),
    )


def is_retryable(failure: Failure, non_retryable_error_types: Iterable[str]) -> bool:
    """Whether a failure permits another attempt (semantics 7.4)."""
    match failure.WhichOneof("failure_info"):
        case "terminated_failure_info" | "canceled_failure_info":
            return False
        case "timeout_failure_info":
            timeout_type = failure.timeout_failure_info.timeout_type
            if timeout_type not in _RETRYABLE_TIMEOUTS:
                return False
            error_type = TIMEOUT_ERROR_TYPE_PREFIX + TIMEOUT_TYPE_NAMES[timeout_type]
            return error_type not in non_retryable_error_types
        case "server_failure_info":
            return not failure.server_failure_info.non_retryable
        case "application_failure_info":
            application = failure.application_failure_info
            return (
                not application.non_retryable and application.type not in non_retryable_error_types
            )
        case _:
            return True


def kept_failure(failure: Failure, bytes_max: int) -> bytes:
    """Return the serialized form in which the state keeps an attempt's failure."""
    if failure.ByteSize() <= bytes_max:
        return failure.SerializeToString()
    shortened = server_failure(FAILURE_TOO_LARGE, is_non_retryable=False)
    shortened.cause.CopyFrom(truncated_failure(failure, bytes_max))
    return shortened.SerializeToString()


def truncated_failure(failure: Failure, bytes_max: int) -> Failure:
    """Return a failure that keeps the most telling `bytes_max` bytes of the given one.

    Details and heartbeats are dropped; what decides about another attempt is kept.
    """
    outermost = Failure()
    target, source, room = outermost, failure, bytes_max
    for _ in range(_CAUSES_KEPT_MAX):
        room = _copy_shortened(source, target, room)
        if not source.HasField("cause") or room <= _FIELD_BYTES:
            break
        room -= _FIELD_BYTES
        target.cause.SetInParent()
        target, source = target.cause, source.cause
    return outermost


def _copy_shortened(source: Failure, target: Failure, room: int) -> int:
    """Copy one failure of a chain into `room` bytes, most important first; return the room left."""
    if source.HasField("application_failure_info"):
        application = source.application_failure_info
        error_type, room = _shortened(application.type, room)
        target.application_failure_info.CopyFrom(
            ApplicationFailureInfo(type=error_type, non_retryable=application.non_retryable)
        )
        room -= 2 * _FIELD_BYTES
    elif source.HasField("server_failure_info"):
        target.server_failure_info.CopyFrom(source.server_failure_info)
        room -= _FIELD_BYTES
    target.source, room = _shortened(source.source, room)
    target.message, room = _shortened(source.message, room)
    target.stack_trace, room = _shortened(source.stack_trace, room)
    return room


def _shortened(text: str, room: int) -> tuple[str, int]:
    """Return the text cut to `room` bytes between two characters, and the room left."""
    encoded = text.encode()[: max(room, 0)]
    kept = encoded.decode(errors="ignore")
    return kept, room - (len(kept.encode()) + _FIELD_BYTES if kept else 0)
