"""Messages within a body: their prefixes, their bounds and their compression.

Owns the length-prefixed framing of gRPC. Must not know what a message says.
"""

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Final

from indelible.base.errors import StatusCode
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.wire.calls.status import WireStatus

PREFIX: Final = Struct(">BI")
# Both formats of `deflate` that are about begin with a zlib header; gzip with its own.
ENCODINGS: Final = frozenset({b"identity", b"gzip", b"deflate"})
_WINDOW_BITS: Final = 32 + zlib.MAX_WBITS  # zlib tells the two apart


class MessageError(Exception):
    """A body that holds no message for us; `status` is what the caller is told."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = WireStatus(code=code, message=message, details=b"")


def framed(message: bytes) -> bytes:
    """Return a message with its prefix, uncompressed."""
    return PREFIX.pack(0, len(message)) + message


def only_message(body: bytes, encoding: bytes) -> bytes:
    """Return the one message of a complete body. Raises `MessageError`."""
    if len(body) < PREFIX.size:
        raise MessageError(StatusCode.INTERNAL, "the request has no message")
    is_compressed, length = PREFIX.unpack_from(body)
    check_length(length)
    if PREFIX.size + length != len(body):
        raise MessageError(StatusCode.INTERNAL, "the request is not exactly one message")
    message = body[PREFIX.size :]
    return _expanded(message, encoding) if is_compressed else message


def check_length(length: int) -> None:
    """Raise `MessageError` if a message of so many bytes is too large."""
    if length > MESSAGE_BYTES_MAX:
        raise MessageError(
            StatusCode.RESOURCE_EXHAUSTED,
            f"received message larger than max ({length} vs. {MESSAGE_BYTES_MAX})",
        )


def announced_length(body_so_far: bytes) -> int:
    """Return how long the first message says it is; 0 if it has not said yet."""
    return PREFIX.unpack_from(body_so_far)[1] if len(body_so_far) >= PREFIX.size else 0


class MessageReader:
    """Takes the messages of a stream out of the pieces of its body."""

    def __init__(self, encoding: bytes, bytes_max: int) -> None:
        self._encoding = encoding
        self._bytes_max = bytes_max
        self._unread = b""

    def read(self, piece: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete with this piece. Raises `MessageError`."""
        unread = self._unread + piece
        at = 0
        while len(unread) - at >= PREFIX.size:
            is_compressed, length = PREFIX.unpack_from(unread, at)
            if length > self._bytes_max:
                raise MessageError(
                    StatusCode.RESOURCE_EXHAUSTED,
                    f"received message larger than max ({length} vs. {self._bytes_max})",
                )
            end = at + PREFIX.size + length
            if len(unread) < end:
                break
            message = unread[at + PREFIX.size : end]
            at = end
            yield _expanded(message, self._encoding) if is_compressed else message
        self._unread = unread[at:]


def _expanded(message: bytes, encoding: bytes) -> bytes:
    if encoding == b"identity":
        raise MessageError(StatusCode.INTERNAL, "a compressed message without grpc-encoding")
    decompressor = zlib.decompressobj(_WINDOW_BITS)
    try:
        # One byte more than allowed tells a message that is too large, however small it came.
        expanded = decompressor.decompress(message, MESSAGE_BYTES_MAX + 1)
    except zlib.error as error:
        raise MessageError(
            StatusCode.INTERNAL, f"message cannot be decompressed: {error}"
        ) from error
    check_length(len(expanded))
    if not decompressor.eof:
        raise MessageError(StatusCode.INTERNAL, "message cannot be decompressed: it is cut off")
    return expanded
