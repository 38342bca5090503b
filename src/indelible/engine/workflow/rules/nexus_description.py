"""Pending Nexus operations and completion callbacks as clients see them (semantics 2.12)."""

from google.protobuf.message import Message
from temporalio.api.common.v1 import Callback
from temporalio.api.enums.v1 import (
    PendingNexusOperationState,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import (
    CallbackInfo,
    NexusOperationCancellationInfo,
    PendingNexusOperationInfo,
)
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from indelible.base.call_states import CALLBACK_STATES, CANCELLATION_STATES
from indelible.base.calls import CallRecord, CallState
from indelible.base.instants import Instant, duration_message, timestamp
from indelible.engine.workflow.records import CallbackRecord, NexusOperationRecord
from indelible.engine.workflow.state import StateView

_Pending = PendingNexusOperationState


def add_nexus(response: DescribeWorkflowExecutionResponse, state: StateView) -> None:
    """Add what a description tells of operations and callbacks."""
    response.callbacks.extend(_callback(record) for record in state.callbacks.values())
    if state.execution.is_open:
        response.pending_nexus_operations.extend(
            _operation(record) for record in state.nexus_operations.values()
        )


def _operation_state(record: NexusOperationRecord) -> "PendingNexusOperationState.ValueType":
    if record.is_started:
        return _Pending.PENDING_NEXUS_OPERATION_STATE_STARTED
    if record.start.state is CallState.BACKING_OFF:
        return _Pending.PENDING_NEXUS_OPERATION_STATE_BACKING_OFF
    return _Pending.PENDING_NEXUS_OPERATION_STATE_SCHEDULED


def _operation(record: NexusOperationRecord) -> PendingNexusOperationInfo:
    described = PendingNexusOperationInfo(
        endpoint=record.endpoint,
        service=record.service,
        operation=record.operation,
        operation_id=record.operation_token,
        operation_token=record.operation_token,
        scheduled_event_id=record.scheduled_event_id,
        schedule_to_close_timeout=duration_message(record.schedule_to_close_timeout),
        schedule_to_start_timeout=duration_message(record.schedule_to_start_timeout),
        start_to_close_timeout=duration_message(record.start_to_close_timeout),
        scheduled_time=timestamp(record.scheduled_at),
        state=_operation_state(record),
        attempt=_attempts_made(record.start),
    )
    _add_attempts(described, record.start)
    if record.cancel is not None:
        cancellation = NexusOperationCancellationInfo(
            requested_time=timestamp(record.cancel_requested_at),
            state=CANCELLATION_STATES[record.cancel.state],
            attempt=_attempts_made(record.cancel),
        )
        _add_attempts(cancellation, record.cancel)
        described.cancellation_info.CopyFrom(cancellation)
    return described


def _callback(record: CallbackRecord) -> CallbackInfo:
    described = CallbackInfo(
        callback=Callback.FromString(record.callback),
        registration_time=timestamp(record.registered_at),
        state=CALLBACK_STATES[record.call.state],
        attempt=_attempts_made(record.call),
    )
    if record.update_id:
        described.trigger.update_workflow_execution_completed.update_id = record.update_id
    else:
        described.trigger.workflow_closed.SetInParent()
    _add_attempts(described, record.call)
    return described


def _attempts_made(call: CallRecord) -> int:
    is_to_come = call.state in {CallState.SCHEDULED, CallState.BACKING_OFF}
    return call.attempt - is_to_come


def _add_attempts(
    described: PendingNexusOperationInfo | NexusOperationCancellationInfo | CallbackInfo,
    call: CallRecord,
) -> None:
    """Add what all kinds of calls tell of their attempts."""
    _add_time(described.last_attempt_complete_time, call.last_attempt_completed_at)
    _add_time(described.next_attempt_schedule_time, call.next_attempt_at)
    if call.last_attempt_failure:
        described.last_attempt_failure.CopyFrom(Failure.FromString(call.last_attempt_failure))


def _add_time(target: Message, at: Instant) -> None:
    if at:
        target.CopyFrom(timestamp(at))
