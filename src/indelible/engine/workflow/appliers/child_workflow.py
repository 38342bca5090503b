"""How child workflows and messages to other executions change the state of their run."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.engine.workflow.deltas import ChildStartRecorded
from indelible.engine.workflow.history_events import event_reference
from indelible.engine.workflow.state import ChildRecord, ExternalRequestRecord, MutableState


def apply_initiated(state: MutableState, event: HistoryEvent) -> None:
    """A child is to be started."""
    given = event.start_child_workflow_execution_initiated_event_attributes
    record = ChildRecord(
        initiated_event_id=EventId(event.event_id),
        namespace_id=NamespaceId(given.namespace_id),
        namespace_name=given.namespace,
        workflow_id=WorkflowId(given.workflow_id),
        workflow_type=given.workflow_type.name,
        parent_close_policy=given.parent_close_policy,
    )
    state.children.put(event.event_id, record)


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The child runs."""
    given = event.child_workflow_execution_started_event_attributes
    record = state.children[given.initiated_event_id]
    state.children.put(
        given.initiated_event_id,
        replace(
            record,
            is_started=True,
            run_id=RunId(given.workflow_execution.run_id),
            started_event_id=EventId(event.event_id),
        ),
    )


def apply_start_recorded(state: MutableState, delta: ChildStartRecorded) -> None:
    """The started event of a child, held back until now, got its id."""
    record = state.children.get(delta.initiated_event_id)
    if record is not None:
        state.children.put(
            delta.initiated_event_id, replace(record, started_event_id=delta.started_event_id)
        )


def apply_gone(state: MutableState, event: HistoryEvent) -> None:
    """The child did not start, or has closed."""
    state.children.remove(event_reference(event, "initiated_event_id"))


def apply_cancel_initiated(state: MutableState, event: HistoryEvent) -> None:
    """A cancellation request is on its way to another execution."""
    given = event.request_cancel_external_workflow_execution_initiated_event_attributes
    state.external_cancels.put(
        event.event_id,
        ExternalRequestRecord(
            initiated_event_id=EventId(event.event_id),
            namespace_id=NamespaceId(given.namespace_id),
            workflow_id=WorkflowId(given.workflow_execution.workflow_id),
            run_id=RunId(given.workflow_execution.run_id),
        ),
    )


def apply_cancel_answered(state: MutableState, event: HistoryEvent) -> None:
    """The cancellation request has arrived, or cannot."""
    state.external_cancels.remove(event_reference(event, "initiated_event_id"))


def apply_signal_initiated(state: MutableState, event: HistoryEvent) -> None:
    """A signal is on its way to another execution."""
    given = event.signal_external_workflow_execution_initiated_event_attributes
    state.external_signals.put(
        event.event_id,
        ExternalRequestRecord(
            initiated_event_id=EventId(event.event_id),
            namespace_id=NamespaceId(given.namespace_id),
            workflow_id=WorkflowId(given.workflow_execution.workflow_id),
            run_id=RunId(given.workflow_execution.run_id),
        ),
    )


def apply_signal_answered(state: MutableState, event: HistoryEvent) -> None:
    """The signal has arrived, or cannot."""
    state.external_signals.remove(event_reference(event, "initiated_event_id"))
