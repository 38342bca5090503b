"""What a path leads to: one message for one message, or a stream of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Unary:
    """One message in, one out."""

    answer: UnaryAnswer


@dataclass(frozen=True, slots=True)
class Streaming:
    """Any number of messages in, any number out. For small messages only."""

    answer: StreamAnswer


Route = Unary | Streaming
