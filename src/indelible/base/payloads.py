"""What the service must know of payloads: their size, and when one stands for "nothing".

Their content stays opaque.
"""

from collections.abc import Mapping

from temporalio.api.common.v1 import Payload


def is_removal(payload: Payload) -> bool:
    """Whether a field set to this payload is removed: nothing, null, or an empty list."""
    encoding = payload.metadata.get("encoding", b"")
    return encoding == b"binary/null" or payload.data.strip() in {b"", b"null", b"[]"}


def merged_fields(fields: Mapping[str, bytes], upserted: Mapping[str, Payload]) -> dict[str, bytes]:
    """Return named, serialized payloads after some of them have been set or removed."""
    merged = dict(fields)
    for name in sorted(upserted):  # The order within a protobuf map means nothing.
        if is_removal(upserted[name]):
            merged.pop(name, None)
        else:
            merged[name] = upserted[name].SerializeToString()
    return merged


def fields_size(fields: Mapping[str, bytes]) -> int:
    """Return the bytes that named, serialized payloads take as a protobuf map."""
    size = 0
    for name, payload in fields.items():
        entry = _field_size(len(name.encode())) + _field_size(len(payload))
        size += _field_size(entry)
    return size


def _field_size(length: int) -> int:
    """One byte of tag, the length in groups of seven bits, and the content."""
    return 1 + max(1, (length.bit_length() + 6) // 7) + length


def content_size(fields: Mapping[str, Payload]) -> int:
    """Return the bytes of names and contents, without metadata."""
    return sum(len(name.encode()) + len(payload.data) for name, payload in fields.items())
