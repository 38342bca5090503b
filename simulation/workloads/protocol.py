"""The worker's half of an update: which messages it gets, and what it says to them.

Owns that the answer follows from the update alone, so that a repeated task says the same. What an
update wants is its name: `now`, `later` or `reject`. Must not know how messages travel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from temporalio.api.command.v1 import Command, ProtocolMessageCommandAttributes
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.update.v1 import Acceptance, Meta, Outcome, Rejection, Request, Response

_E: Final = EventType
REFUSAL: Final = "NotLikeThis"
"""The type of the failure by which a worker rejects an update."""

UPDATE_EVENTS: Final = frozenset(
    {
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    update_id: str
    message_id: str
    sequencing_event_id: int
    request: Request


def answers(
    messages: Sequence[ProtocolMessage], history: Sequence[HistoryEvent]
) -> list[ProtocolMessage]:
    """Return what a worker says to the updates that wait for it."""
    accepted, completed = _known(history)
    said = [
        _completion(update_id)
        for update_id in accepted
        if update_id not in completed  # One that was to be answered later: now.
    ]
    for asked in [*_sent(messages), *_admitted(history)]:
        if asked.update_id not in accepted:
            said += _answer(asked)
            accepted.append(asked.update_id)
    return said


def as_command(message: ProtocolMessage) -> Command:
    """Return the command that gives a message its place among the commands."""
    return Command(
        command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE,
        protocol_message_command_attributes=ProtocolMessageCommandAttributes(message_id=message.id),
    )


def _known(history: Sequence[HistoryEvent]) -> tuple[list[str], set[str]]:
    accepted: list[str] = []
    completed: set[str] = set()
    for event in history:
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            given = event.workflow_execution_update_accepted_event_attributes
            accepted.append(given.protocol_instance_id)
        elif event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
            done = event.workflow_execution_update_completed_event_attributes
            completed.add(done.meta.update_id)
    return accepted, completed


def _sent(messages: Sequence[ProtocolMessage]) -> list[_Asked]:
    found: list[_Asked] = []
    for message in messages:
        request = Request()
        if message.body.Unpack(request):
            found.append(
                _Asked(
                    update_id=message.protocol_instance_id,
                    message_id=message.id,
                    sequencing_event_id=message.event_id,
                    request=request,
                )
            )
    return found


def _admitted(history: Sequence[HistoryEvent]) -> list[_Asked]:
    """A reset brings updates as events: nobody sends them once more."""
    found: list[_Asked] = []
    for event in history:
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
            request = event.workflow_execution_update_admitted_event_attributes.request
            update_id = request.meta.update_id
            found.append(
                _Asked(
                    update_id=update_id,
                    message_id=f"{update_id}/request",
                    sequencing_event_id=event.event_id,
                    request=request,
                )
            )
    return found


def _answer(asked: _Asked) -> list[ProtocolMessage]:
    if asked.request.input.name == "reject":
        refusal = Rejection(
            rejected_request_message_id=asked.message_id,
            rejected_request_sequencing_event_id=asked.sequencing_event_id,
            rejected_request=asked.request,
            failure=Failure(
                message="no", application_failure_info=ApplicationFailureInfo(type=REFUSAL)
            ),
        )
        return [_message(asked.update_id, "reject", refusal)]
    acceptance = Acceptance(
        accepted_request_message_id=asked.message_id,
        accepted_request_sequencing_event_id=asked.sequencing_event_id,
        accepted_request=asked.request,
    )
    said = [_message(asked.update_id, "accept", acceptance)]
    if asked.request.input.name == "now":
        said.append(_completion(asked.update_id))
    return said


def result_of(update_id: str) -> Payloads:
    """Return what an update is answered with."""
    return Payloads(payloads=[Payload(data=update_id.encode())])


def _completion(update_id: str) -> ProtocolMessage:
    response = Response(
        meta=Meta(update_id=update_id), outcome=Outcome(success=result_of(update_id))
    )
    return _message(update_id, "complete", response)


def _message(update_id: str, what: str, body: Message) -> ProtocolMessage:
    packed = AnyMessage()
    packed.Pack(body)
    return ProtocolMessage(id=f"{update_id}/{what}", protocol_instance_id=update_id, body=packed)
