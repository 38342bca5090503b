"""How an error travels: gRPC status, message, and `google.rpc.Status` details.

Owns the one table from our codes to gRPC's, the masking of internal errors and the bounds on what a
refusal may say (semantics 1.6). Must not know which method failed or why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from temporalio.api.common.v1 import GrpcStatus

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.limits import ERROR_MESSAGE_BYTES_MAX

DETAILS_KEY: Final = "grpc-status-details-bin"

GRPC_CODES: Final[Mapping[StatusCode, grpc.StatusCode]] = {
    code: getattr(grpc.StatusCode, code.name) for code in StatusCode
}

_MASKED_CODES: Final = frozenset({StatusCode.UNKNOWN, StatusCode.INTERNAL})
_MASKED_MESSAGE: Final = "something went wrong, please retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireStatus:
    """What a client is told of a failed call."""

    code: StatusCode
    message: str
    details: bytes
    """A serialized `google.rpc.Status`; empty if there is nothing but code and message."""

    @property
    def is_masked(self) -> bool:
        """Whether the message hides a defect of ours, which then belongs into the log."""
        return self.message.startswith(_MASKED_MESSAGE)

    @property
    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """The trailing metadata that carries the details."""
        return ((DETAILS_KEY, self.details),) if self.details else ()


def status_of(error: Exception) -> WireStatus:
    """Return what the client is told of an error that a handler raised.

    Whatever is not a `ServiceError` is a defect of ours. The client gets a hash instead of its
    text; the same hash stands in the log.
    """
    if not isinstance(error, ServiceError) or error.code in _MASKED_CODES:
        code = error.code if isinstance(error, ServiceError) else StatusCode.INTERNAL
        return WireStatus(code=code, message=f"{_MASKED_MESSAGE} ({_hash(error)})", details=b"")
    message = _shortened(error.message)
    if not error.details:
        return WireStatus(code=error.code, message=message, details=b"")
    status = GrpcStatus(code=error.code, message=message)
    for detail in error.details:
        # Pack writes the type URL that SDKs compare as a whole: type.googleapis.com/<full name>.
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return WireStatus(code=error.code, message=message, details=status.SerializeToString())


def _hash(error: Exception) -> str:
    text = f"{type(error).__qualname__}: {error}"
    return blake2b(text.encode(errors="replace"), digest_size=4).hexdigest()


def _shortened(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= ERROR_MESSAGE_BYTES_MAX:
        return encoded.decode()
    return encoded[:ERROR_MESSAGE_BYTES_MAX].decode(errors="ignore")
