"""The `/metrics` endpoint: one page, by plain HTTP.

Owns the listener of the metrics port. It is fifty lines on asyncio's streams because anything else
would bring a thread or a web framework for one page. Must not know what is on the page.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_REQUEST_BYTES_MAX: Final = 16 * 1024
_REQUEST_SECONDS_MAX: Final = 10
_PATHS: Final = frozenset({"/metrics", "/"})


class MetricsEndpoint:
    """Serves what `render` returns; every connection is closed after its one answer."""

    def __init__(self, render: Callable[[], bytes], content_type: str) -> None:
        self._render = render
        self._content_type = content_type
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Bind and return the port (a free one if 0 was given). Raises OSError if it is taken."""
        self._server = await asyncio.start_server(
            self._answer, host, port, limit=_REQUEST_BYTES_MAX
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener; answers under way are not waited for."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS_MAX):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # A client that does not finish its question gets no answer, and is no event.
        finally:
            writer.close()

    def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return _page("405 Method Not Allowed", "text/plain", b"GET only\n")
        if path not in _PATHS:
            return _page("404 Not Found", "text/plain", b"the metrics are at /metrics\n")
        page = _page("200 OK", self._content_type, self._render())
        return page if method == "GET" else page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _page(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
