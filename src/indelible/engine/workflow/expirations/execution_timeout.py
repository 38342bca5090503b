"""A chain of runs has taken too long: the open run ends, and none follows (semantics 2.7)."""

from temporalio.api.enums.v1 import RetryState
from temporalio.api.history.v1 import WorkflowExecutionTimedOutEventAttributes

from indelible.engine.workflow.rules.closing import close_run
from indelible.engine.workflow.transition import Transition


def fire_execution_timeout(step: Transition) -> None:
    """Close the run as timed out; nothing happens before its time."""
    execution = step.execution
    expires_at = execution.execution_expires_at
    if not execution.is_open or not expires_at or expires_at > step.now:
        return
    close_run(
        step,
        WorkflowExecutionTimedOutEventAttributes(retry_state=RetryState.RETRY_STATE_TIMEOUT),
    )
