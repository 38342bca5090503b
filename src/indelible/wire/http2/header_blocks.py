"""Header blocks: decoded with a memory, and encoded without one.

Owns the decoder of a connection and what it remembers. SDKs send the same few blocks all the time,
each a row of indices into the peer's table; such a block is looked up as a whole instead of being
decoded again. That is right as long as the table has not changed, since what a block means is a
function of its bytes and the table alone; so a block that changes the table is never remembered,
and clears what was.

What we send refers to the static table only, so its bytes are the same on every connection and can
be made beforehand.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from indelible.wire.http2.bounds import (
    CACHED_BLOCK_BYTES_MAX,
    CACHED_BLOCKS_MAX,
    CACHED_LIST_BYTES_MAX,
    HEADER_LIST_BYTES_ABSOLUTE_MAX,
)
from indelible.wire.http2.frames import ConnectionFault, ErrorCode

Field = tuple[bytes, bytes]
Head = TypeVar("Head")

_ENTRY_OVERHEAD: Final = 32
"""What RFC 9113 adds to each field when it counts the size of a list."""

SIZE_UPDATE_TO_ZERO: Final = b"\x20"
"""Tells a peer that we use no dynamic table; due when it changes the size of its own."""


class _WatchedTable(HeaderTable):
    """Counts its changes."""

    def __init__(self) -> None:
        super().__init__()
        self.change_count = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.change_count += 1
        super().add(name, value)


class HeaderBlocks(Generic[Head]):
    """Reads the header blocks of one connection, in the order in which they come."""

    def __init__(self, parse: Callable[[list[Field]], Head]) -> None:
        """`parse` makes the head of a request from its fields; equal fields give equal heads."""
        self._parse = parse
        self._table = _WatchedTable()
        self._decoder = Decoder(HEADER_LIST_BYTES_ABSOLUTE_MAX)
        self._decoder.header_table = self._table
        self._remembered: dict[bytes, Head] = {}

    def head(self, block: bytes) -> Head:
        """Return the head of the request that a block opens. Raises `ConnectionFault`."""
        head = self._remembered.get(block)
        if head is not None:
            return head
        changes_before = self._table.change_count
        fields = self.fields(block)
        head = self._parse(fields)
        if self._is_worth_remembering(block, fields, changes_before):
            if len(self._remembered) >= CACHED_BLOCKS_MAX:
                self._remembered.clear()
            self._remembered[block] = head
        return head

    def fields(self, block: bytes) -> list[Field]:
        """Return the fields of any block. Raises `ConnectionFault`."""
        changes_before = self._table.change_count
        try:
            # Raw: what is no text is the affair of whoever reads the field.
            fields = [(bytes(name), bytes(value)) for name, value in self._decode(block)]
        except OversizedHeaderListError as error:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many headers") from error
        except (HPACKError, IndexError) as error:  # the library looks past the end of some blocks
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "undecodable headers") from error
        if self._table.change_count != changes_before or _begins_with_size_update(block):
            self._remembered.clear()
        return fields

    def _decode(self, block: bytes) -> Iterable[tuple[bytes, bytes]]:
        return self._decoder.decode(block, raw=True)

    def _is_worth_remembering(self, block: bytes, fields: list[Field], changes_before: int) -> bool:
        return (
            self._table.change_count == changes_before
            and not _begins_with_size_update(block)
            and len(block) <= CACHED_BLOCK_BYTES_MAX
            and list_bytes(fields) <= CACHED_LIST_BYTES_MAX
        )


def list_bytes(fields: Iterable[Field]) -> int:
    """Return the size of a header list as the peer's settings and ours count it."""
    return sum(len(name) + len(value) + _ENTRY_OVERHEAD for name, value in fields)


def _begins_with_size_update(block: bytes) -> bool:
    # Nowhere else may one stand.
    return bool(block) and block[0] & 0xE0 == 0x20  # noqa: PLR2004 - RFC 7541, 6.3


def encoded(fields: Iterable[Field]) -> bytes:
    """Return a header block that means the same in every connection: literals, never indexed."""
    return b"".join(
        b"\x00" + _string(name) + _string(value)  # RFC 7541, 6.2.2: a new name, without indexing
        for name, value in fields
    )


def _string(text: bytes) -> bytes:
    length = len(text)
    if length < 0x7F:  # noqa: PLR2004 - RFC 7541, 5.1: what seven bits hold
        return bytes((length,)) + text
    prefix = bytearray((0x7F,))
    length -= 0x7F
    while length >= 0x80:  # noqa: PLR2004 - a continued byte
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + text
