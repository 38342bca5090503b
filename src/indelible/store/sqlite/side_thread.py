"""The one thread beside the event loop's, for calls that wait for the disk.

Owns the thread. An executor would do, but costs some 0.1 ms per call in futures, locks and
callbacks that tell each other; a commit of one workflow at a time pays that four times.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

_Result = TypeVar("_Result")


class SideThread:
    """Runs one call after the other, and hands each result to the event loop that asked."""

    def __init__(self, name: str) -> None:
        # None ends the thread. It never keeps a process alive that forgot to close.
        self._orders: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], _Result], done: Callable[[_Result], None]) -> None:
        """Have `work` run in the thread, which must not raise, then `done` in the loop."""
        loop = asyncio.get_running_loop()
        self._orders.put(lambda: _tell(loop, done, work()))

    def close(self) -> None:
        """Wait until everything that was asked for has been done, and end the thread."""
        self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            order()


def _tell(
    loop: asyncio.AbstractEventLoop, done: Callable[[_Result], None], result: _Result
) -> None:
    if not loop.is_closed():  # or nobody is left to be told
        loop.call_soon_threadsafe(done, result)
