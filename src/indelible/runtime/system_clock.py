"""The machine's clock, made monotonic.

Owns the reading of the wall clock and the timers of the event loop. Must not know what the timers
are for.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Final

from indelible.base.ids import NamespaceId
from indelible.base.instants import (
    NO_DURATION,
    SECOND,
    Duration,
    Instant,
    elapsed,
    in_seconds,
)
from indelible.ports.clock import Clock, TimerHandle

_CATCH_UP_DIVISOR: Final = 8
"""While the machine's clock is behind ours, ours runs slower by one part in so many."""

_ARMED_MAX: Final = Duration(15 * SECOND)
"""Timers look again at least this often: the loop's own clock stands still while the machine
sleeps, and does not notice when the wall clock is set forward."""


class SystemClock:
    """Wall-clock time that never goes back.

    It follows the machine's clock forward at once. When that clock is set back, ours goes on, a
    little slower, until the machine has caught up: no event is older than the one before it, and
    timers do not stand still meanwhile.
    """

    __slots__ = ("_last_monotonic", "_last_now", "_monotonic_ns", "_wall_ns")

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._last_now = wall_ns()
        self._last_monotonic = monotonic_ns()

    def now(self) -> Instant:
        """Return the present."""
        wall = self._wall_ns()
        monotonic = self._monotonic_ns()
        passed = monotonic - self._last_monotonic
        slowed = self._last_now + passed - passed // _CATCH_UP_DIVISOR
        now = max(wall, slowed)
        self._last_now = now
        self._last_monotonic = monotonic
        return Instant(now)

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> TimerHandle:
        """Arrange one call of `callback`, in the event loop, not before `at`."""
        del is_idle  # Real time is not skipped for anybody's sake.
        return _Timer(self, at, callback)

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Real time goes on whatever is under way."""

    async def sleep(self, span: Duration) -> None:
        """Return after `span` of this clock's time."""
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_at(Instant(self.now() + span), lambda: woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()


class _Timer:
    """One arranged call; armed anew until its instant has come."""

    __slots__ = ("_armed", "_at", "_callback", "_clock", "_loop")

    def __init__(self, clock: SystemClock, at: Instant, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._at = at
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._arm()

    def cancel(self) -> None:
        """Forget the call; nothing happens if it was made already."""
        self._armed.cancel()

    def _arm(self) -> None:
        wait = min(elapsed(self._clock.now(), self._at), _ARMED_MAX)
        self._armed = self._loop.call_later(in_seconds(wait), self._look)

    def _look(self) -> None:
        if self._clock.now() < self._at:
            self._arm()
        else:
            self._callback()


class SystemClocks:
    """The same real time for every namespace."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def clock_of(self, namespace_id: NamespaceId) -> Clock:
        """Return the clock by which the timers of a namespace run."""
        del namespace_id  # Namespaces differ only where time can skip.
        return self._clock

    @property
    def node(self) -> Clock:
        """The clock for what belongs to no namespace."""
        return self._clock

    @property
    def foresight(self) -> Duration:
        """Real time does not jump."""
        return NO_DURATION
