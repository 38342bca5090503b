"""One connection in the event loop: the socket below, the calls above.

Owns the tasks of a connection's calls, when it is written to, and its end. Must not know which
methods there are.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from indelible.base.errors import StatusCode
from indelible.base.instants import Instant, after
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.ports.clock import Clock
from indelible.wire.calls.status import WireStatus
from indelible.wire.grpc import answers
from indelible.wire.grpc.call_heads import CallHead, CallHeads
from indelible.wire.grpc.exchanges import EXPIRED, Call, StreamingCall, UnaryCall
from indelible.wire.grpc.messages import MessageError, framed
from indelible.wire.grpc.routes import Unary
from indelible.wire.grpc.upkeep import Step, Upkeep
from indelible.wire.http2.bounds import STREAMS_MAX
from indelible.wire.http2.connection import Connection
from indelible.wire.http2.frames import ErrorCode
from indelible.wire.http2.header_blocks import Field
from indelible.wire.http2.stream import Receiver, Stream

HELD_BYTES_MAX: Final = 16 * MESSAGE_BYTES_MAX
"""Unfinished messages of one connection, together."""

_TOO_MANY_CALLS: Final = WireStatus(
    code=StatusCode.RESOURCE_EXHAUSTED,
    message="too many calls of this connection are still being cancelled",
    details=b"",
)


class Session(asyncio.Protocol):
    """Answers the calls that come over one connection."""

    def __init__(self, heads: CallHeads, clock: Clock, closed: Callable[["Session"], None]) -> None:
        """`closed` is called when the connection is gone, whoever ended it."""
        self._clock = clock
        self._closed = closed
        self._heads = heads
        self._loop = asyncio.get_running_loop()
        self._is_flush_due = False
        self._is_paused = False
        self._transport: asyncio.Transport | None = None
        self._connection: Connection[CallHead] = Connection(self, self._wake)
        self._sending = self._connection.sending
        self._upkeep = Upkeep()
        self._held_bytes = 0
        self._calls: set[Call] = set()
        self.peer = ""

    # ----------------------------------------------------------------------------------- the socket
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer."""
        # A listener of streams gives streams, whose classes differ from loop to loop.
        self._transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        _send_at_once(transport.get_extra_info("socket"))
        address: _Address = transport.get_extra_info("peername")
        self.peer, port = _peer(address)
        self._upkeep = Upkeep(spread=port)
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._connection.receive(data)

    def eof_received(self) -> None:
        """Let the socket close: whoever stops sending waits for nothing."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all calls."""
        del exc
        self._connection.lose()
        self._transport = None
        self._closed(self)

    def pause_writing(self) -> None:
        """Keep back what the socket would only pile up."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self._is_paused = False
        self._flush()

    def _wake(self) -> None:
        # Everything that the calls of one turn of the loop have to say is written at once.
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        transport = self._transport
        if transport is None:
            return
        sending = self._sending
        while not self._is_paused:
            sending.pump()
            output = sending.take_output()
            if not output:
                break
            transport.write(output)
        if self._connection.is_over and not transport.is_closing():
            transport.write(sending.take_output())
            transport.close()

    # ------------------------------------------------------------------------------- the life of it
    def beat(self, now: Instant) -> None:
        """See after a second what is due: deadlines, signs of life, the end of its life."""
        for call in tuple(self._calls):
            if call.deadline is not None and now >= call.deadline:
                self._stop(call, EXPIRED)
        connection = self._connection
        connection.beat()
        step = self._upkeep.beat(
            was_heard=connection.was_heard,
            is_ready=connection.is_ready,
            is_idle=connection.is_idle,
            is_over=connection.is_over,
        )
        connection.was_heard = False
        match step:
            case Step.PING:
                connection.ping()
            case Step.LEAVE:
                connection.leave()
            case Step.FAIL:
                connection.fail(ErrorCode.NO_ERROR, "")
            case Step.ABORT if self._transport is not None:
                self._transport.abort()
            case _:
                pass

    def leave(self) -> None:
        """Ask the peer for no more calls."""
        self._connection.leave()

    def stop(self, status: WireStatus) -> list["asyncio.Task[None]"]:
        """Refuse whatever is under way and close; return the tasks that may still run a little."""
        tasks = [call.task for call in self._calls if call.task is not None]
        for call in tuple(self._calls):
            self._stop(call, status)
        self._connection.fail(ErrorCode.NO_ERROR, status.message)
        self._wake()
        return tasks

    def abort(self) -> None:
        """Close without waiting for the peer to read."""
        if self._transport is not None:
            self._transport.abort()

    def _stop(self, call: Call, status: WireStatus) -> None:
        self.end(call.stream, status)
        if call.task is not None:
            call.task.cancel()

    # ------------------------------------------------------------------------------------- requests
    def head(self, fields: list[Field]) -> CallHead:
        """Return the call that a request asks for."""
        return self._heads.read(fields)

    def open(self, stream: Stream, head: CallHead) -> Receiver:
        """Begin a call."""
        route = head.route
        if route is None:
            return _Refused(self._connection, stream, head.refusal)
        if isinstance(route, Unary):
            return UnaryCall(self, stream, head, route.answer)
        call = StreamingCall(self, stream, head, route.answer)
        self.start(call)
        return call

    # ------------------------------------------------------------------------------ the calls' line
    def start(self, call: Call) -> None:
        """Run a call's task, and keep it until it ends."""
        if len(self._calls) >= STREAMS_MAX:
            # Fewer streams than that are open; the others were reset, and cannot end so quickly.
            self.end(call.stream, _TOO_MANY_CALLS)
            return
        self._calls.add(call)
        call.task = self._loop.create_task(self._run(call))

    async def _run(self, call: Call) -> None:
        try:
            await call.run()
        finally:
            self._calls.discard(call)

    def deadline(self, head: CallHead) -> Instant | None:
        """Return when the caller of a request that has come now gives up."""
        return None if head.timeout is None else after(self._clock.now(), head.timeout)

    def hold(self, length: int) -> None:
        """Account for bytes of unfinished messages."""
        self._held_bytes += length
        if length > 0 and self._held_bytes > HELD_BYTES_MAX:
            raise MessageError(
                StatusCode.RESOURCE_EXHAUSTED, "too many unfinished messages on this connection"
            )

    def reply(self, stream: Stream, message: bytes) -> None:
        """Answer with one message, unless the stream has ended."""
        if not stream.is_ended:
            self._sending.answer(stream, answers.HEADERS, framed(message), answers.OK_TRAILERS)

    def refuse(self, stream: Stream, status: WireStatus) -> None:
        """Answer with a status, unless the stream has ended."""
        if not stream.is_ended:
            block = answers.refusal(status, self._connection.peer_header_list_bytes_max)
            self._sending.headers(stream, block, ends_stream=True)

    def send(self, stream: Stream, message: bytes) -> None:
        """Send one of several messages of an answer."""
        if not stream.is_ended:
            if not stream.has_begun:
                self._sending.headers(stream, answers.HEADERS)
            self._sending.body(stream, framed(message))

    def end(self, stream: Stream, status: WireStatus | None) -> None:
        """End an answer of any number of messages; None is success."""
        if stream.is_ended or stream.trailers is not None:
            return
        if status is None:
            if not stream.has_begun:
                self._sending.headers(stream, answers.HEADERS)
            self._sending.trailers(stream, answers.OK_TRAILERS)
        elif stream.has_begun:
            bytes_max = self._connection.peer_header_list_bytes_max
            self._sending.trailers(stream, answers.trailers(status, bytes_max))
        else:
            self.refuse(stream, status)

    def credit(self, stream: Stream, length: int) -> None:
        """Let the peer send more."""
        self._connection.credit(stream, length)


class _Refused:
    """A call that is refused as soon as its peer can listen."""

    __slots__ = ("_block", "_connection", "_stream")

    def __init__(self, connection: Connection[CallHead], stream: Stream, block: bytes) -> None:
        self._connection = connection
        self._stream = stream
        self._block = block

    def take(self, piece: bytes, *, is_last: bool) -> None:
        """Answer; mostly this is all of the body, and the stream ends in peace."""
        del piece, is_last
        self._connection.sending.headers(self._stream, self._block, ends_stream=True)

    def lose(self) -> None:
        """Nothing is under way."""

    def drain(self) -> None:
        """Nothing waits."""


def _send_at_once(connection: socket.socket) -> None:
    # asyncio does this only for sockets that name TCP as their protocol, and those of our listener
    # name none. Without it an answer that follows a short frame waits 40 ms for the peer's receipt.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _peer(address: "_Address") -> tuple[str, int]:
    """Return how gRPC spells the address of a socket, and its port."""
    if address is None:
        return "unknown", 0  # it was gone before we could ask
    host, port = address[:2]
    return (f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"), port


_Address = tuple[str, int] | tuple[str, int, int, int] | None
