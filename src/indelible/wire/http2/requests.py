"""What the headers of a request must be (RFC 9113, chapter 8).

Owns the distinction between a well-formed request and a malformed one. Must not know gRPC.
"""

import re
from typing import Final

import msgspec

from indelible.wire.http2.header_blocks import Field, list_bytes

_PSEUDO_FIELDS: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_OF_CONNECTIONS: Final = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"(?:[^\x00\r\n\t ](?:[^\x00\r\n]*[^\x00\r\n\t ])?)?")


class MalformedError(Exception):
    """Not a request as HTTP/2 wants it; its stream is reset."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a well-formed request."""

    method: bytes
    path: bytes
    fields: dict[bytes, bytes] = msgspec.field(default_factory=dict[bytes, bytes])
    """Without pseudo-fields; what came several times is joined by commas."""
    content_length: int | None = None
    list_bytes: int = 0


def parsed(fields: list[Field]) -> Request:
    """Return the request that a list of fields describes. Raises `MalformedError`."""
    pseudo: dict[bytes, bytes] = {}
    regular: dict[bytes, bytes] = {}
    for name, value in fields:
        if name.startswith(b":"):
            if regular or name in pseudo or name not in _PSEUDO_FIELDS:
                raise MalformedError
            pseudo[name] = value
        else:
            check_field(name, value)
            regular[name] = regular[name] + b"," + value if name in regular else value
    method, path = pseudo.get(b":method"), pseudo.get(b":path")
    if not method or not path or not pseudo.get(b":scheme"):
        raise MalformedError
    return Request(
        method=method,
        path=path,
        fields=regular,
        content_length=_content_length(regular),
        list_bytes=list_bytes(fields),
    )


def check_trailers(fields: list[Field]) -> None:
    """Raise `MalformedError` unless these may end a request."""
    for name, value in fields:
        check_field(name, value)


def check_field(name: bytes, value: bytes) -> None:
    """Raise `MalformedError` if a regular field may not stand in a request of HTTP/2."""
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name in _OF_CONNECTIONS:
        raise MalformedError
    if name == b"te" and value != b"trailers":
        raise MalformedError


def _content_length(fields: dict[bytes, bytes]) -> int | None:
    value = fields.get(b"content-length")
    if value is None:
        return None
    if not value.isdigit() or len(value) > len(str(2**63)):
        raise MalformedError
    return int(value)
