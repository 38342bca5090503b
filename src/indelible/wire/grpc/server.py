"""The gRPC listener: which paths it serves, under which transport rules, and how it stops.

Owns the socket and the transport settings (semantics 1.2). Must not know what a method does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import grpc

from indelible.base.instants import MILLISECOND, Duration, in_seconds
from indelible.base.invariants import invariant
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.ports.clock import Clock
from indelible.ports.rpc import Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.gate import Gate
from indelible.wire.calls.methods import Service, methods_of
from indelible.wire.grpc.health import SERVICE_NAME as HEALTH_SERVICE_NAME, HealthService
from indelible.wire.grpc.library import Context, RpcMethod, new_server, unary_unary
from indelible.wire.grpc.reflection import reflection_methods
from indelible.wire.grpc.unary import Endpoints

METADATA_BYTES_MAX: Final = 64 * 1024
"""Request headers; core's own 8 KiB are too few for a token with many claims."""

_OPTIONS: Final[Sequence[tuple[str, int]]] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", 2 * METADATA_BYTES_MAX),
    # Two servers on one port would share the clients between them; the second shall fail instead.
    ("grpc.so_reuseport", 0),
    # Clients ping every 30 s, with and without calls. Ten seconds apart is still polite, and a
    # little less is allowed because their timers jitter.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 9_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 120_000),
    ("grpc.max_connection_age_ms", 300_000),
    # Longer than the longest long poll, so that an ageing connection never cuts one off.
    ("grpc.max_connection_age_grace_ms", 70_000),
)

_REFUSING_SPAN: Final = Duration(150 * MILLISECOND)


class PortUnavailableError(Exception):
    """The address cannot be listened on: the port is taken, or the address is not ours."""


class GrpcServer:
    """One listener for all gRPC services of a node. To be made in the event loop that runs it."""

    def __init__(
        self,
        *,
        services: Iterable[Service],
        handlers: Mapping[tuple[str, str], Handler],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        served = list(services)
        names = [service.name for service in served]
        self._clock = clock
        self._gate = Gate()
        self._health = HealthService(["", *names])
        endpoints = Endpoints(gate=self._gate, clock=clock, telemetry=telemetry)
        table: dict[str, RpcMethod] = {
            **_unary_methods(served, handlers, endpoints),
            **self._health.methods(),
            **reflection_methods(
                [*names, HEALTH_SERVICE_NAME], [one.descriptor_module for one in served]
            ),
        }
        self._server = new_server(lambda path: table.get(path) or _unknown(path), _OPTIONS)

    async def listen(self, host: str, port: int) -> int:
        """Bind, start, and return the port (a free one if 0 was given).

        Calls are answered UNAVAILABLE until `open`. Raises `PortUnavailableError`.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortUnavailableError(f"cannot listen on {address}") from error
        await self._server.start()
        return bound

    def open(self) -> None:
        """Let calls in and report SERVING."""
        self._gate.open()
        self._health.report(is_serving=True)

    async def stop(self, grace: Duration) -> None:
        """Refuse new calls, wait for those under way, and cancel what is left after `grace`.

        Without grace everything is cancelled at once.
        """
        self._health.report(is_serving=False)
        if not grace:
            await self._server.stop(None)
            return
        await self._gate.close(grace)
        # When told to stop, the library cancels the calls that it has read and not given to us.
        # SDKs do not repeat what was cancelled: a completion would be lost until its timeout. So
        # for a moment more those calls are let through, to be told UNAVAILABLE.
        await self._clock.sleep(_REFUSING_SPAN)
        await self._server.stop(in_seconds(_REFUSING_SPAN))


def _unary_methods(
    services: Iterable[Service],
    handlers: Mapping[tuple[str, str], Handler],
    endpoints: Endpoints,
) -> dict[str, RpcMethod]:
    table: dict[str, RpcMethod] = {}
    used_count = 0
    for service in services:
        for method in methods_of(service):
            handler = handlers.get((method.service, method.name))
            used_count += handler is not None
            table[method.path] = unary_unary(
                endpoints.built(method, handler) if handler else endpoints.unbuilt(method)
            )
    invariant(used_count == len(handlers), "a handler for a method that the API does not have")
    return table


def _unknown(path: str) -> RpcMethod:
    service, _, method = path.removeprefix("/").rpartition("/")

    async def refuse(_body: bytes, context: Context) -> bytes:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method} for service {service}"
        )

    return unary_unary(refuse)
