"""A process: everything that dies together.

Owns which tasks belong to whom, and sudden death: nothing of a dead process runs on, but for what
Python needs to let go of it. Must not know what a process does.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Final, TypeVar

from indelible.base.ids import NamespaceId
from indelible.base.instants import NO_DURATION, Duration, Instant
from indelible.ports.clock import Clock
from simulation.world.loop import AnyTask, Handle, SimulatedLoop

_T = TypeVar("_T")
_owner: Final[ContextVar["Process | None"]] = ContextVar("owner", default=None)
_DEATH_ROUNDS_MAX: Final = 1_000


class UndeadError(Exception):
    """A task goes on although it was cancelled again and again."""


class Process:
    """The tasks and timers of one node, worker or client."""

    def __init__(self, name: str, loop: SimulatedLoop) -> None:
        self.name = name
        self.is_dead = False
        self.deaths: list[str] = []
        """Background tasks that ended by an error while the process lived."""
        self._loop = loop
        self._tasks: dict[AnyTask, None] = {}
        self._background: dict[AnyTask, Coroutine[object, object, None]] = {}
        """What background tasks do. One that dies before its first step never gets to it."""

    def start(self, work: Coroutine[object, object, _T], name: str = "") -> asyncio.Task[_T]:
        """Run something in this process."""
        scene = copy_context()
        scene.run(_owner.set, self)
        return self._loop.create_task(work, name=name or self.name, context=scene)

    def spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run a background task, as the supervisor of a node does."""
        if self.is_dead:
            work.close()
            return
        self._background[self.start(self._watched(name, work), name)] = work

    async def _watched(self, name: str, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a task's edge
            if not self.is_dead:
                self.deaths.append(f"background task {name!r} died: {error!r}")

    async def kill(self) -> None:
        """End the process at once; to be called from outside of it."""
        self.is_dead = True
        for _ in range(_DEATH_ROUNDS_MAX):
            if not self._tasks:
                return
            for task in list(self._tasks):
                task.cancel()
            await self._loop.pause(Duration(0))
        raise UndeadError(f"{self.name}: {[task.get_name() for task in self._tasks]}")

    def adopt(self, task: AnyTask) -> None:
        """Take note of a task that was started in this process."""
        self._tasks[task] = None
        task.add_done_callback(self._release)

    def _release(self, task: AnyTask) -> None:
        # All at once: whoever kills the process goes on when its last task is released.
        del self._tasks[task]
        work = self._background.pop(task, None)
        if work is not None:
            work.close()
        if not task.cancelled():
            task.exception()  # Looked at by whoever awaits it, or of no interest any more.


def current_process() -> "Process | None":
    """Return the process whose code runs."""
    return _owner.get()


def adopt_by_owner(task: AnyTask, scene: Context) -> None:
    """Give a new task to the process in whose context it runs."""
    owner = scene.get(_owner)
    if owner is not None:
        owner.adopt(task)


class ProcessClock:
    """Virtual time, as a process sees it. The timers of a dead process do not fire."""

    def __init__(self, loop: SimulatedLoop, process: Process) -> None:
        self._loop = loop
        self._process = process

    def now(self) -> Instant:
        """Return the present."""
        return self._loop.now

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> Handle:
        """Arrange one call, not before `at`."""
        del is_idle  # The loop skips to whatever comes next.
        earliest = Instant(max(at, self._loop.now))
        return self._loop.call_at_instant(earliest, partial(self._fire, callback))

    def _fire(self, callback: Callable[[], None]) -> None:
        if not self._process.is_dead:
            callback()

    async def sleep(self, span: Duration) -> None:
        """Return after `span`."""
        await self._loop.pause(span)

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """The loop knows by itself when nothing is under way."""


class ProcessClocks:
    """The same virtual time for every namespace."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def clock_of(self, namespace_id: NamespaceId) -> Clock:  # noqa: ARG002
        """Return the clock of the process."""
        return self._clock

    @property
    def node(self) -> Clock:
        """The clock of the process."""
        return self._clock

    @property
    def foresight(self) -> Duration:
        """The clock of the node is that of the timers: no deadline comes before its window."""
        return NO_DURATION
