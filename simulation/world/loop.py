"""An event loop without a world: no sockets, no threads, no real time.

Owns the virtual clock, in whole nanoseconds, and the order in which callbacks run, which the seed
decides. Time passes only when nothing is left to do now. Must not know what runs on it.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeAlias, TypeVar

from indelible.base.instants import SECOND, Duration, Instant

_T = TypeVar("_T")
AnyTask: TypeAlias = asyncio.Task[Any]  # pyright: ignore[reportExplicitAny]
AnyFuture: TypeAlias = asyncio.Future[Any]  # pyright: ignore[reportExplicitAny]
NewTask = Callable[[AnyTask, Context], None]
CoroutineLike: TypeAlias = (
    Generator[Any, None, _T]  # pyright: ignore[reportExplicitAny]
    | Coroutine[Any, Any, _T]  # pyright: ignore[reportExplicitAny]
)


class StuckError(Exception):
    """Nobody has anything to do, now or later, and the simulation is not over."""


class Handle(asyncio.TimerHandle):
    """One call to come. `at` is exact; the float that asyncio wants to see is not."""

    def __init__(
        self,
        at: Instant,
        callback: Callable[..., object],
        args: tuple[object, ...],
        *,
        loop: "SimulatedLoop",
        context: Context | None,
    ) -> None:
        super().__init__(at / SECOND, callback, args, loop, context)
        self.at = at
        self._work = callback
        self._arguments = args
        self._scene = context or copy_context()

    def run(self) -> None:
        """Make the call."""
        self._scene.run(self._work, *self._arguments)


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs one coroutine, and whatever it starts, to its end."""

    def __init__(self, chance: Random, *, start: Instant, is_shuffled: bool) -> None:
        self.now = start
        self.is_shuffled = is_shuffled
        self.complaints: list[str] = []
        """What nobody took care of: errors of callbacks, and errors that were never looked at."""
        self.new_task: NewTask | None = None
        """Is told of every task, and of the context in which it runs."""
        self._chance = chance
        self._ready: list[Handle] = []
        self._later: list[tuple[Instant, int, Handle]] = []
        self._armed_count = 0
        self._task_count = 0

    def run(self, main: Coroutine[object, object, _T]) -> _T:
        """Run `main` to its end and return its result; `StuckError` if it can never end."""
        asyncio._set_running_loop(self)  # noqa: SLF001
        try:
            task = self.create_task(main)
            while not task.done():
                self._turn()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
        return task.result()

    def _turn(self) -> None:
        if not self._ready:
            self._pass_time()
        while self._later and self._later[0][0] <= self.now:
            self._ready.append(heapq.heappop(self._later)[2])
        handle = self._next()
        if handle.cancelled():
            return
        try:
            handle.run()
        except Exception as error:  # noqa: BLE001 - the edge of a callback
            self.complaints.append(f"a callback failed: {error!r}")

    def _pass_time(self) -> None:
        while self._later and self._later[0][2].cancelled():
            heapq.heappop(self._later)
        if not self._later:
            raise StuckError("nothing is left to do, and nothing will come")
        self.now = max(self.now, self._later[0][0])

    def _next(self) -> Handle:
        if not self.is_shuffled:
            return self._ready.pop(0)
        chosen = int(self._chance.random() * len(self._ready))
        self._ready[chosen], self._ready[-1] = self._ready[-1], self._ready[chosen]
        return self._ready.pop()

    def call_at_instant(self, at: Instant, callback: Callable[[], object]) -> Handle:
        """Arrange a call for an instant, exactly."""
        handle = Handle(at, callback, (), loop=self, context=None)
        self._armed_count += 1
        heapq.heappush(self._later, (at, self._armed_count, handle))
        return handle

    # What asyncio asks of a loop; everything else of the abstract class stays unimplemented.

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Run a callback among the next."""
        handle = Handle(self.now, callback, args, loop=self, context=context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback after a delay in seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback at an instant of `time`."""
        at = Instant(max(self.now, round(when * SECOND)))
        handle = Handle(at, callback, args, loop=self, context=context)
        self._armed_count += 1
        heapq.heappush(self._later, (at, self._armed_count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to do: a cancelled call is skipped when its turn comes."""

    def time(self) -> float:
        """Return the present in seconds, as asyncio wants it."""
        return self.now / SECOND

    def create_future(self) -> AnyFuture:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: CoroutineLike[_T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_kwargs: object,
    ) -> asyncio.Task[_T]:
        """Start a task, and tell `new_task`."""
        self._task_count += 1
        task = asyncio.Task(
            coro, loop=self, name=name or f"task {self._task_count}", context=context
        )
        if self.new_task is not None:
            self.new_task(task, context or copy_context())
        return task

    def get_debug(self) -> bool:
        """Return that asyncio need not check itself."""
        return False

    def is_running(self) -> bool:
        """Return that the loop runs: nothing asks while it does not."""
        return True

    def is_closed(self) -> bool:
        """Return that it is not closed: there is nothing to close."""
        return False

    def call_exception_handler(self, context: dict[str, object]) -> None:
        """Note an error that nobody looked at."""
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def pause(self, span: Duration) -> None:
        """Let virtual time pass."""
        woken = self.create_future()
        handle = self.call_at_instant(
            Instant(self.now + span), lambda: None if woken.done() else woken.set_result(None)
        )
        try:
            await woken
        finally:
            handle.cancel()
