"""Callback tokens: what the handler of a Nexus operation gives back when the operation has ended.

Owns their encoding. A token names the operation that waits; its request id is compared with the one
that the operation has.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import Archetype, EventId, NamespaceId, RunId, WorkflowId, WorkflowKey


class CallbackToken(msgspec.Struct, frozen=True, array_like=True):
    """The operation that a callback completes."""

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    run_id: RunId
    scheduled_event_id: EventId
    """Zero if the operation stands alone: then the key is its own."""
    request_id: str
    archetype: Archetype = Archetype.WORKFLOW

    @property
    def key(self) -> WorkflowKey:
        """The run that waits, or the operation itself."""
        return WorkflowKey(self.namespace_id, self.workflow_id, self.run_id, self.archetype)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CallbackToken)


def encode_callback_token(token: CallbackToken) -> str:
    """Return the text of a token, fit for a header."""
    return urlsafe_b64encode(_encoder.encode(token)).decode("ascii")


def decode_callback_token(text: str) -> CallbackToken:
    """Return the token in a text; raise `InvalidArgumentError` if there is none."""
    try:
        return _decoder.decode(urlsafe_b64decode(text.encode("ascii")))
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidArgumentError("invalid callback token") from error


SCHEDULE_PREFIX: Final = "schedule."
"""Tells the token of a schedule from that of an operation."""


class ScheduleToken(msgspec.Struct, frozen=True, array_like=True):
    """The action of a schedule that a callback ends."""

    namespace_id: NamespaceId
    schedule_id: str
    run_id: RunId
    """Tells a schedule from an earlier one with the same id."""
    number: int
    """Of the action."""


_schedule_decoder = msgspec.msgpack.Decoder(ScheduleToken)


def encode_schedule_token(token: ScheduleToken) -> str:
    """Return the text of a token, fit for a header."""
    return SCHEDULE_PREFIX + urlsafe_b64encode(_encoder.encode(token)).decode("ascii")


def is_schedule_token(text: str) -> bool:
    """Whether a text is the token of a schedule."""
    return text.startswith(SCHEDULE_PREFIX)


def decode_schedule_token(text: str) -> ScheduleToken:
    """Return the token of a schedule; raise `InvalidArgumentError` if it is damaged."""
    try:
        encoded = text.removeprefix(SCHEDULE_PREFIX).encode("ascii")
        return _schedule_decoder.decode(urlsafe_b64decode(encoded))
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidArgumentError("invalid callback token") from error
