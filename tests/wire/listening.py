"""A real listener with chosen handlers, and a real gRPC client on it.

Owns the pair. It must not know what a test asks.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc.aio
from google.protobuf.message import Message

from indelible.base.instants import Duration
from indelible.observability.telemetry import MemoryTelemetry
from indelible.ports.rpc import Handler
from indelible.runtime.system_clock import SystemClock
from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.grpc.server import GrpcServer


def as_it_is(message: bytes) -> bytes:
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A listener and a channel to it."""

    server: GrpcServer
    channel: grpc.aio.Channel
    telemetry: MemoryTelemetry
    port: int

    async def call(
        self,
        method: str,
        request: Message | bytes = b"",
        *,
        service: str = WORKFLOW_SERVICE.name,
        seconds: float | None = 5,
        compression: grpc.Compression | None = None,
        metadata: tuple[tuple[str, str | bytes], ...] = (),
    ) -> bytes:
        body = request if isinstance(request, bytes) else request.SerializeToString()
        invoke = self.channel.unary_unary(f"/{service}/{method}", as_it_is, as_it_is)
        return await invoke(body, timeout=seconds, compression=compression, metadata=metadata)


@asynccontextmanager
async def listening(
    handlers: Mapping[str, Handler], *, is_open: bool = True, host: str = "127.0.0.1"
) -> AsyncIterator[Listening]:
    """Serve WorkflowService methods with these handlers until the body ends."""
    telemetry = MemoryTelemetry()
    server = GrpcServer(
        services=[WORKFLOW_SERVICE, OPERATOR_SERVICE],
        handlers={(WORKFLOW_SERVICE.name, name): handler for name, handler in handlers.items()},
        clock=SystemClock(),
        telemetry=telemetry,
    )
    port = await server.listen(host, 0)
    if is_open:
        server.open()
    try:
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]
        ) as channel:
            yield Listening(server=server, channel=channel, telemetry=telemetry, port=port)
    finally:
        await server.stop(Duration(0))
