"""The store that keeps everything in memory.

Owns the asynchronous face of `Tables`. Every method runs to its end in one step of the event loop:
no clock, no threads, no order but that of the calls, so that a simulation repeats exactly.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key, partial
from heapq import nsmallest
from itertools import islice
from typing import Final

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
from indelible.base.limits import VISIBILITY_GROUPS_MAX
from indelible.engine.matching.priority import TaskPlace
from indelible.engine.visibility.ordering import SortKey, SortValue, sort_value
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    DispatchBacklog,
    DispatchRow,
    HistoryBatch,
    NamespaceRecordKind,
    StoreDescription,
    StoredExecution,
    TransferRow,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
    WaitingPasses,
)
from indelible.ports.telemetry import NoTelemetry, Telemetry
from indelible.store.memory.search import compare_places, cursor_place, matching, place_of
from indelible.store.memory.tables import Queue, Tables, Transfers

SHARD_COUNT_DEFAULT: Final = 4
CLUSTER_ID_DEFAULT: Final = "00000000-0000-4000-8000-000000000000"


class MemoryStore:
    """A complete `Store`.

    Closing it keeps what it holds: another node may go on with the same object.
    """

    def __init__(
        self,
        *,
        cluster_id: str = CLUSTER_ID_DEFAULT,
        shard_count: int = SHARD_COUNT_DEFAULT,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._tables = Tables()
        self._telemetry = telemetry or NoTelemetry()
        self._description = StoreDescription(
            kind="memory",
            location="memory",
            schema_version=1,
            durability="none",
            cluster_id=cluster_id,
            shard_count=shard_count,
        )

    def describe(self) -> StoreDescription:
        """Return what the store is."""
        return self._description

    async def close(self) -> None:
        """Release nothing: there is nothing to release."""

    async def acquire_shard(self, shard_id: ShardId, *, owner: str) -> RangeId:  # noqa: ARG002
        """Take a shard and return its new fencing number."""
        self._tables.range_id_last += 1
        range_id = RangeId(self._tables.range_id_last)
        self._tables.ranges[shard_id] = range_id
        return range_id

    async def commit(self, *commits: Commit) -> None:
        """Write everything, or raise and write nothing."""
        for commit in commits:
            self._tables.check(commit)
        for commit in commits:
            self._tables.apply(commit)
        self._telemetry.count("indelible_store_commits")

    async def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Return an execution with all its sub-records."""
        execution = self._tables.executions.get(key)
        if execution is None:
            return None
        return StoredExecution(
            key=key,
            version=execution.version,
            record=execution.record,
            sub_records=tuple(row for _, row in sorted(execution.sub_records.items())),
        )

    async def current_run(self, chain: ChainKey) -> RunId | None:
        """Return the current run of a workflow id."""
        return self._tables.currents.get(chain)

    async def read_history(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, oldest first."""
        return _page(self._overlapping(key, first, end), bytes_max)

    async def read_history_reverse(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, newest first."""
        return _page(reversed(self._overlapping(key, first, end)), bytes_max)

    def _overlapping(self, key: WorkflowKey, first: EventId, end: EventId) -> list[HistoryBatch]:
        execution = self._tables.executions.get(key)
        if execution is None:
            return []
        history = execution.history
        start = bisect_right(history, first, key=lambda batch: batch.next_event_id)
        return [batch for batch in history[start:] if batch.first_event_id < end]

    async def wakeups(
        self, shard_id: ShardId, *, before: Instant, limit: int
    ) -> Sequence[tuple[Instant, WorkflowKey]]:
        """Return the earliest wake-ups of a shard that lie before an instant."""
        armed = self._tables.wakeups.get(shard_id, [])
        return [
            (wake_at, self._tables.by_serial[serial].key)
            for wake_at, serial in armed[:limit]
            if wake_at < before
        ]

    async def transfers(
        self, shard_id: ShardId, *, after: TaskId, limit: int
    ) -> Sequence[TransferRow]:
        """Return transfer tasks with larger ids, in order."""
        transfers = self._tables.transfers.get(shard_id, Transfers())
        start = bisect_right(transfers.order, after)
        return [transfers.rows[task_id] for task_id in transfers.order[start : start + limit]]

    async def open_execution_count(self) -> int:
        """Return how many executions are open, over all namespaces."""
        return self._tables.open_count

    async def dispatches(
        self, queue: QueueKey, *, after: TaskPlace, limit: int
    ) -> Sequence[DispatchRow]:
        """Return the tasks of a queue behind a place, in the queue's order."""
        stored = self._tables.queues.get(queue, Queue())
        start = bisect_right(stored.order, after)
        return [stored.rows[task_id] for *_, task_id in stored.order[start : start + limit]]

    async def waiting_passes(self) -> Sequence[WaitingPasses]:
        """Return the passes that tasks of all queues have; pass 0 does not count."""
        passes: dict[tuple[QueueKey, int, str], list[int]] = {}
        for queue, stored in self._tables.queues.items():
            for row in stored.rows.values():
                if row.pass_number:
                    of_key = passes.setdefault((queue, row.priority, row.fairness_key), [])
                    of_key.append(row.pass_number)
        return [
            WaitingPasses(
                queue=queue,
                priority=priority,
                fairness_key=key,
                first=min(of_key),
                last=max(of_key),
            )
            for (queue, priority, key), of_key in sorted(passes.items())
        ]

    async def dispatch_backlogs(
        self, queue: QueueKey, *, after: TaskPlace
    ) -> Mapping[int, DispatchBacklog]:
        """Return what lies in a queue behind a place, by priority."""
        rows = self._tables.queues.get(queue, Queue()).rows
        backlogs: dict[int, DispatchBacklog] = {}
        for task_id in sorted(rows):
            row = rows[task_id]
            known = backlogs.get(row.priority, DispatchBacklog(count=0, oldest_at=row.created_at))
            if row.place > after:
                backlogs[row.priority] = replace(known, count=known.count + 1)
        return backlogs

    async def load_namespaces(self) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (id, name, record) of all namespaces, ordered by id."""
        return [
            (namespace_id, name, record)
            for namespace_id, (name, record) in sorted(self._tables.namespaces.items())
        ]

    async def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        """Insert or replace a namespace. `CommitConflictError` if another id has the name."""
        for other_id, (other_name, _) in self._tables.namespaces.items():
            if other_name == name and other_id != namespace_id:
                raise CommitConflictError(f"namespace {other_id} has the name {name!r} already")
        self._tables.namespaces[namespace_id] = (name, record)

    async def delete_namespace(self, namespace_id: NamespaceId) -> None:
        """Remove a namespace with the records that belong to it; an absent one is ignored."""
        self._tables.namespaces.pop(namespace_id, None)
        records = self._tables.namespace_records
        for place in [one for one in records if one[1] == namespace_id]:
            del records[place]

    async def load_namespace_records(
        self, kind: NamespaceRecordKind
    ) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (namespace id, name, record) of all records of a kind, ordered by both."""
        return [
            (namespace_id, name, record)
            for (one, namespace_id, name), record in sorted(self._tables.namespace_records.items())
            if one is kind
        ]

    async def put_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str, record: bytes
    ) -> None:
        """Insert or replace a record."""
        self._tables.namespace_records[kind, namespace_id, name] = record

    async def delete_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str
    ) -> None:
        """Remove a record; an absent one is ignored."""
        self._tables.namespace_records.pop((kind, namespace_id, name), None)

    async def load_nexus_endpoints(self) -> Sequence[tuple[str, str, bytes]]:
        """Return (id, name, record) of all Nexus endpoints, ordered by id."""
        return [
            (endpoint_id, name, record)
            for endpoint_id, (name, record) in sorted(self._tables.nexus_endpoints.items())
        ]

    async def put_nexus_endpoint(self, endpoint_id: str, name: str, record: bytes) -> None:
        """Insert or replace an endpoint. `CommitConflictError` if another id has the name."""
        for other_id, (other_name, _) in self._tables.nexus_endpoints.items():
            if other_name == name and other_id != endpoint_id:
                raise CommitConflictError(f"Nexus endpoint {other_id} has the name {name!r}")
        self._tables.nexus_endpoints[endpoint_id] = (name, record)

    async def delete_nexus_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint; an absent one is ignored."""
        self._tables.nexus_endpoints.pop(endpoint_id, None)

    async def list_executions(
        self, query: VisibilityFilter, *, after: VisibilityCursor | None, limit: int
    ) -> Sequence[VisibilityRecord]:
        """Return rows in the reference's order, from behind `after`."""
        keys = query.order_by
        behind = None if after is None else cursor_place(after, keys)
        found = [(place_of(row, keys), row) for row in matching(self._visible(), query)]
        if behind is not None:
            found = [item for item in found if compare_places(item[0], behind, keys) > 0]
        in_order = cmp_to_key(partial(compare_places, keys=keys))
        page = nsmallest(limit, found, key=lambda item: in_order(item[0]))
        return [row for _, row in page]

    async def count_executions(
        self, query: VisibilityFilter, *, group_by: SortKey | None = None
    ) -> Mapping[SortValue, int]:
        """Return the count per value of a column, else one count under the key 0."""
        rows = matching(self._visible(), query)
        if group_by is None:
            return {0: sum(1 for _ in rows)}
        counts = Counter(sort_value(row, group_by) for row in rows)
        return dict(islice(counts.items(), VISIBILITY_GROUPS_MAX + 1))

    def _visible(self) -> Iterable[VisibilityRecord]:
        return (
            execution.visibility
            for execution in self._tables.executions.values()
            if execution.visibility is not None
        )


def _page(batches: Iterable[HistoryBatch], bytes_max: int) -> Sequence[HistoryBatch]:
    """Return the first batch, and what of the others fits."""
    page: list[HistoryBatch] = []
    size = 0
    for batch in batches:
        size += len(batch.blob)
        if page and size > bytes_max:
            break
        page.append(batch)
    return page
