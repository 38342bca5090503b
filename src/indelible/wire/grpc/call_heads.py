"""The headers of a call, as gRPC reads them.

Owns what a request must be to be a call, and what is told to those that are none. What is found out
here is remembered with the header block, so none of it is done twice for blocks that repeat.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from indelible.base.errors import StatusCode
from indelible.base.instants import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, Duration
from indelible.wire.calls.status import WireStatus
from indelible.wire.grpc import answers
from indelible.wire.grpc.messages import ENCODINGS
from indelible.wire.grpc.routes import Route
from indelible.wire.http2.bounds import HEADER_LIST_BYTES_MAX
from indelible.wire.http2.header_blocks import Field
from indelible.wire.http2.requests import Request, parsed

_CONTENT_TYPE: Final = re.compile(rb"application/grpc(\+proto)?\s*(;.*)?", re.DOTALL)
_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS: Final[Mapping[bytes, int]] = {
    b"H": HOUR,
    b"M": MINUTE,
    b"S": SECOND,
    b"m": MILLISECOND,
    b"u": MICROSECOND,
    b"n": 1,
}
_TIMEOUT_MAX: Final = 10 * 365 * 24 * HOUR
"""A client may send a deadline of centuries, which has no nanoseconds in 64 bits."""
_TEXT_BYTES_MAX: Final = 200
_BINARY: Final = b"-bin"


class CallHead(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has been asked for."""

    route: Route | None
    refusal: bytes
    """The whole answer, if it is decided already; then there is no route."""
    metadata: Mapping[str, str]
    timeout: Duration | None
    encoding: bytes
    body_bytes: int | None


class CallHeads:
    """Reads the headers of calls to the methods of one server."""

    def __init__(self, find: Callable[[str], Route | WireStatus]) -> None:
        self._find = find

    def read(self, fields: list[Field]) -> CallHead:
        """Return the call that these fields ask for. Raises `MalformedError`."""
        request = parsed(fields)
        encoding = request.fields.get(b"grpc-encoding", b"identity")
        refusal = _refusal_of_form(request) or _refusal_of_encoding(encoding)
        route = None
        if not refusal:
            found = self._find(request.path.decode(errors="replace"))
            if isinstance(found, WireStatus):
                refusal = answers.refusal(found, HEADER_LIST_BYTES_MAX)
            else:
                route = found
        return CallHead(
            route=route,
            refusal=refusal,
            metadata=_metadata(request.fields),
            timeout=_timeout(request.fields.get(b"grpc-timeout")),
            encoding=encoding,
            body_bytes=request.content_length,
        )


def _refusal_of_form(request: Request) -> bytes:
    """Return the answer to a request that is no call; empty if it is one."""
    content_type = request.fields.get(b"content-type", b"")
    if request.method != b"POST":
        return _http(405, StatusCode.UNIMPLEMENTED, "gRPC calls are POST requests")
    if not _CONTENT_TYPE.fullmatch(content_type):
        text = f"unsupported content-type {_shown(content_type)}"
        return _http(415, StatusCode.INVALID_ARGUMENT, text)
    if b"te" not in request.fields:
        return _http(400, StatusCode.INTERNAL, "te: trailers is missing; is there a proxy?")
    timeout = request.fields.get(b"grpc-timeout")
    if timeout is not None and not _TIMEOUT.fullmatch(timeout):
        return _http(400, StatusCode.INTERNAL, f"malformed grpc-timeout {_shown(timeout)}")
    if request.list_bytes > HEADER_LIST_BYTES_MAX:
        text = f"headers larger than max ({request.list_bytes} vs. {HEADER_LIST_BYTES_MAX})"
        return _http(431, StatusCode.RESOURCE_EXHAUSTED, text)
    return b""


def _refusal_of_encoding(encoding: bytes) -> bytes:
    return b"" if encoding in ENCODINGS else answers.unknown_encoding(_shown(encoding))


def _http(http_status: int, code: StatusCode, text: str) -> bytes:
    return answers.http_refusal(http_status, WireStatus(code=code, message=text, details=b""))


def _shown(value: bytes) -> str:
    return value[:_TEXT_BYTES_MAX].decode(errors="replace")


def _timeout(value: bytes | None) -> Duration | None:
    found = _TIMEOUT.fullmatch(value) if value is not None else None
    if found is None:
        return None
    return Duration(min(int(found[1]) * _UNITS[found[2]], _TIMEOUT_MAX))


def _metadata(fields: Mapping[bytes, bytes]) -> Mapping[str, str]:
    """Return the fields that are text."""
    return {
        name.decode(): value.decode()
        for name, value in fields.items()
        if value.isascii() and not name.endswith(_BINARY)
    }
