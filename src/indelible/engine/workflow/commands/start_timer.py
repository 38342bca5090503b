"""START_TIMER: a user timer runs (semantics 4.7, 8.1)."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import TimerStartedEventAttributes

from indelible.base.attributes import duration_fault, overlength
from indelible.base.instants import duration, duration_message
from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.transition import Transition

_Cause = WorkflowTaskFailedCause


def start_timer(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Start a user timer; one of no length fires as soon as this step is over."""
    fault = _fault(step, command)
    if fault is not None:
        return Refusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES, message=fault
        )
    given = command.start_timer_command_attributes
    if given.timer_id in step.state.timers:
        return Refusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID,
            message=(
                "invalid history builder state for action: add-timer-started-event, "
                f"TimerID: {given.timer_id}"
            ),
        )
    step.emit(
        TimerStartedEventAttributes(
            timer_id=given.timer_id,
            start_to_fire_timeout=duration_message(duration(given.start_to_fire_timeout)),
            workflow_task_completed_event_id=context.completed_event_id,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    return None


def _fault(step: Transition, command: Command) -> str | None:
    if not command.HasField("start_timer_command_attributes"):
        return "StartTimerCommandAttributes is not set on StartTimerCommand."
    given = command.start_timer_command_attributes
    if not given.timer_id:
        return "TimerId is not set on StartTimerCommand."
    excess = overlength(given.timer_id, step.settings.limits.id_bytes_max)
    if excess is not None:
        return (
            f"TimerId on StartTimerCommand exceeds length limit. TimerId={given.timer_id} {excess}"
        )
    fault = duration_fault(given.start_to_fire_timeout)
    if fault is not None:
        return (
            f"An invalid StartToFireTimeout is set on StartTimerCommand: {fault}. "
            f"TimerId={given.timer_id}"
        )
    return None
