"""gRPC on the wire, byte by byte: what other clients than the usual ones may send."""

import asyncio
import gzip
import socket
import zlib

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings, strategies as st
from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    GetSystemInfoResponse,
)

from indelible.base.errors import NotFoundError
from indelible.base.instants import SECOND, Duration
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.ports.rpc import Call
from indelible.wire.grpc.messages import PREFIX, framed
from indelible.wire.http2.frames import (
    DATA,
    END_STREAM,
    PREFACE,
    SETTING,
    SETTINGS,
    ErrorCode,
    frame,
    rst_stream,
    window_update,
)
from tests.wire.listening import Listening, listening
from tests.wire.raw_client import RawClient, raw_client

FRAME = 16_384


async def system_info(_request: Message, call: Call) -> Message:
    return GetSystemInfoResponse(server_version=call.metadata.get("echo", ""))


HANDLERS = {"GetSystemInfo": system_info}


def said(body: str) -> str:
    """The version in an uncompressed answer of GetSystemInfo."""
    return GetSystemInfoResponse.FromString(body.encode("latin-1")[PREFIX.size :]).server_version


async def test_an_answer_is_what_grpc_says() -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        answer = await client.answer(client.call("GetSystemInfo", echo="hello"))
        assert said(answer.pop("body")) == "hello"
        assert answer == {
            ":status": "200",
            "content-type": "application/grpc",
            "grpc-status": "0",
        }


@pytest.mark.parametrize(
    ("header", "status", "code", "message"),
    [
        ({"content-type": "text/html"}, "415", "3", "unsupported content-type text/html"),
        (
            *({"content-type": "application/grpc-web"}, "415", "3"),
            "unsupported content-type application/grpc-web",
        ),
        ({"content-type": ""}, "415", "3", "unsupported content-type "),
        ({":method": "GET"}, "405", "12", "gRPC calls are POST requests"),
        ({"te": ""}, "400", "13", "te: trailers is missing; is there a proxy?"),
        ({"grpc-timeout": "1x"}, "400", "13", "malformed grpc-timeout 1x"),
        ({"grpc-timeout": "123456789S"}, "400", "13", "malformed grpc-timeout 123456789S"),
        ({"grpc-encoding": "br"}, "200", "12", "unknown grpc-encoding br"),
        ({":path": "/a/B"}, "200", "12", "unknown method B for service a"),
        ({":path": "/ä%"}, "200", "12", "unknown method %C3%A4%25 for service "),
        ({"x": "v" * 65_300}, "431", "8", "headers larger than max (65671 vs. 65536)"),
    ],
)  # fmt: skip
async def test_what_is_no_call_is_told_so(
    header: dict[str, str], status: str, code: str, message: str
) -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        stream = client.open("GetSystemInfo", more=header)
        client.send(frame(DATA, END_STREAM, stream, framed(b"")))
        answer = await client.answer(stream)
        assert (answer[":status"], answer["grpc-status"]) == (status, code)
        assert answer["grpc-message"] == message
        assert said((await client.answer(client.call("GetSystemInfo", echo="1")))["body"]) == "1"


async def test_an_unknown_compression_names_the_known_ones() -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        answer = await client.answer(client.call("GetSystemInfo", grpc_encoding="br"))
    assert answer["grpc-accept-encoding"] == "deflate,gzip,identity"


@pytest.mark.parametrize(
    "content_type",
    ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"],
)
async def test_the_names_of_the_content_are_several(content_type: str) -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        answer = await client.answer(client.call("GetSystemInfo", content_type=content_type))
    assert answer["grpc-status"] == "0"


def compressed(message: bytes) -> bytes:
    return PREFIX.pack(1, len(message)) + message


BIG = DescribeNamespaceRequest(namespace="x" * 10_000).SerializeToString()
BOMB = gzip.compress(b"\0" * (MESSAGE_BYTES_MAX + 1))


# Every case has a name of its own: what gzip writes names the time, and an id must not.
BODIES = {
    "gzip": ("gzip", compressed(gzip.compress(BIG)), "0", ""),
    "deflate": ("deflate", compressed(zlib.compress(BIG)), "0", ""),
    "uncompressed": ("gzip", framed(BIG), "0", ""),
    "bomb": (
        "gzip",
        compressed(BOMB),
        "8",
        "received message larger than max (4194305 vs. 4194304)",
    ),
    "no gzip": ("gzip", compressed(b"no gzip"), "13", "message cannot be decompressed"),
    "cut gzip": (
        "gzip",
        compressed(gzip.compress(BIG)[:-9]),
        "13",
        "message cannot be decompressed",
    ),
    "unnamed": ("identity", compressed(BIG), "13", "a compressed message without grpc-encoding"),
    "nothing": ("identity", b"", "13", "the request has no message"),
    "cut prefix": ("identity", b"\0\0\0", "13", "the request has no message"),
    "two messages": ("identity", framed(b"") * 2, "13", "the request is not exactly one message"),
    "cut message": ("identity", framed(BIG)[:-1], "13", "the request is not exactly one message"),
    "huge": ("identity", PREFIX.pack(0, 2**32 - 1), "8", "received message larger than max"),
}


@pytest.mark.parametrize(
    ("encoding", "body", "code", "message"), BODIES.values(), ids=BODIES.keys()
)
async def test_bodies(encoding: str, body: bytes, code: str, message: str) -> None:
    handlers = {"DescribeNamespace": same_name}
    async with listening(handlers) as wire, raw_client(wire.port) as client:
        for size in (FRAME, 1_000):
            stream = client.open("DescribeNamespace", more={"grpc-encoding": encoding})
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            client.send(*(frame(DATA, 0, stream, piece) for piece in pieces))
            client.send(frame(DATA, END_STREAM, stream))
            answer = await client.answer(stream)
            assert answer["grpc-status"] == code
            assert answer.get("grpc-message", "").startswith(message)


async def same_name(request: Message, _call: Call) -> Message:
    assert isinstance(request, DescribeNamespaceRequest)
    assert request.namespace in ("", "x" * 10_000)
    return DescribeNamespaceResponse()


async def test_a_message_that_will_be_too_large_is_refused_at_once() -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        stream = client.open("GetSystemInfo")
        client.send(frame(DATA, 0, stream, PREFIX.pack(0, 2**31)))
        answer = await client.answer(stream)
    assert answer["grpc-status"] == "8"


async def test_a_large_message_comes_through_both_ways() -> None:
    message = b"\x0a" + b"\x80\x80\x40" + b"y" * 2**20

    async def echo(request: Message, _call: Call) -> Message:
        assert isinstance(request, DescribeNamespaceRequest)
        return GetSystemInfoResponse(server_version=request.namespace)

    async with listening({"DescribeNamespace": echo}) as wire, raw_client(wire.port) as client:
        client.send(frame(SETTINGS, 0, 0, SETTING.pack(4, 2**30)), window_update(0, 2**30))
        stream = client.open("DescribeNamespace")
        body = framed(message)
        for at in range(0, len(body), FRAME):
            client.send(frame(DATA, 0, stream, body[at : at + FRAME]))
        client.send(frame(DATA, END_STREAM, stream))
        assert len(said((await client.answer(stream))["body"])) == 2**20


async def test_details_that_the_peer_has_no_room_for_are_left_out() -> None:
    async def refuse(_request: Message, _call: Call) -> Message:
        raise NotFoundError("gone", NotFoundFailure(current_cluster="c" * 3_000))

    async with listening({"GetSystemInfo": refuse}) as wire, raw_client(wire.port) as client:
        answer = await client.answer(client.call("GetSystemInfo"))
        assert len(answer["grpc-status-details-bin"]) > 3_000
        client.send(frame(SETTINGS, 0, 0, SETTING.pack(6, 1_000)))
        answer = await client.answer(client.call("GetSystemInfo"))
    assert (answer["grpc-status"], answer["grpc-message"]) == ("5", "gone")
    assert "grpc-status-details-bin" not in answer


class Waiting:
    """A handler that waits, and what became of it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def answer(self, _request: Message, _call: Call) -> Message:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("unreachable")


@pytest.mark.slow
async def test_a_deadline_is_kept_for_callers_that_do_not() -> None:
    waiting = Waiting()
    async with (
        listening({"GetSystemInfo": waiting.answer}) as wire,
        raw_client(wire.port) as client,
    ):
        answer = await client.answer(client.call("GetSystemInfo", grpc_timeout="10m"))
        await waiting.cancelled.wait()
    assert (answer["grpc-status"], answer["grpc-message"]) == ("4", "Deadline exceeded")


@pytest.mark.parametrize("way", ["reset", "close", "break a rule"])
async def test_whoever_goes_away_is_not_answered(way: str) -> None:
    waiting = Waiting()
    async with (
        listening({"GetSystemInfo": waiting.answer}) as wire,
        raw_client(wire.port) as client,
    ):
        stream = client.call("GetSystemInfo")
        await waiting.entered.wait()
        match way:
            case "reset":
                client.send(rst_stream(stream, ErrorCode.CANCEL))
            case "close":
                client.writer.close()
            case _:
                client.send(frame(SETTINGS, 0, 1))
        async with asyncio.timeout(2):
            await waiting.cancelled.wait()


async def test_a_stop_tells_connections_to_leave() -> None:
    async with listening(HANDLERS) as wire, raw_client(wire.port) as client:
        await client.answer(client.call("GetSystemInfo"))
        async with asyncio.TaskGroup() as group:
            group.create_task(wire.server.stop(Duration(5 * SECOND)))
            assert (await client.answer(99))["goaway"] == "NO_ERROR"
            late = await client.answer(client.call("GetSystemInfo"))
            assert (late["grpc-status"], late["grpc-message"]) == (
                "14",
                "The server is shutting down.",
            )
            assert await client.is_closed()


@pytest.mark.slow
async def test_a_slow_reader_holds_nobody_up() -> None:
    """It asks for more than it reads; others are served, and its own calls go on when it reads."""

    async def large(_request: Message, _call: Call) -> Message:
        return GetSystemInfoResponse(server_version="z" * 2**20)

    handlers = {"DescribeNamespace": large, **HANDLERS}
    async with listening(handlers) as wire, raw_client(wire.port) as slow:
        slow.send(frame(SETTINGS, 0, 0, SETTING.pack(4, 2**30)), window_update(0, 2**30))
        streams = [slow.call("DescribeNamespace") for _ in range(10)]
        await serves(wire)
        bodies: dict[int, int] = dict.fromkeys(streams, 0)
        ended = 0
        while ended < len(streams):
            kind, flags, stream, payload = await slow.frame()
            if kind == DATA:
                bodies[stream] += len(payload)
            ended += bool(stream and flags & END_STREAM)
        assert min(bodies.values()) > 2**20


async def test_answers_wait_for_no_receipt() -> None:
    """Small frames leave at once, also behind others that the peer has not acknowledged yet."""
    async with (
        listening({"DescribeNamespace": same_name}) as wire,
        raw_client(wire.port) as client,
    ):
        await client.answer(client.call("DescribeNamespace"))
        [session] = wire.server._sessions
        assert session._transport is not None
        connection: socket.socket = session._transport.get_extra_info("socket")
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_ipv6_peers_are_named() -> None:
    peers: list[str] = []

    async def note(_request: Message, call: Call) -> Message:
        peers.append(call.peer)
        return GetSystemInfoResponse()

    async with (
        listening({"GetSystemInfo": note}, host="::1") as wire,
        raw_client(wire.port, "::1") as client,
    ):
        await client.answer(client.call("GetSystemInfo"))
    assert peers[0].startswith("ipv6:[::1]:")


async def test_all_interfaces_are_those_of_both_families() -> None:
    async with listening(HANDLERS, host="::") as wire:
        for host in ("127.0.0.1", "::1"):
            async with raw_client(wire.port, host) as client:
                answer = await client.answer(client.call("GetSystemInfo"))
                assert answer["grpc-status"] == "0"


async def serves(wire: Listening) -> None:
    async with raw_client(wire.port) as client:
        answer = await client.answer(client.call("GetSystemInfo", echo="still here"))
        assert said(answer["body"]) == "still here"


FRAMES = st.builds(
    frame,
    st.integers(0, 10),
    st.integers(0, 255),
    st.integers(0, 9),
    st.binary(max_size=40) | st.just(framed(b"")),
)


@pytest.mark.slow
def test_no_bytes_take_the_server_down() -> None:
    async def check(chunks: list[bytes]) -> None:
        async with listening(HANDLERS) as wire:
            async with raw_client(wire.port) as client:
                opened = client.call("GetSystemInfo")
                for chunk in chunks:
                    client.send(chunk)
                    await asyncio.sleep(0)  # noqa: TID251 - lets the chunk be one of its own
                assert opened
            await serves(wire)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.lists(FRAMES | st.binary(max_size=60), max_size=12))
    def fuzz(chunks: list[bytes]) -> None:
        asyncio.run(check(chunks))

    fuzz()


async def test_a_client_of_another_protocol_is_told_and_closed() -> None:
    async with listening(HANDLERS) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client = RawClient(reader, writer)
        assert (await client.answer(1))["goaway"] == "PROTOCOL_ERROR"
        assert await client.is_closed()
        writer.close()
        await serves(wire)
    assert PREFACE.startswith(b"PRI")
