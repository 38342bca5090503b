"""What becomes of the calls of a standalone Nexus operation, and of the operation itself.

An outcome counts only if the state still waits for that very attempt: the operation may have timed
out or been completed meanwhile.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure

from indelible.base.calls import CallRecord, CallState, is_wanted, next_call_at
from indelible.base.errors import NotFoundError
from indelible.base.instants import NEVER, Instant
from indelible.base.nexus_operations import (
    CallFailed,
    OperationEnd,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    OperationTimedOut,
    StartOutcome,
    timed_out_failure,
)
from indelible.engine.nexus_operation.state import OperationOutcome, OperationStatus
from indelible.engine.nexus_operation.step import OperationStep


def record_start(step: OperationStep, attempt: int, outcome: StartOutcome) -> None:
    """Record what became of an attempt to start the operation."""
    core = step.core
    if core.status is not OperationStatus.SCHEDULED or not is_wanted(core.start, attempt):
        return
    match outcome:
        case CallFailed():
            step.change(start=_backing_off(core.start, outcome.failure, now=step.now))
        case OperationStarted():
            _start(step, outcome)
        case OperationSucceeded():
            step.add_links(_serialized(outcome.links))
            _end(step, outcome)
        case OperationFailed():
            _note_attempt(step, outcome.failure)
            _end(step, outcome)
        case OperationTimedOut():
            _note_attempt(step, timed_out_failure(outcome.timeout_type))
            time_out(step, outcome.timeout_type)
        case _:
            assert_never(outcome)


def record_cancel(
    step: OperationStep, attempt: int, failure: Failure | None, *, is_retryable: bool
) -> None:
    """Record what became of an attempt to cancel the operation; no failure means delivered."""
    call = step.core.cancel
    if call is None or not step.core.is_open or not is_wanted(call, attempt):
        return
    if failure is not None and is_retryable:
        step.change(cancel=_backing_off(call, failure, now=step.now))
        return
    step.change(
        cancel=replace(
            call,
            state=CallState.SUCCEEDED if failure is None else CallState.FAILED,
            last_attempt_completed_at=step.now,
            last_attempt_failure=b"" if failure is None else failure.SerializeToString(),
        )
    )


def complete(
    step: OperationStep, *, request_id: str, started: OperationStarted, end: OperationEnd
) -> None:
    """Record the end that the handler reports.

    `started` counts if its answer to the start call has not arrived yet. Raises `NotFoundError` if
    nobody waits for this operation.
    """
    if not step.core.is_open or step.core.request_id != request_id:
        raise NotFoundError("operation not found")
    if step.core.status is OperationStatus.SCHEDULED:
        _start(step, started)
    _end(step, end)


def time_out(step: OperationStep, timeout_type: "TimeoutType.ValueType") -> None:
    """End the operation because it took too long."""
    failure = timed_out_failure(timeout_type)
    step.close("time out", OperationOutcome(failure=failure.SerializeToString()))


def _start(step: OperationStep, started: OperationStarted) -> None:
    at = step.now if started.at is None else started.at
    step.add_links(_serialized(started.links))
    step.move(
        "start",
        started_at=at,
        operation_token=started.token,
        start=replace(
            step.core.start,
            state=CallState.SUCCEEDED,
            next_attempt_at=NEVER,
            last_attempt_completed_at=at,
            last_attempt_failure=b"",
        ),
    )
    if step.core.cancel is not None:
        step.call_cancel()


def _end(step: OperationStep, end: OperationEnd) -> None:
    if isinstance(end, OperationSucceeded):
        result = b"" if end.result is None else end.result.SerializeToString()
        step.close("succeed", OperationOutcome(result=result))
    else:
        step.close(
            "cancel" if end.is_canceled else "fail",
            OperationOutcome(failure=end.failure.SerializeToString()),
        )


def _note_attempt(step: OperationStep, failure: Failure) -> None:
    step.change(
        start=replace(
            step.core.start,
            state=CallState.FAILED,
            last_attempt_completed_at=step.now,
            last_attempt_failure=failure.SerializeToString(),
        )
    )


def _backing_off(call: CallRecord, failure: Failure, *, now: Instant) -> CallRecord:
    return replace(
        call,
        state=CallState.BACKING_OFF,
        next_attempt_at=next_call_at(call.attempt, now=now),
        last_attempt_completed_at=now,
        last_attempt_failure=failure.SerializeToString(),
    )


def _serialized(links: Iterable[Link]) -> tuple[bytes, ...]:
    return tuple(link.SerializeToString() for link in links)
