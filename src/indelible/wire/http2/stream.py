"""One stream: what both directions may still carry, and what waits to be sent.

Owns the record and what a stream wants of whoever answers it.
"""

from collections import deque
from typing import Protocol

from indelible.wire.http2.bounds import STREAM_WINDOW


class Receiver(Protocol):
    """Answers one stream."""

    def take(self, piece: bytes, *, is_last: bool) -> None:
        """Take the next piece of the request's body; the last one may be empty."""
        ...

    def lose(self) -> None:
        """Learn that the peer wants no answer any more, or cannot be reached. Comes once."""
        ...

    def drain(self) -> None:
        """Learn that nothing of the answer waits for the peer any more."""
        ...


class Nobody:
    """Takes whatever still comes for a stream that is refused."""

    def take(self, piece: bytes, *, is_last: bool) -> None:
        """Drop it."""

    def lose(self) -> None:
        """Nothing was under way."""

    def drain(self) -> None:
        """Nothing waits."""


class Stream:
    """One request and its answer."""

    __slots__ = (
        "body_bytes_left",
        "has_begun",
        "id",
        "is_credited",
        "is_ended",
        "is_remote_closed",
        "outbox",
        "outbox_bytes",
        "receive_window",
        "receiver",
        "send_window",
        "trailers",
        "uncredited_bytes",
    )

    def __init__(self, stream_id: int, *, send_window: int, body_bytes: int | None) -> None:
        self.id = stream_id
        self.receiver: Receiver = _NOBODY
        self.body_bytes_left = body_bytes
        """What the content length still promises; None if it was not told."""
        self.receive_window = STREAM_WINDOW
        self.uncredited_bytes = 0
        self.is_credited = True
        """Whether what came is made good at once, or when its receiver says so."""
        self.is_remote_closed = False
        self.is_ended = False
        """Nothing more can be sent: answered, reset or lost."""
        self.has_begun = False
        """Whether the headers of an answer have been sent."""
        self.send_window = send_window
        self.outbox: deque[memoryview] = deque()
        self.outbox_bytes = 0
        self.trailers: bytes | None = None
        """The header block that follows when the outbox is empty."""


_NOBODY = Nobody()
