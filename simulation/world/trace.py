"""What happened, in order, and a digest of it.

Owns the record by which a failing seed is read, and by which two runs of a seed are compared. Takes
nothing that could differ between two runs: no addresses, no hashes, no serialized maps.
"""

from collections import deque
from hashlib import blake2b
from typing import Final

from indelible.base.instants import MILLISECOND, Instant

LINES_KEPT_MAX: Final = 20_000


class Trace:
    """The lines of a run."""

    def __init__(self, *, start: Instant) -> None:
        self._start = start
        self._digest = blake2b(digest_size=8)
        self.lines: deque[str] = deque(maxlen=LINES_KEPT_MAX)

    def add(self, now: Instant, who: str, what: str) -> None:
        """Note that something happened."""
        line = f"{(now - self._start) / MILLISECOND:12.3f} {who:<12} {what}"
        self.lines.append(line)
        self._digest.update(line.encode())

    @property
    def digest(self) -> str:
        """What the whole run was, in sixteen letters."""
        return self._digest.hexdigest()

    def tail(self, count: int) -> list[str]:
        """Return the last lines."""
        return list(self.lines)[-count:]
