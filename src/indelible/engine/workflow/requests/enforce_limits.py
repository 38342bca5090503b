"""The bounds of a whole run, checked after each commit (trap 51).

The step that passes a bound succeeds; the run is ended by the step that follows.
"""

from indelible.base.limits import Limits
from indelible.engine.workflow.requests.respond_workflow_task_completed import SERVICE_IDENTITY
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.transition import Transition


def exceeds_limits(execution: ExecutionRecord, limits: Limits) -> str | None:
    """Return why an open run has grown too large to go on, or None."""
    if not execution.is_open:
        return None
    if execution.history_size_bytes > limits.history_bytes_max:
        return "Workflow history size exceeds limit."
    if execution.next_event_id - 1 > limits.history_events_max:
        return "Workflow history count exceeds limit."
    return None


def enforce_limits(step: Transition) -> None:
    """End the run if it has grown too large."""
    reason = exceeds_limits(step.execution, step.settings.limits)
    if reason is not None:
        terminate_run(step, reason=reason, identity=SERVICE_IDENTITY)
