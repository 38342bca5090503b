"""The child of an initiated event has started: its parent takes note."""

from temporalio.api.common.v1 import Header, WorkflowExecution, WorkflowType
from temporalio.api.history.v1 import ChildWorkflowExecutionStartedEventAttributes, HistoryEvent

from indelible.base.ids import RunId
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.state import ChildRecord
from indelible.engine.workflow.transition import Transition


def record_child_started(step: Transition, initiated: HistoryEvent, run_id: RunId) -> bool:
    """Record the start, and have a worker look at it; return whether the child may run.

    That is so if the parent knows it, from now or from before. It is not if the parent has closed
    and dropped the child, or if the child has closed. `run_id` is that of the child's first run.
    """
    child = step.state.children.get(initiated.event_id)
    if child is None:
        return False
    if child.is_started:
        return child.run_id == run_id
    if not step.execution.is_open:
        return False
    given = initiated.start_child_workflow_execution_initiated_event_attributes
    header = given.header if given.HasField("header") else None
    emit_child_started(step, child, run_id, header)
    require_workflow_task(step)
    return True


def emit_child_started(
    step: Transition, child: ChildRecord, run_id: RunId, header: Header | None
) -> None:
    """Emit the started event of a child."""
    step.emit(
        ChildWorkflowExecutionStartedEventAttributes(
            namespace=child.namespace_name,
            namespace_id=child.namespace_id,
            initiated_event_id=child.initiated_event_id,
            workflow_execution=WorkflowExecution(workflow_id=child.workflow_id, run_id=run_id),
            workflow_type=WorkflowType(name=child.workflow_type),
            header=header,
        )
    )
