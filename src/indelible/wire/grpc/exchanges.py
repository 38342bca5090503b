"""One call on its stream: from the first piece of its body to the last frame of its answer.

Owns the task that answers a call, and its end by reset, deadline or stop. Must not know frames, nor
what a method does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Protocol

from indelible.base.errors import StatusCode
from indelible.base.instants import Instant
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.wire.calls.status import WireStatus
from indelible.wire.grpc.call_heads import CallHead
from indelible.wire.grpc.messages import (
    PREFIX,
    MessageError,
    MessageReader,
    announced_length,
    check_length,
    only_message,
)
from indelible.wire.grpc.routes import Caller, StreamAnswer, UnaryAnswer
from indelible.wire.http2.stream import Stream

STREAMED_MESSAGE_BYTES_MAX: Final = 64 * 1024
"""Of a message in a stream; what has not been read yet holds the peer back by the window."""

EXPIRED: Final = WireStatus(
    code=StatusCode.DEADLINE_EXCEEDED, message="Deadline exceeded", details=b""
)
_ENDED: Final = WireStatus(
    code=StatusCode.CANCELLED, message="the call was cancelled by the server", details=b""
)


class Line(Protocol):
    """What a call needs of its connection."""

    peer: str

    def hold(self, length: int) -> None:
        """Account for so many bytes of an unfinished message; negative ones are let go.

        Raises `MessageError` if the peer has too many of them under way.
        """
        ...

    def start(self, call: "Call") -> None:
        """Run a call's task, and keep it until it ends."""
        ...

    def deadline(self, head: CallHead) -> Instant | None:
        """Return when the caller of a request that has come now gives up."""
        ...

    def reply(self, stream: Stream, message: bytes) -> None:
        """Answer with one message, unless the stream has ended."""
        ...

    def refuse(self, stream: Stream, status: WireStatus) -> None:
        """Answer with a status, unless the stream has ended."""
        ...

    def send(self, stream: Stream, message: bytes) -> None:
        """Send one of several messages of an answer."""
        ...

    def end(self, stream: Stream, status: WireStatus | None) -> None:
        """End an answer of any number of messages; None is success."""
        ...

    def credit(self, stream: Stream, length: int) -> None:
        """Let the peer send more."""
        ...


class Call(Protocol):
    """A call that has a task."""

    stream: Stream
    deadline: Instant | None
    task: "asyncio.Task[None] | None"

    async def run(self) -> None:
        """Answer."""
        ...


class UnaryCall:
    """Collects one message, and answers it by one."""

    __slots__ = ("_answer", "_head", "_held", "_line", "_message", "_pieces", "deadline", "stream",
                 "task")  # fmt: skip

    def __init__(self, line: Line, stream: Stream, head: CallHead, answer: UnaryAnswer) -> None:
        self._line = line
        self._head = head
        self._answer = answer
        self._message = b""
        self._pieces: list[bytes] = []
        self._held = 0
        self.stream = stream
        self.deadline: Instant | None = None
        self.task: asyncio.Task[None] | None = None

    def take(self, piece: bytes, *, is_last: bool) -> None:
        """Take a piece of the body; the last one starts the task."""
        try:
            if self._pieces or not is_last:
                self._keep(piece)
                if not is_last:
                    return
                piece = b"".join(self._pieces)
                self._release()
            self._message = only_message(piece, self._head.encoding)
        except MessageError as error:
            self._release()
            self._line.refuse(self.stream, error.status)
            return
        self.deadline = self._line.deadline(self._head)
        self._line.start(self)

    def lose(self) -> None:
        """Stop: nobody waits for the answer."""
        self._release()
        if self.task is not None:
            self.task.cancel()

    def drain(self) -> None:
        """Nothing waits for it."""

    async def run(self) -> None:
        """Answer the message."""
        message, self._message = self._message, b""
        head = self._head
        try:
            answer = await self._answer(
                message,
                Caller(metadata=head.metadata, deadline=self.deadline, peer=self._line.peer),
            )
        except asyncio.CancelledError:
            self._line.refuse(self.stream, _ENDED)  # unless it was cancelled because it had ended
            raise
        if isinstance(answer, bytes):
            self._line.reply(self.stream, answer)
        else:
            self._line.refuse(self.stream, answer)

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        self._line.hold(len(piece))
        if len(self._pieces) > 1 and len(self._pieces[0]) < PREFIX.size:
            self._pieces = [b"".join(self._pieces)]
        check_length(announced_length(self._pieces[0]))
        check_length(self._held - PREFIX.size)

    def _release(self) -> None:
        self._line.hold(-self._held)
        self._held = 0
        self._pieces.clear()


class StreamingCall:
    """Answers messages by messages, from the first one on."""

    def __init__(self, line: Line, stream: Stream, head: CallHead, answer: StreamAnswer) -> None:
        self._line = line
        self._answer = answer
        self._reader = MessageReader(
            head.encoding, min(STREAMED_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX)
        )
        self._messages: deque[tuple[bytes, int]] = deque()
        self._is_complete = False
        self._changed: asyncio.Future[None] | None = None
        self.stream = stream
        self.deadline = line.deadline(head)
        self.task: asyncio.Task[None] | None = None
        stream.is_credited = False

    def take(self, piece: bytes, *, is_last: bool) -> None:
        """Queue what came for the task."""
        try:
            for message in self._reader.read(piece):
                self._messages.append((message, len(message) + PREFIX.size))
        except MessageError as error:
            self._line.end(self.stream, error.status)
            self.lose()
            return
        self._is_complete = is_last
        self._wake()

    def lose(self) -> None:
        """Stop: nobody waits for the answer."""
        if self.task is not None:
            self.task.cancel()

    def drain(self) -> None:
        """Let the task go on sending."""
        self._wake()

    async def run(self) -> None:
        """Answer the messages as they come."""
        status: WireStatus | None = None
        line, stream = self._line, self.stream
        try:
            async for answer in self._answer(self._received()):
                if not isinstance(answer, bytes):
                    status = answer
                    break
                line.send(stream, answer)
                while stream.outbox and not stream.is_ended:
                    await self._change()
        except asyncio.CancelledError:
            line.end(stream, _ENDED)
            raise
        line.end(stream, status)

    async def _received(self) -> AsyncIterator[bytes]:
        while True:
            while self._messages:
                message, length = self._messages.popleft()
                self._line.credit(self.stream, length)
                yield message
            if self._is_complete:
                return
            await self._change()

    async def _change(self) -> None:
        self._changed = asyncio.get_running_loop().create_future()
        await self._changed

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
