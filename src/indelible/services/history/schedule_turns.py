"""Which schedules have their turn.

Owns the order and the bound: many schedules may be due in the same minute, and other work must go
on meanwhile. A schedule has one turn at a time; those that wait are given it together. Must not
know what a turn does.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from indelible.base.ids import WorkflowKey
from indelible.base.instants import SECOND, after
from indelible.ports.clock import Clocks
from indelible.services.history.wakeups import Spawn

_log: Final = structlog.get_logger("indelible.history.schedules")

RUNNING_MAX: Final = 64
"""Turns of their own at the same time: as many as share a flush with the starts that they make."""
TOGETHER_MAX: Final = 10
"""Turns that share a commit: about ten milliseconds, for which the event loop does nothing else."""
GROUPS_MAX: Final = 3
"""Groups of turns at the same time: while some wait for the disk, the next one is decided."""
RETRY_DELAY: Final = SECOND


class ScheduleTurns:
    """The turns of all schedules of a node."""

    def __init__(
        self,
        clocks: Clocks,
        spawn: Spawn,
        *,
        take: Callable[[WorkflowKey], Awaitable[None]],
        take_together: Callable[[Sequence[WorkflowKey]], Awaitable[Sequence[WorkflowKey]]],
    ) -> None:
        self._clocks = clocks
        self._spawn = spawn
        self._take = take
        self._take_together = take_together
        self._waiting: deque[WorkflowKey] = deque()
        self._waiting_alone: deque[WorkflowKey] = deque()
        """Those that need a turn of their own."""
        self._known: dict[WorkflowKey, asyncio.Future[None]] = {}
        """Those that wait or have their turn, and what tells that it is over."""
        self._running_count = 0
        self._group_count = 0
        self._is_beginning = False
        self._is_stopped = False

    def ask(self, key: WorkflowKey) -> None:
        """Have a schedule get its turn soon; one that has it notes by itself when it goes on."""
        if key in self._known or self._is_stopped:
            return
        self._note(key)
        self._waiting.append(key)
        self._run_waiting()

    async def take(self, key: WorkflowKey) -> None:
        """Give a schedule its turn when there is room; return when it is over."""
        self.ask(key)
        over = self._known.get(key)
        if over is not None:
            await asyncio.shield(over)

    async def take_now(self, key: WorkflowKey) -> None:
        """Give a schedule its turn at once, unless it has it already; return when it is over.

        A caller who goes away does not break it off.
        """
        if key in self._known or self._is_stopped:
            return
        over = self._note(key)
        self._spawn("schedule", self._run(key))
        await asyncio.shield(over)

    def stop(self) -> None:
        """Begin no turn any more; what is due is due at the next start."""
        self._is_stopped = True
        for waiting in (self._waiting, self._waiting_alone):
            while waiting:
                _tell(self._forget(waiting.popleft()))

    # ------------------------------------------------------------------------------------- together
    def _run_waiting(self) -> None:
        # One group begins per turn of the event loop, so that others come between; it takes whoever
        # waits by then.
        if not self._is_beginning and self._waiting and self._group_count < GROUPS_MAX:
            self._is_beginning = True
            asyncio.get_running_loop().call_soon(self._begin_group)

    def _begin_group(self) -> None:
        self._is_beginning = False
        keys = [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER_MAX))]
        if keys:
            self._group_count += 1
            self._spawn("schedules", self._run_group(keys))
            self._run_waiting()

    async def _run_group(self, keys: Sequence[WorkflowKey]) -> None:
        left = keys
        try:
            left = await self._take_together(keys)
        except Exception as error:  # noqa: BLE001  # the edge of a task: it is logged and repeated
            # Each has a turn of its own then: what one of them cannot do breaks off no other.
            _log.warning("turns of schedules failed", count=len(keys), reason=str(error))
        finally:
            self._group_count -= 1
        for key in keys:
            if key not in left:
                _tell(self._forget(key))
        self._waiting_alone += left
        self._run_alone()
        self._run_waiting()

    # ------------------------------------------------------------------------------- one by one
    def _run_alone(self) -> None:
        while self._waiting_alone and self._running_count < RUNNING_MAX and not self._is_stopped:
            self._running_count += 1
            self._spawn("schedule", self._run_counted(self._waiting_alone.popleft()))

    async def _run_counted(self, key: WorkflowKey) -> None:
        try:
            await self._run(key)
        finally:
            self._running_count -= 1
            self._run_alone()

    async def _run(self, key: WorkflowKey) -> None:
        over = self._known[key]
        try:
            await self._take(key)
        except Exception:  # noqa: BLE001  # the edge of a task: it is logged and repeated
            # What is due stays due; a failing store is the usual reason. It stays known until it
            # is repeated: whoever doubts the store finds it due, and would ask for it at once.
            _log.exception("turn of a schedule failed, will be repeated", schedule=key.workflow_id)
            at = after(self._clocks.node.now(), RETRY_DELAY)
            self._clocks.node.call_at(at, lambda: self._repeat(key))
        except BaseException:
            self._forget(key)
            raise
        else:
            self._forget(key)
        finally:
            _tell(over)

    def _repeat(self, key: WorkflowKey) -> None:
        self._forget(key)
        self.ask(key)

    def _note(self, key: WorkflowKey) -> asyncio.Future[None]:
        over = self._known[key] = asyncio.get_running_loop().create_future()
        self._occupy(key, 1)
        return over

    def _forget(self, key: WorkflowKey) -> asyncio.Future[None]:
        self._occupy(key, 0)
        return self._known.pop(key)

    def _occupy(self, key: WorkflowKey, count: int) -> None:
        clock = self._clocks.clock_of(key.namespace_id)
        clock.occupy(("schedule's turn", key), lambda: count)


def _tell(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
