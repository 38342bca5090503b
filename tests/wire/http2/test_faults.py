"""What a peer does wrong, and how it ends: a table in the order of RFC 9113."""

from collections.abc import Sequence

import pytest

from indelible.wire.http2.bounds import (
    CONNECTION_WINDOW,
    FRAME_BYTES_MAX,
    HEADER_FRAMES_MAX,
    STREAM_WINDOW,
    STREAMS_MAX,
)
from indelible.wire.http2.frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    window_update,
)
from indelible.wire.http2.header_blocks import Field, encoded
from tests.wire.http2.peer import HELLO, REQUEST, Peer, greeted, plain

OPEN = plain(flags=0x4)
COMPLETE = plain()
BLOCK = encoded(REQUEST)
MIB = b"x" * FRAME_BYTES_MAX


def set_to(name: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, SETTING.pack(name, value))


def without(name: bytes) -> bytes:
    return plain(*(field for field in REQUEST if field[0] != name))


def plus(*fields: Field) -> bytes:
    return plain(*REQUEST, *fields)


CONNECTION_FAULTS: dict[str, tuple[Sequence[bytes], str]] = {
    # 3.4 the preface
    "HTTP/1.1": ([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], "PROTOCOL_ERROR"),
    "a wrong last byte": ([PREFACE[:-1] + b"X"], "PROTOCOL_ERROR"),
    "no settings": ([PREFACE, frame(PING, 0, 0, b"12345678")], "PROTOCOL_ERROR"),
    "an acknowledgement first": ([PREFACE, frame(SETTINGS, 1, 0)], "PROTOCOL_ERROR"),
    # 4.2 size of frames
    "a frame too large": ([HELLO, frame(DATA, 0, 1, MIB + b"x")], "FRAME_SIZE_ERROR"),
    # 4.3 header blocks
    "an index of nothing": ([HELLO, frame(HEADERS, 4, 1, b"\xff\xff\x00")], "COMPRESSION_ERROR"),
    "a block that is cut off": ([HELLO, frame(HEADERS, 4, 1, b"\x00\x05ab")], "COMPRESSION_ERROR"),
    "a frame within a block": (
        [HELLO, frame(HEADERS, 0, 1, BLOCK), frame(PING, 0, 0, b"12345678")],
        "PROTOCOL_ERROR",
    ),
    "a block continued elsewhere": (
        [HELLO, frame(HEADERS, 0, 1, BLOCK), frame(CONTINUATION, 4, 3)],
        "PROTOCOL_ERROR",
    ),
    "a block without end": (
        [HELLO, frame(HEADERS, 0, 1, BLOCK), *[frame(CONTINUATION, 0, 1)] * HEADER_FRAMES_MAX],
        "ENHANCE_YOUR_CALM",
    ),
    "a block too large": (
        [HELLO, frame(HEADERS, 0, 1, MIB), *[frame(CONTINUATION, 0, 1, MIB)] * 8],
        "ENHANCE_YOUR_CALM",
    ),
    "a list too large": (
        [HELLO, frame(HEADERS, 4, 1, b"\x40\x01a\x7f\x80\x1e" + b"v" * 3_967 + b"\xbe" * 60)],
        "ENHANCE_YOUR_CALM",
    ),
    # 5.1 states and numbers of streams
    "DATA on an idle stream": ([HELLO, frame(DATA, 0, 1, b"x")], "PROTOCOL_ERROR"),
    "RST_STREAM of an idle stream": ([HELLO, frame(RST_STREAM, 0, 1, b"\0" * 4)], "PROTOCOL_ERROR"),
    "WINDOW_UPDATE of an idle stream": ([HELLO, window_update(1, 1)], "PROTOCOL_ERROR"),
    "an even number": ([HELLO, plain(stream=2)], "PROTOCOL_ERROR"),
    "a number that went back": ([HELLO, plain(stream=3), plain(stream=1)], "STREAM_CLOSED"),
    "DATA after a reset of its own": (
        [HELLO, OPEN, frame(RST_STREAM, 0, 1, b"\0\0\0\x08"), frame(DATA, 0, 1, b"x")],
        "STREAM_CLOSED",
    ),
    # 6 the frames
    "DATA on stream 0": ([HELLO, frame(DATA, 0, 0, b"x")], "PROTOCOL_ERROR"),
    "more padding than payload": ([HELLO, OPEN, frame(DATA, 8, 1, b"\x05abc")], "PROTOCOL_ERROR"),
    "padding of nothing": ([HELLO, OPEN, frame(DATA, 8, 1)], "FRAME_SIZE_ERROR"),
    "HEADERS on stream 0": ([HELLO, frame(HEADERS, 4, 0, BLOCK)], "PROTOCOL_ERROR"),
    "a priority that is cut off": ([HELLO, frame(HEADERS, 0x24, 1, b"abc")], "FRAME_SIZE_ERROR"),
    "PRIORITY of stream 0": ([HELLO, frame(PRIORITY, 0, 0, b"12345")], "PROTOCOL_ERROR"),
    "RST_STREAM of stream 0": ([HELLO, frame(RST_STREAM, 0, 0, b"\0" * 4)], "PROTOCOL_ERROR"),
    "RST_STREAM too short": ([HELLO, OPEN, frame(RST_STREAM, 0, 1, b"\0")], "FRAME_SIZE_ERROR"),
    "SETTINGS on a stream": ([HELLO, frame(SETTINGS, 0, 1)], "PROTOCOL_ERROR"),
    "SETTINGS of five bytes": ([HELLO, frame(SETTINGS, 0, 0, b"12345")], "FRAME_SIZE_ERROR"),
    "an acknowledgement that says more": (
        [HELLO, frame(SETTINGS, 1, 0, b"1" * 6)],
        "FRAME_SIZE_ERROR",
    ),
    "ENABLE_PUSH 2": ([HELLO, set_to(2, 2)], "PROTOCOL_ERROR"),
    "INITIAL_WINDOW_SIZE too large": ([HELLO, set_to(4, 2**31)], "FLOW_CONTROL_ERROR"),
    "MAX_FRAME_SIZE too small": ([HELLO, set_to(5, 16_383)], "PROTOCOL_ERROR"),
    "MAX_FRAME_SIZE too large": ([HELLO, set_to(5, 2**24)], "PROTOCOL_ERROR"),
    "PUSH_PROMISE": ([HELLO, frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2")], "PROTOCOL_ERROR"),
    "PING on a stream": ([HELLO, frame(PING, 0, 1, b"12345678")], "PROTOCOL_ERROR"),
    "PING too short": ([HELLO, frame(PING, 0, 0, b"1234567")], "FRAME_SIZE_ERROR"),
    "GOAWAY on a stream": ([HELLO, frame(GOAWAY, 0, 1, b"\0" * 8)], "PROTOCOL_ERROR"),
    "GOAWAY too short": ([HELLO, frame(GOAWAY, 0, 0, b"\0" * 7)], "FRAME_SIZE_ERROR"),
    "WINDOW_UPDATE too short": ([HELLO, frame(WINDOW_UPDATE, 0, 0, b"\0")], "FRAME_SIZE_ERROR"),
    "WINDOW_UPDATE by nothing": ([HELLO, window_update(0, 0)], "PROTOCOL_ERROR"),
    "a window beyond its maximum": ([HELLO, window_update(0, 2**31 - 1)], "FLOW_CONTROL_ERROR"),
    "a stream's window set too large": (
        [HELLO, OPEN, window_update(1, 2**31 - 1 - 65_535), set_to(4, 65_536)],
        "FLOW_CONTROL_ERROR",
    ),
    "CONTINUATION of nothing": ([HELLO, frame(CONTINUATION, 4, 1, BLOCK)], "PROTOCOL_ERROR"),
}


@pytest.mark.parametrize("name", CONNECTION_FAULTS)
def test_a_fault_of_the_connection_ends_it_and_says_why(name: str) -> None:
    said, code = CONNECTION_FAULTS[name]
    peer = Peer()
    told = peer.say(*said)
    assert told[-1].startswith("GOAWAY")
    assert told[-1].endswith(f" {code}")
    assert peer.connection.is_over
    assert all(exchange.is_lost for exchange in peer.exchanges)
    assert peer.say(frame(PING, 0, 0, b"12345678")) == []


STREAM_FAULTS: dict[str, tuple[Sequence[bytes], str]] = {
    # 5.1 states
    "DATA after the end": ([COMPLETE, frame(DATA, 0, 1, b"x")], "STREAM_CLOSED"),
    "HEADERS after the end": ([COMPLETE, plain()], "STREAM_CLOSED"),
    "trailers that end nothing": ([OPEN, plain((b"a", b"b"), flags=0x4)], "PROTOCOL_ERROR"),
    "trailers with a pseudo-field": ([OPEN, plain((b":path", b"/"))], "PROTOCOL_ERROR"),
    # 6 the frames
    "PRIORITY of four bytes": ([COMPLETE, frame(PRIORITY, 0, 1, b"1234")], "FRAME_SIZE_ERROR"),
    "WINDOW_UPDATE by nothing": ([COMPLETE, window_update(1, 0)], "PROTOCOL_ERROR"),
    "a window beyond its maximum": ([COMPLETE, window_update(1, 2**31 - 1)], "FLOW_CONTROL_ERROR"),
    # 8 the requests
    "a name in capitals": ([plus((b"X-A", b"b"))], "PROTOCOL_ERROR"),
    "a name of nothing": ([plus((b"", b"b"))], "PROTOCOL_ERROR"),
    "a value with a line's end": ([plus((b"a", b"b\nc"))], "PROTOCOL_ERROR"),
    "a value with spaces around": ([plus((b"a", b" b"))], "PROTOCOL_ERROR"),
    "connection": ([plus((b"connection", b"close"))], "PROTOCOL_ERROR"),
    "transfer-encoding": ([plus((b"transfer-encoding", b"chunked"))], "PROTOCOL_ERROR"),
    "te: gzip": ([plus((b"te", b"gzip"))], "PROTOCOL_ERROR"),
    "an unknown pseudo-field": ([plain((b":a", b"b"), *REQUEST)], "PROTOCOL_ERROR"),
    "a pseudo-field of answers": ([plain((b":status", b"200"), *REQUEST)], "PROTOCOL_ERROR"),
    "a pseudo-field after the others": ([plus((b":path", b"/"))], "PROTOCOL_ERROR"),
    "a pseudo-field twice": ([plain(REQUEST[0], *REQUEST)], "PROTOCOL_ERROR"),
    "no method": ([without(b":method")], "PROTOCOL_ERROR"),
    "no scheme": ([without(b":scheme")], "PROTOCOL_ERROR"),
    "no path": ([without(b":path")], "PROTOCOL_ERROR"),
    "an empty path": ([plain((b":path", b""), *REQUEST[:2], *REQUEST[3:])], "PROTOCOL_ERROR"),
    "a content length of words": ([plus((b"content-length", b"ten"))], "PROTOCOL_ERROR"),
    "more than the content length": (
        [plain(*REQUEST, (b"content-length", b"2"), flags=0x4), frame(DATA, 0, 1, b"abc")],
        "PROTOCOL_ERROR",
    ),
    "less than the content length": (
        [plain(*REQUEST, (b"content-length", b"2"), flags=0x4), frame(DATA, 1, 1, b"a")],
        "PROTOCOL_ERROR",
    ),
    "no body for a content length": ([plus((b"content-length", b"2"))], "PROTOCOL_ERROR"),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_of_a_stream_ends_that_one_only(name: str) -> None:
    said, code = STREAM_FAULTS[name]
    peer = greeted()
    assert peer.say(*said) == [f"RST_STREAM 1 {code}"]
    assert all(exchange.is_lost for exchange in peer.exchanges)
    # Its late frames are overlooked, and the next request is a request.
    peer.say(frame(DATA, 0, 1, b"late"), plain(stream=3))
    assert peer.answer(-1) == ["HEADERS 3 1", "DATA 3 0", "HEADERS 3 15 END"]


def test_a_stream_that_depends_on_itself_is_refused() -> None:
    for said in (frame(PRIORITY, 0, 5, b"\0\0\0\x05\0"), frame(HEADERS, 0x25, 5, b"\0\0\0\x05\0")):
        assert greeted().say(said) == ["GOAWAY 0 0 PROTOCOL_ERROR"]


def test_more_than_the_windows_is_refused() -> None:
    peer = greeted()
    peer.say(plain(flags=0x4))
    peer.exchanges[0].stream.is_credited = False
    for _ in range(STREAM_WINDOW // FRAME_BYTES_MAX):
        assert peer.say(frame(DATA, 0, 1, MIB)) == []
    assert peer.say(frame(DATA, 0, 1, b"x")) == ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
    assert CONNECTION_WINDOW > STREAM_WINDOW


@pytest.mark.slow
def test_more_streams_than_allowed_are_refused_and_may_be_tried_again() -> None:
    peer = greeted()
    for number in range(STREAMS_MAX):
        assert peer.say(plain(stream=2 * number + 1)) == []
    assert peer.say(plain(stream=2 * STREAMS_MAX + 1)) == [
        f"RST_STREAM {2 * STREAMS_MAX + 1} REFUSED_STREAM"
    ]
    assert len(peer.exchanges) == STREAMS_MAX
