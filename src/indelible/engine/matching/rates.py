"""How many tasks per second came and went lately.

Owns the measurement over a sliding window of 30 seconds, per priority. Must not read a clock.
"""

from typing import Final

from indelible.base.instants import SECOND, Duration, Instant, elapsed, in_seconds

RATE_WINDOW: Final = Duration(30 * SECOND)
_BUCKET: Final = Duration(5 * SECOND)
_BUCKET_COUNT: Final = RATE_WINDOW // _BUCKET + 1


class RateMeter:
    """Counts in buckets of five seconds."""

    __slots__ = ("_bucket_started_at", "_counts", "_current", "_started_at")

    def __init__(self, now: Instant) -> None:
        self._started_at = now
        self._bucket_started_at = now
        self._counts = [0] * _BUCKET_COUNT
        self._current = 0

    def add(self, now: Instant) -> None:
        """Count one."""
        if now - self._bucket_started_at >= _BUCKET:
            self._advance(now)
        self._counts[self._current] += 1

    def per_second(self, now: Instant) -> float:
        """Return the mean rate over the window, or since the meter was made if that is shorter."""
        self._advance(now)
        measured = min(
            elapsed(self._bucket_started_at, now) + RATE_WINDOW, elapsed(self._started_at, now)
        )
        return sum(self._counts) / in_seconds(Duration(measured)) if measured > 0 else 0.0

    def _advance(self, now: Instant) -> None:
        steps = elapsed(self._bucket_started_at, now) // _BUCKET
        for _ in range(min(steps, _BUCKET_COUNT)):
            self._current = (self._current + 1) % _BUCKET_COUNT
            self._counts[self._current] = 0
        self._bucket_started_at = Instant(self._bucket_started_at + steps * _BUCKET)


class PriorityRates:
    """One meter per priority that occurs."""

    __slots__ = ("_meters", "_started_at")

    def __init__(self, now: Instant) -> None:
        self._started_at = now
        self._meters: dict[int, RateMeter] = {}

    def add(self, priority: int, now: Instant) -> None:
        """Count one task of a priority."""
        meter = self._meters.get(priority)
        if meter is None:
            meter = self._meters[priority] = RateMeter(self._started_at)
        meter.add(now)

    def per_second(self, now: Instant) -> dict[int, float]:
        """Return the rate of each priority that has occurred."""
        return {priority: meter.per_second(now) for priority, meter in self._meters.items()}

    def total_per_second(self, now: Instant) -> float:
        """Return the rate over all priorities."""
        return sum(meter.per_second(now) for meter in self._meters.values())
