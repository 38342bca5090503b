"""Calls to elsewhere over a bounded pool of connections; implements `ports.outbound.Outbound`.

The client library is imported by the first call, because most nodes make none.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from indelible.base.instants import Duration, in_seconds
from indelible.ports.outbound import AnswerTooLargeError, OutboundError, OutboundResponse

if TYPE_CHECKING:
    from httpcore import AsyncConnectionPool

CONNECTIONS_MAX: Final = 100
_IDLE_CONNECTIONS_MAX: Final = 20
_IDLE_SECONDS_MAX: Final = 30


class OutboundHttp:
    """To be used in one event loop, and closed in it."""

    def __init__(self) -> None:
        self._pool: AsyncConnectionPool | None = None

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        patience: Duration,
        answer_bytes_max: int,
    ) -> OutboundResponse:
        """Send a request and return what it was answered; raise `OutboundError` without answer."""
        import httpcore  # noqa: PLC0415 - see above

        failures = (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.UnsupportedProtocol,
            OSError,
            ValueError,
        )
        try:
            async with (
                asyncio.timeout(in_seconds(patience)),
                self._connections().stream("POST", url, headers=headers, content=body) as response,
            ):
                parts: list[bytes] = []
                left = answer_bytes_max
                async for part in response.aiter_stream():
                    left -= len(part)
                    if left < 0:
                        raise AnswerTooLargeError(f"more than {answer_bytes_max} bytes")
                    parts.append(part)
                return OutboundResponse(
                    status=response.status,
                    headers=[
                        (name.decode("latin-1").lower(), value.decode("latin-1"))
                        for name, value in response.headers
                    ],
                    body=b"".join(parts),
                )
        except TimeoutError as error:
            raise OutboundError("request timed out") from error
        except failures as error:
            raise OutboundError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()

    def _connections(self) -> "AsyncConnectionPool":
        if self._pool is None:
            from httpcore import AsyncConnectionPool  # noqa: PLC0415 - see above

            self._pool = AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=_IDLE_CONNECTIONS_MAX,
                keepalive_expiry=_IDLE_SECONDS_MAX,
            )
        return self._pool
