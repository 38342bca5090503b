"""The tasks of a run that was read from a history.

Owns what must be under way for each thing that is pending. Must not know why the run was read.
"""

from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import queue_attempt
from indelible.engine.workflow.tasks import (
    AskChild,
    CancelExternal,
    CancelNexusOperation,
    SignalExternal,
    StartChild,
    StartNexusOperation,
)
from indelible.engine.workflow.transition import Transition


def refresh_tasks(step: Transition) -> None:
    """Have everything that is pending go on from here; activities count as scheduled now."""
    for record in list(step.state.activities.values()):
        step.change(
            deltas.ActivityRescheduled(
                scheduled_event_id=record.scheduled_event_id,
                attempt=1,
                scheduled_at=step.now,
                is_first=True,
            )
        )
        queue_attempt(step, record.scheduled_event_id)
    for child in step.state.children.values():
        # The run before may have dropped the end of a child that closed after it.
        needed = AskChild if child.is_started else StartChild
        step.transfer(
            needed(task_id=step.next_task_id(), initiated_event_id=child.initiated_event_id)
        )
    for signal in step.state.external_signals.values():
        step.transfer(
            SignalExternal(
                task_id=step.next_task_id(), initiated_event_id=signal.initiated_event_id
            )
        )
    for cancel in step.state.external_cancels.values():
        step.transfer(
            CancelExternal(
                task_id=step.next_task_id(), initiated_event_id=cancel.initiated_event_id
            )
        )
    _refresh_nexus_tasks(step)


def _refresh_nexus_tasks(step: Transition) -> None:
    for operation in step.state.nexus_operations.values():
        event_id = operation.scheduled_event_id
        if not operation.is_started:
            task_id = step.next_task_id()
            step.transfer(
                StartNexusOperation(task_id=task_id, scheduled_event_id=event_id, attempt=1)
            )
        elif operation.cancel is not None:
            task_id = step.next_task_id()
            step.transfer(
                CancelNexusOperation(task_id=task_id, scheduled_event_id=event_id, attempt=1)
            )
