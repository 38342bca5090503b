"""What a well-behaved peer meets: frames in, frames out."""

import pytest
from hpack import Encoder

from indelible.wire.http2.bounds import (
    BACKLOG_BYTES_MAX,
    CONNECTION_WINDOW,
    FRAME_BYTES_MAX,
    PATIENCE_MAX,
    PATIENCE_PER_BEAT,
    PING_BEATS_MIN,
    STREAM_WINDOW,
)
from indelible.wire.http2.frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTING,
    SETTINGS,
    ErrorCode,
    frame,
    rst_stream,
    window_update,
)
from indelible.wire.http2.header_blocks import encoded
from tests.wire.http2.peer import HELLO, REQUEST, TRAILERS, Peer, greeted, plain

PIECE = b"x" * FRAME_BYTES_MAX
PROBE = frame(PING, 0, 0, b"12345678")
LAST_PING_ANSWERED = frame(PING, 1, 0, b"lastping")
WINDOW = 65_535
WHOLE_ANSWER = ["HEADERS 1 1", "DATA 1 3", "HEADERS 1 15 END"]


def set_to(name: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, SETTING.pack(name, value))


def lengths(told: list[str]) -> list[int]:
    return [int(line.split()[2]) for line in told if line.startswith("DATA")]


# ------------------------------------------------------------------------------------------ reading
def test_it_introduces_itself_before_the_peer_does() -> None:
    assert Peer().told() == [
        "SETTINGS 0",
        f"WINDOW_UPDATE 0 {CONNECTION_WINDOW - WINDOW}",
    ]


def test_a_request_and_its_answer() -> None:
    peer = greeted()
    assert peer.say(peer.request(flags=0x4), frame(DATA, 1, 1, b"abc")) == []
    (exchange,) = peer.exchanges
    assert (exchange.request.method, exchange.request.path) == (b"POST", b"/a.b.C/D")
    assert exchange.request.fields == {b"te": b"trailers", b"content-type": b"application/grpc"}
    assert (exchange.body, exchange.is_complete) == (b"abc", True)
    assert peer.answer(body=b"xyz") == WHOLE_ANSWER
    assert peer.connection.is_idle
    assert not exchange.is_lost


def test_it_does_not_matter_how_the_bytes_are_cut() -> None:
    said = HELLO + plain(flags=0x4) + frame(DATA, 0, 1, b"abc") + frame(DATA, 1, 1, b"d")
    for size in (1, 2, 7, 10, len(said)):
        peer = Peer()
        for at in range(0, len(said), size):
            peer.say(said[at : at + size])
        assert peer.exchanges[0].body == b"abcd", size
        assert peer.exchanges[0].is_complete


def test_headers_may_come_in_pieces_with_padding_and_priority() -> None:
    block = encoded(REQUEST)
    peer = greeted()
    peer.say(
        frame(HEADERS, 0x29, 1, b"\x03" + b"\0\0\0\x07\x10" + block[:20] + b"\0\0\0"),
        frame(CONTINUATION, 0, 1, block[20:30]),
        frame(CONTINUATION, 0, 1),
        frame(CONTINUATION, 4, 1, block[30:]),
    )
    assert peer.exchanges[0].request.path == b"/a.b.C/D"
    assert peer.exchanges[0].is_complete


def test_trailers_end_a_request() -> None:
    peer = greeted()
    peer.say(plain(flags=4), frame(DATA, 0, 1, b"abc"), plain((b"checksum", b"1")))
    assert (peer.exchanges[0].body, peer.exchanges[0].is_complete) == (b"abc", True)


def test_padding_is_no_part_of_a_body_but_of_the_window() -> None:
    peer = greeted()
    peer.say(plain(flags=4))
    padded = frame(DATA, 8, 1, b"\xff" + b"ab" + b"\0" * 255)
    count = STREAM_WINDOW // 2 // 258 + 1
    assert peer.say(padded * count)[0].startswith("WINDOW_UPDATE 1 ")
    assert peer.exchanges[0].body == b"ab" * count


def test_fields_that_come_twice_are_joined() -> None:
    peer = greeted()
    peer.say(plain(*REQUEST, (b"a", b"1"), (b"a", b"2")))
    assert peer.exchanges[0].request.fields[b"a"] == b"1,2"


def test_what_nobody_knows_is_ignored() -> None:
    peer = greeted()
    said = (frame(0xB, 7, 9, b"abc"), set_to(0x99, 1), frame(PRIORITY, 0, 9, b"\0\0\0\0\0"))
    assert peer.say(*said, frame(GOAWAY, 0, 0, b"\0" * 8), PROBE) == [
        "SETTINGS 0 ACK",
        "PING 0 ACK",
    ]


def test_a_reset_request_is_lost_once() -> None:
    peer = greeted()
    peer.say(plain(), rst_stream(1, ErrorCode.CANCEL), rst_stream(1, ErrorCode.CANCEL))
    assert peer.exchanges[0].is_lost
    assert peer.connection.is_idle


def test_a_lost_connection_loses_all_requests() -> None:
    peer = greeted()
    peer.say(plain(), plain(stream=3))
    peer.connection.lose()
    assert [exchange.is_lost for exchange in peer.exchanges] == [True, True]


def test_an_answer_before_the_end_of_the_request_stops_it() -> None:
    peer = greeted()
    peer.say(plain(flags=4), frame(DATA, 0, 1, b"abc"))
    assert peer.answer(body=b"xyz") == [*WHOLE_ANSWER, "RST_STREAM 1 NO_ERROR"]
    # What was on the way is overlooked, but headers still change the table.
    trailers = frame(HEADERS, 5, 1, peer.encoder.encode([(b"some", b"trailer")]))
    assert peer.say(frame(DATA, 0, 1, b"late"), trailers, peer.request(stream=3)) == []
    assert peer.exchanges[1].request.path == b"/a.b.C/D"


# --------------------------------------------------------------------------------- remembered heads
def test_blocks_that_repeat_are_read_once() -> None:
    peer = greeted()
    for stream in (1, 3, 5, 7):
        peer.say(peer.request(stream=stream))
    # The first changes the table, the second is all indices, and so are the others.
    assert peer.application.head_count == 2
    assert len({exchange.request.path for exchange in peer.exchanges}) == 1


def test_the_same_block_means_something_else_when_the_table_has_changed() -> None:
    block = encoded(REQUEST) + b"\xbe"  # the newest entry of the table
    peer = greeted()
    peer.say(
        frame(HEADERS, 5, 1, encoded(REQUEST) + b"\x40\x01a\x011"),  # a: 1, to be indexed
        frame(HEADERS, 5, 3, block),
        frame(HEADERS, 5, 5, block),
        frame(HEADERS, 5, 7, encoded(REQUEST) + b"\x40\x01b\x012"),
        frame(HEADERS, 5, 9, block),
    )
    fields = [exchange.request.fields for exchange in peer.exchanges]
    assert [(b"a" in each, b"b" in each) for each in fields] == [
        *[(True, False)] * 3,
        *[(False, True)] * 2,
    ]
    assert peer.application.head_count == 4


def test_a_block_that_resizes_the_table_is_read_each_time() -> None:
    peer = greeted()
    peer.say(peer.request(*REQUEST, (b"custom", b"1"), stream=1))
    emptying = b"\x20\x3f\xe1\x1f" + encoded(REQUEST)  # to nothing, then to 4,096 again
    for stream in (3, 5):
        peer.say(frame(HEADERS, 5, stream, emptying))
    assert peer.application.head_count == 3
    # Index 62 would be the entry that the first request made.
    assert peer.say(frame(HEADERS, 5, 7, encoded(REQUEST) + b"\xbe")) == [
        "GOAWAY 0 7 COMPRESSION_ERROR"
    ]


def test_an_encoder_that_evicts_is_followed() -> None:
    peer = greeted()
    for number in range(200):
        field = (b"request-id", str(number % 90).encode() * 40)
        peer.say(peer.request(*REQUEST, field, stream=2 * number + 1))
        assert peer.exchanges[-1].request.fields[b"request-id"] == field[1]


# ----------------------------------------------------------------------------------------- windows
@pytest.mark.slow
def test_what_was_read_may_be_sent_again() -> None:
    peer = greeted()
    peer.say(plain(flags=4))
    told = [peer.say(frame(DATA, 0, 1, PIECE)) for _ in range(600)]
    updates = [line.split() for lines in told for line in lines]
    assert sum(int(update[2]) for update in updates if update[1] == "1") >= 8 * STREAM_WINDOW
    assert sum(int(update[2]) for update in updates if update[1] == "0") >= CONNECTION_WINDOW // 2


def test_a_body_that_is_not_read_keeps_the_peer_waiting() -> None:
    peer = greeted()
    peer.say(plain(flags=4))
    stream = peer.exchanges[0].stream
    stream.is_credited = False
    for _ in range(STREAM_WINDOW // FRAME_BYTES_MAX):
        assert peer.say(frame(DATA, 0, 1, PIECE)) == []
    peer.connection.credit(stream, STREAM_WINDOW)
    assert peer.told() == [f"WINDOW_UPDATE 1 {STREAM_WINDOW}"]


def test_an_answer_waits_for_the_window_of_its_stream() -> None:
    peer = greeted()
    peer.say(set_to(4, 10), window_update(0, 2**20), plain())
    assert peer.answer(body=b"x" * 25) == ["HEADERS 1 1", "DATA 1 10"]
    assert peer.say(window_update(1, 10)) == ["DATA 1 10"]
    assert peer.say(set_to(4, 12)) == ["SETTINGS 0 ACK", "DATA 1 2"]
    assert peer.say(window_update(1, 100)) == ["DATA 1 3", "HEADERS 1 15 END"]
    assert peer.exchanges[0].stream.is_ended


def test_a_window_may_become_negative() -> None:
    peer = greeted()
    peer.say(plain())
    told = peer.answer(body=b"x" * (WINDOW + 5))
    assert sum(lengths(told)) == WINDOW
    peer.say(window_update(0, 1000))
    assert lengths(peer.say(set_to(4, WINDOW - 10))) == []
    assert lengths(peer.say(window_update(1, 10))) == []
    assert lengths(peer.say(window_update(1, 5))) == [5]


def test_an_answer_waits_for_the_window_of_the_connection() -> None:
    peer = greeted()
    peer.say(set_to(4, 2**20), plain(), plain(stream=3))
    told = peer.answer(0, b"x" * 2**17)
    assert sum(lengths(told)) == WINDOW
    assert max(lengths(told)) <= FRAME_BYTES_MAX
    assert lengths(peer.answer(1, b"y" * 2**17)) == []
    told = peer.say(window_update(0, 2**17))
    sent = {
        stream: sum(lengths([one for one in told if f" {stream} " in one])) for stream in (1, 3)
    }
    assert sum(sent.values()) == 2**17
    assert min(sent.values()) > 0, "both streams have their turn"


def test_a_slow_reader_is_refused_further_requests() -> None:
    peer = greeted()
    peer.say(set_to(4, 2**31 - 1), plain())
    peer.connection.sending.answer(
        peer.exchanges[0].stream, b"\x88", b"x" * (BACKLOG_BYTES_MAX + 2**17), TRAILERS
    )
    assert peer.say(plain(stream=3))[-1] == "RST_STREAM 3 REFUSED_STREAM"


def test_large_answers_are_framed_as_the_socket_takes_them() -> None:
    peer = greeted()
    peer.say(set_to(4, 2**30), window_update(0, 2**30), plain())
    sending = peer.connection.sending
    sending.answer(peer.exchanges[0].stream, b"\x88", b"x" * 2**22, TRAILERS)
    sizes = []
    while output := sending.take_output():
        sizes.append(len(output))
        sending.pump()
    assert max(sizes) < 300_000
    assert sum(sizes) > 2**22
    assert sending.backlog_bytes == 0
    assert peer.exchanges[0].stream.is_ended


def test_a_reset_frees_what_waits() -> None:
    peer = greeted()
    peer.say(plain())
    peer.answer(body=b"x" * 2**20)
    assert peer.connection.sending.backlog_bytes > 0
    peer.say(rst_stream(1, ErrorCode.CANCEL), window_update(0, 2**20))
    assert peer.connection.sending.backlog_bytes == 0


def test_pieces_of_an_answer_tell_when_they_are_gone() -> None:
    peer = greeted()
    peer.say(set_to(4, 5), plain())
    exchange = peer.exchanges[0]
    sending = peer.connection.sending
    sending.headers(exchange.stream, b"\x88")
    sending.body(exchange.stream, b"1234567")
    assert exchange.drained_count == 0
    assert peer.say(window_update(1, 5)) == ["HEADERS 1 1", "DATA 1 5", "DATA 1 2"]
    assert exchange.drained_count == 1
    sending.trailers(exchange.stream, TRAILERS)
    assert peer.told() == ["HEADERS 1 15 END"]


def test_long_trailers_are_continued() -> None:
    peer = greeted()
    peer.say(plain())
    block = encoded([(b"grpc-status-details-bin", b"x" * 20_000)])
    peer.connection.sending.answer(peer.exchanges[0].stream, b"\x88", b"", block)
    assert peer.told()[2:] == [f"HEADERS 1 {FRAME_BYTES_MAX} END", "CONTINUATION 1 3645"]


def test_a_peer_that_shrinks_its_table_is_told_that_we_use_none() -> None:
    peer = greeted()
    peer.say(set_to(1, 0), plain(), plain(stream=3))
    sending = peer.connection.sending
    peer.decoder.max_allowed_table_size = 0
    sending.answer(peer.exchanges[0].stream, b"\x88", b"", TRAILERS)
    written = sending.take_output()
    assert written[9:11] == b"\x20\x88"
    sending.answer(peer.exchanges[1].stream, b"\x88", b"", TRAILERS)
    assert sending.take_output()[9:10] == b"\x88"


# ------------------------------------------------------------------------------- pings and patience
def test_pings_are_answered_but_not_in_haste() -> None:
    peer = greeted()
    assert peer.say(PROBE) == ["PING 0 ACK"]
    assert peer.say(PROBE, PROBE) == ["PING 0 ACK", "PING 0 ACK"]
    assert peer.say(PROBE) == ["GOAWAY 0 0 ENHANCE_YOUR_CALM"]


def test_patient_pings_are_always_answered() -> None:
    peer = greeted()
    for _ in range(100):
        for _ in range(PING_BEATS_MIN):
            peer.connection.beat()
        assert peer.say(PROBE) == ["PING 0 ACK"]


def test_pings_after_answers_are_always_answered() -> None:
    peer = greeted()
    for number in range(100):
        peer.say(plain(stream=2 * number + 1))
        peer.answer(-1)
        assert peer.say(PROBE) == ["PING 0 ACK"]


def calm(peer: Peer, said: bytes, count: int) -> bool:
    return all("ENHANCE_YOUR_CALM" not in "".join(peer.say(said)) for _ in range(count))


@pytest.mark.slow
def test_floods_end_the_connection() -> None:
    floods = {
        "settings": (frame(SETTINGS, 0, 0), PATIENCE_MAX + 1),
        "priorities": (frame(PRIORITY, 0, 9, b"\0\0\0\0\0"), PATIENCE_MAX + 1),
        "unknown frames": (frame(0xFF, 0, 0), PATIENCE_MAX + 1),
        "empty pieces": (frame(DATA, 0, 1), PATIENCE_MAX + 1),
    }
    for name, (said, count) in floods.items():
        peer = greeted()
        peer.say(plain(flags=4))
        assert calm(peer, said, 100), name
        assert not calm(peer, said, count), name


@pytest.mark.slow
def test_rapid_resets_end_the_connection() -> None:
    peer = greeted()
    numbers = range(1, 2 * PATIENCE_MAX + 100, 2)
    assert not all(
        calm(peer, plain(stream=number) + rst_stream(number, ErrorCode.CANCEL), 1)
        for number in numbers
    )


@pytest.mark.slow
def test_patience_comes_back_with_time_and_answers() -> None:
    peer = greeted()
    for _ in range(100):
        assert calm(peer, frame(SETTINGS, 0, 0), PATIENCE_PER_BEAT)
        peer.connection.beat()
    for number in range(1, 2_000, 2):
        assert calm(peer, frame(SETTINGS, 0, 0) * 10, 1)
        peer.say(plain(stream=number))
        peer.answer(-1)


# ------------------------------------------------------------------------------------------ leaving
def test_leaving_lets_requests_on_the_way_be_answered() -> None:
    peer = greeted()
    peer.say(plain())
    peer.connection.leave()
    assert peer.told() == [f"GOAWAY 0 {2**31 - 1} NO_ERROR", "PING 0"]
    assert peer.say(plain(stream=3)) == []
    assert peer.say(LAST_PING_ANSWERED) == ["GOAWAY 0 3 NO_ERROR"]
    # Whoever goes on is ignored, but its headers are read.
    assert peer.say(peer.request(stream=5), frame(DATA, 1, 5, b"x"), window_update(5, 1)) == []
    assert len(peer.exchanges) == 2
    peer.answer(0)
    assert not peer.connection.is_over
    peer.answer(1)
    assert peer.connection.is_over


def test_leaving_without_requests_is_quick() -> None:
    peer = greeted()
    peer.connection.leave()
    peer.connection.leave()
    assert peer.told() == [f"GOAWAY 0 {2**31 - 1} NO_ERROR", "PING 0"]
    peer.say(LAST_PING_ANSWERED)
    assert peer.connection.is_over


def test_a_reset_of_the_last_request_ends_a_connection_that_leaves() -> None:
    peer = greeted()
    peer.say(plain())
    peer.connection.leave_now()
    assert not peer.connection.is_over
    peer.say(rst_stream(1, ErrorCode.CANCEL))
    assert peer.connection.is_over


def test_a_sign_of_life_can_be_asked_for() -> None:
    peer = greeted()
    peer.connection.ping()
    assert peer.told() == ["PING 0"]
    assert peer.say(frame(PING, 1, 0, b"are you?")) == []
    assert peer.connection.was_heard


def test_its_headers_are_understood_by_others() -> None:
    fields = [(b"a", b""), (b"grpc-message", b"x" * 126), (b"c", b"y" * 127), (b"d", b"z" * 40_000)]
    decoder = Peer().decoder
    decoder.max_header_list_size = 2**20
    assert [tuple(pair) for pair in decoder.decode(encoded(fields), raw=True)] == fields


def test_the_encoder_of_these_tests_uses_the_table() -> None:
    assert Encoder().encode([(b"a", b"b")])[0] & 0xC0 == 0x40
    assert (PREFACE, RST_STREAM) == (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 3)
