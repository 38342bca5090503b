"""CANCEL_TIMER: a user timer stops, even if it has fired unnoticed (semantics 4.7, trap 15)."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, TimerCanceledEventAttributes

from indelible.base.attributes import overlength
from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.transition import Transition


def cancel_timer(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Cancel a running timer, or take back a firing that the worker has not seen."""
    fault = _fault(step, command)
    if fault is not None:
        return _refusal(fault)
    timer_id = command.cancel_timer_command_attributes.timer_id
    record = step.state.timers.get(timer_id)
    if record is not None:
        started_event_id: int | None = record.started_event_id
    else:
        started_event_id = _take_back_firing(step, timer_id)
    if started_event_id is None:
        return _refusal(
            "invalid history builder state for action: add-timer-canceled-event, "
            f"TimerID: {timer_id}"
        )
    step.emit(
        TimerCanceledEventAttributes(
            timer_id=timer_id,
            started_event_id=started_event_id,
            workflow_task_completed_event_id=context.completed_event_id,
            identity=context.identity,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    return None


def _refusal(message: str) -> Refusal:
    return Refusal(
        cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES,
        message=message,
    )


def _fault(step: Transition, command: Command) -> str | None:
    if not command.HasField("cancel_timer_command_attributes"):
        return "CancelTimerCommandAttributes is not set on CancelTimerCommand."
    timer_id = command.cancel_timer_command_attributes.timer_id
    if not timer_id:
        return "TimerId is not set on CancelTimerCommand."
    excess = overlength(timer_id, step.settings.limits.id_bytes_max)
    if excess is not None:
        return f"TimerId on CancelTimerCommand exceeds length limit. TimerId={timer_id} {excess}"
    return None


def _take_back_firing(step: Transition, timer_id: str) -> int | None:
    """Drop the held-back fired event of a timer; return the id of its started event."""
    started_event_ids: list[int] = []

    def is_its_firing(event: HistoryEvent) -> bool:
        if event.event_type != EventType.EVENT_TYPE_TIMER_FIRED:
            return False
        fired = event.timer_fired_event_attributes
        if fired.timer_id != timer_id:
            return False
        started_event_ids.append(fired.started_event_id)
        return True

    step.discard_deferred(is_its_firing)
    return started_event_ids[0] if started_event_ids else None
