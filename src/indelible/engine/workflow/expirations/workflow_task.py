"""A workflow task has taken too long: to complete, or to be started if its queue is sticky."""

from indelible.engine.workflow.rules.workflow_tasks import (
    schedule_workflow_task,
    time_out_workflow_task,
)
from indelible.engine.workflow.timer_sequence import workflow_task_deadline
from indelible.engine.workflow.transition import Transition


def fire_workflow_task_timeout(step: Transition) -> None:
    """Time the workflow task out and schedule another one; nothing happens before its time."""
    task = step.execution.workflow_task
    if task is None:
        return
    deadline = workflow_task_deadline(task)
    if deadline and deadline <= step.now:
        time_out_workflow_task(step)
        schedule_workflow_task(step)
