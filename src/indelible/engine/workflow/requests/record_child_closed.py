"""The last run of a child has closed: its parent takes note (semantics 8.2)."""

from typing import TypeAlias

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import (
    ChildWorkflowExecutionCanceledEventAttributes,
    ChildWorkflowExecutionCompletedEventAttributes,
    ChildWorkflowExecutionFailedEventAttributes,
    ChildWorkflowExecutionTerminatedEventAttributes,
    ChildWorkflowExecutionTimedOutEventAttributes,
    HistoryEvent,
)

from indelible.base.invariants import InvariantError
from indelible.engine.workflow.requests.record_child_started import emit_child_started
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.transition import Transition

ChildClosing: TypeAlias = (
    ChildWorkflowExecutionCompletedEventAttributes
    | ChildWorkflowExecutionFailedEventAttributes
    | ChildWorkflowExecutionCanceledEventAttributes
    | ChildWorkflowExecutionTimedOutEventAttributes
    | ChildWorkflowExecutionTerminatedEventAttributes
)


def record_child_closed(step: Transition, child: ExecutionRecord, closing: HistoryEvent) -> None:
    """Record how a child has closed, and have a worker look at it.

    `child` is the run that closed, `closing` its last event. Nothing happens if the parent has
    closed, or does not wait for this child (any more).
    """
    family = child.parent
    if family is None or not step.execution.is_open:
        return
    record = step.state.children.get(family.initiated_event_id)
    if record is None or record.workflow_id != child.workflow_id:
        return
    if not record.is_started:
        # Ended before its first workflow task: the parent has not heard of its start yet.
        emit_child_started(step, record, child.first_run_id, header=None)
        record = step.state.children[family.initiated_event_id]
    elif record.run_id != child.first_run_id:
        return
    attributes = _closing_attributes(closing)
    attributes.namespace = record.namespace_name
    attributes.namespace_id = record.namespace_id
    attributes.workflow_execution.CopyFrom(
        WorkflowExecution(workflow_id=child.workflow_id, run_id=child.run_id)
    )
    attributes.workflow_type.name = record.workflow_type
    attributes.initiated_event_id = record.initiated_event_id
    attributes.started_event_id = record.started_event_id
    step.emit(attributes)
    require_workflow_task(step)


def _closing_attributes(closing: HistoryEvent) -> ChildClosing:
    """Return what the close of a child tells its parent, without saying which child it is."""
    match closing.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            completed = closing.workflow_execution_completed_event_attributes
            return ChildWorkflowExecutionCompletedEventAttributes(
                result=completed.result if completed.HasField("result") else None
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            failed = closing.workflow_execution_failed_event_attributes
            return ChildWorkflowExecutionFailedEventAttributes(
                failure=failed.failure, retry_state=failed.retry_state
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
            canceled = closing.workflow_execution_canceled_event_attributes
            return ChildWorkflowExecutionCanceledEventAttributes(
                details=canceled.details if canceled.HasField("details") else None
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
            timed_out = closing.workflow_execution_timed_out_event_attributes
            return ChildWorkflowExecutionTimedOutEventAttributes(retry_state=timed_out.retry_state)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            return ChildWorkflowExecutionTerminatedEventAttributes()
        case _:
            raise InvariantError("a child that has a successor is not closed for its parent")
