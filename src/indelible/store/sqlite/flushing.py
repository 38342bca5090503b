"""Group commit: what arrives while a flush is under way goes out together in the next one.

Owns the queue of writes, the transactions, the thread that flushes and checkpoints. Statements run
on the event loop's thread, where they take microseconds; in a second thread each would wait for the
interpreter lock, up to 5 ms while the loop computes. Only COMMIT, which waits for the disk, and
checkpoints leave the loop, and while one is under way nothing else touches the writing connection.
Checkpoints use the same connection because SQLite before 3.51.3 can corrupt a file when one
connection checkpoints while another commits.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Final, Generic, TypeVar

import msgspec

from indelible.ports.stores import StoreError, StoreUnavailableError
from indelible.ports.telemetry import Telemetry
from indelible.store.sqlite.commits import CommitWriter
from indelible.store.sqlite.failures import concerns_all, store_error
from indelible.store.sqlite.side_thread import SideThread

GROUP_WRITES_MAX: Final = 128
"""Writes of one flush: bounds how long their statements keep the event loop."""
WAITING_WRITES_MAX: Final = 20_000
CHECKPOINT_PAGES: Final = 8_000
"""Estimated pages of log after which it is copied into the database: some 10 to 50 MB."""
_PAGE_BYTES: Final = 4_096

_Result = TypeVar("_Result")


class _Write(msgspec.Struct, Generic[_Result]):
    """A write that waits, and whoever waits for it."""

    apply: Callable[[], _Result]
    done: asyncio.Future[_Result]
    result: _Result | None = None
    refusal: Exception | None = None


class Flusher:
    """Runs writes in call order, in transactions of as many as are waiting.

    A write that raises before it has changed anything is refused alone. Nobody is told anything
    before the flush is over, not even a refusal: what it is based on might be lost.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        writer: CommitWriter,
        *,
        location: str,
        is_in_memory: bool,
        telemetry: Telemetry,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._location = location
        self._telemetry = telemetry
        self._worker = None if is_in_memory else SideThread("indelible-flush")
        self._waiting: deque[_Write[object]] = deque()
        self._is_busy = False
        self._is_closed = False
        self._idle: asyncio.Event | None = None
        self._pages_at_checkpoint = 0

    async def write(self, apply: Callable[[], _Result]) -> _Result:
        """Run `apply` in the next transaction and return its result once that is durable."""
        if self._is_closed:
            raise StoreUnavailableError(f"{self._location}: the store is closed")
        if len(self._waiting) >= WAITING_WRITES_MAX:
            raise StoreUnavailableError(
                f"{self._location}: {WAITING_WRITES_MAX} commits wait for the disk; it is too slow"
            )
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Result] = loop.create_future()
        self._waiting.append(_Write(apply, done))  # pyright: ignore[reportArgumentType]
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._flush)
        return await done

    async def close(self) -> None:
        """Flush what waits and end the thread. Later writes raise `StoreUnavailableError`.

        What is left of deleted histories is removed by whoever opens the file next.
        """
        self._is_closed = True
        if self._is_busy:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()
        if self._worker is not None:
            self._worker.close()

    # -------------------------------------------------------------- one flush, on the loop's thread
    def _flush(self) -> None:
        count = min(len(self._waiting), GROUP_WRITES_MAX)
        group = [self._waiting.popleft() for _ in range(count)]
        if not group and (self._is_closed or not self._writer.has_dead_branches):
            self._is_busy = False
            if self._idle is not None:
                self._idle.set()
            return
        try:
            self._run_statements(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was written
            self._fail(group, error)
            self._go_on()
            return
        if self._worker is None:
            self._flushed(group, _commit(self._connection))
            return
        self._worker.run(
            lambda: _commit(self._connection), lambda outcome: self._flushed(group, outcome)
        )

    def _run_statements(self, group: list[_Write[object]]) -> None:
        """Leave a transaction with every write of the group that was not refused."""
        is_complete = False
        while not is_complete:
            self._connection.execute("BEGIN IMMEDIATE")
            is_complete = all(self._applied(write) for write in group if write.refusal is None)
        self._writer.finish()

    def _applied(self, write: _Write[object]) -> bool:
        """Run one write; false if it broke off in the middle and the group must begin again."""
        try:
            write.result = write.apply()
        except StoreError as refusal:
            write.refusal = refusal
        except Exception as error:
            if concerns_all(error):
                raise
            write.refusal = store_error(error, self._location)
            self._undo()
            return False
        return True

    def _undo(self) -> None:
        if self._connection.in_transaction:  # SQLite undoes by itself after some errors.
            self._connection.execute("ROLLBACK")
        self._writer.reload()

    def _flushed(self, group: list[_Write[object]], outcome: "float | Exception") -> None:
        if isinstance(outcome, Exception):
            self._fail(group, outcome)
        else:
            self._telemetry.count("indelible_store_flushes")
            self._telemetry.count("indelible_store_commits", len(group))
            self._telemetry.observe("indelible_store_flush_seconds", outcome)
            self._telemetry.observe("indelible_store_group_size", len(group))
            for write in group:
                _settle(write)
        self._go_on()

    def _fail(self, group: list[_Write[object]], error: Exception) -> None:
        self._telemetry.count("indelible_store_flush_failures")
        with suppress(sqlite3.Error):  # The next BEGIN says so again, until the disk is well.
            self._undo()
        for write in group:
            write.refusal = store_error(error, self._location)
            _settle(write)

    # -------------------------------------------------------------------------- between two flushes
    def _go_on(self) -> None:
        """Those who were just told run first, so that their next commits are in the next group."""
        loop = asyncio.get_running_loop()
        # SQLite tells the size of its log to checkpoints only. A row change costs about a page:
        # less in a large group, whose rows share pages, more in a small one.
        pages = self._connection.total_changes + self._writer.blob_bytes // _PAGE_BYTES
        if self._worker is None or pages - self._pages_at_checkpoint < CHECKPOINT_PAGES:
            loop.call_soon(self._flush)
            return
        self._pages_at_checkpoint = pages
        self._worker.run(lambda: _checkpoint(self._connection), self._checkpointed)

    def _checkpointed(self, log_pages: int | None) -> None:
        if log_pages is None:
            self._telemetry.count("indelible_store_checkpoint_failures")
        else:
            self._telemetry.count("indelible_store_checkpoints")
            self._telemetry.gauge("indelible_store_log_pages", log_pages)
        self._flush()


def _settle(write: _Write[object]) -> None:
    if write.done.done():  # Whoever waited was canceled; the write is done all the same.
        return
    if write.refusal is not None:
        write.done.set_exception(write.refusal)
    else:
        write.done.set_result(write.result)


def _commit(connection: sqlite3.Connection) -> "float | Exception":
    """Flush, in the worker thread; return the seconds it took, or what went wrong."""
    started = perf_counter()
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        return error
    return perf_counter() - started


def _checkpoint(connection: sqlite3.Connection) -> int | None:
    """Copy the log into the database, in the worker thread; return the pages that the log had.

    The next transaction begins the log anew, unless a reader still needs it. None for a failure,
    which loses nothing: the log stays, and the next checkpoint copies it.
    """
    try:
        _, log_pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error:
        return None
    return int(log_pages)
