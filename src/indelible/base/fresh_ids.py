"""Identifiers for a pure step: drawn from a seed that the shell supplies.

Owns the derivation of UUIDs from a seed. Must not draw entropy: the same seed gives the same ids,
which is what lets a simulation repeat a run.
"""

from hashlib import blake2b

from indelible.base.instants import MILLISECOND, Instant


class FreshIds:
    """A source of UUIDs (version 4 in form), derived from 16 seed bytes."""

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def uuid(self) -> str:
        """Return the next UUID, in canonical text form."""
        self._count += 1
        digest = blake2b(self._count.to_bytes(8, "big"), digest_size=16, key=self._seed).digest()
        return uuid_text(digest)

    def run_id(self, at: Instant) -> str:
        """Return a UUID of version 7 for a run that begins at `at`: such ids sort by time."""
        self._count += 1
        digest = blake2b(self._count.to_bytes(8, "big"), digest_size=16, key=self._seed).digest()
        return run_id_text(at, digest)


def run_id_text(at: Instant, random: bytes) -> str:
    """Return a UUID of version 7 made of an instant and 16 random bytes."""
    text = (at // MILLISECOND).to_bytes(6, "big").hex() + random[6:].hex()
    variant = "89ab"[random[8] & 0x3]
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def uuid_text(digest: bytes) -> str:
    """Return 16 bytes as a version 4 UUID in canonical text form."""
    text = digest.hex()
    variant = "89ab"[digest[8] & 0x3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
