"""How updates change the state of their run."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request

from indelible.base.ids import EventId
from indelible.base.instants import instant
from indelible.engine.workflow.appliers.callback import attach_callbacks
from indelible.engine.workflow.state import MutableState, UpdateRecord


def apply_admitted(state: MutableState, event: HistoryEvent) -> None:
    """A reset brought an update that its worker has to answer again."""
    given = event.workflow_execution_update_admitted_event_attributes
    _change(state, given.request.meta.update_id, admitted_event_id=event.event_id)
    _attach(state, given.request.meta.update_id, given.request, event)


def apply_accepted(state: MutableState, event: HistoryEvent) -> None:
    """The worker accepted the update, and answers it now or later."""
    given = event.workflow_execution_update_accepted_event_attributes
    _change(state, given.protocol_instance_id, accepted_event_id=event.event_id)
    if given.HasField("accepted_request"):
        _attach(state, given.protocol_instance_id, given.accepted_request, event)


def apply_completed(state: MutableState, event: HistoryEvent) -> None:
    """The worker answered the update."""
    given = event.workflow_execution_update_completed_event_attributes
    _change(state, given.meta.update_id, completed_event_id=event.event_id)


def _attach(state: MutableState, update_id: str, request: Request, event: HistoryEvent) -> None:
    attach_callbacks(
        state,
        request.completion_callbacks,
        request_id=request.request_id,
        update_id=update_id,
        at=instant(event.event_time),
    )


def _change(state: MutableState, update_id: str, **event_ids: int) -> None:
    record = state.updates.get(update_id) or UpdateRecord()
    known = {name: EventId(event_id) for name, event_id in event_ids.items()}
    state.updates.put(update_id, replace(record, **known))
