"""A real HTTP listener with chosen routes, and a plain client for it.

Owns the pair. It must not know what a test asks.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11

from indelible.base.instants import Duration
from indelible.runtime.system_clock import SystemClock
from indelible.wire.http.routes import Route
from indelible.wire.http.server import HttpServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the listener answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One connection, used as long as it is kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)

    async def ask(
        self,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Reply:
        if self._protocol.our_state is h11.DONE:
            self._protocol.start_next_cycle()
        all_headers = [("host", "test"), ("content-length", str(len(body))), *headers]
        head = h11.Request(method=method, target=target, headers=all_headers)
        self.send(self._protocol.send(head) or b"")
        if body:
            self.send(self._protocol.send(h11.Data(data=body)) or b"")
        self._protocol.send(h11.EndOfMessage())
        return await self.reply()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def reply(self) -> Reply:
        status, headers, parts = 0, dict[str, str](), list[bytes]()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(65_536))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return Reply(status=status, headers=headers, body=b"".join(parts))

    async def ended(self) -> bool:
        """Wait until the listener closes the connection."""
        return not await self._reader.read()

    def leave(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpListening:
    """A listener and the way to it."""

    server: HttpServer
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def ask(
        self,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Reply:
        async with self.client() as client:
            return await client.ask(method, target, body=body, headers=headers)


@asynccontextmanager
async def http_listening(
    routes: Iterable[Route], *, is_open: bool = True
) -> AsyncIterator[HttpListening]:
    """Serve these routes until the body ends."""
    server = HttpServer(routes, clock=SystemClock())
    port = await server.listen("127.0.0.1", 0)
    if is_open:
        server.open()
    try:
        yield HttpListening(server=server, port=port)
    finally:
        await server.stop(Duration(0))
