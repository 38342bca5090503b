"""What a path leads to: one message for one message, or a stream of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import msgspec

from indelible.base.instants import Instant
from indelible.wire.calls.status import WireStatus


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and until when it waits."""

    metadata: Mapping[str, str]
    deadline: Instant | None
    peer: str


UnaryAnswer = Callable[[bytes, Caller], Awaitable[bytes | WireStatus]]
"""Answers one message by one, or refuses; it is cancelled when the caller goes away."""

StreamAnswer = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes | WireStatus]]
"""Answers messages by messages; a status is the last of them."""


class Unary(msgspec.Struct, frozen=True):
    """One message in, one out."""

    answer: UnaryAnswer


class Streaming(msgspec.Struct, frozen=True):
    """Any number of messages in, any number out. For small messages only."""

    answer: StreamAnswer


Route = Unary | Streaming
