"""The parent knows that its child has started: let the child run (trap 30)."""

from indelible.engine.workflow.rules.starting import first_workflow_task
from indelible.engine.workflow.transition import Transition


def schedule_first_task(step: Transition) -> None:
    """Schedule the first workflow task of a child, unless it had one or waits for its time."""
    execution = step.execution
    has_begun = (
        execution.workflow_task is not None or execution.last_completed_task_started_event_id
    )
    if execution.is_open and not has_begun:
        first_workflow_task(step)
