"""How Nexus operations change the state of their run."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.calls import CallRecord, CallState
from indelible.base.ids import EventId
from indelible.base.instants import NEVER, duration, instant
from indelible.engine.workflow.deltas import (
    NexusCallFailed,
    NexusCallScheduled,
    NexusCancelEnded,
    NexusStartRecorded,
)
from indelible.engine.workflow.history_events import event_reference
from indelible.engine.workflow.records import NexusOperationRecord
from indelible.engine.workflow.state import MutableState


def apply_scheduled(state: MutableState, event: HistoryEvent) -> None:
    """An operation is to be started."""
    given = event.nexus_operation_scheduled_event_attributes
    record = NexusOperationRecord(
        scheduled_event_id=EventId(event.event_id),
        endpoint=given.endpoint,
        endpoint_id=given.endpoint_id,
        service=given.service,
        operation=given.operation,
        request_id=given.request_id,
        schedule_to_close_timeout=duration(given.schedule_to_close_timeout),
        schedule_to_start_timeout=duration(given.schedule_to_start_timeout),
        start_to_close_timeout=duration(given.start_to_close_timeout),
        scheduled_at=instant(event.event_time),
    )
    state.nexus_operations.put(event.event_id, record)


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The handler has accepted the operation."""
    given = event.nexus_operation_started_event_attributes
    record = state.nexus_operations[given.scheduled_event_id]
    state.nexus_operations.put(
        given.scheduled_event_id,
        replace(
            record,
            started_at=instant(event.event_time),
            started_event_id=EventId(event.event_id),
            operation_token=given.operation_token,
            start=replace(record.start, state=CallState.SUCCEEDED, next_attempt_at=NEVER),
        ),
    )


def apply_start_recorded(state: MutableState, delta: NexusStartRecorded) -> None:
    """The started event of an operation, held back until now, got its id."""
    record = state.nexus_operations.get(delta.scheduled_event_id)
    if record is not None:
        state.nexus_operations.put(
            delta.scheduled_event_id, replace(record, started_event_id=delta.started_event_id)
        )


def apply_closed(state: MutableState, event: HistoryEvent) -> None:
    """The operation has come to its end, whichever it is."""
    state.nexus_operations.remove(event_reference(event, "scheduled_event_id"))


def apply_cancel_requested(state: MutableState, event: HistoryEvent) -> None:
    """The workflow wants the operation to stop; nothing changes if it has ended meanwhile."""
    given = event.nexus_operation_cancel_requested_event_attributes
    record = state.nexus_operations.get(given.scheduled_event_id)
    if record is not None:
        state.nexus_operations.put(
            given.scheduled_event_id,
            replace(
                record,
                cancel=CallRecord(),
                cancel_requested_event_id=EventId(event.event_id),
                cancel_requested_at=instant(event.event_time),
            ),
        )


def apply_cancel_answered(state: MutableState, event: HistoryEvent) -> None:
    """The handler has taken note of the cancellation, or will not; `NexusCancelEnded` tells."""


def apply_call_scheduled(state: MutableState, delta: NexusCallScheduled) -> None:
    """A call is to be made: the first of its kind, or again after its interval."""
    record = state.nexus_operations[delta.scheduled_event_id]
    call = record.cancel if delta.is_cancel else record.start
    if call is None:
        return
    attempt = call.attempt if call.state is CallState.BACKING_OFF else 1
    call = replace(call, state=CallState.SCHEDULED, attempt=attempt, next_attempt_at=NEVER)
    _put_call(state, record, call, is_cancel=delta.is_cancel)


def apply_call_failed(state: MutableState, delta: NexusCallFailed) -> None:
    """A call failed, and is made again after its interval."""
    record = state.nexus_operations[delta.scheduled_event_id]
    call = record.cancel if delta.is_cancel else record.start
    if call is None:
        return
    call = replace(
        call,
        state=CallState.BACKING_OFF,
        attempt=call.attempt + 1,
        next_attempt_at=delta.next_attempt_at,
        last_attempt_completed_at=delta.failed_at,
        last_attempt_failure=delta.failure,
    )
    _put_call(state, record, call, is_cancel=delta.is_cancel)


def apply_cancel_ended(state: MutableState, delta: NexusCancelEnded) -> None:
    """The cancellation is delivered, or cannot be."""
    record = state.nexus_operations[delta.scheduled_event_id]
    if record.cancel is None:
        return
    call = replace(
        record.cancel,
        state=CallState.FAILED if delta.failure else CallState.SUCCEEDED,
        last_attempt_completed_at=delta.ended_at,
        last_attempt_failure=delta.failure,
    )
    _put_call(state, record, call, is_cancel=True)


def _put_call(
    state: MutableState, record: NexusOperationRecord, call: CallRecord, *, is_cancel: bool
) -> None:
    changed = replace(record, cancel=call) if is_cancel else replace(record, start=call)
    state.nexus_operations.put(record.scheduled_event_id, changed)
