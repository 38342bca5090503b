"""Each method's routes: a request becomes a message, the handler's answer becomes JSON.

Owns the order of body, path and query, and what a failed call looks like. Must not know any method
by name.
"""

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf import json_format
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus

from indelible.base.errors import UnimplementedError
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call, Handler
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.methods import Service
from indelible.wire.calls.status import Refusals, WireStatus
from indelible.wire.http.api.bindings import Binding, bindings_of
from indelible.wire.http.api.call_heads import deadline_of, metadata_of
from indelible.wire.http.api.descriptors import descriptor_of
from indelible.wire.http.api.fields import set_from_path, set_from_query
from indelible.wire.http.api.forms import Form, asked_form, body_form, dumped, parsed, written
from indelible.wire.http.api.open_api import open_api_routes
from indelible.wire.http.api.payload_shorthand import Json, shortened
from indelible.wire.http.messages import JSON_TYPE, Request, Response, status_number
from indelible.wire.http.routes import Answer, Route


def api_routes(
    services: Iterable[Service],
    handlers: Mapping[tuple[str, str], Handler],
    *,
    clock: Clock,
    telemetry: Telemetry,
) -> Iterator[Route]:
    """Yield the routes of all methods that have paths, and those of the description."""
    bindings = list(bindings_of(services))
    calls = _Calls(clock=clock, refusals=Refusals(telemetry))
    for one in bindings:
        handler = handlers.get((one.method.service, one.method.name))
        yield Route(
            method=one.http_method, pattern=one.pattern, answer=calls.answer_of(one, handler)
        )
    yield from open_api_routes(bindings)


class _Calls:
    """Makes the function that answers a binding."""

    def __init__(self, *, clock: Clock, refusals: Refusals) -> None:
        self._clock = clock
        self._refusals = refusals

    def answer_of(self, binding: Binding, handler: Handler | None) -> Answer:
        method = binding.method
        unbuilt = UnimplementedError(f"method {method.name} is not implemented yet")

        async def answer(request: Request) -> Response:
            form = asked_form(request)
            if handler is None:
                return _refused(self._refusals.unheard(method, unbuilt), form)
            try:
                call = self._call(binding, request)
                reply = await handler(_message(binding, request), call)
                return _answered(200, written(reply, form))
            except Exception as error:  # noqa: BLE001 - the edge of a request: one call fails
                return _refused(self._refusals.status(method, error), form)

        return answer

    def _call(self, binding: Binding, request: Request) -> Call:
        return Call(
            service=binding.method.service,
            method=binding.method.name,
            deadline=deadline_of(request, self._clock.now()),
            metadata=metadata_of(request),
            peer=request.peer,
        )


def _message(binding: Binding, request: Request) -> Message:
    message = binding.method.request_type()
    if binding.has_body:
        parsed(message, request.body, body_form(request))
    set_from_path(message, request.variables)
    if not binding.has_body:
        set_from_query(message, request.query, reserved=request.variables)
    return message


def _refused(status: WireStatus, form: Form) -> Response:
    value: Json = {"code": status.code.value, "message": status.message}
    if status.details:
        told = GrpcStatus.FromString(status.details)
        value = shortened(json_format.MessageToDict(told), descriptor_of(told))
    return _answered(status_number(status.code), dumped(value, form))


def _answered(status: int, body: bytes) -> Response:
    return Response(status=status, headers=(("content-type", JSON_TYPE),), body=body)
