"""The wait before the first workflow task is over: start delay, retry interval or cron tick."""

from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def fire_backoff(step: Transition) -> None:
    """Schedule the first workflow task, unless something has cut the wait short (trap 9)."""
    execution = step.execution
    if execution.is_open and execution.is_in_backoff and execution.execution_time <= step.now:
        require_workflow_task(step)
