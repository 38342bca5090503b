"""Clocks that skip the time in which nothing is done.

Owns their flow: real time plus all that has been skipped, the arranged calls in order, and the one
count of locks and work under way. Must not know what the calls or the work are.
"""

import asyncio
import heapq
from collections.abc import Callable, Container, Hashable
from typing import Final

from indelible.base.ids import NamespaceId
from indelible.base.instants import DURATION_MAX, NO_DURATION, Duration, Instant, after, elapsed
from indelible.ports.clock import Clock, TimerHandle, UnbalancedLocksError

_DEAD_MIN: Final = 64
"""Cancelled calls stay in the heap until there are so many, and as many as others."""


class _Timer:
    """One arranged call."""

    __slots__ = ("at", "callback", "clock", "is_idle", "is_over")

    def __init__(
        self, clock: "VirtualClock", at: Instant, callback: Callable[[], None], *, is_idle: bool
    ) -> None:
        self.clock = clock
        self.at = at
        self.callback = callback
        self.is_idle = is_idle
        self.is_over = False
        """The call was made, or cancelled."""

    def cancel(self) -> None:
        """Forget the call; nothing happens if it was made already."""
        self.clock.cancel(self)


class VirtualClock:
    """Real time, until nothing holds it; then it jumps to the next arranged call.

    Calls are made one by one, in the order of their instants, those of one instant in the order in
    which they were arranged. Before each of them the event loop has its turn, so that what the last
    one set off can hold the clock. It never jumps for calls that are all idle, but makes those that
    it passes.
    """

    def __init__(self, real: Clock, *, is_locked: bool = False) -> None:
        self._real = real
        self._skipped = NO_DURATION
        self._heap: list[tuple[Instant, int, _Timer]] = []
        self._arranged_count = 0
        self._awaited_count = 0
        """Arranged calls that are not idle."""
        self._dead_count = 0
        self._hold_count = int(is_locked)
        self._work: dict[Hashable, int] = {}
        self._armed: TimerHandle | None = None
        self._armed_at = Instant(0)
        """By the real clock."""

    def now(self) -> Instant:
        """Return the present."""
        return after(self._real.now(), self._skipped)

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> TimerHandle:
        """Arrange one call of `callback`, in the event loop, not before `at`."""
        timer = _Timer(self, at, callback, is_idle=is_idle)
        self._arranged_count += 1
        self._awaited_count += not is_idle
        heapq.heappush(self._heap, (at, self._arranged_count, timer))
        self._arm()
        return timer

    def cancel(self, timer: _Timer) -> None:
        """Forget one of this clock's calls."""
        if timer.is_over:
            return
        self._end(timer)
        self._dead_count += 1
        if self._dead_count == len(self._heap) and self._armed is not None:
            self._armed.cancel()  # Nothing is to come: real time need not know this clock.
            self._armed = None
        if self._dead_count >= max(_DEAD_MIN, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if not entry[2].is_over]
            heapq.heapify(self._heap)
            self._dead_count = 0

    async def sleep(self, span: Duration) -> None:
        """Return after `span` of this clock's time."""
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_at(after(self.now(), span), lambda: woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Count the work of `owner` that is under way now."""
        count = work()
        before = self._work.get(owner, 0)
        if count == before:
            return
        if count:
            self._work[owner] = count
        else:
            del self._work[owner]
        self._hold_count += count - before
        if count < before:
            self._arm()

    def lock(self) -> None:
        """Have time be real until `unlock`."""
        self._hold_count += 1

    def unlock(self) -> None:
        """Take one off the count of what holds time; `UnbalancedLocksError` if nothing does."""
        if self._hold_count <= 0:
            raise UnbalancedLocksError
        self._hold_count -= 1
        self._arm()

    async def unlock_for(self, span: Duration) -> None:
        """Unlock, and return after `span` of this clock's time, with the lock back in its place.

        The lock comes back even if the caller does not wait: other locks must stay balanced.
        """
        self.unlock()
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            self.lock()
            if not woken.done():
                woken.set_result(None)

        self.call_at(after(self.now(), span), wake)
        await woken

    @property
    def _may_jump(self) -> bool:
        return self._hold_count <= 0 and self._awaited_count > 0

    def _first(self) -> _Timer | None:
        while self._heap:
            timer = self._heap[0][2]
            if not timer.is_over:
                return timer
            heapq.heappop(self._heap)
            self._dead_count -= 1
        return None

    def _arm(self) -> None:
        """See that the next turn comes when it is due: soon, if time may jump."""
        first = self._first()
        if first is None:
            return
        now = self._real.now()
        at = now if self._may_jump else after(now, elapsed(self.now(), first.at))
        if self._armed is not None:
            if self._armed_at <= at:
                return
            self._armed.cancel()
        self._armed_at = at
        self._armed = self._real.call_at(at, self._turn)

    def _turn(self) -> None:
        self._armed = None
        first = self._first()
        if first is None:
            return
        ahead = elapsed(self.now(), first.at)
        if ahead > 0 and self._may_jump:
            self._skipped = Duration(self._skipped + ahead)
            ahead = NO_DURATION
        try:
            if ahead <= 0:
                heapq.heappop(self._heap)
                self._end(first)
                first.callback()
        finally:
            self._arm()

    def _end(self, timer: _Timer) -> None:
        timer.is_over = True
        self._awaited_count -= not timer.is_idle


class SkippingClocks:
    """One virtual clock for all namespaces, as the reference's test server has, or one for each."""

    def __init__(self, real: Clock, *, is_shared: bool, is_locked: bool) -> None:
        self._real = real
        self._is_shared = is_shared
        self._is_locked = is_locked
        self._clocks: dict[str, VirtualClock] = {}

    def clock_of(self, namespace_id: NamespaceId) -> VirtualClock:
        """Return the clock by which the timers of a namespace run."""
        name = "" if self._is_shared else namespace_id
        clock = self._clocks.get(name)
        if clock is None:
            clock = self._clocks[name] = VirtualClock(self._real, is_locked=self._is_locked)
        return clock

    def retain(self, namespace_ids: Container[str]) -> None:
        """Forget the clocks of all other namespaces; one that is asked for again begins anew."""
        if not self._is_shared:
            for name in [name for name in self._clocks if name not in namespace_ids]:
                del self._clocks[name]

    @property
    def node(self) -> Clock:
        """Real time: deadlines of calls and leases are other people's."""
        return self._real

    @property
    def foresight(self) -> Duration:
        """A jump may lead as far as there are timers."""
        return DURATION_MAX
