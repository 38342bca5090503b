"""What is told of a standalone Nexus operation to clients that ask. Must not know who asks."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Link, Payload
from temporalio.api.enums.v1 import (
    NexusOperationExecutionStatus,
    NexusOperationWaitStage,
    PendingNexusOperationState,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.nexus.v1 import (
    NexusOperationExecutionCancellationInfo,
    NexusOperationExecutionInfo,
)
from temporalio.api.nexusoperation.v1 import CallbackInfo
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.workflowservice.v1 import (
    DescribeNexusOperationExecutionResponse,
    PollNexusOperationExecutionResponse,
)

from indelible.base.call_states import CANCELLATION_STATES
from indelible.base.calls import CallRecord, CallState
from indelible.base.instants import NEVER, Instant, after, duration_message, elapsed, timestamp
from indelible.base.owed_callbacks import describe_callback
from indelible.engine.nexus_operation.state import OperationCore, OperationState, OperationStatus

_Status = NexusOperationExecutionStatus
_Pending = PendingNexusOperationState
_Stage = NexusOperationWaitStage

_RUNNING: Final = _Status.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING
_PUBLIC: Final[Mapping[OperationStatus, "NexusOperationExecutionStatus.ValueType"]] = {
    OperationStatus.SCHEDULED: _RUNNING,
    OperationStatus.STARTED: _RUNNING,
    OperationStatus.SUCCEEDED: _Status.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED,
    OperationStatus.FAILED: _Status.NEXUS_OPERATION_EXECUTION_STATUS_FAILED,
    OperationStatus.CANCELED: _Status.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED,
    OperationStatus.TERMINATED: _Status.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED,
    OperationStatus.TIMED_OUT: _Status.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT,
}

OutcomeResponse = DescribeNexusOperationExecutionResponse | PollNexusOperationExecutionResponse


def public_status(status: OperationStatus) -> "NexusOperationExecutionStatus.ValueType":
    """Return the status as clients know it."""
    return _PUBLIC[status]


def describe(state: OperationState, *, now: Instant) -> NexusOperationExecutionInfo:
    """Return what there is to tell, but for search attributes and the size of the state."""
    core, request = state.core, state.request
    described = NexusOperationExecutionInfo(
        operation_id=core.operation_id,
        run_id=core.run_id,
        endpoint=core.endpoint,
        service=core.service,
        operation=core.operation,
        status=public_status(core.status),
        state=_pending_state(core),
        attempt=core.start.attempt,
        schedule_time=timestamp(core.scheduled_at),
        request_id=core.request_id,
        operation_token=core.operation_token,
        state_transition_count=core.transition_count,
        nexus_header=request.header,
        links=[Link.FromString(link) for link in request.links],
        identity=core.identity,
    )
    if request.user_metadata:
        described.user_metadata.CopyFrom(UserMetadata.FromString(request.user_metadata))
    described.search_attributes.SetInParent()
    _add_attempts(described, core.start)
    _add_times(described, core, now)
    if core.cancel is not None:
        cancellation = NexusOperationExecutionCancellationInfo(
            requested_time=timestamp(core.cancel_requested_at),
            state=CANCELLATION_STATES[core.cancel.state],
            attempt=core.cancel.attempt,
            reason=core.cancel_reason,
        )
        _add_attempts(cancellation, core.cancel)
        described.cancellation_info.CopyFrom(cancellation)
    return described


def callbacks(state: OperationState) -> list[CallbackInfo]:
    """Return what there is to tell of those who wait for the end."""
    found: list[CallbackInfo] = []
    for record in state.callbacks:
        told = CallbackInfo(info=describe_callback(record))
        told.trigger.operation_completed.SetInParent()
        found.append(told)
    return found


def _pending_state(core: OperationCore) -> "PendingNexusOperationState.ValueType":
    if core.status is OperationStatus.STARTED:
        return _Pending.PENDING_NEXUS_OPERATION_STATE_STARTED
    if core.status is not OperationStatus.SCHEDULED:
        return _Pending.PENDING_NEXUS_OPERATION_STATE_UNSPECIFIED
    if core.start.state is CallState.BACKING_OFF:
        return _Pending.PENDING_NEXUS_OPERATION_STATE_BACKING_OFF
    return _Pending.PENDING_NEXUS_OPERATION_STATE_SCHEDULED


def _add_times(described: NexusOperationExecutionInfo, core: OperationCore, now: Instant) -> None:
    for field, timeout in (
        (described.schedule_to_close_timeout, core.schedule_to_close_timeout),
        (described.schedule_to_start_timeout, core.schedule_to_start_timeout),
        (described.start_to_close_timeout, core.start_to_close_timeout),
    ):
        if timeout:
            field.CopyFrom(duration_message(timeout))
    if core.schedule_to_close_timeout:
        expires_at = after(core.scheduled_at, core.schedule_to_close_timeout)
        described.expiration_time.CopyFrom(timestamp(expires_at))
    until = now if core.is_open else core.closed_at
    described.execution_duration.CopyFrom(duration_message(elapsed(core.scheduled_at, until)))
    _add_time(described.close_time, core.closed_at)


def _add_attempts(
    described: NexusOperationExecutionInfo | NexusOperationExecutionCancellationInfo,
    call: CallRecord,
) -> None:
    """Add what both kinds of calls tell of their attempts."""
    _add_time(described.last_attempt_complete_time, call.last_attempt_completed_at)
    _add_time(described.next_attempt_schedule_time, call.next_attempt_at)
    if call.last_attempt_failure:
        described.last_attempt_failure.ParseFromString(call.last_attempt_failure)


def _add_time(target: Message, at: Instant) -> None:
    if at != NEVER:
        target.CopyFrom(timestamp(at))


def add_outcome(response: OutcomeResponse, state: OperationState) -> None:
    """Add how the operation has ended, if it has."""
    ended = state.outcome
    if ended is None:
        return
    if ended.result is None:
        response.failure.CopyFrom(Failure.FromString(ended.failure))
    else:
        response.result.CopyFrom(Payload.FromString(ended.result))


def poll_response(
    state: OperationState, wait_stage: "NexusOperationWaitStage.ValueType"
) -> PollNexusOperationExecutionResponse | None:
    """Return what a poll gets; None while the stage is not reached."""
    core = state.core
    waits_for_close = wait_stage != _Stage.NEXUS_OPERATION_WAIT_STAGE_STARTED
    if core.is_open and (waits_for_close or core.status is not OperationStatus.STARTED):
        return None
    response = PollNexusOperationExecutionResponse(
        run_id=core.run_id,
        operation_token=core.operation_token,
        wait_stage=(
            _Stage.NEXUS_OPERATION_WAIT_STAGE_STARTED
            if core.is_open
            else _Stage.NEXUS_OPERATION_WAIT_STAGE_CLOSED
        ),
    )
    add_outcome(response, state)
    return response
