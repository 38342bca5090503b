"""How many tasks of a queue may go out per second.

Owns the arithmetic of the limit: evenly spaced tasks, with a burst of one second's worth (the
reference's `defaultBurstDuration`). Must not know who set the limit.
"""

from typing import Final

from indelible.base.instants import DURATION_MAX, NEVER, NO_DURATION, SECOND, Duration, Instant

BURST: Final = SECOND


class RateLimit:
    """A limit of tasks per second that may change: None for no limit, zero lets nothing through."""

    __slots__ = ("_interval", "_ready_at", "per_second")

    def __init__(self) -> None:
        self.per_second: float | None = None
        self._interval = NO_DURATION
        self._ready_at = NEVER

    def change(self, per_second: float | None, now: Instant) -> None:
        """Set the limit. What was spent stays spent, or two workers that disagree would lift it."""
        if per_second == self.per_second:
            return
        self.per_second = per_second
        if per_second:
            self._interval = Duration(int(min(SECOND / per_second, DURATION_MAX)))
            # A very low limit of before may have put the next task years away.
            self._ready_at = Instant(min(self._ready_at, now + self._interval))

    def ready_at(self) -> Instant | None:
        """Return when the next task may go out; None if only a new limit can tell."""
        return self._ready_at if self.per_second else None

    def is_open(self, now: Instant) -> bool:
        """Whether a task may go out now."""
        return self.per_second is None or (self.per_second > 0 and self._ready_at <= now)

    def spend(self, now: Instant) -> bool:
        """Account for a task that goes out now; False if it may not."""
        if self.per_second is None:
            return True
        if not self.is_open(now):
            return False
        # At least one task at once, or a limit below one per second would never let go.
        burst = max(BURST - self._interval, 0)
        self._ready_at = Instant(max(self._ready_at, now - burst) + self._interval)
        return True

    def refund(self) -> None:
        """Take back the account of a task that did not go out after all."""
        if self.per_second:
            self._ready_at = Instant(self._ready_at - self._interval)
