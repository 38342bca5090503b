"""The HTTP listener: what it takes, what it refuses, how it ends."""

import asyncio
import json
from typing import Final

import pytest

from indelible.base.errors import NotFoundError
from indelible.base.instants import Duration, seconds
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.wire.http import connection
from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Answer, Route
from tests.wire.http_listening import HttpListening, http_listening


async def echo(request: Request) -> Response:
    told = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "variables": dict(request.variables),
        "body": request.body.decode(),
        "trace": request.header("x-trace"),
    }
    return Response(headers=(("content-type", "application/json"),), body=json.dumps(told).encode())


async def fail(_request: Request) -> Response:
    raise ValueError("secret")


async def refuse(_request: Request) -> Response:
    raise NotFoundError("no such thing")


def route(answer: Answer, *methods: str) -> list[Route]:
    return [Route(method=one, pattern="/things/{id}", answer=answer) for one in methods or ("GET",)]


ECHO: Final = route(echo, "GET", "POST")


async def test_a_route_sees_the_whole_request() -> None:
    async with http_listening(ECHO) as http:
        reply = await http.ask(
            "POST", "/things/a%2Fb?x=1&y=%20", body=b"hello", headers=[("X-Trace", "t")]
        )
    assert reply.status == 200
    assert json.loads(reply.body) == {
        "method": "POST",
        "path": "/things/a%2Fb",
        "query": "x=1&y=%20",
        "variables": {"id": "a/b"},
        "body": "hello",
        "trace": "t",
    }
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["date"].endswith("GMT")


async def test_a_connection_serves_request_after_request() -> None:
    async with http_listening(ECHO) as http, http.client() as client:
        replies = [await client.ask("GET", f"/things/{number}") for number in range(3)]
    assert [json.loads(reply.body)["variables"]["id"] for reply in replies] == ["0", "1", "2"]


async def test_requests_that_came_together_are_answered_in_turn() -> None:
    async with http_listening(ECHO) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(
            b"GET /things/1 HTTP/1.1\r\nhost: a\r\n\r\n"
            b"GET /things/2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
        text = (await reader.read()).decode()
        writer.close()
    assert text.count("HTTP/1.1 200") == 2
    assert text.index('"id": "1"') < text.index('"id": "2"')


async def test_a_chunked_body_is_read_to_its_end() -> None:
    async with http_listening(ECHO) as http, http.client() as client:
        client.send(
            b"POST /things/1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n"
            b"expect: 100-continue\r\n\r\n"
        )
        client.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        reader_reply = await _raw_reply(client)
    assert json.loads(reader_reply)["body"] == "abcde"


async def _raw_reply(client: object) -> bytes:
    reader: asyncio.StreamReader = client._reader  # pyright: ignore[reportAttributeAccessIssue]
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 100")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return await reader.read(65_536)


@pytest.mark.parametrize(
    ("method", "target", "status", "told"),
    [
        ("GET", "/nowhere", 404, {"code": 5, "message": "Not Found"}),
        ("PUT", "/things/1", 501, {"code": 12, "message": "Method Not Allowed"}),
        ("GET", "/things/%ff", 400, {"code": 3, "message": "the path is not UTF-8"}),
    ],
)
async def test_what_has_no_route_is_refused(
    method: str, target: str, status: int, told: object
) -> None:
    async with http_listening(ECHO) as http:
        reply = await http.ask(method, target)
    assert (reply.status, json.loads(reply.body)) == (status, told)


async def test_a_refusal_has_its_status() -> None:
    async with http_listening(route(refuse)) as http:
        reply = await http.ask("GET", "/things/1")
    assert (reply.status, json.loads(reply.body)) == (
        404,
        {"code": 5, "message": "no such thing"},
    )


async def test_a_defect_is_masked_and_the_connection_lives() -> None:
    async with http_listening(route(fail)) as http, http.client() as client:
        first = await client.ask("GET", "/things/1")
        second = await client.ask("GET", "/things/1")
    assert (first.status, first.body) == (500, second.body)
    assert b"secret" not in first.body


async def test_an_answer_to_head_has_no_body() -> None:
    async with http_listening(route(echo, "HEAD")) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(b"HEAD /things/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        text = await reader.read()
        writer.close()
    assert text.startswith(b"HTTP/1.1 200")
    assert text.endswith(b"\r\n\r\n")
    assert b"content-length: 0" not in text.lower()


async def test_a_body_has_a_bound() -> None:
    async with http_listening(ECHO) as http:
        fits = await http.ask("POST", "/things/1", body=b"x" * MESSAGE_BYTES_MAX)
        reply = await http.ask("POST", "/things/1", body=b"x" * (MESSAGE_BYTES_MAX + 1))
    assert (fits.status, reply.status) == (200, 413)
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /things/1 HTTP/1.1\r\nhost: a\r\nlong: " + b"x" * connection.HEAD_BYTES_MAX, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /things/1 HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /things/1 HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", b"400"),
    ],
)
async def test_what_is_no_http_is_refused(request_bytes: bytes, status: bytes) -> None:
    async with http_listening(ECHO) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(request_bytes)
        writer.write_eof()
        text = await reader.read()
        writer.close()
    assert text.startswith(b"HTTP/1.1 " + status)


async def test_a_slow_request_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS_MAX", 0.01)
    async with http_listening(ECHO) as http, http.client() as client:
        client.send(b"GET /things/1 HTTP/1.1\r\n")
        assert await client.ended()


async def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS_MAX", 0.01)
    async with http_listening(ECHO) as http, http.client() as client:
        assert await client.ended()


async def test_connections_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indelible.wire.http.server.CONNECTIONS_MAX", 1)
    async with http_listening(ECHO) as http, http.client() as first:
        assert (await first.ask("GET", "/things/1")).status == 200
        async with http.client() as second:
            assert await second.ended()


class Slow:
    """An answer that waits until it may end, and knows whether it was cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def answer(self, _request: Request) -> Response:
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Response(body=b"done")


async def test_an_answer_that_nobody_waits_for_is_cancelled() -> None:
    slow = Slow()
    async with http_listening(route(slow.answer)) as http, http.client() as client:
        client.send(b"GET /things/1 HTTP/1.1\r\nhost: a\r\n\r\n")
        await slow.begun.wait()
        client.leave()
        await slow.cancelled.wait()


async def test_before_it_opens_everything_is_unavailable() -> None:
    async with http_listening(ECHO, is_open=False) as http:
        closed = await http.ask("GET", "/things/1")
        http.server.open()
        opened = await http.ask("GET", "/things/1")
    assert (closed.status, opened.status) == (503, 200)
    assert json.loads(closed.body) == {"code": 14, "message": "Frontend is not healthy yet"}


async def test_a_stop_lets_requests_end_and_refuses_others() -> None:
    slow = Slow()
    async with http_listening(route(slow.answer)) as http:
        async with asyncio.TaskGroup() as group:
            under_way = group.create_task(http.ask("GET", "/things/1"))
            await slow.begun.wait()
            stop = group.create_task(http.server.stop(seconds(5)))
            refused = group.create_task(_refused(http))
            await refused
            assert not stop.done()
            slow.may_end.set()
        assert (under_way.result().status, under_way.result().body) == (200, b"done")
        assert refused.result()
        with pytest.raises(OSError, match="Connect"):
            await http.ask("GET", "/things/1")


async def _refused(http: HttpListening) -> bool:
    reply = await http.ask("GET", "/things/1")
    return reply.status == 503


async def test_a_stop_without_grace_cuts_off() -> None:
    slow = Slow()
    async with http_listening(route(slow.answer)) as http, http.client() as client:
        client.send(b"GET /things/1 HTTP/1.1\r\nhost: a\r\n\r\n")
        await slow.begun.wait()
        await http.server.stop(Duration(0))
        assert slow.cancelled.is_set()
        assert await client.ended()


async def test_a_taken_port_is_told() -> None:
    async with http_listening(ECHO) as http:
        with pytest.raises(OSError, match="address already in use"):
            await http_server_on(http.port)


async def http_server_on(port: int) -> None:
    async with http_listening(ECHO) as other:
        await other.server.listen("127.0.0.1", port)
