"""The gRPC listener: which paths it serves, its connections, and how it stops.

Owns the socket and the beat of all connections. Must not know what a method does.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Final

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration, after, in_seconds
from indelible.base.invariants import invariant
from indelible.ports.clock import Clock, TimerHandle
from indelible.ports.rpc import Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.gate import Gate
from indelible.wire.calls.methods import Service, methods_of
from indelible.wire.calls.status import WireStatus
from indelible.wire.grpc.call_heads import CallHeads
from indelible.wire.grpc.endpoints import Endpoints
from indelible.wire.grpc.health import SERVICE_NAME as HEALTH_SERVICE_NAME, HealthService
from indelible.wire.grpc.reflection import reflection_routes
from indelible.wire.grpc.routes import Route
from indelible.wire.grpc.session import Session

_BACKLOG: Final = 1_024
_REFUSING_SPAN: Final = Duration(150 * MILLISECOND)
_BEAT: Final = SECOND
_CANCELLED: Final = WireStatus(
    code=StatusCode.UNAVAILABLE, message="The server is shutting down.", details=b""
)


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
        endpoints = Endpoints(gate=self._gate, telemetry=telemetry)
        table: dict[str, Route] = {
            **_unary_routes(served, handlers, endpoints),
            **self._health.routes(),
            **reflection_routes([*names, HEALTH_SERVICE_NAME]),
        }
        self._heads = CallHeads(lambda path: table.get(path) or _unknown(path))
        self._sessions: set[Session] = set()
        self._listener: asyncio.Server | None = None
        self._beat_timer: TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    async def listen(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Bind, start, and return the port (a free one if 0 was given).

        Calls are answered UNAVAILABLE until `open`. Raises `PortUnavailableError`.
        """
        listening = _bound(host, port)
        bound: int = listening.getsockname()[1]
        self._listener = await asyncio.get_running_loop().create_server(
            self._new_session, sock=listening, backlog=_BACKLOG, ssl=tls
        )
        self._beat()
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
        if grace:
            await self._gate.close(grace)
        if self._listener is not None:
            self._listener.close()
        if grace and self._sessions:
            # SDKs do not repeat every call whose connection broke: a completion would be lost until
            # its timeout. So peers are told to leave, and for a moment more what they have already
            # sent is let through, to be told UNAVAILABLE.
            for session in tuple(self._sessions):
                session.leave()
            await self._wait_until_empty(_REFUSING_SPAN)
        await self._end_sessions()
        if self._beat_timer is not None:
            self._beat_timer.cancel()

    def _new_session(self) -> Session:
        session = Session(self._heads, self._clock, self._forget)
        self._sessions.add(session)
        return session

    def _forget(self, session: Session) -> None:
        self._sessions.discard(session)
        if self._emptied is not None and not self._sessions:
            self._emptied.set()

    async def _wait_until_empty(self, span: Duration) -> None:
        if not self._sessions:
            return
        emptied = self._emptied = asyncio.Event()
        try:
            async with asyncio.timeout(in_seconds(span)):
                await emptied.wait()
        except TimeoutError:
            return

    async def _end_sessions(self) -> None:
        tasks = [task for session in self._sessions for task in session.stop(_CANCELLED)]
        if tasks:
            await asyncio.wait(tasks, timeout=in_seconds(_REFUSING_SPAN))
        await self._wait_until_empty(_REFUSING_SPAN)
        for session in tuple(self._sessions):
            session.abort()

    def _beat(self) -> None:
        now = self._clock.now()
        for session in tuple(self._sessions):
            session.beat(now)
        self._beat_timer = self._clock.call_at(after(now, _BEAT), self._beat)


def _bound(host: str, port: int) -> socket.socket:
    is_ipv6 = ":" in host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    # The address of all interfaces means those of both families, as with other servers.
    serves_both = host == "::" and socket.has_dualstack_ipv6()
    try:
        # Not `reuse_port`: two servers on one port would share the clients between them.
        return socket.create_server(
            (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=serves_both
        )
    except OSError as error:
        address = f"[{host}]:{port}" if is_ipv6 else f"{host}:{port}"
        raise PortUnavailableError(f"cannot listen on {address}") from error


def _unary_routes(
    services: Iterable[Service],
    handlers: Mapping[tuple[str, str], Handler],
    endpoints: Endpoints,
) -> dict[str, Route]:
    table: dict[str, Route] = {}
    used_count = 0
    for service in services:
        for method in methods_of(service):
            handler = handlers.get((method.service, method.name))
            used_count += handler is not None
            table[method.path] = (
                endpoints.built(method, handler) if handler else endpoints.unbuilt(method)
            )
    invariant(used_count == len(handlers), "a handler for a method that the API does not have")
    return table


def _unknown(path: str) -> WireStatus:
    service, _, method = path.removeprefix("/").rpartition("/")
    return WireStatus(
        code=StatusCode.UNIMPLEMENTED,
        message=f"unknown method {method} for service {service}",
        details=b"",
    )
