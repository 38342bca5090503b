"""The wake-ups of a shard: which runs must be looked at, and when.

Owns a window of the near future in memory over the `wake_at` column of the store, per clock; where
time may jump, as far as it may. A wake-up is a hint: whoever is woken asks the run what is due.
Must not know what that can be.
"""

import heapq
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Final, Protocol

import structlog

from indelible.base.ids import WorkflowKey
from indelible.base.instants import MILLISECOND, SECOND, Duration, Instant, after
from indelible.ports.clock import Clock, Clocks, TimerHandle
from indelible.services.history.shard import Shard

_log: Final = structlog.get_logger("indelible.history.wakeups")

WINDOW: Final = Duration(60 * SECOND)
"""How far ahead wake-ups are held in memory."""
REFILL_INTERVAL: Final = Duration(30 * SECOND)
ROWS_PER_READ: Final = 2_000
RETRY_DELAY: Final = SECOND
CATCH_UP_DELAY: Final = Duration(100 * MILLISECOND)
"""Before more rows are read when there are more than one read brings."""
WOKEN_PER_TURN_MAX: Final = 16
"""Others of the event loop have their turn before more are woken."""
WOKEN_MAX: Final = ROWS_PER_READ // 2
"""While so many of those that were woken are not done, no more rows are read: it would bring them
again, and little else."""


class Spawn(Protocol):
    """Starts a background task that the lifecycle owns."""

    def __call__(self, name: str, work: Coroutine[object, object, None], /) -> None:
        """Run `work` until it ends or the node does."""
        ...


class _Lane:
    """The wake-ups that run by one clock, and that somebody waits for, or nobody."""

    __slots__ = ("armed_at", "clock", "heap", "is_idle", "timer")

    def __init__(self, clock: Clock, *, is_idle: bool) -> None:
        self.clock = clock
        self.is_idle = is_idle
        self.heap: list[tuple[Instant, WorkflowKey]] = []
        self.timer: TimerHandle | None = None
        self.armed_at: Instant | None = None


class Wakeups:
    """Wakes the runs of one shard when their time comes."""

    def __init__(
        self,
        shard: Shard,
        clocks: Clocks,
        spawn: Spawn,
        wake: Callable[[WorkflowKey], Awaitable[None]],
    ) -> None:
        self._shard = shard
        self._clocks = clocks
        self._spawn = spawn
        self._wake = wake
        self._window: Final = Duration(max(WINDOW, clocks.foresight))
        self._lanes: dict[tuple[Clock, bool], _Lane] = {}
        """Those that hold wake-ups; an empty one would keep the clock of a deleted namespace."""
        self._noted: dict[WorkflowKey, Instant] = {}
        """The wake-up of each run in the window; a heap entry that says otherwise is void."""
        self._woken: dict[WorkflowKey, int] = {}
        """Runs that were woken, how often, and are not done."""
        self._window_end = Instant(0)
        self._refill: TimerHandle | None = None
        self._is_stopped = False

    async def start(self) -> None:
        """Read the first window; from then on the window moves by itself."""
        await self._read()

    def stop(self) -> None:
        """Wake nobody any more."""
        self._is_stopped = True
        if self._refill is not None:
            self._refill.cancel()
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()

    def note(
        self,
        key: WorkflowKey,
        at: Instant | None,
        *,
        is_stored: bool = True,
        is_idle: bool = False,
    ) -> None:
        """Take note of when a run wants to be woken; None for never.

        One that is not stored is kept however far away it is: no read would bring it back. Nobody
        waits for one that `is_idle`: it clears up what is left of a run.
        """
        before = self._noted.get(key)
        if before == at:
            return
        if before is not None:
            del self._noted[key]
            self._rearm(key, before)
        if at is None:
            return
        lane = self._lane(key, is_idle=is_idle)
        is_far = at >= self._window_end and at >= after(lane.clock.now(), self._window)
        if is_stored and is_far:
            return
        self._noted[key] = at
        heapq.heappush(lane.heap, (at, key))
        self._arm(lane)

    def reread(self) -> None:
        """Look into the store now: a wake-up may be there that nobody noted."""
        if not self._is_stopped:
            self._spawn("read wake-ups", self._read())

    def _lane(self, key: WorkflowKey, *, is_idle: bool) -> _Lane:
        clock = self._clocks.clock_of(key.namespace_id)
        place = (clock, is_idle)
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(clock, is_idle=is_idle)
        return lane

    def _rearm(self, key: WorkflowKey, void: Instant) -> None:
        """Arm what comes after a wake-up that has become void: no time is skipped for its sake."""
        clock = self._clocks.clock_of(key.namespace_id)
        for is_idle in (False, True):
            lane = self._lanes.get((clock, is_idle))
            if lane is None or lane.armed_at != void:
                continue
            if lane.timer is not None:
                lane.timer.cancel()
            lane.timer = lane.armed_at = None
            self._arm(lane)

    def _arm(self, lane: _Lane) -> None:
        while lane.heap and self._noted.get(lane.heap[0][1]) != lane.heap[0][0]:
            heapq.heappop(lane.heap)
        if not lane.heap:
            self._lanes.pop((lane.clock, lane.is_idle), None)
            return
        if self._is_stopped:
            return
        first = lane.heap[0][0]
        if lane.armed_at is not None and lane.armed_at <= first:
            return
        if lane.timer is not None:
            lane.timer.cancel()
        lane.armed_at = first
        lane.timer = lane.clock.call_at(first, lambda: self._fire(lane), is_idle=lane.is_idle)

    def _fire(self, lane: _Lane) -> None:
        lane.timer = lane.armed_at = None
        now = lane.clock.now()
        for _ in range(WOKEN_PER_TURN_MAX):
            if not lane.heap or lane.heap[0][0] > now:
                break
            at, key = heapq.heappop(lane.heap)
            if self._noted.get(key) == at:
                del self._noted[key]
                self._count_woken(key, 1)
                self._spawn("wake-up", self._wake_one(key))
        self._arm(lane)

    def _count_woken(self, key: WorkflowKey, difference: int) -> None:
        """Note that a run is woken, or done; no time is skipped in between."""
        count = self._woken[key] = self._woken.get(key, 0) + difference
        if not count:
            del self._woken[key]
        self._clocks.clock_of(key.namespace_id).occupy(("wake-up", key), lambda: count)

    async def _wake_one(self, key: WorkflowKey) -> None:
        try:
            await self._wake(key)
        except Exception:  # noqa: BLE001  # the edge of a task: it is logged and repeated
            # The run's time has come and stays due; a failing store is the usual reason.
            _log.exception("wake-up failed, will be repeated", workflow_id=key.workflow_id)
            now = self._clocks.clock_of(key.namespace_id).now()
            self.note(key, after(now, RETRY_DELAY))
        finally:
            self._count_woken(key, -1)

    def _read_on(self) -> None:
        """Read the next rows, unless most of the last ones are still being dealt with."""
        if self._is_stopped:
            return
        if len(self._woken) <= WOKEN_MAX:
            self._spawn("read wake-ups", self._read(self._woken))
        else:
            self._read_later(CATCH_UP_DELAY, self._read_on)

    async def _read(self, known: Collection[WorkflowKey] = ()) -> None:
        """Read the wake-ups up to the end of the window, and arrange for the next read.

        Those that are `known` are left out: they are being dealt with, and nobody is in doubt.
        """
        now = self._clocks.node.now()
        end = after(now, self._window)
        delay, go_on = REFILL_INTERVAL, self.reread
        try:
            rows = await self._shard.parts.store.wakeups(
                self._shard.shard_id, before=end, limit=ROWS_PER_READ
            )
            if len(rows) >= ROWS_PER_READ:
                end = max(rows[-1][0], now)
                # Before the last of them is due, no other one is, and a read brings them again.
                delay = Duration(min(max(end - now, CATCH_UP_DELAY), REFILL_INTERVAL))
                go_on = self._read_on
            self._window_end = end
            for at, key in rows:
                if key not in self._noted and key not in known:
                    self.note(key, at)
        except Exception:  # noqa: BLE001  # the edge of a task: it is logged and repeated
            _log.exception("cannot read wake-ups, will be repeated")
            delay = RETRY_DELAY
        self._read_later(delay, go_on)

    def _read_later(self, delay: Duration, read: Callable[[], None]) -> None:
        if self._is_stopped:
            return
        if self._refill is not None:
            self._refill.cancel()
        self._refill = self._clocks.node.call_at(after(self._clocks.node.now(), delay), read)
