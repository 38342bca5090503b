"""How long a worker may keep a run from its news.

Owns the bound on events that are held back while a workflow task is started (semantics 16). Must
not know what the events are about.
"""

from temporalio.api.enums.v1 import WorkflowTaskFailedCause

from indelible.engine.workflow.rules.workflow_tasks import (
    fail_workflow_task,
    schedule_workflow_task,
)
from indelible.engine.workflow.transition import Transition


def bound_buffer(step: Transition) -> None:
    """Take the workflow task from its worker if too many events wait for it, and write them.

    To be called at the end of each step, before it is closed.
    """
    task = step.execution.workflow_task
    if task is None or not task.is_started or not step.holds_back_more:
        return
    limits = step.settings.limits
    count, size_bytes = step.held_back_size()
    if count <= limits.buffered_events_max and size_bytes <= limits.buffered_bytes_max:
        return
    fail_workflow_task(step, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND)
    schedule_workflow_task(step)
