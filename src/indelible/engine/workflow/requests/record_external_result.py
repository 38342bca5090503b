"""What became of a signal or a cancellation request that was sent to another execution.

Owns the events on the sender's side (semantics 8.3). A cause says why it failed; None means that it
has arrived. Both come at most once: what the sender does not wait for changes nothing.
"""

from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
)
from temporalio.api.history.v1 import (
    ExternalWorkflowExecutionCancelRequestedEventAttributes,
    ExternalWorkflowExecutionSignaledEventAttributes,
    HistoryEvent,
    RequestCancelExternalWorkflowExecutionFailedEventAttributes,
    SignalExternalWorkflowExecutionFailedEventAttributes,
)

from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.state import ExecutionRecord, ExternalRequestRecord
from indelible.engine.workflow.transition import Transition


def is_own_workflow(sender: ExecutionRecord, target: ExternalRequestRecord) -> bool:
    """Whether a run means itself: that fails as if there were no such execution (trap 32)."""
    return (target.namespace_id, target.workflow_id) == (sender.namespace_id, sender.workflow_id)


def record_external_cancel(
    step: Transition,
    initiated: HistoryEvent,
    cause: "CancelExternalWorkflowExecutionFailedCause.ValueType | None",
) -> None:
    """Record what became of a cancellation request, and have a worker look at it."""
    if not step.execution.is_open or initiated.event_id not in step.state.external_cancels:
        return
    given = initiated.request_cancel_external_workflow_execution_initiated_event_attributes
    if cause is None:
        step.emit(
            ExternalWorkflowExecutionCancelRequestedEventAttributes(
                initiated_event_id=initiated.event_id,
                namespace=given.namespace,
                namespace_id=given.namespace_id,
                workflow_execution=given.workflow_execution,
            )
        )
    else:
        step.emit(
            RequestCancelExternalWorkflowExecutionFailedEventAttributes(
                cause=cause,
                namespace=given.namespace,
                namespace_id=given.namespace_id,
                workflow_execution=given.workflow_execution,
                initiated_event_id=initiated.event_id,
            )
        )
    require_workflow_task(step)


def record_external_signal(
    step: Transition,
    initiated: HistoryEvent,
    cause: "SignalExternalWorkflowExecutionFailedCause.ValueType | None",
) -> None:
    """Record what became of a signal, and have a worker look at it."""
    if not step.execution.is_open or initiated.event_id not in step.state.external_signals:
        return
    given = initiated.signal_external_workflow_execution_initiated_event_attributes
    if cause is None:
        step.emit(
            ExternalWorkflowExecutionSignaledEventAttributes(
                initiated_event_id=initiated.event_id,
                namespace=given.namespace,
                namespace_id=given.namespace_id,
                workflow_execution=given.workflow_execution,
                control=given.control,
            )
        )
    else:
        step.emit(
            SignalExternalWorkflowExecutionFailedEventAttributes(
                cause=cause,
                namespace=given.namespace,
                namespace_id=given.namespace_id,
                workflow_execution=given.workflow_execution,
                initiated_event_id=initiated.event_id,
                control=given.control,
            )
        )
    require_workflow_task(step)
