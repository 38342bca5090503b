"""Tasks that a worker has, by the server's books, but nobody works on: time may pass them.

Owns how long each is taken off the count of work under way. It must never outlast the task, or time
would be skipped while others work.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from indelible.base.instants import Instant
from indelible.ports.clock import SkippingClock, TimerHandle


class AbandonedTasks:
    """Those of one namespace, by task token."""

    def __init__(self, clock: SkippingClock) -> None:
        self._clock: Final = clock
        self._ends: Final[dict[bytes, TimerHandle]] = {}

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """Return the tokens of the tasks that count as abandoned now."""
        return tuple(self._ends)

    def add(self, token: bytes, ends_at: Instant) -> None:
        """Let time pass until `ends_at`, when the task times out at the latest."""
        self.remove(token)
        self._ends[token] = self._clock.call_at(ends_at, lambda: self.remove(token))
        self._clock.occupy(("abandoned", token), lambda: -1)

    @contextmanager
    def standing_still(self) -> Generator[None]:
        """Have time be real in the body, which may end tasks that still count as abandoned.

        Between such an end and its `remove` the count would be one too low.
        """
        owner = object()
        self._clock.occupy(owner, lambda: 1)
        try:
            yield
        finally:
            self._clock.occupy(owner, lambda: 0)

    def remove(self, token: bytes) -> None:
        """Count the task again, because it is over, or somebody has its result after all."""
        end = self._ends.pop(token, None)
        if end is not None:
            end.cancel()
            self._clock.occupy(("abandoned", token), lambda: 0)
