"""The bounds of a whole run, checked after each commit (trap 51).

The step that passes a bound succeeds; the run is ended by the step that follows.
"""

from indelible.engine.workflow.requests.respond_workflow_task_completed import SERVICE_IDENTITY
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.transition import Transition


def exceeds_limits(step: Transition) -> str | None:
    """Return why an open run has grown too large to go on, or None. Changes nothing."""
    execution, limits = step.execution, step.settings.limits
    if not execution.is_open:
        return None
    if execution.history_size_bytes > limits.history_bytes_max:
        return "Workflow history size exceeds limit."
    if execution.next_event_id - 1 > limits.history_events_max:
        return "Workflow history count exceeds limit."
    return None


def enforce_limits(step: Transition) -> None:
    """End the run if it has grown too large."""
    reason = exceeds_limits(step)
    if reason is not None:
        terminate_run(step, reason=reason, identity=SERVICE_IDENTITY)
