"""Threads that search, each over a connection of its own.

Owns the threads and the connections. Must not know what is searched.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

_Result = TypeVar("_Result")


class SearchPool:
    """Runs as many searches at a time as it has threads; the others wait in order."""

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection], threads: int) -> None:
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"indelible-{name}")
        self._connections: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(threads):
            self._connections.put(connect())

    async def run(self, search: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run a search in one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._search, search)

    def close(self) -> None:
        """Let the searches under way end, and close the connections."""
        self._executor.shutdown(wait=True)
        for _ in range(self._threads):
            self._connections.get_nowait().close()

    def _search(self, search: Callable[[sqlite3.Connection], _Result]) -> _Result:
        connection = self._connections.get()
        try:
            return search(connection)
        finally:
            self._connections.put(connection)
