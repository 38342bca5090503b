"""DescribeWorkflowExecution: the state of a run as clients see it (semantics 2.12).

Owns the mapping of records to API messages. It reads only.
"""

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import (
    ActivityType,
    Memo,
    Payload,
    Payloads,
    Priority,
    RetryPolicy,
    SearchAttributes,
    WorkerVersionStamp,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import (
    EventType,
    ParentClosePolicy,
    PendingActivityState,
    PendingWorkflowTaskState,
    TaskQueueKind,
    WorkflowExecutionStatus,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import (
    PendingActivityInfo,
    PendingChildExecutionInfo,
    PendingWorkflowTaskInfo,
    ResetPoints,
    WorkflowExecutionConfig,
    WorkflowExecutionExtendedInfo,
    WorkflowExecutionInfo,
)
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from indelible.base.backoff import retry_interval
from indelible.base.instants import Instant, after, duration_message, elapsed, timestamp
from indelible.engine.workflow.rules.nexus_description import add_nexus
from indelible.engine.workflow.rules.system_attributes import system_attributes
from indelible.engine.workflow.rules.versioning import add_versioning
from indelible.engine.workflow.state import (
    ActivityRecord,
    ChildRecord,
    ExecutionRecord,
    PauseRecord,
    StateView,
    WorkflowTaskRecord,
)
from indelible.engine.workflow.time_skipping import clock_message


def describe_workflow(state: StateView, now: Instant) -> DescribeWorkflowExecutionResponse:
    """Return the description of a run; the caller adds the types of search attributes.

    `now` is by the run's own clock.
    """
    execution = state.execution
    response = DescribeWorkflowExecutionResponse(
        execution_config=_config(execution),
        workflow_execution_info=_execution_info(state),
        workflow_extended_info=_extended_info(execution),
        # What was pending when a run was closed is told on, as the reference does: it says why.
        pending_activities=[_activity(execution, one) for one in state.activities.values()],
        pending_children=[_child(child) for child in state.children.values()],
    )
    clock = clock_message(execution.time_skipping, now)
    if clock is not None:
        response.workflow_extended_info.time_skipping_info.CopyFrom(clock)
    add_nexus(response, state)
    if execution.is_open and execution.workflow_task is not None:
        response.pending_workflow_task.CopyFrom(_workflow_task(execution.workflow_task))
    return response


def _config(execution: ExecutionRecord) -> WorkflowExecutionConfig:
    metadata = execution.user_metadata
    return WorkflowExecutionConfig(
        task_queue=TaskQueue(name=execution.task_queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
        workflow_execution_timeout=duration_message(execution.execution_timeout),
        workflow_run_timeout=duration_message(execution.run_timeout),
        default_workflow_task_timeout=duration_message(execution.task_timeout),
        user_metadata=UserMetadata.FromString(metadata) if metadata else None,
    )


def _execution_info(state: StateView) -> WorkflowExecutionInfo:
    execution = state.execution
    memo = {name: Payload.FromString(value) for name, value in state.memo.items()}
    fields = {**state.search_attributes, **system_attributes(state)}
    attributes = {name: Payload.FromString(value) for name, value in fields.items()}
    described = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=execution.workflow_id, run_id=execution.run_id),
        type=WorkflowType(name=execution.workflow_type),
        task_queue=execution.task_queue,
        start_time=timestamp(execution.started_at),
        execution_time=timestamp(execution.execution_time),
        status=WorkflowExecutionStatus.ValueType(execution.status),
        history_length=execution.next_event_id - 1,
        history_size_bytes=execution.history_size_bytes,
        state_transition_count=execution.transition_count,
        memo=Memo(fields=memo),
        search_attributes=SearchAttributes(indexed_fields=attributes),
        first_run_id=execution.first_run_id,
        root_execution=WorkflowExecution(
            workflow_id=execution.root_workflow_id, run_id=execution.root_run_id
        ),
        priority=Priority.FromString(execution.priority),
        auto_reset_points=ResetPoints.FromString(execution.reset_points),
    )
    if execution.worker_stamp:
        stamp = WorkerVersionStamp.FromString(execution.worker_stamp)
        described.most_recent_worker_version_stamp.CopyFrom(stamp)
    if not execution.is_open:
        described.close_time.CopyFrom(timestamp(execution.closed_at))
        span = elapsed(execution.execution_time, execution.closed_at)
        described.execution_duration.CopyFrom(duration_message(span))
    add_versioning(described, execution)
    if execution.parent is not None:
        described.parent_namespace_id = execution.parent.namespace_id
        described.parent_execution.workflow_id = execution.parent.workflow_id
        described.parent_execution.run_id = execution.parent.run_id
    return described


def _extended_info(execution: ExecutionRecord) -> WorkflowExecutionExtendedInfo:
    extended = WorkflowExecutionExtendedInfo(
        cancel_requested=execution.is_cancel_requested,
        original_start_time=timestamp(execution.original_started_at),
        reset_run_id=execution.reset_run_id,
    )
    if execution.base_run_id:
        extended.last_reset_time.CopyFrom(timestamp(execution.started_at))
    if execution.pause is not None:
        extended.pause_info.identity = execution.pause.identity
        extended.pause_info.reason = execution.pause.reason
        extended.pause_info.paused_time.CopyFrom(timestamp(execution.pause.paused_at))
    if execution.execution_expires_at:
        extended.execution_expiration_time.CopyFrom(timestamp(execution.execution_expires_at))
    if execution.run_expires_at:
        extended.run_expiration_time.CopyFrom(timestamp(execution.run_expires_at))
    for request_id, (event_type, event_id) in execution.request_ids.items():
        known = extended.request_id_infos[request_id]
        known.event_type = EventType.ValueType(event_type)
        known.event_id = event_id
        known.buffered = event_id == 0
    return extended


def _child(child: ChildRecord) -> PendingChildExecutionInfo:
    return PendingChildExecutionInfo(
        workflow_id=child.workflow_id,
        run_id=child.run_id,
        workflow_type_name=child.workflow_type,
        initiated_id=child.initiated_event_id,
        parent_close_policy=ParentClosePolicy.ValueType(child.parent_close_policy),
    )


def _workflow_task(task: WorkflowTaskRecord) -> PendingWorkflowTaskInfo:
    pending = PendingWorkflowTaskInfo(
        state=PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
        scheduled_time=timestamp(task.scheduled_at),
        original_scheduled_time=timestamp(task.original_scheduled_at),
        attempt=task.attempt,
    )
    if task.is_started:
        pending.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
        pending.started_time.CopyFrom(timestamp(task.started_at))
    return pending


def _activity_state(record: ActivityRecord) -> "PendingActivityState.ValueType":
    if record.is_cancel_requested:
        return PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
    if record.is_started:
        if record.pause is not None:
            return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
        return PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if record.pause is not None:
        return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
    return PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _activity(execution: ExecutionRecord, record: ActivityRecord) -> PendingActivityInfo:
    policy = RetryPolicy.FromString(record.retry_policy)
    pending = PendingActivityInfo(
        activity_id=record.activity_id,
        activity_type=ActivityType(name=record.activity_type),
        state=_activity_state(record),
        attempt=record.attempt,
        maximum_attempts=policy.maximum_attempts,
        scheduled_time=timestamp(record.scheduled_at),
        last_worker_identity=record.last_worker_identity,
        priority=Priority.FromString(record.priority),
        activity_options=_activity_options(execution, record, policy),
    )
    if record.started_at:
        pending.last_started_time.CopyFrom(timestamp(record.started_at))
    if record.schedule_to_close_timeout:
        expires_at = after(record.first_scheduled_at, record.schedule_to_close_timeout)
        pending.expiration_time.CopyFrom(timestamp(expires_at))
    if record.last_heartbeat_at:
        pending.last_heartbeat_time.CopyFrom(timestamp(record.last_heartbeat_at))
    if record.heartbeat_details:
        pending.heartbeat_details.CopyFrom(Payloads.FromString(record.heartbeat_details))
    if record.last_failure:
        pending.last_failure.CopyFrom(Failure.FromString(record.last_failure))
    if record.last_attempt_completed_at:
        completed_at = timestamp(record.last_attempt_completed_at)
        pending.last_attempt_complete_time.CopyFrom(completed_at)
    if record.pause is not None:
        pending.paused = True
        _add_pause(pending.pause_info, record.pause)
    elif record.is_backing_off:
        pending.next_attempt_schedule_time.CopyFrom(timestamp(record.scheduled_at))
        interval = retry_interval(policy, record.attempt - 1)
        pending.current_retry_interval.CopyFrom(duration_message(interval))
    return pending


def _add_pause(told: PendingActivityInfo.PauseInfo, pause: PauseRecord) -> None:
    told.pause_time.CopyFrom(timestamp(pause.paused_at))
    if pause.rule_id:
        told.rule.rule_id = pause.rule_id
        told.rule.identity = pause.identity
        told.rule.reason = pause.reason
    else:
        told.manual.identity = pause.identity
        told.manual.reason = pause.reason


def _activity_options(
    execution: ExecutionRecord, record: ActivityRecord, policy: RetryPolicy
) -> ActivityOptions:
    task_queue = record.task_queue or execution.task_queue
    return ActivityOptions(
        task_queue=TaskQueue(name=task_queue, normal_name=task_queue),
        schedule_to_close_timeout=duration_message(record.schedule_to_close_timeout),
        schedule_to_start_timeout=duration_message(record.schedule_to_start_timeout),
        start_to_close_timeout=duration_message(record.start_to_close_timeout),
        heartbeat_timeout=duration_message(record.heartbeat_timeout),
        retry_policy=policy,
        priority=Priority.FromString(record.priority),
    )
