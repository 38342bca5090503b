"""SCHEDULE_ACTIVITY_TASK: an activity becomes pending, and lies in its queue.

Owns the validation and the defaults of semantics 4.7, 7.1 and 7.10.
"""

from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.activity_options import activity_fault, effective_timeouts, given_timeouts
from indelible.base.attributes import task_queue_fault
from indelible.base.ids import EventId
from indelible.base.instants import duration_message
from indelible.base.queue_kinds import NORMAL_QUEUE
from indelible.base.retry_policies import complete_retry_policy
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
    id_bytes_max = step.settings.limits.id_bytes_max
    fault = task_queue_fault(queue_name, id_bytes_max) or activity_fault(
        given, policy, id_bytes_max=id_bytes_max
    )
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


def _emit_scheduled(
    step: Transition,
    command: Command,
    context: CommandContext,
    policy: RetryPolicy,
    queue_name: str,
) -> HistoryEvent:
    given = command.schedule_activity_task_command_attributes
    timeouts = effective_timeouts(given_timeouts(given), run_timeout=step.execution.run_timeout)
    attributes = ActivityTaskScheduledEventAttributes(
        activity_id=given.activity_id,
        activity_type=given.activity_type,
        task_queue=TaskQueue(name=queue_name, kind=NORMAL_QUEUE),
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
