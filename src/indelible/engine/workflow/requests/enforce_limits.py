"""The bounds of a whole run: whoever wants more of a run than fits into it ends it.

The step that finds no room is given up, and the run is ended in its place. A step that closes the
run is not asked. (The reference service 1.32.0.)
"""

from indelible.base.limits import Limits
from indelible.engine.workflow.requests.respond_workflow_task_completed import SERVICE_IDENTITY
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.transition import Transition


def exceeds_limits(execution: ExecutionRecord, limits: Limits, *, state_bytes: int) -> str | None:
    """Return why an open run has grown too large, or None.

    The size of its history is that of the steps before, its length counts the events of this one,
    and so does `state_bytes`: what is stored of it beside the history.
    """
    if not execution.is_open:
        return None
    if execution.history_size_bytes > limits.history_bytes_max:
        return "Workflow history size exceeds limit."
    if execution.next_event_id - 1 > limits.history_events_max:
        return "Workflow history count exceeds limit."
    if state_bytes > limits.state_bytes_max:
        return "Workflow mutable state size exceeds limit."
    return None


def end_for_limit(step: Transition, reason: str) -> None:
    """End a run that has grown too large."""
    terminate_run(step, reason=reason, identity=SERVICE_IDENTITY)
