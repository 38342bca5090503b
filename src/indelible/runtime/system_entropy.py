"""Randomness from the operating system."""

import os


class SystemEntropy:
    """Bytes fit for identifiers and secrets alike."""

    def token(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)
