"""An asynchronous Nexus operation has ended: its handler calls back."""

from indelible.base.errors import NotFoundError, workflow_already_completed
from indelible.base.nexus_operations import OperationEnd, OperationStarted
from indelible.engine.workflow.rules.nexus_operations import close_operation, start_operation
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def complete_nexus_operation(
    step: Transition,
    scheduled_event_id: int,
    *,
    request_id: str,
    started: OperationStarted,
    end: OperationEnd,
) -> None:
    """Record the end of an operation, and have a worker look at it.

    `started` counts if the handler's answer to the start call has not arrived yet: then the started
    event is made of it (trap 53). Raises `NotFoundError` if nobody waits for this operation.
    """
    if not step.execution.is_open:
        raise workflow_already_completed()
    record = step.state.nexus_operations.get(scheduled_event_id)
    if record is None or record.request_id != request_id:
        raise NotFoundError("operation not found")
    if not record.is_started:
        record = start_operation(step, record, started)
    close_operation(step, record, end)
    require_workflow_task(step)
