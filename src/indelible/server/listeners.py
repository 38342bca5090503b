"""The listeners of a node: gRPC always, HTTP if it has a port.

Owns how they start and stop together. What HTTP needs is imported when a port is asked for,
because SDKs that start the dev server wait for it and do not ask.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from indelible.base.instants import Duration
from indelible.ports.clock import Clock
from indelible.ports.nexus import NexusServices
from indelible.ports.rpc import Handler
from indelible.ports.telemetry import Telemetry
from indelible.server.config import ServerConfig
from indelible.server.refusal import StartRefusedError
from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.calls.test_service import TEST_SERVICE
from indelible.wire.grpc.server import GrpcServer, PortUnavailableError

if TYPE_CHECKING:
    from indelible.wire.http.server import HttpServer


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """The ports that the listeners have."""

    port: int
    http_port: int | None


class Listeners:
    """What clients connect to. To be made in the event loop that runs it."""

    def __init__(
        self,
        config: ServerConfig,
        handlers: Mapping[tuple[str, str], Handler],
        nexus: NexusServices,
        *,
        test_handlers: Mapping[tuple[str, str], Handler],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._config = config
        services = [WORKFLOW_SERVICE, OPERATOR_SERVICE]
        self._grpc = GrpcServer(
            services=[*services, TEST_SERVICE] if test_handlers else services,
            handlers={**handlers, **test_handlers},
            clock=clock,
            telemetry=telemetry,
        )
        self._http = (
            None
            if config.http_port is None
            else _http_server(handlers, nexus, clock=clock, telemetry=telemetry)
        )

    async def start(self, host: str) -> Bound:
        """Bind both and let calls in. Raises `StartRefusedError` if a port cannot be had."""
        config = self._config
        try:
            port = await self._grpc.listen(host, config.port)
        except PortUnavailableError as error:
            raise StartRefusedError(f"{error}; choose another port with --port") from error
        http_port = None
        if self._http is not None:
            http_port = await _listen_http(self._http, host, config.http_port or 0)
            self._http.open()
        self._grpc.open()
        return Bound(port=port, http_port=http_port)

    async def stop(self, grace: Duration) -> None:
        """Refuse new calls on both, and wait for those under way, at most for `grace`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._grpc.stop(grace))
            if self._http is not None:
                group.create_task(self._http.stop(grace))


def _http_server(
    handlers: Mapping[tuple[str, str], Handler],
    nexus: NexusServices,
    *,
    clock: Clock,
    telemetry: Telemetry,
) -> "HttpServer":
    from indelible.wire.http.api.routes import api_routes  # noqa: PLC0415 - see above
    from indelible.wire.http.nexus.routes import nexus_routes  # noqa: PLC0415 - see above
    from indelible.wire.http.server import HttpServer  # noqa: PLC0415 - see above

    services = [WORKFLOW_SERVICE, OPERATOR_SERVICE]
    routes = [
        *api_routes(services, handlers, clock=clock, telemetry=telemetry),
        *nexus_routes(nexus, clock=clock),
    ]
    return HttpServer(routes, clock=clock)


async def _listen_http(server: "HttpServer", host: str, port: int) -> int:
    try:
        return await server.listen(host, port)
    except OSError as error:
        raise StartRefusedError(
            f"cannot listen on {host}:{port}; choose another port with --http-port"
        ) from error
