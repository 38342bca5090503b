"""Real time that passes when a test says so: what virtual clocks are made of."""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from indelible.base.instants import HOUR, Duration, Instant

START: Final = Instant(1_000 * HOUR)


@dataclass
class ManualTimer:
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        self.callback = None


class RealTime:
    """Real time that passes when a test says so."""

    def __init__(self) -> None:
        self.time = START
        self._numbers = itertools.count()
        self._heap: list[tuple[Instant, int, ManualTimer]] = []

    def now(self) -> Instant:
        return self.time

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> ManualTimer:
        timer = ManualTimer(callback)
        heapq.heappush(self._heap, (at, next(self._numbers), timer))
        return timer

    async def sleep(self, span: Duration) -> None:
        raise AssertionError("virtual clocks do not sleep by the real one")

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        raise AssertionError("nothing occupies real time")

    @property
    def arranged_count(self) -> int:
        """How many calls are still to be made."""
        return sum(timer.callback is not None for _, _, timer in self._heap)

    def run(self, span: int = 0) -> None:
        """Let real time pass, with all calls that come due in it."""
        end = Instant(self.time + span)
        while self._heap and self._heap[0][0] <= end:
            at, _, timer = heapq.heappop(self._heap)
            self.time = max(self.time, at)
            if timer.callback is not None:
                timer.callback()
        self.time = end


async def turns() -> None:
    """Let whoever is ready go on, for some turns of the event loop."""
    for _ in range(5):
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
