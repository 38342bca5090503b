"""A request and a response, as a route sees them.

Owns the two records and the forms that several routes answer with. Must not know a protocol's
grammar: bytes become requests in `connection`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from indelible.base.errors import StatusCode

JSON_TYPE: Final = "application/json"

_STATUSES: Final[Mapping[StatusCode, int]] = {
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, whole."""

    method: str
    path: str
    """As it was sent: escaped, without the query."""
    query: str
    """What follows the question mark, escaped."""
    headers: Sequence[tuple[str, str]]
    """In their order, with lower-case names."""
    body: bytes
    peer: str
    """As gRPC writes it: `ipv4:127.0.0.1:50000`."""
    variables: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """What the route's pattern found in the path, unescaped."""

    def header(self, name: str, default: str = "") -> str:
        """Return the first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), default)

    def at(self, variables: Mapping[str, str]) -> "Request":
        """Return the request with what its route's pattern found in the path."""
        return replace(self, variables=variables)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One response, whole. Length, date and connection headers are the listener's."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


def status_number(code: StatusCode) -> int:
    """Return the HTTP status that tells a code of ours."""
    return _STATUSES[code]


def refusal(code: StatusCode, message: str, *, status: int | None = None) -> Response:
    """Return the answer to a request that reaches no service: a `google.rpc.Status` as JSON."""
    text = json.dumps({"code": code.value, "message": message}, separators=(",", ":"))
    return Response(
        status=status or status_number(code),
        headers=(("content-type", JSON_TYPE),),
        body=text.encode(),
    )
