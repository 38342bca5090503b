"""What is told of a standalone activity: to clients that ask, and to the worker that takes it.

Owns the messages. Must not know who asks.
"""

from collections.abc import Mapping
from typing import Final

from temporalio.api.activity.v1 import (
    ActivityExecutionInfo,
    ActivityExecutionOutcome,
    CallbackInfo,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Header,
    Link,
    Payloads,
    Priority,
    RetryPolicy,
    SearchAttributes,
)
from temporalio.api.enums.v1 import ActivityExecutionStatus, PendingActivityState, RetryState
from temporalio.api.failure.v1 import Failure
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.workflowservice.v1 import (
    DescribeActivityExecutionRequest,
    PollActivityTaskQueueResponse,
)

from indelible.base.ids import EventId, WorkflowId
from indelible.base.instants import (
    NEVER,
    Instant,
    after,
    duration_message,
    elapsed,
    timestamp,
)
from indelible.base.owed_callbacks import describe_callback
from indelible.base.task_token import ActivityTaskToken, encode_task_token
from indelible.engine.activity.state import (
    ActivityCore,
    ActivityState,
    ActivityStatus,
)

_RUNNING: Final = ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_RUNNING
_PUBLIC: Final[Mapping[ActivityStatus, "ActivityExecutionStatus.ValueType"]] = {
    ActivityStatus.SCHEDULED: _RUNNING,
    ActivityStatus.STARTED: _RUNNING,
    ActivityStatus.CANCEL_REQUESTED: _RUNNING,
    ActivityStatus.PAUSE_REQUESTED: _RUNNING,
    ActivityStatus.RESET_REQUESTED: _RUNNING,
    ActivityStatus.PAUSED: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_PAUSED,
    ActivityStatus.COMPLETED: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_COMPLETED,
    ActivityStatus.FAILED: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_FAILED,
    ActivityStatus.CANCELED: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_CANCELED,
    ActivityStatus.TERMINATED: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_TERMINATED,
    ActivityStatus.TIMED_OUT: ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_TIMED_OUT,
}
_RUN_STATES: Final[Mapping[ActivityStatus, "PendingActivityState.ValueType"]] = {
    ActivityStatus.SCHEDULED: PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
    ActivityStatus.STARTED: PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
    ActivityStatus.CANCEL_REQUESTED: PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
    ActivityStatus.PAUSED: PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
    ActivityStatus.PAUSE_REQUESTED: PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
}


def public_status(status: ActivityStatus) -> "ActivityExecutionStatus.ValueType":
    """Return the status as clients know it."""
    return _PUBLIC[status]


def describe(
    state: ActivityState, request: DescribeActivityExecutionRequest, *, now: Instant
) -> ActivityExecutionInfo:
    """Return what there is to tell, but for search attributes and the size of the state."""
    core = state.core
    described = ActivityExecutionInfo(
        activity_id=core.activity_id,
        run_id=core.run_id,
        activity_type=ActivityType(name=core.activity_type),
        status=public_status(core.status),
        run_state=_run_state(core),
        task_queue=core.task_queue,
        schedule_to_close_timeout=duration_message(core.schedule_to_close_timeout),
        schedule_to_start_timeout=duration_message(core.schedule_to_start_timeout),
        start_to_close_timeout=duration_message(core.start_to_close_timeout),
        heartbeat_timeout=duration_message(core.heartbeat_timeout),
        retry_policy=RetryPolicy.FromString(core.retry_policy),
        attempt=core.attempt,
        schedule_time=timestamp(core.created_at),
        execution_time=timestamp(core.first_scheduled_at),
        last_worker_identity=core.last_worker_identity,
        sdk_name=core.last_sdk_name,
        sdk_version=core.last_sdk_version,
        state_transition_count=core.transition_count,
        canceled_reason=core.cancel_reason,
        total_heartbeat_count=core.heartbeat_count,
        links=[Link.FromString(link) for link in state.request.links],
    )
    _add_times(described, core, now)
    _add_messages(described, state)
    if request.include_heartbeat_details and state.heartbeat_details:
        described.heartbeat_details.ParseFromString(state.heartbeat_details)
    if request.include_last_failure and state.last_failure:
        described.last_failure.ParseFromString(state.last_failure)
    return described


def _run_state(core: ActivityCore) -> "PendingActivityState.ValueType":
    status = core.status
    if status is ActivityStatus.RESET_REQUESTED:
        # There is no word for it: its worker goes on, before a pause or not.
        is_paused = core.is_paused_after_reset
        status = ActivityStatus.PAUSE_REQUESTED if is_paused else ActivityStatus.STARTED
    return _RUN_STATES.get(status, PendingActivityState.PENDING_ACTIVITY_STATE_UNSPECIFIED)


def _add_times(described: ActivityExecutionInfo, core: ActivityCore, now: Instant) -> None:
    for field, at in (
        (described.last_heartbeat_time, core.last_heartbeat_at),
        (described.last_started_time, core.last_started_at),
        (described.last_attempt_complete_time, core.last_attempt_completed_at),
        (described.close_time, core.closed_at),
    ):
        if at != NEVER:
            field.CopyFrom(timestamp(at))
    if core.schedule_to_close_timeout:
        expires_at = after(core.first_scheduled_at, core.schedule_to_close_timeout)
        described.expiration_time.CopyFrom(timestamp(expires_at))
    if core.start_delay:
        described.start_delay.CopyFrom(duration_message(core.start_delay))
    if not core.is_open:
        span = elapsed(core.created_at, core.closed_at)
        described.execution_duration.CopyFrom(duration_message(span))
    elif core.is_backing_off and core.scheduled_at > now:
        described.next_attempt_schedule_time.CopyFrom(timestamp(core.scheduled_at))
        if core.attempt > 1:
            described.current_retry_interval.CopyFrom(duration_message(core.retry_interval))


def _add_messages(described: ActivityExecutionInfo, state: ActivityState) -> None:
    if state.core.priority:
        described.priority.CopyFrom(Priority.FromString(state.core.priority))
    if state.request.header:
        described.header.CopyFrom(Header.FromString(state.request.header))
    if state.request.user_metadata:
        described.user_metadata.CopyFrom(UserMetadata.FromString(state.request.user_metadata))
    described.search_attributes.CopyFrom(SearchAttributes())


def callbacks(state: ActivityState) -> list[CallbackInfo]:
    """Return what there is to tell of those who wait for the end."""
    found: list[CallbackInfo] = []
    for record in state.callbacks:
        told = CallbackInfo(info=describe_callback(record))
        told.trigger.activity_closed.SetInParent()
        found.append(told)
    return found


def outcome(state: ActivityState) -> ActivityExecutionOutcome | None:
    """Return how a closed activity ended; None while it is open."""
    ended = state.outcome
    if ended is None:
        return None
    if ended.result is not None:
        return ActivityExecutionOutcome(result=Payloads.FromString(ended.result))
    return ActivityExecutionOutcome(
        failure=Failure.FromString(ended.failure),
        retry_state=RetryState.ValueType(ended.retry_state),
    )


def activity_task(state: ActivityState, namespace_name: str) -> PollActivityTaskQueueResponse:
    """Return what the worker is told of the attempt that it has started."""
    core, request = state.core, state.request
    response = PollActivityTaskQueueResponse(
        task_token=_task_token(core),
        workflow_namespace=namespace_name,
        activity_type=ActivityType(name=core.activity_type),
        activity_id=core.activity_id,
        activity_run_id=core.run_id,
        scheduled_time=timestamp(core.created_at),
        current_attempt_scheduled_time=timestamp(core.scheduled_at),
        started_time=timestamp(core.started_at),
        attempt=core.attempt,
        schedule_to_close_timeout=duration_message(core.schedule_to_close_timeout),
        start_to_close_timeout=duration_message(core.start_to_close_timeout),
        heartbeat_timeout=duration_message(core.heartbeat_timeout),
        retry_policy=RetryPolicy.FromString(core.retry_policy),
    )
    if core.priority:
        response.priority.CopyFrom(Priority.FromString(core.priority))
    if request.header:
        response.header.CopyFrom(Header.FromString(request.header))
    if request.input:
        response.input.CopyFrom(Payloads.FromString(request.input))
    if state.heartbeat_details:
        response.heartbeat_details.CopyFrom(Payloads.FromString(state.heartbeat_details))
    return response


def _task_token(core: ActivityCore) -> bytes:
    """A token without a workflow id is one of a standalone activity."""
    return encode_task_token(
        ActivityTaskToken(
            namespace_id=core.namespace_id,
            workflow_id=WorkflowId(""),
            run_id=core.run_id,
            scheduled_event_id=EventId(0),
            attempt=core.attempt,
            activity_id=core.activity_id,
            reset_count=core.reset_count,
        )
    )
