"""One connection as a server sees it: what each frame means, and what a peer may not do.

Owns the streams and the states of RFC 9113, chapters 3, 5 and 6. Must not know what the requests
are about; that is the application's.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from indelible.wire.http2 import frames
from indelible.wire.http2.bounds import (
    BACKLOG_BYTES_MAX,
    CONNECTION_WINDOW,
    FRAME_BYTES_MAX,
    HEADER_BLOCK_BYTES_MAX,
    HEADER_FRAMES_MAX,
    HEADER_LIST_BYTES_MAX,
    PATIENCE_MAX,
    PATIENCE_PER_ANSWER,
    PATIENCE_PER_BEAT,
    PING_BEATS_MIN,
    PING_STRIKES_MAX,
    REMEMBERED_STREAMS_MAX,
    STREAM_WINDOW,
    STREAMS_MAX,
    WINDOW_DEFAULT,
    WINDOW_MAX,
)
from indelible.wire.http2.frames import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADER,
    HEADER_BYTES,
    PADDED,
    PING,
    PREFACE,
    PRIORITISED,
    SETTING,
    SETTINGS,
    STREAM_MASK,
    U32,
    ConnectionFault,
    ErrorCode,
    StreamFault,
    frame,
    goaway,
    rst_stream,
    settings,
    unpadded,
    window_update,
)
from indelible.wire.http2.header_blocks import Field, HeaderBlocks
from indelible.wire.http2.requests import MalformedError, check_trailers
from indelible.wire.http2.sending import Sending
from indelible.wire.http2.stream import Receiver, Stream

_LAST_PING: Final = b"lastping"
_ALIVE_PING: Final = b"are you?"
_PING_BYTES: Final = 8
_PRIORITY_BYTES: Final = 5
_FRAME_SIZES: Final = range(16_384, 2**24)
_TABLE_SIZE_DEFAULT: Final = 4_096


class RequestHead(Protocol):
    """What an application makes of the headers of a request."""

    @property
    def body_bytes(self) -> int | None:
        """The content length, if it was told."""
        ...


Head = TypeVar("Head", bound=RequestHead)


class Application(Protocol[Head]):
    """Whoever answers the requests of a connection."""

    def head(self, fields: list[Field]) -> Head:
        """Return what the headers mean; equal ones are asked for once. Raises `MalformedError`."""
        ...

    def open(self, stream: Stream, head: Head) -> Receiver:
        """Begin to answer a request."""
        ...


class Connection(Generic[Head]):
    """A server's side of one connection. Every method returns at once."""

    def __init__(self, application: Application[Head], wake: Callable[[], None]) -> None:
        """`wake` is called whenever there may be something to write; see `Sending`."""
        self._application = application
        self.sending = Sending(wake, self._answered)
        self._blocks: HeaderBlocks[Head] = HeaderBlocks(application.head)
        self._streams: dict[int, Stream] = {}
        self._unread = PREFACE[:0]
        self._readers: tuple[Callable[[int, int, bytes], None], ...] = (
            *(self._read_body, self._read_headers, self._read_priority, self._read_reset),
            *(self._read_settings, self._read_push, self._read_ping, self._read_goaway),
            *(self._read_window_update, self._read_continuation),
        )
        self._is_greeted = False
        self._has_settings = False
        self._last_stream_id = 0
        # A header block that has not ended: its stream, whether that ends with it, the pieces.
        self._open_block: tuple[int, bool, list[bytes]] | None = None
        self._open_block_bytes = 0
        self._uncredited_bytes = 0
        self._receive_window = CONNECTION_WINDOW
        self._ended_early: set[int] = set()
        self._ended_early_order: deque[int] = deque()
        self._patience = PATIENCE_MAX
        self._ping_strikes = 0
        self._beats_since_ping = PING_BEATS_MIN
        self._answers_at_ping = 0
        self._is_leaving = False
        self._has_left = False
        self.was_heard = False
        """Whether anything came since whoever watches the connection last looked and reset it."""
        self.peer_header_list_bytes_max = HEADER_LIST_BYTES_MAX
        """How large a header list the peer takes."""
        self.is_over = False
        """Write what there is, then close: nothing more will be read or answered."""
        self.sending.control(
            settings(
                {
                    frames.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
                    frames.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                    frames.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES_MAX,
                }
            )
            + window_update(0, CONNECTION_WINDOW - WINDOW_DEFAULT)
        )

    # ---------------------------------------------------------------------------------- the shell
    @property
    def is_idle(self) -> bool:
        """Whether no request is open."""
        return not self._streams

    @property
    def is_ready(self) -> bool:
        """Whether the peer has introduced itself."""
        return self._has_settings

    def receive(self, received: bytes) -> None:
        """Read what came from the peer."""
        if self.is_over:
            return
        self.was_heard = True
        received = self._unread + received if self._unread else received
        try:
            self._unread = received[self._read_frames(received) :]
        except ConnectionFault as fault:
            self.fail(fault.code, fault.reason)

    def beat(self) -> None:
        """Notice that a second has passed."""
        self._patience = min(PATIENCE_MAX, self._patience + PATIENCE_PER_BEAT)
        self._beats_since_ping += 1

    def ping(self) -> None:
        """Ask whether the peer is still there."""
        self.sending.control(frame(PING, 0, 0, _ALIVE_PING))

    def leave(self) -> None:
        """Ask the peer to send no new requests; those that are on the way are still answered.

        When it has confirmed that it knows, requests beyond those are ignored, and the connection
        is over with the last answer.
        """
        if not self._is_leaving:
            self._is_leaving = True
            self.sending.control(
                goaway(STREAM_MASK, ErrorCode.NO_ERROR) + frame(PING, 0, 0, _LAST_PING)
            )

    def leave_now(self) -> None:
        """Take no new requests; the connection is over with the last answer."""
        if not self._has_left:
            self._is_leaving = self._has_left = True
            self.sending.control(goaway(self._last_stream_id, ErrorCode.NO_ERROR))
            self.is_over |= not self._streams

    def fail(self, code: ErrorCode, reason: str) -> None:
        """End the connection at once, and tell the peer why."""
        if not self.is_over:
            self.sending.control(goaway(self._last_stream_id, code, reason))
            self.is_over = True
        self.lose()

    def lose(self) -> None:
        """Tell all receivers that the peer is gone."""
        self.is_over = True
        streams = tuple(self._streams.values())
        self._streams.clear()
        for stream in streams:
            self._drop(stream)

    # ------------------------------------------------------------------------------ the application
    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream without an answer, or without the rest of it."""
        if not stream.is_ended:
            self.sending.control(rst_stream(stream.id, code))
            self._remember_ended_early(stream.id)
            self._end(stream)

    def credit(self, stream: Stream, length: int) -> None:
        """Let the peer send so much more of a request's body."""
        if stream.is_remote_closed or stream.is_ended:
            return
        stream.uncredited_bytes += length
        if stream.uncredited_bytes >= STREAM_WINDOW // 2:
            self.sending.control(window_update(stream.id, stream.uncredited_bytes))
            stream.receive_window += stream.uncredited_bytes
            stream.uncredited_bytes = 0

    # ------------------------------------------------------------------------------- end of streams
    def _answered(self, stream: Stream) -> None:
        self._patience = min(PATIENCE_MAX, self._patience + PATIENCE_PER_ANSWER)
        if not stream.is_remote_closed:
            # The peer need not send the rest (RFC 9113, 8.1).
            self.sending.control(rst_stream(stream.id, ErrorCode.NO_ERROR))
            self._remember_ended_early(stream.id)
        self._end(stream)

    def _end(self, stream: Stream) -> None:
        stream.is_ended = True
        self.sending.forget(stream)
        self._streams.pop(stream.id, None)
        if self._has_left and not self._streams:
            self.is_over = True

    def _remember_ended_early(self, stream_id: int) -> None:
        if len(self._ended_early_order) >= REMEMBERED_STREAMS_MAX:
            self._ended_early.discard(self._ended_early_order.popleft())
        self._ended_early.add(stream_id)
        self._ended_early_order.append(stream_id)

    def _drop(self, stream: Stream) -> None:
        stream.is_ended = True
        self.sending.forget(stream)
        stream.receiver.lose()

    def _lose_patience(self, cost: int = 1) -> None:
        self._patience -= cost
        if self._patience < 0:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many frames to no purpose")

    # --------------------------------------------------------------------------------------- frames
    def _read_frames(self, received: bytes) -> int:
        """Read all complete frames; return where the first incomplete one begins."""
        at = 0
        if not self._is_greeted:
            at = self._read_preface(received)
            if not at:
                return 0
        end = len(received)
        unpack = HEADER.unpack_from
        while end - at >= HEADER_BYTES and not self.is_over:
            high, low, kind, flags, stream_id = unpack(received, at)
            length = (high << 8) | low
            if length > FRAME_BYTES_MAX:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame larger than allowed")
            begin = at + HEADER_BYTES
            if end - begin < length:
                break
            at = begin + length
            self._read_frame(kind, flags, stream_id & STREAM_MASK, received[begin:at])
        return at

    def _read_preface(self, received: bytes) -> int:
        if not PREFACE.startswith(received[: len(PREFACE)]):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "this is a port for HTTP/2")
        if len(received) < len(PREFACE):
            return 0
        self._is_greeted = True
        return len(PREFACE)

    def _read_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._open_block is not None and kind != CONTINUATION:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame within a header block")
        if not self._has_settings and (kind != SETTINGS or flags & ACK):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame must be SETTINGS")
        if kind >= len(self._readers):
            self._lose_patience()  # extensions that nobody agreed on are to be ignored
            return
        try:
            self._readers[kind](flags, stream_id, payload)
        except StreamFault as fault:
            self._reset_faulty(fault)

    def _reset_faulty(self, fault: StreamFault) -> None:
        self._lose_patience()
        stream = self._streams.get(fault.stream_id)
        if stream is None:
            self.sending.control(rst_stream(fault.stream_id, fault.code))
            self._remember_ended_early(fault.stream_id)
        else:
            self.reset(stream, fault.code)
            stream.receiver.lose()

    # --------------------------------------------------------------------------------- the requests
    def _read_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
        if flags & (PADDED | PRIORITISED):
            payload = unpadded(flags, payload)
            if flags & PRIORITISED:
                self._check_priority(stream_id, payload)
                payload = payload[_PRIORITY_BYTES:]
        if flags & END_HEADERS:
            self._read_block(stream_id, payload, ends_stream=bool(flags & END_STREAM))
        else:
            self._open_block = (stream_id, bool(flags & END_STREAM), [payload])
            self._open_block_bytes = len(payload)

    def _read_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._open_block is None or self._open_block[0] != stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        _, ends_stream, pieces = self._open_block
        pieces.append(payload)
        self._open_block_bytes += len(payload)
        if self._open_block_bytes > HEADER_BLOCK_BYTES_MAX or len(pieces) > HEADER_FRAMES_MAX:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many headers")
        if flags & END_HEADERS:
            self._open_block = None
            self._read_block(stream_id, b"".join(pieces), ends_stream=ends_stream)

    def _read_block(self, stream_id: int, block: bytes, *, ends_stream: bool) -> None:
        if stream_id > self._last_stream_id:
            self._open(stream_id, block, ends_stream=ends_stream)
            return
        # Every block is decoded, or the next ones would mean something else.
        fields = self._blocks.fields(block)
        stream = self._streams.get(stream_id)
        if stream is None:
            if stream_id not in self._ended_early:
                raise ConnectionFault(ErrorCode.STREAM_CLOSED, "HEADERS on a closed stream")
            self._lose_patience()
            return
        if stream.is_remote_closed:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED)
        try:
            check_trailers(fields)
        except MalformedError as error:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR) from error
        if not ends_stream:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR)
        self._take(stream, b"", is_last=True)

    def _open(self, stream_id: int, block: bytes, *, ends_stream: bool) -> None:
        if not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a client's streams have odd numbers")
        if self._has_left:
            # Beyond what the peer was told would be answered; only the decoder needs to see it.
            self._blocks.fields(block)
            self._lose_patience()
            return
        self._last_stream_id = stream_id
        try:
            head = self._blocks.head(block)
        except MalformedError as error:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR) from error
        if len(self._streams) >= STREAMS_MAX or self.sending.backlog_bytes > BACKLOG_BYTES_MAX:
            raise StreamFault(stream_id, ErrorCode.REFUSED_STREAM)
        stream = self.sending.open_stream(stream_id, head.body_bytes)
        self._streams[stream_id] = stream
        stream.receiver = self._application.open(stream, head)
        if ends_stream:
            self._take(stream, b"", is_last=True)

    def _read_body(self, flags: int, stream_id: int, payload: bytes) -> None:
        length = len(payload)
        self._receive_window -= length
        if self._receive_window < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more than the window allows")
        self._uncredited_bytes += length
        if self._uncredited_bytes >= CONNECTION_WINDOW // 2:
            self.sending.control(window_update(0, self._uncredited_bytes))
            self._receive_window += self._uncredited_bytes
            self._uncredited_bytes = 0
        stream = self._streams.get(stream_id)
        if stream is None:
            self._check_late(stream_id)
            return
        if stream.is_remote_closed:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED)
        stream.receive_window -= length
        if stream.receive_window < 0:
            raise StreamFault(stream_id, ErrorCode.FLOW_CONTROL_ERROR)
        if flags & PADDED:
            payload = unpadded(flags, payload)
            self.credit(stream, length - len(payload))
        is_last = bool(flags & END_STREAM)
        if not payload and not is_last:
            self._lose_patience()
        if stream.is_credited and not is_last:
            self.credit(stream, len(payload))
        self._take(stream, payload, is_last=is_last)

    def _take(self, stream: Stream, piece: bytes, *, is_last: bool) -> None:
        if stream.body_bytes_left is not None:
            stream.body_bytes_left -= len(piece)
            if stream.body_bytes_left < 0 or (is_last and stream.body_bytes_left):
                raise StreamFault(stream.id, ErrorCode.PROTOCOL_ERROR)
        stream.is_remote_closed = is_last
        stream.receiver.take(piece, is_last=is_last)

    def _check_late(self, stream_id: int) -> None:
        """Overlook a frame of a stream that we ended; any other is against the rules."""
        if stream_id in self._ended_early or (self._has_left and stream_id > self._last_stream_id):
            self._lose_patience()
        elif not stream_id or stream_id > self._last_stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "DATA on a stream that is not open")
        else:
            raise ConnectionFault(ErrorCode.STREAM_CLOSED, "DATA on a closed stream")

    def _read_reset(self, _flags: int, stream_id: int, payload: bytes) -> None:
        self._check_length(payload, U32.size)
        self._check_not_idle(stream_id)
        self._lose_patience()
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self._drop(stream)
            if self._has_left and not self._streams:
                self.is_over = True

    # ------------------------------------------------------------------------------- the connection
    def _read_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & ACK:
            self._check_length(payload, 0)
            return
        if len(payload) % SETTING.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong length")
        self._has_settings = True
        self._lose_patience()
        for name, value in SETTING.iter_unpack(payload):
            self._set(name, value)
        self.sending.control(frame(SETTINGS, ACK, 0))

    def _set(self, name: int, value: int) -> None:
        match name:
            case frames.HEADER_TABLE_SIZE:
                if value < _TABLE_SIZE_DEFAULT:
                    self.sending.owe_size_update()
            case frames.ENABLE_PUSH if value > 1:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
            case frames.INITIAL_WINDOW_SIZE:
                self._lose_patience(len(self._streams) // 16)
                self.sending.change_stream_windows(value, self._streams)
            case frames.MAX_FRAME_SIZE if value not in _FRAME_SIZES:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of range")
            case frames.MAX_HEADER_LIST_SIZE:
                self.peer_header_list_bytes_max = value
            case _:
                pass  # no pushes, no frames beyond the smallest maximum; others mean nothing to us

    def _read_push(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a client does not push")

    def _read_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        self._check_length(payload, _PING_BYTES)
        if flags & ACK:
            if payload == _LAST_PING and self._is_leaving:
                self.leave_now()
            return
        self._lose_patience()
        self._count_ping()
        self.sending.control(frame(PING, ACK, 0, payload))

    def _count_ping(self) -> None:
        answers = self.sending.answer_count
        if answers != self._answers_at_ping:
            self._ping_strikes = 0
        elif self._beats_since_ping < PING_BEATS_MIN:
            self._ping_strikes += 1
            if self._ping_strikes > PING_STRIKES_MAX:
                raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings")
        self._answers_at_ping = answers
        self._beats_since_ping = 0

    def _read_goaway(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(payload) < 2 * U32.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of a wrong length")
        # It names our streams, which do not exist. Its own are answered; then it will close.
        self._lose_patience()

    def _read_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        self._check_length(payload, U32.size)
        increment = int.from_bytes(payload) & WINDOW_MAX
        if not stream_id:
            if not increment:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
            self.sending.enlarge_window(increment)
            return
        self._check_not_idle(stream_id)
        if not increment:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR)
        stream = self._streams.get(stream_id)
        if stream is not None:
            self.sending.enlarge_stream_window(stream, increment)

    def _read_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY of stream 0")
        self._lose_patience()
        if len(payload) != _PRIORITY_BYTES:
            raise StreamFault(stream_id, ErrorCode.FRAME_SIZE_ERROR)
        self._check_priority(stream_id, payload)

    # --------------------------------------------------------------------------------------- checks
    def _check_priority(self, stream_id: int, payload: bytes) -> None:
        # Priorities mean nothing to us, as RFC 9113 recommends; only their form is checked.
        if len(payload) < _PRIORITY_BYTES:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "no room for a priority")
        if U32.unpack_from(payload)[0] & STREAM_MASK == stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")

    def _check_length(self, payload: bytes, length: int) -> None:
        if len(payload) != length:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a frame of a wrong length")

    def _check_not_idle(self, stream_id: int) -> None:
        if not stream_id or (stream_id > self._last_stream_id and not self._has_left):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame of a stream that is not open")
