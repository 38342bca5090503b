"""The way out: frames that wait to be written, and answers that wait for windows.

Owns flow control towards the peer. What can go at once goes as finished frames; what cannot waits
in its stream, and is framed when a window opens and the socket has taken what came before. Must not
know when a stream may be answered.
"""

from collections.abc import Callable
from typing import Final

from indelible.wire.http2.bounds import (
    BURST_BYTES_MAX,
    FRAME_BYTES_MAX,
    OUTPUT_BYTES_MAX,
    WINDOW_DEFAULT,
    WINDOW_MAX,
)
from indelible.wire.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADER,
    HEADERS,
    ConnectionFault,
    ErrorCode,
    StreamFault,
    frame,
    header_frames,
)
from indelible.wire.http2.header_blocks import SIZE_UPDATE_TO_ZERO
from indelible.wire.http2.stream import Stream

_HEADERS_OF_ANSWER: Final = END_HEADERS
_TRAILERS_OF_ANSWER: Final = END_HEADERS | END_STREAM


class Sending:
    """The outgoing half of one connection."""

    def __init__(self, wake: Callable[[], None], finish: Callable[[Stream], None]) -> None:
        """Start with the windows of RFC 9113.

        `wake` is called when there is something to write again, perhaps several times; `finish`
        when a stream has sent its last frame.
        """
        self._wake = wake
        self._finish = finish
        self._output: list[bytes] = []
        self._output_bytes = 0
        self._window = WINDOW_DEFAULT
        self._stream_window = WINDOW_DEFAULT
        self._waiting: dict[int, Stream] = {}
        self._owes_size_update = False
        self._pending_bytes = 0
        self.answer_count = 0
        """Frames of answers, ever; pings are weighed against it."""

    # ---------------------------------------------------------------------------------- the shell
    def take_output(self) -> bytes:
        """Return what is to be written now; empty if nothing."""
        output = self._output
        if not output:
            return b""
        joined = output[0] if len(output) == 1 else b"".join(output)
        self._output = []
        self._output_bytes = 0
        return joined

    @property
    def backlog_bytes(self) -> int:
        """What waits for the socket or for windows."""
        return self._output_bytes + self._pending_bytes

    def pump(self) -> None:
        """Frame what waits, as far as windows and the bound of the output allow."""
        while self._waiting and self._window > 0 and self._output_bytes < OUTPUT_BYTES_MAX:
            has_moved = False
            for stream in tuple(self._waiting.values()):
                has_moved |= self._send_burst(stream)
            if not has_moved:
                return

    # ----------------------------------------------------------------------------------- commands
    def control(self, frames: bytes) -> None:
        """Write frames that need no window."""
        if not self._output:
            self._wake()
        self._output.append(frames)
        self._output_bytes += len(frames)

    def open_stream(self, stream_id: int, body_bytes: int | None) -> Stream:
        """Return a new stream with the window that the peer gives to each."""
        return Stream(stream_id, send_window=self._stream_window, body_bytes=body_bytes)

    def answer(self, stream: Stream, headers: bytes, body: bytes, trailers: bytes) -> None:
        """Send a whole answer."""
        length = len(body)
        if (
            length > FRAME_BYTES_MAX
            or length > self._window
            or length > stream.send_window
            or len(trailers) > FRAME_BYTES_MAX
            or self._owes_size_update
        ):
            self.headers(stream, headers)
            self.body(stream, body)
            self.trailers(stream, trailers)
            return
        # The usual case, in one piece.
        self._window -= length
        pack = HEADER.pack
        stream_id = stream.id
        header_length = len(headers)
        trailer_length = len(trailers)
        self.answer_count += 1
        self.control(
            b"".join(
                (
                    pack(
                        header_length >> 8,
                        header_length & 0xFF,
                        HEADERS,
                        _HEADERS_OF_ANSWER,
                        stream_id,
                    ),
                    headers,
                    pack(length >> 8, length & 0xFF, DATA, 0, stream_id),
                    body,
                    pack(
                        trailer_length >> 8,
                        trailer_length & 0xFF,
                        HEADERS,
                        _TRAILERS_OF_ANSWER,
                        stream_id,
                    ),
                    trailers,
                )
            )
        )
        self._finish(stream)

    def headers(self, stream: Stream, block: bytes, *, ends_stream: bool = False) -> None:
        """Send a header block."""
        if self._owes_size_update:
            self._owes_size_update = False
            block = SIZE_UPDATE_TO_ZERO + block
        self.answer_count += 1
        stream.has_begun = True
        self.control(
            header_frames(stream.id, block, ends_stream=ends_stream, bytes_max=FRAME_BYTES_MAX)
        )
        if ends_stream:
            self._finish(stream)

    def body(self, stream: Stream, piece: bytes) -> None:
        """Send a piece of an answer, or let it wait for a window."""
        stream.outbox.append(memoryview(piece))
        stream.outbox_bytes += len(piece)
        self._pending_bytes += len(piece)
        self._waiting[stream.id] = stream
        self._send_burst(stream)

    def trailers(self, stream: Stream, block: bytes) -> None:
        """End an answer, after whatever of it still waits."""
        if stream.outbox:
            stream.trailers = block
        else:
            self.headers(stream, block, ends_stream=True)

    def forget(self, stream: Stream) -> None:
        """Drop what waits of a stream."""
        self._pending_bytes -= stream.outbox_bytes
        stream.outbox.clear()
        stream.outbox_bytes = 0
        self._waiting.pop(stream.id, None)

    # ------------------------------------------------------------------------ what the peer allows
    def enlarge_window(self, increment: int) -> None:
        """Let all streams together send more. Raises `ConnectionFault`."""
        if self._window + increment > WINDOW_MAX:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window beyond its maximum")
        self._window += increment
        self._wake_if_waiting()

    def enlarge_stream_window(self, stream: Stream, increment: int) -> None:
        """Let one stream send more. Raises `StreamFault`."""
        if stream.send_window + increment > WINDOW_MAX:
            raise StreamFault(stream.id, ErrorCode.FLOW_CONTROL_ERROR)
        stream.send_window += increment
        self._wake_if_waiting()

    def change_stream_windows(self, window: int, streams: dict[int, Stream]) -> None:
        """Give each stream, present and future, another initial window. It may become negative."""
        change = window - self._stream_window
        if window > WINDOW_MAX or any(
            stream.send_window + change > WINDOW_MAX for stream in streams.values()
        ):
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window beyond its maximum")
        self._stream_window = window
        for stream in streams.values():
            stream.send_window += change
        self._wake_if_waiting()

    def owe_size_update(self) -> None:
        """Tell the peer with the next header block that its dynamic table is not used."""
        self._owes_size_update = True

    # ------------------------------------------------------------------------------------- framing
    def _wake_if_waiting(self) -> None:
        # The shell pumps before it writes.
        if self._waiting:
            self._wake()

    def _send_burst(self, stream: Stream) -> bool:
        """Frame a stream's next pieces; whether any went."""
        burst = 0
        outbox = stream.outbox
        while outbox and burst < BURST_BYTES_MAX and self._output_bytes < OUTPUT_BYTES_MAX:
            piece = outbox[0]
            room = min(len(piece), stream.send_window, self._window, FRAME_BYTES_MAX)
            if room <= 0 < len(piece):
                return burst > 0
            self._send_piece(stream, piece, max(room, 0))
            burst += room + 1
        if not outbox:
            del self._waiting[stream.id]
            if stream.trailers is not None:
                self.headers(stream, stream.trailers, ends_stream=True)
            else:
                stream.receiver.drain()
        return burst > 0

    def _send_piece(self, stream: Stream, piece: memoryview, length: int) -> None:
        self.control(frame(DATA, 0, stream.id, bytes(piece[:length])))
        self.answer_count += 1
        self._window -= length
        stream.send_window -= length
        stream.outbox_bytes -= length
        self._pending_bytes -= length
        if length == len(piece):
            stream.outbox.popleft()
        else:
            stream.outbox[0] = piece[length:]
