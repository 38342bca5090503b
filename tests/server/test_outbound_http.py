"""Calls to elsewhere, against a real listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from indelible.base.instants import seconds
from indelible.ports.outbound import AnswerTooLargeError, OutboundError, OutboundResponse
from indelible.runtime.outbound_http import OutboundHttp
from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Route
from tests.server_process import free_port
from tests.wire.http_listening import http_listening


class Elsewhere:
    """Answers with what it is asked, late or not at all if the path says so."""

    def __init__(self) -> None:
        self.peers = set[str]()
        self.left = asyncio.Event()

    async def echo(self, request: Request) -> Response:
        self.peers.add(request.peer)
        headers = [("mark", request.header("mark")), ("location", "/never")]
        return Response(status=302, headers=headers, body=request.body)

    async def silence(self, _request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return Response()

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[tuple[OutboundHttp, str]]:
        routes = [
            Route(method="POST", pattern="/echo", answer=self.echo),
            Route(method="POST", pattern="/silence", answer=self.silence),
        ]
        outbound = OutboundHttp()
        async with http_listening(routes) as http:
            try:
                yield outbound, f"http://127.0.0.1:{http.port}"
            finally:
                await outbound.close()


async def post(
    outbound: OutboundHttp, url: str, *, body: bytes = b"body", patience: float = 10
) -> OutboundResponse:
    return await outbound.post(
        url,
        headers=[("mark", "1")],
        body=body,
        patience=seconds(patience),
        answer_bytes_max=100_000,
    )


async def test_an_answer_comes_whole_over_a_connection_that_stays() -> None:
    elsewhere = Elsewhere()
    async with elsewhere.reached() as (outbound, base):
        for _ in range(2):
            answer = await post(outbound, f"{base}/echo", body=b"x" * 100_000)
            # A redirection is not followed: it could lead to where nobody was allowed to go.
            assert (answer.status, answer.header("mark")) == (302, "1")
            assert answer.body == b"x" * 100_000
    assert len(elsewhere.peers) == 1


async def test_an_answer_is_bounded() -> None:
    async with Elsewhere().reached() as (outbound, base):
        with pytest.raises(AnswerTooLargeError):
            await post(outbound, f"{base}/echo", body=b"x" * 100_001)
        assert (await post(outbound, f"{base}/echo")).body == b"body"


async def test_who_does_not_answer_is_left() -> None:
    elsewhere = Elsewhere()
    async with elsewhere.reached() as (outbound, base):
        # The first call makes the connection, which takes a while.
        await post(outbound, f"{base}/echo")
        with pytest.raises(OutboundError, match="timed out"):
            await post(outbound, f"{base}/silence", patience=0.1)
        async with asyncio.timeout(5):
            await elsewhere.left.wait()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "http://127.0.0.1:port/",
        "http:///nowhere",
        "http://[::/",
    ],
)
async def test_a_url_that_leads_nowhere_is_an_error(url: str) -> None:
    async with Elsewhere().reached() as (outbound, _):
        with pytest.raises(OutboundError):
            await post(outbound, url)


async def test_a_port_on_which_nobody_listens_is_an_error() -> None:
    async with Elsewhere().reached() as (outbound, _):
        with pytest.raises(OutboundError):
            await post(outbound, f"http://127.0.0.1:{free_port()}/")
