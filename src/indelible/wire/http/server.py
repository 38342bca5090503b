"""The HTTP listener: which routes it serves, and how it starts and stops.

Owns the socket, its connections and what becomes of a route's own defect. Must not know what a
route does.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Final

import structlog

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.instants import Duration
from indelible.ports.clock import Clock
from indelible.wire.calls.gate import Gate
from indelible.wire.calls.status import status_of
from indelible.wire.http.connection import Connection
from indelible.wire.http.messages import Request, Response, refusal
from indelible.wire.http.routes import Route, Routes

CONNECTIONS_MAX: Final = 1_000
_BACKLOG: Final = 128
_SENDING_SECONDS: Final = 0.2
"""For the last bytes of the last answers."""
_log: Final = structlog.get_logger("indelible.wire")


class HttpServer:
    """One listener for all routes of a node. To be made in the event loop that runs it."""

    def __init__(
        self, routes: Iterable[Route], *, clock: Clock, tls: ssl.SSLContext | None = None
    ) -> None:
        self._routes = Routes(routes)
        self._clock = clock
        self._tls = tls
        self._gate = Gate()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._emptied = asyncio.Event()

    async def listen(self, host: str, port: int) -> int:
        """Bind, start, and return the port (a free one if 0 was given).

        Requests are answered 503 until `open`. Raises OSError if the port cannot be had.
        """
        self._server = await asyncio.start_server(
            self._serve, host, port, ssl=self._tls, backlog=_BACKLOG
        )
        return int(self._server.sockets[0].getsockname()[1])

    def open(self) -> None:
        """Let requests in."""
        self._gate.open()

    async def stop(self, grace: Duration) -> None:
        """Refuse new requests, wait for those under way, and close every connection.

        What is left after `grace` is cut off.
        """
        if self._server is None:
            return
        if grace:
            await self._gate.close(grace)
        self._server.close()
        if grace:
            for connection in self._connections:
                connection.end()
            await self._until_empty(_SENDING_SECONDS)
        for connection in self._connections:
            connection.abort()
        await self._until_empty(_SENDING_SECONDS)

    async def _until_empty(self, seconds: float) -> None:
        if not self._connections:
            return
        emptied = self._emptied = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await emptied.wait()
        except TimeoutError:
            return

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        connection = Connection(reader, writer, answer=self._answer, clock=self._clock)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._emptied.set()

    async def _answer(self, request: Request) -> Response:
        try:
            self._gate.enter()
        except ServiceError as error:
            return refusal(error.code, error.message)
        try:
            return await self._routed(request)
        except Exception as error:  # noqa: BLE001 - the edge of a request: one request fails
            status = status_of(error)
            if status.is_masked:
                _log.error(
                    "request failed",
                    operation=f"{request.method} {request.path}",
                    answer=status.message,
                    exc_info=error,
                )
            return refusal(status.code, status.message)
        finally:
            self._gate.leave()

    async def _routed(self, request: Request) -> Response:
        try:
            found = self._routes.find(request.method, request.path)
        except UnicodeDecodeError:
            return refusal(StatusCode.INVALID_ARGUMENT, "the path is not UTF-8")
        if found is not None:
            return await found.route.answer(request.at(found.variables))
        allowed = self._routes.methods_of(request.path)
        if not allowed:
            return refusal(StatusCode.NOT_FOUND, "Not Found")
        return refusal(StatusCode.UNIMPLEMENTED, "Method Not Allowed")
