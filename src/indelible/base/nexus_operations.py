"""What becomes of a Nexus operation, whoever called it (semantics 9.2).

Owns the outcomes of a call to a handler, how long such a call may take, and what may stand in the
header of one. Must not know how a handler is called, nor how an outcome is recorded.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from temporalio.api.common.v1 import Link, Payload
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo

from indelible.base.attributes import utf8_length
from indelible.base.calls import CallRecord, CallState
from indelible.base.instants import MILLISECOND, NEVER, SECOND, Duration, Instant, after, elapsed
from indelible.base.wildcards import matches

CALL_TIMEOUT: Final = Duration(10 * SECOND)
CALL_TIMEOUT_MIN: Final = Duration(1_500 * MILLISECOND)
"""With less time left no call is made."""
OPERATION_TIMEOUT_HEADER: Final = "operation-timeout"
SYSTEM_CALLBACK_URL: Final = "temporal://system"
"""Leads to whoever the token in the header of the callback names."""
TOKEN_HEADER: Final = "temporal-callback-token"  # noqa: S105 - a header's name
OPERATION_TOKEN_HEADER: Final = "nexus-operation-token"  # noqa: S105 - a header's name

_Timeout = TimeoutType


class OperationStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The handler will call back."""

    token: str
    links: Sequence[Link] = ()
    at: Instant | None = None
    """When it started, if only its completion tells; None for now."""


class OperationSucceeded(msgspec.Struct, frozen=True, kw_only=True):
    """The operation has its result."""

    result: Payload | None
    links: Sequence[Link] = ()


class OperationFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The operation has ended without a result; a canceled failure says that it was canceled."""

    failure: Failure

    @property
    def is_canceled(self) -> bool:
        """Whether it was canceled, and did not fail otherwise."""
        return self.failure.HasField("canceled_failure_info")


class OperationTimedOut(msgspec.Struct, frozen=True, kw_only=True):
    """There is not enough time left for another call."""

    timeout_type: "TimeoutType.ValueType"


class CallFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The call failed, and may succeed later."""

    failure: Failure


OperationEnd = OperationSucceeded | OperationFailed


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What those are told who gave a callback: how something has ended, and what it was."""

    started: OperationStarted
    end: OperationEnd
    closed_at: Instant


StartOutcome = OperationStarted | OperationEnd | OperationTimedOut | CallFailed
"""What became of the call that starts an operation."""


class OperationTimes(Protocol):
    """The clocks of an operation; a timeout of zero is none."""

    @property
    def scheduled_at(self) -> Instant:
        """When the operation was scheduled."""
        ...

    @property
    def started_at(self) -> Instant:
        """When its handler accepted it; `NEVER` while it has not."""
        ...

    @property
    def schedule_to_close_timeout(self) -> Duration:
        """How long the whole operation may take."""
        ...

    @property
    def schedule_to_start_timeout(self) -> Duration:
        """How long it may take until the handler has accepted it."""
        ...

    @property
    def start_to_close_timeout(self) -> Duration:
        """How long it may take from then on."""
        ...


class OperationCalls(OperationTimes, Protocol):
    """The clocks of an operation, and the calls to its handler."""

    @property
    def start(self) -> CallRecord:
        """The call that starts it."""
        ...

    @property
    def cancel(self) -> CallRecord | None:
        """The call that cancels it; None while nobody wants that."""
        ...


class OperationDeadline(NamedTuple):
    """When an operation must be looked at, and the timeout that has passed then.

    The type is UNSPECIFIED for the end of an interval before another call.
    """

    at: Instant
    timeout_type: "TimeoutType.ValueType"


def next_operation_deadline(operation: OperationCalls) -> OperationDeadline | None:
    """Return the earliest deadline of an operation that has not ended."""
    return min(_deadlines(operation), default=None)


def _deadlines(operation: OperationCalls) -> Iterator[OperationDeadline]:
    for call in (operation.start, operation.cancel):
        if call is not None and call.state is CallState.BACKING_OFF:
            yield OperationDeadline(call.next_attempt_at, _Timeout.TIMEOUT_TYPE_UNSPECIFIED)
    if operation.schedule_to_close_timeout:
        yield OperationDeadline(
            after(operation.scheduled_at, operation.schedule_to_close_timeout),
            _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
        )
    is_started = operation.started_at != NEVER
    if is_started and operation.start_to_close_timeout:
        yield OperationDeadline(
            after(operation.started_at, operation.start_to_close_timeout),
            _Timeout.TIMEOUT_TYPE_START_TO_CLOSE,
        )
    if not is_started and operation.schedule_to_start_timeout:
        yield OperationDeadline(
            after(operation.scheduled_at, operation.schedule_to_start_timeout),
            _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_START,
        )


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a call may take, and which timeout says so."""

    span: Duration
    timeout_type: "TimeoutType.ValueType"

    @property
    def is_too_short(self) -> bool:
        """Whether there is no time for another call."""
        return self.span < CALL_TIMEOUT_MIN


def start_patience(times: OperationTimes, now: Instant) -> Patience:
    """Return how long a call that starts an operation may take."""
    spent = elapsed(times.scheduled_at, now)
    if times.schedule_to_start_timeout:
        left = times.schedule_to_start_timeout - spent
        timeout_type = _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_START
    elif times.schedule_to_close_timeout:
        left = times.schedule_to_close_timeout - spent
        timeout_type = _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
    else:
        left, timeout_type = CALL_TIMEOUT, _Timeout.TIMEOUT_TYPE_UNSPECIFIED
    return Patience(span=Duration(min(CALL_TIMEOUT, left)), timeout_type=timeout_type)


def cancel_patience(times: OperationTimes, now: Instant) -> Patience:
    """Return how long a call that cancels a started operation may take."""
    span, timeout_type = int(CALL_TIMEOUT), _Timeout.TIMEOUT_TYPE_UNSPECIFIED
    for timeout, since, bound in (
        (
            times.start_to_close_timeout,
            times.started_at,
            _Timeout.TIMEOUT_TYPE_START_TO_CLOSE,
        ),
        (
            times.schedule_to_close_timeout,
            times.scheduled_at,
            _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
        ),
    ):
        left = timeout - elapsed(since, now)
        if timeout and left < span:
            span, timeout_type = left, bound
    return Patience(span=Duration(span), timeout_type=timeout_type)


def start_header(times: OperationTimes, given: Mapping[str, str], now: Instant) -> dict[str, str]:
    """Return the header of the caller, with the time that the operation has."""
    header = dict(given)
    spans = [times.start_to_close_timeout] if times.start_to_close_timeout else []
    if times.schedule_to_close_timeout:
        left = times.schedule_to_close_timeout - elapsed(times.scheduled_at, now)
        spans.append(Duration(left))
    if spans:
        header.setdefault(OPERATION_TIMEOUT_HEADER, f"{min(spans) // MILLISECOND}ms")
    return header


def timed_out_failure(
    timeout_type: "TimeoutType.ValueType", message: str = "operation timed out"
) -> Failure:
    """Return the failure of an operation, or of its cancellation, that took too long."""
    return Failure(
        message=message, timeout_failure_info=TimeoutFailureInfo(timeout_type=timeout_type)
    )


def withhold_headers(header: MutableMapping[str, str], patterns: Sequence[str]) -> None:
    """Take out what the worker behind an operation is not to see."""
    for name in [name for name in header if any(matches(pattern, name) for pattern in patterns)]:
        del header[name]


def header_bytes(header: Mapping[str, str]) -> int:
    """Return the size of a header, as its bound is counted."""
    return sum(utf8_length(name) + utf8_length(value) for name, value in header.items())
