"""The store in one SQLite file.

Owns the asynchronous face: which part of the store answers which call, on which thread. Writes go
through the flusher; point reads run at once on the event loop's thread over a connection of their
own; searches run in a small pool, and those that may take long in another. In memory everything
shares one connection and the loop's thread, since the tables live and die with it.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from indelible.base.ids import (
    ChainKey,
    EventId,
    NamespaceId,
    QueueKey,
    RangeId,
    RunId,
    ShardId,
    TaskId,
    WorkflowKey,
)
from indelible.base.instants import Instant
from indelible.engine.matching.priority import TaskPlace
from indelible.engine.visibility.ordering import SortKey, SortValue
from indelible.ports.stores import (
    Commit,
    DispatchBacklog,
    DispatchRow,
    HistoryBatch,
    NamespaceRecordKind,
    StoreDescription,
    StoredExecution,
    StoreUnavailableError,
    TransferRow,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
    WaitingPasses,
)
from indelible.ports.telemetry import NoTelemetry, Telemetry
from indelible.store.sqlite import statements as sql
from indelible.store.sqlite.backup import write_backup
from indelible.store.sqlite.commits import CommitWriter
from indelible.store.sqlite.failures import store_error
from indelible.store.sqlite.flushing import Flusher
from indelible.store.sqlite.opening import Durability, OpenedFile, open_file
from indelible.store.sqlite.reading import Reader
from indelible.store.sqlite.search import (
    Search,
    count_search,
    list_search,
    read_counts,
    read_page,
)
from indelible.store.sqlite.search_pool import SearchPool

SHARD_COUNT_DEFAULT: Final = 4
SEARCH_THREADS: Final = 2
SCAN_THREADS: Final = 1

_Result = TypeVar("_Result")


class SqliteStore:
    """A complete `Store` in one file, or in memory. Used from one event loop."""

    def __init__(self, file: OpenedFile, *, durability: Durability, telemetry: Telemetry) -> None:
        self._file = file
        self._durability: Durability = durability
        self._is_closed = False
        self._writer = CommitWriter(file.writer)
        self._flusher = Flusher(
            file.writer,
            self._writer,
            location=file.location,
            is_in_memory=file.is_in_memory,
            telemetry=telemetry,
        )
        self._point_connection = file.writer if file.is_in_memory else file.connect_reader()
        self._reader = Reader(self._point_connection)
        self._searches: SearchPool | None = None
        self._scans: SearchPool | None = None
        if not file.is_in_memory:
            self._searches = SearchPool("search", file.connect_reader, SEARCH_THREADS)
            self._scans = SearchPool("scan", file.connect_reader, SCAN_THREADS)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        cluster_id: str,
        shard_count: int = SHARD_COUNT_DEFAULT,
        durability: Durability = "full",
        telemetry: Telemetry | None = None,
    ) -> "SqliteStore":
        """Open or create a database file, or with `":memory:"` one that is gone with the store.

        `cluster_id` (a new UUID) and `shard_count` count only where the store is created. Raises
        `StoreUnavailableError` with a sentence that says what to do.
        """
        file = open_file(
            path, durability=durability, cluster_id=cluster_id, shard_count=shard_count
        )
        try:
            return cls(file, durability=durability, telemetry=telemetry or NoTelemetry())
        except sqlite3.Error as error:
            file.close()
            raise store_error(error, file.location) from error

    def describe(self) -> StoreDescription:
        """Return what the store is."""
        file = self._file
        return StoreDescription(
            kind="sqlite",
            location=file.location,
            schema_version=file.schema_version,
            durability="none" if file.is_in_memory else self._durability,
            cluster_id=file.cluster_id,
            shard_count=file.shard_count,
        )

    async def close(self) -> None:
        """Finish the commits and searches under way, empty the log, release the file."""
        await self._flusher.close()
        self._is_closed = True
        for pool in (self._searches, self._scans):
            if pool is not None:
                pool.close()
        if not self._file.is_in_memory:
            self._point_connection.close()
        self._file.close()

    async def backup(self, target: str | Path) -> None:
        """Write a complete copy of the store as it is now into a new file, while commits go on."""
        await self._searching(partial(write_backup, target=Path(target)))

    # --------------------------------------------------------------------------------------- writes
    async def acquire_shard(self, shard_id: ShardId, *, owner: str) -> RangeId:
        """Take a shard and return its new fencing number."""
        return await self._flusher.write(partial(self._writer.acquire_shard, shard_id, owner))

    async def commit(self, *commits: Commit) -> None:
        """Write everything or nothing, durably."""
        await self._flusher.write(partial(self._writer.apply, *commits))

    async def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        """Insert or replace a namespace. `CommitConflictError` if another id has the name."""
        await self._flusher.write(partial(self._writer.put_namespace, namespace_id, name, record))

    async def delete_namespace(self, namespace_id: NamespaceId) -> None:
        """Remove a namespace record; an absent one is ignored."""
        await self._flusher.write(partial(self._writer.delete_namespace, namespace_id))

    async def put_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str, record: bytes
    ) -> None:
        """Insert or replace a record of a namespace."""
        await self._flusher.write(
            partial(self._writer.put_namespace_record, kind, namespace_id, name, record)
        )

    async def delete_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str
    ) -> None:
        """Remove a record of a namespace; an absent one is ignored."""
        await self._flusher.write(
            partial(self._writer.delete_namespace_record, kind, namespace_id, name)
        )

    async def put_nexus_endpoint(self, endpoint_id: str, name: str, record: bytes) -> None:
        """Insert or replace an endpoint. `CommitConflictError` if another id has the name."""
        await self._flusher.write(
            partial(self._writer.put_nexus_endpoint, endpoint_id, name, record)
        )

    async def delete_nexus_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint; an absent one is ignored."""
        await self._flusher.write(partial(self._writer.delete_nexus_endpoint, endpoint_id))

    # ---------------------------------------------------------------------------------- point reads
    async def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Return an execution with all its sub-records."""
        return self._read(partial(self._reader.load_execution, key))

    async def current_run(self, chain: ChainKey) -> RunId | None:
        """Return the current run of a workflow id."""
        return self._read(partial(self._reader.current_run, chain))

    async def read_history(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, oldest first."""
        return self._read(
            partial(self._reader.history, key, first, end, bytes_max, is_reverse=False)
        )

    async def read_history_reverse(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, newest first."""
        return self._read(
            partial(self._reader.history, key, first, end, bytes_max, is_reverse=True)
        )

    async def wakeups(
        self, shard_id: ShardId, *, before: Instant, limit: int
    ) -> Sequence[tuple[Instant, WorkflowKey]]:
        """Return the earliest wake-ups of a shard that lie before an instant."""
        return self._read(partial(self._reader.wakeups, shard_id, before, limit))

    async def transfers(
        self, shard_id: ShardId, *, after: TaskId, limit: int
    ) -> Sequence[TransferRow]:
        """Return transfer tasks with larger ids, in order."""
        return self._read(partial(self._reader.transfers, shard_id, after, limit))

    async def dispatches(
        self, queue: QueueKey, *, after: TaskPlace, limit: int
    ) -> Sequence[DispatchRow]:
        """Return the tasks of a queue behind a place, in the queue's order."""
        return self._read(partial(self._reader.dispatches, queue, after, limit))

    async def waiting_passes(self) -> Sequence[WaitingPasses]:
        """Return the passes that tasks of all queues have; pass 0 does not count."""
        return self._read(self._reader.waiting_passes)

    async def load_namespaces(self) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (id, name, record) of all namespaces, ordered by id."""
        return self._read(self._reader.namespaces)

    async def load_namespace_records(
        self, kind: NamespaceRecordKind
    ) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (namespace id, name, record) of all records of a kind, ordered by both."""
        return self._read(partial(self._reader.namespace_records, kind))

    async def load_nexus_endpoints(self) -> Sequence[tuple[str, str, bytes]]:
        """Return (id, name, record) of all Nexus endpoints, ordered by id."""
        return self._read(self._reader.nexus_endpoints)

    async def open_execution_count(self) -> int:
        """Return how many executions are open, over all namespaces."""
        return self._writer.open_count

    # ------------------------------------------------------------------------------------- searches
    async def dispatch_backlogs(
        self, queue: QueueKey, *, after: TaskPlace
    ) -> Mapping[int, DispatchBacklog]:
        """Return what lies in a queue behind a place, by priority."""
        namespace_ref = self._namespace_ref(queue.namespace_id)
        parameters = (namespace_ref, queue.queue_type, queue.name, *after)
        rows = await self._searching(
            lambda connection: connection.execute(sql.DISPATCH_BACKLOGS, parameters).fetchall()
        )
        backlogs: dict[int, DispatchBacklog] = {}
        # In order of age: the priority of the place may come twice.
        for priority, count, created_at in rows:
            known = backlogs.get(priority, DispatchBacklog(count=0, oldest_at=Instant(created_at)))
            backlogs[priority] = replace(known, count=known.count + count)
        return backlogs

    async def list_executions(
        self, query: VisibilityFilter, *, after: VisibilityCursor | None, limit: int
    ) -> Sequence[VisibilityRecord]:
        """Return rows in the reference's order, from behind `after`."""
        namespace_ref = self._namespace_ref(query.namespace_id)

        def plan(connection: sqlite3.Connection) -> Search:
            return list_search(connection, query, namespace_ref, after, limit)

        return await self._planned(plan, partial(read_page, query=query, limit=limit))

    async def count_executions(
        self, query: VisibilityFilter, *, group_by: SortKey | None = None
    ) -> Mapping[SortValue, int]:
        """Return the count per value of a column, else one count under the key 0."""
        namespace_ref = self._namespace_ref(query.namespace_id)

        def plan(connection: sqlite3.Connection) -> Search:
            return count_search(connection, query, namespace_ref, group_by)

        return await self._planned(plan, read_counts)

    # -------------------------------------------------------------------------------------- threads
    def _namespace_ref(self, namespace_id: NamespaceId) -> int:
        return self._read(partial(self._reader.namespace_ref, namespace_id))

    def _read(self, read: Callable[[], _Result]) -> _Result:
        """Run a point read here and now."""
        if self._is_closed:
            raise StoreUnavailableError(f"{self._file.location}: the store is closed")
        try:
            return read()
        except sqlite3.Error as error:
            raise store_error(error, self._file.location) from error

    async def _planned(
        self,
        plan: Callable[[sqlite3.Connection], Search],
        read: Callable[[sqlite3.Connection, Search], _Result],
    ) -> _Result:
        """Run a search where it holds up nobody: scans wait for scans only."""

        def run(connection: sqlite3.Connection) -> tuple[Search, _Result | None]:
            search = plan(connection)
            return search, None if search.is_scan else read(connection, search)

        search, result = await self._searching(run)
        if result is not None:
            return result
        return await self._searching(lambda connection: read(connection, search), self._scans)

    async def _searching(
        self, search: Callable[[sqlite3.Connection], _Result], pool: SearchPool | None = None
    ) -> _Result:
        """Run a search in a pool; in memory, here and now."""
        pool = pool or self._searches
        if pool is None or self._is_closed:
            return self._read(partial(search, self._point_connection))
        try:
            return await pool.run(search)
        except sqlite3.Error as error:
            raise store_error(error, self._file.location) from error
