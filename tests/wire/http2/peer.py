"""The other end of a connection, made of bytes: what it sends, and the frames that come back.

Owns the way from frames to bytes and back, and an application that echoes. It must not know how the
connection works.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hpack import Decoder, Encoder

from indelible.wire.http2 import frames
from indelible.wire.http2.connection import Connection
from indelible.wire.http2.frames import HEADER, PREFACE, SETTINGS, STREAM_MASK, frame
from indelible.wire.http2.header_blocks import Field, encoded
from indelible.wire.http2.requests import Request, parsed
from indelible.wire.http2.stream import Receiver, Stream

ANSWER = b"\x88"
TRAILERS = encoded([(b"grpc-status", b"0")])
REQUEST: tuple[Field, ...] = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a.b.C/D"),
    (b":authority", b"localhost"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
HELLO = PREFACE + frame(SETTINGS, 0, 0)
NAMES = {
    0x0: "DATA", 0x1: "HEADERS", 0x2: "PRIORITY", 0x3: "RST_STREAM", 0x4: "SETTINGS",
    0x5: "PUSH_PROMISE", 0x6: "PING", 0x7: "GOAWAY", 0x8: "WINDOW_UPDATE", 0x9: "CONTINUATION",
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """What the application makes of a request."""

    request: Request

    @property
    def body_bytes(self) -> int | None:
        return self.request.content_length


@dataclass
class Exchange:
    """One request as the application saw it; it answers when told to."""

    stream: Stream
    request: Request
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    is_lost: bool = False
    drained_count: int = 0

    def take(self, piece: bytes, *, is_last: bool) -> None:
        self.body += piece
        self.is_complete = is_last

    def lose(self) -> None:
        assert not self.is_lost
        self.is_lost = True

    def drain(self) -> None:
        self.drained_count += 1


@dataclass
class Recorder:
    """An application that answers nothing by itself."""

    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    head_count: int = 0

    def head(self, fields: list[Field]) -> Head:
        self.head_count += 1
        return Head(parsed(fields))

    def open(self, stream: Stream, head: Head) -> Receiver:
        exchange = Exchange(stream, head.request)
        self.exchanges.append(exchange)
        return exchange


class Peer:
    """A client that may do what it likes."""

    def __init__(self) -> None:
        self.application = Recorder()
        self.wake_count = 0
        self.connection = Connection(self.application, self._wake)
        self.encoder = Encoder()
        self.decoder = Decoder()

    def _wake(self) -> None:
        self.wake_count += 1

    @property
    def exchanges(self) -> list[Exchange]:
        return self.application.exchanges

    def say(self, *said: bytes) -> list[str]:
        """Send bytes; return the frames that come back, as `told` spells them."""
        self.connection.receive(b"".join(said))
        return self.told()

    def told(self) -> list[str]:
        """What has been written since the last time: `KIND stream what-matters`."""
        self.connection.sending.pump()
        return list(spelt(self.connection.sending.take_output()))

    def request(self, *fields: Field, stream: int = 1, flags: int = 0x5) -> bytes:
        """A HEADERS frame, by an encoder with a dynamic table."""
        return frame(frames.HEADERS, flags, stream, self.encoder.encode(fields or REQUEST))

    def answer(self, number: int = 0, body: bytes = b"") -> list[str]:
        self.connection.sending.answer(self.exchanges[number].stream, ANSWER, body, TRAILERS)
        return self.told()


def greeted() -> Peer:
    """A peer that has introduced itself; the greetings are out of the way."""
    peer = Peer()
    assert peer.say(HELLO)[0].startswith("SETTINGS 0")
    return peer


def plain(*fields: Field, stream: int = 1, flags: int = 0x5) -> bytes:
    """A HEADERS frame that needs no dynamic table."""
    return frame(frames.HEADERS, flags, stream, encoded(fields or REQUEST))


def spelt(written: bytes) -> Iterable[str]:
    """Spell frames so that a test can name them."""
    at = 0
    while at < len(written):
        high, low, kind, flags, stream = HEADER.unpack_from(written, at)
        at += HEADER.size
        payload = written[at : at + (high << 8 | low)]
        at += high << 8 | low
        assert at <= len(written), "a frame that is cut off"
        yield f"{NAMES[kind]} {stream & STREAM_MASK} {_gist(kind, flags, payload)}".rstrip()


def _gist(kind: int, flags: int, payload: bytes) -> str:
    numbers = [int.from_bytes(payload[at : at + 4]) for at in range(0, len(payload), 4)]
    match NAMES[kind]:
        case "GOAWAY":
            return f"{numbers[0]} {frames.ErrorCode(numbers[1]).name}"
        case "RST_STREAM":
            return frames.ErrorCode(numbers[0]).name
        case "WINDOW_UPDATE":
            return str(numbers[0])
        case "SETTINGS" | "PING":
            return "ACK" if flags & frames.ACK else ""
        case _:
            return f"{len(payload)}{' END' if flags & frames.END_STREAM else ''}"
