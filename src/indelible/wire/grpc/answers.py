"""The header blocks of answers: success, refusals, and what is no gRPC call at all.

Owns how a status is spelt in headers.
"""

from base64 import b64encode
from typing import Final

from indelible.base.errors import StatusCode
from indelible.wire.calls.status import WireStatus
from indelible.wire.grpc.messages import ENCODINGS
from indelible.wire.http2.header_blocks import Field, encoded, list_bytes

_STATUS_200: Final = b"\x88"  # the whole field stands in the static table
_CONTENT_TYPE: Final = (b"content-type", b"application/grpc")

HEADERS: Final = _STATUS_200 + encoded([_CONTENT_TYPE])
"""How an answer with messages begins."""
OK_TRAILERS: Final = encoded([(b"grpc-status", b"0")])
"""How it ends."""

_ACCEPTED: Final = (b"grpc-accept-encoding", b",".join(sorted(ENCODINGS)))


def trailers(status: WireStatus, bytes_max: int) -> bytes:
    """Return the block that ends an answer by a refusal."""
    return encoded(_status_fields(status, bytes_max))


def refusal(status: WireStatus, bytes_max: int) -> bytes:
    """Return the block that is all of an answer ("trailers only")."""
    fields = [_CONTENT_TYPE, *_status_fields(status, bytes_max)]
    return _STATUS_200 + encoded(fields)


def unknown_encoding(name: str) -> bytes:
    """Return the whole answer to a compression that we do not have; it names those we have."""
    status = WireStatus(
        code=StatusCode.UNIMPLEMENTED, message=f"unknown grpc-encoding {name}", details=b""
    )
    return _STATUS_200 + encoded([_CONTENT_TYPE, _ACCEPTED, *_status_fields(status, 0)])


def http_refusal(http_status: int, status: WireStatus) -> bytes:
    """Return the whole answer to what is no gRPC request; for other HTTP clients, too."""
    http = (b":status", str(http_status).encode())
    return encoded([http, _CONTENT_TYPE, *_status_fields(status, 0)])


def _status_fields(status: WireStatus, bytes_max: int) -> list[Field]:
    fields = [
        (b"grpc-status", str(int(status.code)).encode()),
        (b"grpc-message", _percent_encoded(status.message)),
    ]
    if status.details:
        details = (b"grpc-status-details-bin", b64encode(status.details).rstrip(b"="))
        # A peer drops the connection over a list that is too long; the code matters more.
        if list_bytes((*fields, details)) + list_bytes([_CONTENT_TYPE]) <= bytes_max:
            fields.append(details)
    return fields


def _percent_encoded(message: str) -> bytes:
    raw = message.encode(errors="replace")
    if raw.isascii() and message.isprintable() and b"%" not in raw:
        return raw
    printable = frozenset(range(0x20, 0x7F)) - {0x25}  # but the percent sign
    return b"".join(bytes((byte,)) if byte in printable else b"%%%02X" % byte for byte in raw)
