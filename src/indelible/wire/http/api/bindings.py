# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false
"""Which path leads to which method: the annotations of the services, read from their descriptors.

Owns the way from `google.api.http` to a list. A newer generated package brings its new paths along.
"""

from collections.abc import Iterable, Iterator

import msgspec
from google.api.annotations_pb2 import http as http_option
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from indelible.wire.calls.methods import Method, Service, methods_of


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One path of one method."""

    method: Method
    request: Descriptor
    response: Descriptor
    http_method: str
    pattern: str
    """Its variables are fields of the request, nested ones with dots."""
    has_body: bool
    """Whether the body is the request; otherwise the query tells its fields."""


def bindings_of(services: Iterable[Service]) -> Iterator[Binding]:
    """Yield every path of every method that has one, in the order of the definition."""
    for service in services:
        for method in methods_of(service):
            yield from _of_method(method, service.descriptor.methods_by_name[method.name])


def _of_method(method: Method, described: MethodDescriptor) -> Iterator[Binding]:
    # The stubs do not tell what an extension is.
    rule: HttpRule = described.GetOptions().Extensions[http_option]
    for one in (rule, *rule.additional_bindings):
        verb = one.WhichOneof("pattern")
        if verb is not None:
            yield Binding(
                method=method,
                request=described.input_type,
                response=described.output_type,
                http_method=verb.upper(),
                pattern=getattr(one, verb),
                has_body=one.body == "*",
            )
