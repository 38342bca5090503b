"""One call: bytes in, handler, bytes out.

Owns decoding, the `Call` that a handler sees, and what becomes of an error. It is the hot path of
the adapter: one plain function per method, no interceptors. Must not know any method by name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from google.protobuf.message import DecodeError, Message
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure

from indelible.base.errors import (
    InvalidArgumentError,
    ServiceError,
    UnavailableError,
    UnimplementedError,
)
from indelible.base.instants import Instant, after, elapsed, in_seconds, seconds
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call, Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.grpc.library import Context
from indelible.wire.grpc.methods import Method
from indelible.wire.grpc.status import GRPC_CODES, WireStatus, status_of

Endpoint = Callable[[bytes, Context], Awaitable[bytes]]

_log: Final = structlog.get_logger("indelible.wire")
_NO_NAMESPACE: Final = "_unknown_"
_CANCELED: Final = "Canceled"
_DEADLINE_SECONDS_MAX: Final = 10 * 365 * 24 * 3600
"""A client may send a deadline of centuries, which has no nanoseconds in 64 bits."""


@dataclass(slots=True, kw_only=True)
class Gate:
    """Whether calls are let in: closed while the node starts and stops."""

    is_open: bool = False


class Endpoints:
    """Makes the function that answers a method."""

    def __init__(self, *, gate: Gate, clock: Clock, telemetry: Telemetry) -> None:
        self._gate = gate
        self._clock = clock
        self._telemetry = telemetry

    def built(self, method: Method, handler: Handler) -> Endpoint:
        """Return the endpoint of a method that has a handler."""
        gate = self._gate
        now = self._clock.now
        # Not as grpc's deserializer: it would answer INTERNAL to bytes that do not parse.
        parse = method.request_type.FromString

        async def answer(body: bytes, context: Context) -> bytes:
            started_at = now()
            request: Message | None = None
            try:
                if not gate.is_open:
                    raise UnavailableError("Frontend is not healthy yet")  # noqa: TRY301
                request = parse(body)
                reply = await handler(request, _call(method, context, started_at))
                answered = reply.SerializeToString()
            except asyncio.CancelledError:
                self._record(method, request, started_at, _CANCELED)
                raise
            except Exception as error:  # noqa: BLE001 - the edge of a request: whatever it is, one call fails
                status = _status(method, error)
                self._record(method, request, started_at, type(error).__name__, error)
            else:
                self._record(method, request, started_at)
                return answered
            return await _refuse(context, status)

        return answer

    def unbuilt(self, method: Method) -> Endpoint:
        """Return the endpoint of a method that the API has and we have not yet."""
        error = UnimplementedError(f"method {method.name} is not implemented yet")
        status = status_of(error)

        async def refuse(_body: bytes, context: Context) -> bytes:
            self._record(method, None, self._clock.now(), type(error).__name__, error)
            return await _refuse(context, status)

        return refuse

    def _record(
        self,
        method: Method,
        request: Message | None,
        started_at: Instant,
        error_type: str = "",
        error: Exception | None = None,
    ) -> None:
        namespace: str = getattr(request, "namespace", "") or _NO_NAMESPACE
        if isinstance(error, ServiceError) and any(
            isinstance(detail, NamespaceNotFoundFailure) for detail in error.details
        ):
            # A stranger may ask for any name; none of them becomes a time series.
            namespace = _NO_NAMESPACE
        telemetry = self._telemetry
        operation = method.name
        telemetry.count("service_requests", operation=operation, namespace=namespace)
        telemetry.observe(
            "service_latency",
            in_seconds(elapsed(started_at, self._clock.now())),
            operation=operation,
            namespace=namespace,
        )
        if error_type:
            telemetry.count(
                "service_error_with_type",
                operation=operation,
                namespace=namespace,
                error_type=error_type,
            )


def _call(method: Method, context: Context, started_at: Instant) -> Call:
    return Call(
        service=method.service,
        method=method.name,
        deadline=_deadline(context.time_remaining(), started_at),
        metadata={
            key: value
            for key, value in context.invocation_metadata() or ()
            if isinstance(value, str)
        },
        peer=context.peer(),
    )


def _deadline(seconds_left: float | None, now: Instant) -> Instant | None:
    if seconds_left is None:
        return None
    return after(now, seconds(min(seconds_left, _DEADLINE_SECONDS_MAX)))


def _status(method: Method, error: Exception) -> WireStatus:
    if isinstance(error, DecodeError):
        return status_of(InvalidArgumentError(f"request cannot be decoded: {error}"))
    status = status_of(error)
    if status.is_masked:
        _log.error("request failed", operation=method.name, answer=status.message, exc_info=error)
    return status


async def _refuse(context: Context, status: WireStatus) -> bytes:
    await context.abort(GRPC_CODES[status.code], status.message, status.trailers)
