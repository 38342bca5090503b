"""A door with TLS in front of a server: it lets clients in by certificate and notes their headers.

Owns the listener, in a thread of its own, and the reading of what clients send. The server behind
it speaks plain HTTP/2, so that a test of TLS needs nothing of ours but a running server.
"""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import trustme
from hpack import Decoder

from indelible.wire.http2.frames import HEADER, HEADERS, PREFACE

_CHUNK: Final = 65_536
NAME: Final = "shop.example"
"""The only name in the server's certificate."""


class Certificates:
    """An authority, and files of what it has signed for a server and a client."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        client = self.authority.issue_cert("till@shop.example")
        self.ca = folder / "ca.pem"
        self.cert = folder / "till.pem"
        self.key = folder / "till.key"
        self.authority.cert_pem.write_to_path(self.ca)
        client.cert_chain_pems[0].write_to_path(self.cert)
        client.private_key_pem.write_to_path(self.key)

    def server_context(self, *, asks_for_client: bool) -> ssl.SSLContext:
        """What a server with a certificate for `NAME` says and demands."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        self.authority.issue_cert(NAME).configure_cert(context)
        if asks_for_client:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Door:
    """Where clients knock, and what they said of themselves."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.calls: list[dict[str, str]] = []

    def call(self, method: str) -> dict[str, str]:
        """The headers of the last call of a method."""
        return next(one for one in reversed(self.calls) if one[":path"].endswith(f"/{method}"))


@contextmanager
def opened(behind: str, context: ssl.SSLContext) -> Iterator[Door]:
    """A door to the server behind it, as long as the block lasts."""
    host, _, port = behind.rpartition(":")
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    ready: list[Door] = []
    is_ready = threading.Event()
    inside: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside[asyncio.current_task()] = writer
        back_reader, back_writer = await asyncio.open_connection(host, int(port))
        heads = _Heads(ready[0].calls)
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(reader, back_writer, heads))
                group.create_task(_carry(back_reader, writer, None))

    async def serve() -> None:
        server = await asyncio.start_server(let_in, "127.0.0.1", 0, ssl=context)
        async with server:
            ready.append(Door(server.sockets[0].getsockname()[1]))
            is_ready.set()
            await stop.wait()
        for writer in inside.values():
            writer.transport.abort()
        await asyncio.gather(*filter(None, inside))

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_ready.wait(30), "the door did not open"
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, heads: "_Heads | None"
) -> None:
    while chunk := await source.read(_CHUNK):
        if heads is not None:
            heads.feed(chunk)
        target.write(chunk)
        await target.drain()
    target.close()


class _Heads:
    """Reads the headers of the calls on one connection. Clients here send them in one frame."""

    def __init__(self, calls: list[dict[str, str]]) -> None:
        self._calls = calls
        self._bytes = b""
        self._decoder = Decoder()
        self._is_greeted = False

    def feed(self, chunk: bytes) -> None:
        """Take what came."""
        self._bytes += chunk
        if not self._is_greeted and len(self._bytes) >= len(PREFACE):
            self._bytes = self._bytes.removeprefix(PREFACE)
            self._is_greeted = True
        while self._is_greeted and len(self._bytes) >= HEADER.size:
            high, low, kind, _, _ = HEADER.unpack(self._bytes[: HEADER.size])
            end = HEADER.size + (high << 8 | low)
            if len(self._bytes) < end:
                return
            if kind == HEADERS:
                fields = self._decoder.decode(self._bytes[HEADER.size : end])
                self._calls.append({str(name): str(value) for name, value in fields})
            self._bytes = self._bytes[end:]
