"""The standard health service, `grpc.health.v1.Health`.

Owns which names are known and whether they serve. SDKs ask for the full name of the
WorkflowService.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from indelible.wire.grpc.library import Context, RpcMethod, unary_stream, unary_unary

SERVICE_NAME: Final = "grpc.health.v1.Health"


class HealthService:
    """Answers for a fixed set of names, all alike; NOT_SERVING until told otherwise."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._status = HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Event()

    def report(self, *, is_serving: bool) -> None:
        """Change the answer for every name, and tell whoever watches."""
        self._status = (
            HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        )
        self._changed.set()
        self._changed = asyncio.Event()

    def methods(self) -> Mapping[str, RpcMethod]:
        """Return the methods by path."""
        return {
            f"/{SERVICE_NAME}/Check": unary_unary(self._check),
            f"/{SERVICE_NAME}/Watch": unary_stream(self._watch),
        }

    async def _check(self, body: bytes, context: Context) -> bytes:
        name = await _asked_name(body, context)
        if name not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {name}")
        return HealthCheckResponse(status=self._status).SerializeToString()

    async def _watch(self, body: bytes, context: Context) -> AsyncIterator[bytes]:
        name = await _asked_name(body, context)
        is_known = name in self._names
        while True:
            changed = self._changed
            status = self._status if is_known else HealthCheckResponse.SERVICE_UNKNOWN
            yield HealthCheckResponse(status=status).SerializeToString()
            await changed.wait()


async def _asked_name(body: bytes, context: Context) -> str:
    try:
        return HealthCheckRequest.FromString(body).service
    except DecodeError as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"request cannot be decoded: {error}")
