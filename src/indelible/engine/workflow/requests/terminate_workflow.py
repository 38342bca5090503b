"""TerminateWorkflowExecution: end a run from outside, at once (semantics 2.8)."""

from typing import Final

from temporalio.api.common.v1 import Payloads
from temporalio.api.history.v1 import WorkflowExecutionTerminatedEventAttributes

from indelible.base.errors import workflow_already_completed
from indelible.engine.workflow.rules.closing import close_run
from indelible.engine.workflow.transition import Transition

DEFAULT_REASON: Final = "terminated by user via frontend"
DEFAULT_IDENTITY: Final = "frontend-service"


def terminate_workflow(
    step: Transition, *, reason: str, identity: str, details: Payloads | None
) -> None:
    """End the run on a client's behalf; `NotFoundError` if it is closed already."""
    if not step.execution.is_open:
        raise workflow_already_completed()
    terminate_run(
        step,
        reason=reason or DEFAULT_REASON,
        identity=identity or DEFAULT_IDENTITY,
        details=details,
    )


def terminate_run(
    step: Transition,
    *,
    reason: str,
    identity: str,
    details: Payloads | None = None,
    is_reset: bool = False,
) -> None:
    """End the open run; neither its retry policy nor its cron schedule starts another one.

    With `is_reset` another run goes on in its place, and nobody is told.
    """
    close_run(
        step,
        WorkflowExecutionTerminatedEventAttributes(
            reason=reason, identity=identity, details=details
        ),
        is_reset=is_reset,
    )
