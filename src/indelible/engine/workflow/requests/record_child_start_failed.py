"""The child of an initiated event cannot be started: its parent takes note."""

from temporalio.api.enums.v1 import StartChildWorkflowExecutionFailedCause
from temporalio.api.history.v1 import (
    HistoryEvent,
    StartChildWorkflowExecutionFailedEventAttributes,
)

from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def record_child_start_failed(
    step: Transition,
    initiated: HistoryEvent,
    cause: "StartChildWorkflowExecutionFailedCause.ValueType",
) -> None:
    """Record the failure, and have a worker look at it, if the parent waits for the start."""
    child = step.state.children.get(initiated.event_id)
    if child is None or child.is_started or not step.execution.is_open:
        return
    given = initiated.start_child_workflow_execution_initiated_event_attributes
    step.emit(
        StartChildWorkflowExecutionFailedEventAttributes(
            namespace=given.namespace,
            namespace_id=given.namespace_id,
            workflow_id=given.workflow_id,
            workflow_type=given.workflow_type,
            cause=cause,
            control=given.control,
            initiated_event_id=initiated.event_id,
        )
    )
    require_workflow_task(step)
