"""Identifiers for a pure step: drawn from a seed that the shell supplies.

Owns the derivation of UUIDs from a seed. Must not draw entropy: the same seed gives the same ids,
which is what lets a simulation repeat a run.
"""

from hashlib import blake2b


class FreshIds:
    """A source of UUIDs (version 4 in form) for one step, derived from 16 seed bytes."""

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def uuid(self) -> str:
        """Return the next UUID, in canonical text form."""
        self._count += 1
        digest = blake2b(self._count.to_bytes(4, "big"), digest_size=16, key=self._seed).digest()
        return uuid_text(digest)


def uuid_text(digest: bytes) -> str:
    """Return 16 bytes as a version 4 UUID in canonical text form."""
    text = digest.hex()
    variant = "89ab"[digest[8] & 0x3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
