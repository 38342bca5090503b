"""What becomes of events behind the point to which a run is reset (semantics 2.11).

Owns which events a run takes over from those that it replaces, and in which form. Must not know
where the events come from.
"""

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import (
    EventType,
    ResetReapplyExcludeType,
    UpdateAdmittedEventOrigin,
)
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionUpdateAdmittedEventAttributes,
)
from temporalio.api.update.v1 import Request

from indelible.engine.workflow.history_events import (
    CHILD_CLOSINGS,
    NEXUS_CLOSINGS,
    attributes_of,
    event_reference,
)
from indelible.engine.workflow.transition import Transition

_T: Final = EventType

SIGNAL: Final = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
UPDATE: Final = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
NEXUS: Final = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS

Excluded = frozenset["ResetReapplyExcludeType.ValueType"]


def reapply_event(step: Transition, event: HistoryEvent, excluded: Excluded) -> None:
    """Take over an event of a run that this one replaces; most events are left behind."""
    rule = _RULES.get(event.event_type)
    if rule is not None:
        rule(step, event, excluded)


def _reapply_signal(step: Transition, event: HistoryEvent, excluded: Excluded) -> None:
    if SIGNAL not in excluded:
        _repeat(step, event, attributes_of(event))


def _reapply_options(step: Transition, event: HistoryEvent, _excluded: Excluded) -> None:
    given = event.workflow_execution_options_updated_event_attributes
    if given.attached_request_id not in step.execution.request_ids:
        _repeat(step, event, given)


def _reapply_admitted(step: Transition, event: HistoryEvent, excluded: Excluded) -> None:
    given = event.workflow_execution_update_admitted_event_attributes
    if UPDATE not in excluded:
        _admit(step, given.request)


def _reapply_accepted(step: Transition, event: HistoryEvent, excluded: Excluded) -> None:
    given = event.workflow_execution_update_accepted_event_attributes
    # Without the request there is an admitted event, which was taken over in its place.
    if UPDATE not in excluded and given.HasField("accepted_request"):
        _admit(step, given.accepted_request)


def _admit(step: Transition, request: Request) -> None:
    """Have the new run answer an update again, in its place between the signals."""
    step.flush()
    step.emit(
        WorkflowExecutionUpdateAdmittedEventAttributes(
            request=request,
            origin=UpdateAdmittedEventOrigin.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY,
        )
    )


def _reapply_child(step: Transition, event: HistoryEvent, _excluded: Excluded) -> None:
    """Take over what became of a child that this run has asked for, too."""
    child = step.state.children.get(event_reference(event, "initiated_event_id"))
    is_closing = event.event_type in CHILD_CLOSINGS
    if child is None or child.is_started != is_closing:
        return
    attributes = type(attributes_of(event))()
    attributes.CopyFrom(attributes_of(event))
    if is_closing:
        setattr(attributes, "started_event_id", child.started_event_id)  # noqa: B010 - any closing
    _repeat(step, event, attributes)


def _reapply_nexus(step: Transition, event: HistoryEvent, excluded: Excluded) -> None:
    """Take over what became of an operation that this run has scheduled, too."""
    operation = step.state.nexus_operations.get(event_reference(event, "scheduled_event_id"))
    if operation is None or NEXUS in excluded:
        return
    if event.event_type == _T.EVENT_TYPE_NEXUS_OPERATION_STARTED and operation.is_started:
        return
    _repeat(step, event, attributes_of(event))


def _repeat(step: Transition, event: HistoryEvent, attributes: Message) -> None:
    step.emit(
        attributes,
        user_metadata=event.user_metadata if event.HasField("user_metadata") else None,
        links=event.links,
    )


_RULES: Final[Mapping[int, Callable[[Transition, HistoryEvent, Excluded], None]]] = {
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _reapply_signal,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _reapply_options,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: _reapply_admitted,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _reapply_accepted,
    _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: _reapply_child,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: _reapply_child,
    _T.EVENT_TYPE_NEXUS_OPERATION_STARTED: _reapply_nexus,
    **dict.fromkeys(CHILD_CLOSINGS, _reapply_child),
    **dict.fromkeys(NEXUS_CLOSINGS, _reapply_nexus),
}
