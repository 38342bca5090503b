"""RequestCancelWorkflowExecution: ask a run to stop (semantics 2.8)."""

from temporalio.api.common.v1 import Link, WorkflowExecution
from temporalio.api.history.v1 import WorkflowExecutionCancelRequestedEventAttributes

from indelible.base.ids import UNASSIGNED_EVENT_ID, EventId
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def request_cancel_workflow(
    step: Transition,
    *,
    reason: str,
    identity: str,
    links: list[Link],
    sender: WorkflowExecution | None = None,
    sender_initiated_event_id: EventId = UNASSIGNED_EVENT_ID,
) -> None:
    """Record the request, once, and have a worker look at it; a closed run is left as it is."""
    if not step.execution.is_open or step.execution.is_cancel_requested:
        return
    step.emit(
        WorkflowExecutionCancelRequestedEventAttributes(
            cause=reason,
            identity=identity,
            external_workflow_execution=sender,
            external_initiated_event_id=sender_initiated_event_id,
        ),
        links=links,
    )
    require_workflow_task(step)
