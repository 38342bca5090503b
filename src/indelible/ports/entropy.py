"""Where randomness comes from."""

from typing import Protocol


class Entropy(Protocol):
    """A source of random bytes; seeded in simulation."""

    def token(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...
