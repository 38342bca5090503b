"""SCHEDULE_ACTIVITY_TASK: an activity becomes pending, and lies in its queue.

Owns the validation and the defaults of semantics 4.7, 7.1 and 7.10.
"""

from typing import NamedTuple

from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import TaskQueueKind, WorkflowTaskFailedCause
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.attributes import (
    duration_fault,
    is_id_too_long,
    priority_fault,
    task_queue_fault,
    utf8_length,
)
from indelible.base.ids import EventId
from indelible.base.instants import Duration, duration, duration_message
from indelible.base.limits import ID_BYTES_MAX
from indelible.base.retry_policies import complete_retry_policy, retry_policy_fault
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.activities import queue_attempt
from indelible.engine.workflow.state import WorkflowStatus
from indelible.engine.workflow.transition import Transition

_Cause = WorkflowTaskFailedCause


def schedule_activity_task(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Make an activity pending; dispatch its first attempt unless the worker takes it at once."""
    if not command.HasField("schedule_activity_task_command_attributes"):
        return _refusal(
            "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand."
        )
    given = command.schedule_activity_task_command_attributes
    policy = complete_retry_policy(given.retry_policy)
    queue_name = given.task_queue.name or step.execution.task_queue
    fault = _fault(given, policy, queue_name)
    if fault is not None:
        return _refusal(fault)
    if given.use_workflow_build_id and queue_name != step.execution.task_queue:
        return _refusal("Activity with UseCompatibleVersion cannot run on different task queue.")
    refusal = _refusal_by_state(step, given)
    if refusal is not None:
        return refusal
    event = _emit_scheduled(step, command, context, policy, queue_name)
    is_eager = given.request_eager_execution and step.execution.status is WorkflowStatus.RUNNING
    if is_eager:
        context.eager_activities.append(EventId(event.event_id))
    else:
        queue_attempt(step, EventId(event.event_id))
    return None


def _refusal(message: str) -> Refusal:
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES, message=message
    )


def _fault(
    given: ScheduleActivityTaskCommandAttributes, policy: RetryPolicy, queue_name: str
) -> str | None:
    """Return what is wrong with the attributes by themselves."""
    return (
        task_queue_fault(queue_name)
        or _names_unset_fault(given)
        or retry_policy_fault(policy)
        or _names_length_fault(given)
        or _priority_fault(given)
        or _timeouts_fault(given)
    )


def _names_unset_fault(given: ScheduleActivityTaskCommandAttributes) -> str | None:
    if not given.activity_id:
        return "activityId is not set"
    if not given.activity_type.name:
        return "activityType is not set"
    return None


def _names_length_fault(given: ScheduleActivityTaskCommandAttributes) -> str | None:
    names = {"activityId": given.activity_id, "activityType": given.activity_type.name}
    for what, name in names.items():
        if is_id_too_long(name):
            return f"{what} exceeds length limit. Length={utf8_length(name)} Limit={ID_BYTES_MAX}"
    return None


def _priority_fault(given: ScheduleActivityTaskCommandAttributes) -> str | None:
    fault = priority_fault(given.priority)
    return None if fault is None else f"invalid priorities: {fault}"


def _timeouts_fault(given: ScheduleActivityTaskCommandAttributes) -> str | None:
    timeouts = {
        "ScheduleToCloseTimeout": given.schedule_to_close_timeout,
        "ScheduleToStartTimeout": given.schedule_to_start_timeout,
        "StartToCloseTimeout": given.start_to_close_timeout,
        "HeartbeatTimeout": given.heartbeat_timeout,
    }
    for what, timeout in timeouts.items():
        fault = duration_fault(timeout)
        if fault is not None:
            return f"invalid {what}: {fault}"
    if not (duration(given.schedule_to_close_timeout) or duration(given.start_to_close_timeout)):
        return (
            "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
            f"ActivityId={given.activity_id} ActivityType={given.activity_type.name}"
        )
    return None


def _refusal_by_state(
    step: Transition, given: ScheduleActivityTaskCommandAttributes
) -> Refusal | TerminalRefusal | None:
    limits = step.settings.limits
    if given.input.ByteSize() > limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
            message="ScheduleActivityTaskCommandAttributes.Input exceeds size limit.",
        )
    count = len(step.state.activities)
    if count >= limits.pending_activities_max:
        return Refusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED,
            message=(
                f"the number of pending activities, {count}, "
                f"has reached the per-workflow limit of {limits.pending_activities_max}"
            ),
        )
    if given.activity_id in step.state.activity_ids:
        return Refusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID,
            message=(
                "invalid history builder state for action: add-activitytask-scheduled-event, "
                f"ActivityID: {given.activity_id}"
            ),
        )
    return None


class _Timeouts(NamedTuple):
    schedule_to_close: Duration
    schedule_to_start: Duration
    start_to_close: Duration
    heartbeat: Duration


def _normal_timeouts(
    given: ScheduleActivityTaskCommandAttributes, run_timeout: Duration
) -> _Timeouts:
    """Fill in what is left out, and let no timeout outlast one that contains it (trap 24)."""
    schedule_to_close = duration(given.schedule_to_close_timeout)
    schedule_to_start = duration(given.schedule_to_start_timeout)
    start_to_close = duration(given.start_to_close_timeout)
    if schedule_to_close:
        schedule_to_start = min(schedule_to_start or schedule_to_close, schedule_to_close)
        start_to_close = min(start_to_close or schedule_to_close, schedule_to_close)
    else:
        schedule_to_close = run_timeout
        schedule_to_start = schedule_to_start or run_timeout
    heartbeat = duration(given.heartbeat_timeout)
    if run_timeout:
        schedule_to_close = min(schedule_to_close, run_timeout)
        schedule_to_start = min(schedule_to_start, run_timeout)
        start_to_close = min(start_to_close, run_timeout)
    return _Timeouts(
        schedule_to_close, schedule_to_start, start_to_close, min(heartbeat, start_to_close)
    )


def _emit_scheduled(
    step: Transition,
    command: Command,
    context: CommandContext,
    policy: RetryPolicy,
    queue_name: str,
) -> HistoryEvent:
    given = command.schedule_activity_task_command_attributes
    timeouts = _normal_timeouts(given, step.execution.run_timeout)
    attributes = ActivityTaskScheduledEventAttributes(
        activity_id=given.activity_id,
        activity_type=given.activity_type,
        task_queue=TaskQueue(name=queue_name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
        schedule_to_close_timeout=duration_message(timeouts.schedule_to_close),
        schedule_to_start_timeout=duration_message(timeouts.schedule_to_start),
        start_to_close_timeout=duration_message(timeouts.start_to_close),
        heartbeat_timeout=duration_message(timeouts.heartbeat),
        workflow_task_completed_event_id=context.completed_event_id,
        retry_policy=policy,
        use_workflow_build_id=given.use_workflow_build_id,
    )
    for field in ("header", "input", "priority"):
        if given.HasField(field):
            getattr(attributes, field).CopyFrom(getattr(given, field))
    return step.emit(
        attributes,
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
