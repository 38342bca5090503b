"""The standard health service, `grpc.health.v1.Health`.

Owns which names are known and whether they serve. SDKs ask for the full name of the
WorkflowService.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from google.protobuf.message import DecodeError

from indelible.base.errors import InvalidArgumentError, NotFoundError
from indelible.wire.calls.status import WireStatus, status_of
from indelible.wire.grpc.routes import Caller, Route, Streaming, Unary
from indelible.wire.grpc.standard_messages import HEALTH, message_class

SERVICE_NAME: Final = f"{HEALTH}.Health"

_Request: Final = message_class(HEALTH, "HealthCheckRequest")
_Response: Final = message_class(HEALTH, "HealthCheckResponse")
_SERVING: Final = _Response(status=1).SerializeToString()
_NOT_SERVING: Final = _Response(status=2).SerializeToString()
_SERVICE_UNKNOWN: Final = _Response(status=3).SerializeToString()


class HealthService:
    """Answers for a fixed set of names, all alike; NOT_SERVING until told otherwise."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._answer = _NOT_SERVING
        self._changed = asyncio.Event()

    def report(self, *, is_serving: bool) -> None:
        """Change the answer for every name, and tell whoever watches."""
        self._answer = _SERVING if is_serving else _NOT_SERVING
        self._changed.set()
        self._changed = asyncio.Event()

    def routes(self) -> Mapping[str, Route]:
        """Return the methods by path."""
        return {
            f"/{SERVICE_NAME}/Check": Unary(self._check),
            f"/{SERVICE_NAME}/Watch": Streaming(self._watch),
        }

    async def _check(self, body: bytes, _caller: Caller) -> bytes | WireStatus:
        name = _asked_name(body)
        if isinstance(name, WireStatus):
            return name
        if name not in self._names:
            return status_of(NotFoundError(f"unknown service {name}"))
        return self._answer

    async def _watch(self, bodies: AsyncIterator[bytes]) -> AsyncIterator[bytes | WireStatus]:
        async for body in bodies:
            name = _asked_name(body)
            if isinstance(name, WireStatus):
                yield name
                return
            while True:
                changed = self._changed
                yield self._answer if name in self._names else _SERVICE_UNKNOWN
                await changed.wait()


def _asked_name(body: bytes) -> str | WireStatus:
    try:
        name: str = getattr(_Request.FromString(body), "service")  # noqa: B009 - no generated type
    except DecodeError as error:
        return status_of(InvalidArgumentError(f"request cannot be decoded: {error}"))
    return name
