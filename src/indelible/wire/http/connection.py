"""One connection: bytes to requests, responses to bytes, one after the other.

Owns the grammar of HTTP/1.1 (which is h11's), the bounds on what a client may send and how long it
may take, and noticing that it has gone. Must not know what a request asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Final

import h11

from indelible.base.errors import StatusCode
from indelible.base.instants import SECOND
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.ports.clock import Clock
from indelible.wire.http.messages import Request, Response, refusal

HEAD_BYTES_MAX: Final = 64 * 1024
"""Request line and headers; as many as gRPC's metadata."""
REQUEST_SECONDS_MAX: Final = 60
"""From the first byte of a request to its last."""
IDLE_SECONDS_MAX: Final = 120
_READ_BYTES: Final = 64 * 1024
_LINGERING_SECONDS: Final = 1


class _TooLargeError(Exception):
    """The body is larger than any request may be."""


class Connection:
    """Reads requests, has them answered by `answer`, and writes what it returns.

    `answer` must not raise. It is cancelled when the client closes the connection.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answer: Callable[[Request], Awaitable[Response]],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._clock = clock
        self._peer = _peer_text(writer)
        self._is_head = False
        self._is_busy = False
        self._is_ending = False
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        try:
            while await self._exchange() and not self._is_ending:
                self._protocol.start_next_cycle()
        except (TimeoutError, OSError):
            return  # A client that went away, or that does not finish its request, is no event.
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            await self._refuse(refusal(StatusCode.INVALID_ARGUMENT, str(error), status=status))
        except _TooLargeError:
            text = f"the body has more than {MESSAGE_BYTES_MAX} bytes"
            await self._refuse(refusal(StatusCode.INVALID_ARGUMENT, text, status=413))
        finally:
            self._writer.close()

    def end(self) -> None:
        """Close the connection, after the response under way if there is one."""
        self._is_ending = True
        if not self._is_busy:
            self._writer.close()

    def abort(self) -> None:
        """Close the connection now; what it was answering is cancelled."""
        self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """Answer one request. Returns whether another may follow."""
        request = await self._next_request()
        if request is None:
            return False
        self._is_busy = True
        response = await self._answer_while_heard(request)
        if response is None:
            return False
        await self._send(response)
        self._is_busy = False
        return self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE

    # ------------------------------------------------------------------------------------ reading
    async def _next_request(self) -> Request | None:
        if not self._protocol.trailing_data[0]:
            async with asyncio.timeout(IDLE_SECONDS_MAX):
                if not await self._receive():
                    return None
        async with asyncio.timeout(REQUEST_SECONDS_MAX):
            head = await self._next_event()
            if not isinstance(head, h11.Request):
                return None
            body = await self._body()
            return self._request(head, body)

    async def _body(self) -> bytes:
        parts: list[bytes] = []
        left = MESSAGE_BYTES_MAX
        while True:
            if self._protocol.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            event = await self._next_event()
            if isinstance(event, h11.Data):
                left -= len(event.data)
                if left < 0:
                    raise _TooLargeError
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return b"".join(parts)

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event  # pyright: ignore[reportReturnType] - a sentinel is a class of its own
            await self._receive()

    async def _receive(self) -> bool:
        received = await self._reader.read(_READ_BYTES)
        self._protocol.receive_data(received)
        return bool(received)

    def _request(self, head: h11.Request, body: bytes) -> Request:
        self._is_head = head.method == b"HEAD"
        path, _, query = head.target.decode("latin-1").partition("?")
        return Request(
            method=head.method.decode("latin-1"),
            path=path,
            query=query,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers
            ),
            body=body,
            peer=self._peer,
        )

    # ---------------------------------------------------------------------------------- answering
    async def _answer_while_heard(self, request: Request) -> Response | None:
        # Whoever closes the connection does not want the answer: a long poll must not wait on.
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(_run(self._answer(request)))
            leaving = group.create_task(self._until_left())
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            answering.cancel()
            leaving.cancel()
        return None if answering.cancelled() else answering.result()

    async def _until_left(self) -> None:
        try:
            is_there = await self._receive()
        except OSError:
            return
        if is_there:
            # The next request came already. More is not read, so an end is not seen either.
            await asyncio.Event().wait()

    # ------------------------------------------------------------------------------------ writing
    async def _send(self, response: Response) -> None:
        date = formatdate(self._clock.now() / SECOND, usegmt=True)
        headers = [("date", date), ("content-length", str(len(response.body))), *response.headers]
        if self._is_ending:
            headers.append(("connection", "close"))
        self._write(h11.Response(status_code=response.status, headers=headers))
        # An answer to HEAD tells the length and brings no body.
        if response.body and not self._is_head:
            self._write(h11.Data(data=response.body))
        self._write(h11.EndOfMessage())
        await self._writer.drain()

    async def _refuse(self, response: Response) -> None:
        if self._protocol.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        self._is_ending = True
        try:
            await self._send(response)
            # Closing with bytes unread would reset the connection, and take the answer with it.
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_LINGERING_SECONDS):
                while await self._reader.read(_READ_BYTES):
                    pass
        except (TimeoutError, OSError):
            return

    def _write(self, event: h11.Event) -> None:
        self._writer.write(self._protocol.send(event) or b"")


async def _run(answering: Awaitable[Response]) -> Response:
    return await answering


def _peer_text(writer: asyncio.StreamWriter) -> str:
    host, port = writer.get_extra_info("peername")[:2]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
