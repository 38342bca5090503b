"""One call: bytes in, handler, bytes out.

Owns decoding, the `Call` that a handler sees, and what becomes of an error. It is the hot path of
the adapter: one plain function per method, no interceptors. Must not know any method by name.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import grpc

from indelible.base.errors import StatusCode, UnimplementedError
from indelible.base.instants import Instant, after, seconds
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call, Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.gate import Gate
from indelible.wire.calls.methods import Method
from indelible.wire.calls.status import Refusals, WireStatus
from indelible.wire.grpc.library import Context

Endpoint = Callable[[bytes, Context], Awaitable[bytes]]

GRPC_CODES: Final[Mapping[StatusCode, grpc.StatusCode]] = {
    code: getattr(grpc.StatusCode, code.name) for code in StatusCode
}
DETAILS_KEY: Final = "grpc-status-details-bin"
_DEADLINE_SECONDS_MAX: Final = 10 * 365 * 24 * 3600
"""A client may send a deadline of centuries, which has no nanoseconds in 64 bits."""


class Endpoints:
    """Makes the function that answers a method."""

    def __init__(self, *, gate: Gate, clock: Clock, telemetry: Telemetry) -> None:
        self._gate = gate
        self._clock = clock
        self._refusals = Refusals(telemetry)

    def built(self, method: Method, handler: Handler) -> Endpoint:
        """Return the endpoint of a method that has a handler."""
        gate = self._gate
        now = self._clock.now
        # Not as grpc's deserializer: it would answer INTERNAL to bytes that do not parse.
        parse = method.request_type.FromString

        async def answer(body: bytes, context: Context) -> bytes:
            try:
                gate.enter()
                try:
                    reply = await handler(parse(body), _call(method, context, now()))
                    return reply.SerializeToString()
                finally:
                    gate.leave()
            except Exception as error:  # noqa: BLE001 - the edge of a request: one call fails
                status = self._refusals.status(method, error)
            return await _refuse(context, status)

        return answer

    def unbuilt(self, method: Method) -> Endpoint:
        """Return the endpoint of a method that the API has and we have not yet."""
        error = UnimplementedError(f"method {method.name} is not implemented yet")

        async def refuse(_body: bytes, context: Context) -> bytes:
            return await _refuse(context, self._refusals.unheard(method, error))

        return refuse


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


async def _refuse(context: Context, status: WireStatus) -> bytes:
    trailers = ((DETAILS_KEY, status.details),) if status.details else ()
    await context.abort(GRPC_CODES[status.code], status.message, trailers)
