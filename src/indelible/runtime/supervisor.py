"""Background tasks, and what happens when one of them dies.

Owns the task group of a node. A background task ends when it is cancelled; if it ends by an error,
the node must stop, because a promise that only that task keeps would silently be broken.
"""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, Self

import structlog

_log: Final = structlog.get_logger("indelible.runtime")


class BackgroundTaskError(Exception):
    """A background task died; the message names it, the cause is its error."""


class Supervisor:
    """An async context that owns background tasks; leaving it cancels and awaits them."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._crash: asyncio.Future[BackgroundTaskError] | None = None

    async def __aenter__(self) -> Self:
        self._crash = asyncio.get_running_loop().create_future()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        # The body's own error goes on as it is; told of it, the group would wrap it into another.
        await self._group.__aexit__(None, None, None)

    def start(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run `work` until it ends or the supervisor does; only inside of the context."""
        task = self._group.create_task(self._watched(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never gets to its work.
        task.add_done_callback(lambda _: work.close())

    async def crashed(self) -> BackgroundTaskError:
        """Wait until a background task dies, and return why."""
        if self._crash is None:
            raise RuntimeError("the supervisor has not been entered")
        return await asyncio.shield(self._crash)

    async def _watched(self, name: str, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a task's edge: the node is told instead
            _log.exception("background task died", task=name)
            crash = BackgroundTaskError(f"background task {name!r} died: {error}")
            crash.__cause__ = error
            if self._crash is not None and not self._crash.done():
                self._crash.set_result(crash)
