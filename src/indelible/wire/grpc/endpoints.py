"""One call: bytes in, handler, bytes out.

Owns decoding, the `Call` that a handler sees, and what becomes of an error. It is the hot path of
the adapter: one plain function per method, no interceptors. Must not know any method by name.
"""

from indelible.base.errors import UnimplementedError
from indelible.ports.rpc import Call, Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.gate import Gate
from indelible.wire.calls.methods import Method
from indelible.wire.calls.status import Refusals, WireStatus
from indelible.wire.grpc.routes import Caller, Unary


class Endpoints:
    """Makes what answers a method."""

    def __init__(self, *, gate: Gate, telemetry: Telemetry) -> None:
        self._gate = gate
        self._refusals = Refusals(telemetry)

    def built(self, method: Method, handler: Handler) -> Unary:
        """Return the endpoint of a method that has a handler."""
        gate = self._gate
        parse = method.request_type.FromString
        service, name = method.service, method.name

        async def answer(body: bytes, caller: Caller) -> bytes | WireStatus:
            try:
                gate.enter()
                try:
                    call = Call(
                        service=service,
                        method=name,
                        deadline=caller.deadline,
                        metadata=caller.metadata,
                        peer=caller.peer,
                    )
                    return (await handler(parse(body), call)).SerializeToString()
                finally:
                    gate.leave()
            except Exception as error:  # noqa: BLE001 - the edge of a request: one call fails
                return self._refusals.status(method, error)

        return Unary(answer)

    def unbuilt(self, method: Method) -> Unary:
        """Return the endpoint of a method that the API has and we have not yet."""
        error = UnimplementedError(f"method {method.name} is not implemented yet")

        async def refuse(_body: bytes, _caller: Caller) -> bytes | WireStatus:
            return self._refusals.unheard(method, error)

        return Unary(refuse)
