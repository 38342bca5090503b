"""Protobuf messages, handled by the names of their fields.

Owns what several copies of one request or event have in common: fields that may be absent, and are
copied only if they are there. Must not know any particular message.
"""

from collections.abc import Iterable

from google.protobuf.message import Message


def copy_present(source: Message, target: Message, fields: Iterable[str]) -> None:
    """Copy the sub-messages of these names that `source` has; absent ones stay absent."""
    for field in fields:
        if source.HasField(field):
            getattr(target, field).CopyFrom(getattr(source, field))


def present_bytes(source: Message, field: str) -> bytes:
    """Return a sub-message in serialized form; empty if it is absent."""
    if not source.HasField(field):
        return b""
    serialized: bytes = getattr(source, field).SerializeToString()
    return serialized
