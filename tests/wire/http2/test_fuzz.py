"""Whatever comes, a connection answers by the rules, keeps its bounds and lets go of everything."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from indelible.wire.http2.bounds import BACKLOG_BYTES_MAX, STREAMS_MAX
from indelible.wire.http2.frames import HEADER, PREFACE, SETTINGS, frame
from indelible.wire.http2.header_blocks import encoded
from tests.wire.http2.peer import HELLO, REQUEST, Peer, plain, spelt

pytestmark = pytest.mark.slow

_BLOCKS = st.one_of(
    st.just(encoded(REQUEST)),
    st.binary(max_size=60),
    st.builds(
        lambda fields: encoded([*REQUEST, *fields]),
        st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=3),
    ),
)
_STREAMS = st.integers(0, 12) | st.integers(0, 2**31 - 1)
_ANY_FRAMES = st.builds(
    frame,
    st.integers(0, 11),
    st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x2D]) | st.integers(0, 255),
    _STREAMS,
    _BLOCKS | st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4)) | st.binary(),
)
_REQUESTS = st.builds(
    lambda number, flags: plain(stream=number, flags=flags),
    st.sampled_from(range(1, 14, 2)),
    st.sampled_from([0x4, 0x5]),
)
_CHUNKS = st.lists(st.integers(1, 200), min_size=1, max_size=8)


def check(said: bytes, cuts: Sequence[int]) -> None:
    """Send it in pieces, answer now and then, and end."""
    peer = Peer()
    at = number = 0
    while at < len(said):
        size = cuts[number % len(cuts)]
        peer.connection.receive(said[at : at + size])
        at += size
        number += 1
        answered = [one for one in peer.exchanges if one.is_complete and not one.stream.is_ended]
        for exchange in answered[: number % 3]:
            peer.connection.sending.answer(exchange.stream, b"\x88", b"x" * 50, encoded(REQUEST))
        assert peer.connection.sending.backlog_bytes <= BACKLOG_BYTES_MAX
    list(spelt(peer.connection.sending.take_output()))  # whole frames, all of them
    open_count = sum(not exchange.stream.is_ended for exchange in peer.exchanges)
    assert open_count <= STREAMS_MAX
    assert peer.connection.is_idle == (not open_count)
    peer.connection.lose()
    assert peer.connection.is_idle
    assert all(exchange.stream.is_ended for exchange in peer.exchanges)
    assert peer.connection.sending.backlog_bytes == 0


@given(st.binary(max_size=400), _CHUNKS)
def test_any_bytes(said: bytes, cuts: Sequence[int]) -> None:
    check(said, cuts)
    check(PREFACE + said, cuts)
    check(HELLO + said, cuts)


@given(st.lists(_ANY_FRAMES | _REQUESTS, max_size=25), _CHUNKS)
def test_any_frames(said: Sequence[bytes], cuts: Sequence[int]) -> None:
    check(HELLO + b"".join(said), cuts)


@given(st.lists(_REQUESTS, min_size=1, max_size=8), st.data())
def test_frames_with_one_byte_changed(said: Sequence[bytes], draw: st.DataObject) -> None:
    whole = bytearray(HELLO + b"".join(said))
    at = draw.draw(st.integers(0, len(whole) - 1))
    whole[at] = draw.draw(st.integers(0, 255))
    check(bytes(whole), [len(whole)])


@given(st.lists(_ANY_FRAMES | _REQUESTS, max_size=25), _CHUNKS)
def test_how_the_bytes_are_cut_makes_no_difference(
    said: Sequence[bytes], cuts: Sequence[int]
) -> None:
    together, apart = Peer(), Peer()
    whole = HELLO + b"".join(said)
    expected = together.say(whole)
    told: list[str] = []
    at = number = 0
    while at < len(whole):
        size = cuts[number % len(cuts)]
        told += apart.say(whole[at : at + size])
        at += size
        number += 1
    assert told == expected


def test_the_fuzzed_frames_are_frames() -> None:
    assert HELLO.endswith(frame(SETTINGS, 0, 0))
    assert HEADER.size == 9
