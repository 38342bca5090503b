"""The life of a Nexus operation: called, started, closed; and of its cancellation.

Owns what commands, outcomes of calls, completions and deadlines have in common (semantics 9.2).
Must not know how a handler is called, and leaves it to the caller to have a workflow task follow.
"""

from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure, NexusOperationFailureInfo
from temporalio.api.history.v1 import (
    NexusOperationCanceledEventAttributes,
    NexusOperationCancelRequestCompletedEventAttributes,
    NexusOperationCancelRequestFailedEventAttributes,
    NexusOperationCompletedEventAttributes,
    NexusOperationFailedEventAttributes,
    NexusOperationStartedEventAttributes,
    NexusOperationTimedOutEventAttributes,
)

from indelible.base.calls import CallState, next_call_at
from indelible.base.ids import EventId
from indelible.base.nexus_operations import (
    OperationEnd,
    OperationStarted,
    OperationSucceeded,
    timed_out_failure,
)
from indelible.engine.workflow import deltas
from indelible.engine.workflow.records import NexusOperationRecord
from indelible.engine.workflow.tasks import CancelNexusOperation, StartNexusOperation
from indelible.engine.workflow.transition import Transition


def call_start(step: Transition, record: NexusOperationRecord) -> None:
    """Have the handler called, to start the operation."""
    step.transfer(
        StartNexusOperation(
            task_id=step.next_task_id(),
            scheduled_event_id=record.scheduled_event_id,
            attempt=record.start.attempt,
        )
    )


def call_cancel_if_started(step: Transition, scheduled_event_id: int) -> None:
    """Have the handler called, to cancel an operation that it has started (trap 55)."""
    record = step.state.nexus_operations.get(scheduled_event_id)
    if record is None or record.cancel is None or not record.is_started:
        return
    if record.cancel.state not in {CallState.WAITING, CallState.BACKING_OFF}:
        return
    event_id = EventId(scheduled_event_id)
    step.change(deltas.NexusCallScheduled(scheduled_event_id=event_id, is_cancel=True))
    scheduled = step.state.nexus_operations[scheduled_event_id].cancel
    step.transfer(
        CancelNexusOperation(
            task_id=step.next_task_id(),
            scheduled_event_id=event_id,
            attempt=scheduled.attempt if scheduled is not None else 1,
        )
    )


def start_operation(
    step: Transition, record: NexusOperationRecord, started: OperationStarted
) -> NexusOperationRecord:
    """Record that the handler has accepted an operation, and deliver what waited for that."""
    step.emit(
        NexusOperationStartedEventAttributes(
            scheduled_event_id=record.scheduled_event_id,
            operation_token=started.token,
            operation_id=started.token,
            request_id=record.request_id,
        ),
        links=started.links,
        at=started.at,
    )
    call_cancel_if_started(step, record.scheduled_event_id)
    return step.state.nexus_operations[record.scheduled_event_id]


def close_operation(step: Transition, record: NexusOperationRecord, end: OperationEnd) -> None:
    """Record how an operation has ended."""
    scheduled_event_id, request_id = record.scheduled_event_id, record.request_id
    if isinstance(end, OperationSucceeded):
        step.emit(
            NexusOperationCompletedEventAttributes(
                scheduled_event_id=scheduled_event_id, result=end.result, request_id=request_id
            ),
            links=end.links,
        )
        return
    kind = (
        NexusOperationCanceledEventAttributes
        if end.is_canceled
        else NexusOperationFailedEventAttributes
    )
    step.emit(
        kind(
            scheduled_event_id=scheduled_event_id,
            failure=operation_failure(record, end.failure),
            request_id=request_id,
        )
    )


def time_out_operation(
    step: Transition, record: NexusOperationRecord, timeout_type: "TimeoutType.ValueType"
) -> None:
    """Record that an operation took too long."""
    step.emit(
        NexusOperationTimedOutEventAttributes(
            scheduled_event_id=record.scheduled_event_id,
            failure=operation_failure(record, timed_out_failure(timeout_type)),
            request_id=record.request_id,
        )
    )


def end_cancel(step: Transition, record: NexusOperationRecord, failure: Failure | None) -> None:
    """Record that the handler has taken note of a cancellation, or why it will not."""
    step.change(
        deltas.NexusCancelEnded(
            scheduled_event_id=record.scheduled_event_id,
            ended_at=step.now,
            failure=b"" if failure is None else failure.SerializeToString(),
        )
    )
    if failure is None:
        step.emit(
            NexusOperationCancelRequestCompletedEventAttributes(
                requested_event_id=record.cancel_requested_event_id,
                scheduled_event_id=record.scheduled_event_id,
            )
        )
    else:
        step.emit(
            NexusOperationCancelRequestFailedEventAttributes(
                requested_event_id=record.cancel_requested_event_id,
                scheduled_event_id=record.scheduled_event_id,
                failure=failure,
            )
        )


def back_off(
    step: Transition, record: NexusOperationRecord, failure: Failure, *, is_cancel: bool
) -> None:
    """Have a call made again, after its interval."""
    call = record.cancel if is_cancel else record.start
    attempt = call.attempt if call is not None else 1
    step.change(
        deltas.NexusCallFailed(
            scheduled_event_id=record.scheduled_event_id,
            is_cancel=is_cancel,
            failed_at=step.now,
            next_attempt_at=next_call_at(attempt, now=step.now),
            failure=failure.SerializeToString(),
        )
    )


def operation_failure(record: NexusOperationRecord, cause: Failure) -> Failure:
    """Return what the caller's workflow sees of an operation that did not succeed."""
    return Failure(
        message="nexus operation completed unsuccessfully",
        nexus_operation_execution_failure_info=NexusOperationFailureInfo(
            scheduled_event_id=record.scheduled_event_id,
            endpoint=record.endpoint,
            service=record.service,
            operation=record.operation,
            operation_token=record.operation_token,
            operation_id=record.operation_token,
        ),
        cause=cause,
    )
