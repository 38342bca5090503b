"""Updates on their way through a run: admitted, accepted or rejected, completed.

Owns what a worker's messages do (semantics 6.3), and which updates a completed workflow task has
left unanswered. Updates that are admitted and not yet accepted are no part of the state: they come
in from the shell and their fate goes out to it. Must not know who waits for an update.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec
from google.protobuf.message import DecodeError, Message
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import (
    WorkflowExecutionOptionsUpdatedEventAttributes,
    WorkflowExecutionUpdateAcceptedEventAttributes,
    WorkflowExecutionUpdateCompletedEventAttributes,
)
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.update.v1 import Acceptance, Rejection, Request, Response

from indelible.base.ids import UNASSIGNED_EVENT_ID, EventId
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.callbacks import call_update_callbacks
from indelible.engine.workflow.state import UpdateRecord
from indelible.engine.workflow.transition import Transition

UNPROCESSED: Final = Failure(
    message=(
        "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow "
        "Update is not supported by the worker."
    ),
    source="Server",
    application_failure_info=ApplicationFailureInfo(type="UnprocessedUpdate", non_retryable=True),
)
BAD_MESSAGE: Final = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE
)
PROTOCOL: Final = "temporal.api.update.v1"

M = TypeVar("M", bound=Message)


class AdmittedUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """An update that waits for its worker. It lives in memory alone."""

    request: Request
    is_sent: bool = False
    """Whether a worker has been given it."""
    joined: tuple[Request, ...] = ()
    """The same update, asked for again by others who want to be called at its end."""


def request_message_id(update_id: str) -> str:
    """Return the id of the message that brings an update to its worker."""
    return f"{update_id}/request"


class IncomingMessages:
    """The messages of one completed workflow task, and what they make of the updates."""

    __slots__ = ("_admitted", "_messages", "accepted", "completed", "rejected")

    def __init__(
        self,
        messages: Iterable[ProtocolMessage] = (),
        admitted: Mapping[str, AdmittedUpdate] | None = None,
    ) -> None:
        self._messages = {message.id: message for message in messages}
        self._admitted = dict(admitted or {})
        """The updates that no message has decided about."""
        self.accepted: list[str] = []
        self.completed: list[str] = []
        self.rejected: dict[str, Failure] = {}

    def take(self, message_id: str) -> ProtocolMessage | None:
        """Take out the message of an id, None if there is none (any more)."""
        return self._messages.pop(message_id, None)

    def take_all(self) -> list[ProtocolMessage]:
        """Take out what no command has referred to, in order."""
        remaining = list(self._messages.values())
        self._messages.clear()
        return remaining

    def only_reject(self) -> bool:
        """Whether no message wants to change the run."""
        return all(message.body.Is(Rejection.DESCRIPTOR) for message in self._messages.values())

    @property
    def has_waiting_updates(self) -> bool:
        """Whether updates wait for the next workflow task."""
        return bool(self._admitted)

    def reject_unprocessed(self) -> None:
        """Reject what the worker was given and did not answer (trap 46)."""
        for update_id, update in list(self._admitted.items()):
            if update.is_sent:
                del self._admitted[update_id]
                self.rejected[update_id] = UNPROCESSED

    def process(self, step: Transition, message: ProtocolMessage) -> str | None:
        """Do what a message says; return why it cannot be done, None if it could.

        A run that has closed takes rejections only: its other updates are aborted.
        """
        if not message.HasField("body"):
            return f"Update {message.protocol_instance_id} received message with nil body"
        for kind, apply in _KINDS.items():
            if message.body.Is(kind.DESCRIPTOR):
                return apply(self, step, message)
        name = message.body.TypeName()
        if name.startswith(f"{PROTOCOL}."):
            return f"Message type {name} not supported"
        return f"unsupported protocol type {name.rpartition('.')[0]}"

    def accept(self, step: Transition, message: ProtocolMessage) -> str | None:
        """Accept an update: from here on the history knows it."""
        body = _body(message, Acceptance)
        if body is None:
            return _undecodable(message)
        if not step.execution.is_open:
            return None
        update_id = message.protocol_instance_id
        record = step.state.updates.get(update_id)
        request = self._request(update_id, body, "accepted_request")
        fault = _acceptance_fault(update_id, record, request, body)
        if fault is not None:
            return fault
        admitted = self._admitted.pop(update_id, None)
        event = step.emit(
            WorkflowExecutionUpdateAcceptedEventAttributes(
                protocol_instance_id=update_id,
                accepted_request_message_id=request_message_id(update_id),
                accepted_request_sequencing_event_id=body.accepted_request_sequencing_event_id,
                # The admitted event of an update that came by a reset has the request.
                accepted_request=None if record is not None else request,
            ),
            links=_links(request) if request is not None else (),
        )
        if request is not None and request.request_id:
            step.change(
                deltas.RequestIdAttached(
                    request_id=request.request_id,
                    event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
                    event_id=EventId(event.event_id),
                )
            )
        for other in admitted.joined if admitted is not None else ():
            join_update(step, other)
        self.accepted.append(update_id)
        return None

    def complete(self, step: Transition, message: ProtocolMessage) -> str | None:
        """Record the answer to an accepted update."""
        body = _body(message, Response)
        if body is None:
            return _undecodable(message)
        if not step.execution.is_open:
            return None
        update_id = message.protocol_instance_id
        record = step.state.updates.get(update_id)
        if record is None and update_id not in self._admitted:
            return unknown_update(update_id)
        if record is None or not record.accepted_event_id or record.completed_event_id:
            return _out_of_turn("Response", update_id, record)
        if body.meta.update_id != update_id or not body.HasField("outcome"):
            return "invalid *update.Response: meta.update_id or outcome is not set"
        step.emit(
            WorkflowExecutionUpdateCompletedEventAttributes(
                meta=body.meta,
                accepted_event_id=record.accepted_event_id,
                outcome=body.outcome,
            )
        )
        call_update_callbacks(step, update_id)
        self.completed.append(update_id)
        return None

    def reject(self, step: Transition, message: ProtocolMessage) -> str | None:
        """Reject an update that was not accepted: the history never hears of it (trap 45)."""
        body = _body(message, Rejection)
        if body is None:
            return _undecodable(message)
        update_id = message.protocol_instance_id
        record = step.state.updates.get(update_id)
        if self._request(update_id, body, "rejected_request") is None and record is None:
            return unknown_update(update_id)
        if record is not None and record.accepted_event_id:
            return _out_of_turn("Rejection", update_id, record)
        self._admitted.pop(update_id, None)
        self.rejected[update_id] = body.failure
        return None

    def _request(self, update_id: str, body: Acceptance | Rejection, field: str) -> Request | None:
        """Return what was asked: as it was admitted, or, if that was forgotten, as it was sent."""
        admitted = self._admitted.get(update_id)
        if admitted is not None:
            return admitted.request
        if not body.HasField(field):  # pyright: ignore[reportArgumentType]
            return None
        sent: Request = getattr(body, field)
        return sent


_KINDS: Final[
    Mapping[
        type[Acceptance] | type[Rejection] | type[Response],
        Callable[[IncomingMessages, Transition, ProtocolMessage], str | None],
    ]
] = {
    Acceptance: IncomingMessages.accept,
    Rejection: IncomingMessages.reject,
    Response: IncomingMessages.complete,
}


def join_update(step: Transition, request: Request) -> None:
    """Have another who asked for an update that the history knows called at its end.

    Nothing happens for a request that the run knows. Their number is checked when they ask.
    """
    if request.request_id in step.execution.request_ids:
        return
    joined = WorkflowExecutionOptionsUpdatedEventAttributes.WorkflowUpdateOptionsUpdate(
        update_id=request.meta.update_id,
        attached_request_id=request.request_id,
        attached_completion_callbacks=request.completion_callbacks,
    )
    step.emit(WorkflowExecutionOptionsUpdatedEventAttributes(workflow_update_options=[joined]))


def unknown_update(update_id: str) -> str:
    """Return the words for an update that the worker knows and the service does not."""
    return (
        f"update {update_id} wasn't found on the server. This is most likely a transient error "
        "which will be resolved automatically by retries"
    )


def _links(request: Request) -> list[Link]:
    """Return all that an update points to; the frontend leaves each link in one place only."""
    carried = [
        link
        for callback in request.completion_callbacks
        if callback.HasField("nexus")
        for link in callback.links
    ]
    return [*request.links, *carried]


def _acceptance_fault(
    update_id: str, record: UpdateRecord | None, request: Request | None, body: Acceptance
) -> str | None:
    if record is not None and record.accepted_event_id:
        return _out_of_turn("Acceptance", update_id, record)
    if record is None and request is None:
        return unknown_update(update_id)
    if body.accepted_request_sequencing_event_id == UNASSIGNED_EVENT_ID:
        return "invalid *update.Acceptance: accepted_request_sequencing_event_id is not set"
    if not body.accepted_request_message_id:
        return "invalid *update.Acceptance: accepted_request_message_id is not set"
    return None


def _out_of_turn(kind: str, update_id: str, record: UpdateRecord | None) -> str:
    if record is None or not record.accepted_event_id:
        state = "Admitted"
    else:
        state = "Completed" if record.completed_event_id else "Accepted"
    return (
        f"invalid state transition attempted for Update {update_id}: received *update.{kind} "
        f"message while in state {state}"
    )


def _body(message: ProtocolMessage, kind: type[M]) -> M | None:
    try:
        return kind.FromString(message.body.value)
    except DecodeError:
        return None


def _undecodable(message: ProtocolMessage) -> str:
    return f"unable to unmarshal request: {message.body.type_url}"
