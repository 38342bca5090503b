"""How an error travels: status code, message, and `google.rpc.Status` details.

Owns the masking of internal errors, the bounds on what a refusal may say (semantics 1.6), and the
log lines and counts of calls that never reached the services. Must not know why a call failed.
"""

from hashlib import blake2b
from typing import Final

import msgspec
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import GrpcStatus

from indelible.base.errors import InvalidArgumentError, ServiceError, StatusCode
from indelible.base.limits import ERROR_MESSAGE_BYTES_MAX
from indelible.ports.telemetry import Telemetry
from indelible.wire.calls.methods import Method

_log: Final = structlog.get_logger("indelible.wire")
_NO_NAMESPACE: Final = "_unknown_"
_MASKED_CODES: Final = frozenset({StatusCode.UNKNOWN, StatusCode.INTERNAL})
_MASKED_MESSAGE: Final = "something went wrong, please retry"


class WireStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is told of a failed call."""

    code: StatusCode
    message: str
    details: bytes
    """A serialized `google.rpc.Status`; empty if there is nothing but code and message."""

    @property
    def is_masked(self) -> bool:
        """Whether the message hides a defect of ours, which then belongs into the log."""
        return self.message.startswith(_MASKED_MESSAGE)


class Refusals:
    """What callers are told of errors; counts and logs what the services have not seen.

    Calls that reach the services are measured there.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def status(self, method: Method, error: Exception) -> WireStatus:
        """Return what the caller of `method` is told of `error`."""
        if isinstance(error, DecodeError):
            return self.unheard(method, InvalidArgumentError(f"request cannot be decoded: {error}"))
        status = status_of(error)
        if status.is_masked:
            self._count(method, status)
            _log.error(
                "request failed", operation=method.name, answer=status.message, exc_info=error
            )
        return status

    def unheard(self, method: Method, error: ServiceError) -> WireStatus:
        """Return what the caller is told of a call that no handler will see."""
        status = status_of(error)
        self._count(method, status)
        return status

    def _count(self, method: Method, status: WireStatus) -> None:
        self._telemetry.count(
            "service_error_with_type",
            operation=method.name,
            namespace=_NO_NAMESPACE,
            error_type=status.code.name,
        )


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
