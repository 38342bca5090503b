"""What a handler sees of a request besides its message: metadata and deadline.

Owns which headers of HTTP become metadata, as the reference's gateway forwards them: proxies and
scripts rely on the names.
"""

import re
from collections.abc import Mapping
from typing import Final

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import (
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    Duration,
    Instant,
    after,
)
from indelible.wire.http.messages import Request

CLIENT_NAME: Final = "temporal-server-http"
_AS_THEY_ARE: Final = frozenset(
    {"authorization", "authorization-extras", "client-name", "client-version"}
)
_PREFIX: Final = "grpc-metadata-"
# Known to every proxy; the gateway marks them as its own.
_PERMANENT: Final = frozenset({
    "accept", "accept-charset", "accept-language", "accept-ranges", "authorization",
    "cache-control", "content-type", "cookie", "date", "expect", "from", "host", "if-match",
    "if-modified-since", "if-none-match", "if-schedule-tag-match", "if-unmodified-since",
    "max-forwards", "origin", "pragma", "referer", "user-agent", "via", "warning",
})  # fmt: skip
_UNITS: Final = {
    "H": HOUR,
    "M": MINUTE,
    "S": SECOND,
    "m": MILLISECOND,
    "u": MICROSECOND,
    "n": Duration(1),
}
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")


def metadata_of(request: Request) -> Mapping[str, str]:
    """Return the metadata that a request stands for, as if it had come by gRPC."""
    metadata: dict[str, str] = {}
    for name, value in request.headers:
        for key in _keys_of(name):
            if value.isascii() and value.isprintable():
                metadata.setdefault(key, value)
    metadata.setdefault("client-name", CLIENT_NAME)
    host = request.header("x-forwarded-host") or request.header("host")
    if host:
        metadata["x-forwarded-host"] = host
    came_from = [value for name, value in request.headers if name == "x-forwarded-for"]
    metadata["x-forwarded-for"] = ", ".join((*came_from, _address(request.peer)))
    return metadata


def deadline_of(request: Request, now: Instant) -> Instant | None:
    """Return when the caller gives up, if it says so. Raises `InvalidArgumentError`."""
    text = request.header("grpc-timeout")
    if not text:
        return None
    match = _TIMEOUT.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(f"invalid grpc-timeout: {text}")
    return after(now, Duration(int(match[1]) * _UNITS[match[2]]))


def _keys_of(name: str) -> tuple[str, ...]:
    keys = (name,) if name in _AS_THEY_ARE else ()
    if name in _PERMANENT:
        return (*keys, f"grpcgateway-{name}")
    # Binary metadata is for gRPC's own; no handler here reads any.
    if name.startswith(_PREFIX) and not name.endswith("-bin"):
        return (*keys, name.removeprefix(_PREFIX))
    return keys


def _address(peer: str) -> str:
    return peer.partition(":")[2].rpartition(":")[0].strip("[]")
