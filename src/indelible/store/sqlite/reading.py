"""Point reads: executions, history pages, wake-ups, tasks.

Owns the way from rows to the port's values. Each read sees the last committed transaction, and
takes microseconds on the thread of the event loop. Must not write.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from indelible.base.ids import (
    Archetype,
    ChainKey,
    EventId,
    NamespaceId,
    QueueKey,
    QueueType,
    RunId,
    ShardId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import Instant
from indelible.engine.matching.priority import TaskPlace
from indelible.ports.stores import (
    DispatchRow,
    HistoryBatch,
    NamespaceRecordKind,
    StoredExecution,
    SubRecord,
    TransferRow,
    WaitingPasses,
)
from indelible.store.sqlite import statements as sql
from indelible.store.sqlite.branches import EVENT_ID_END, Part, segments, within

_EVENT_ID_MASK: Final = EVENT_ID_END - 1


class Reader:
    """Reads over a connection that only one thread uses."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._namespace_refs: dict[NamespaceId, int] = {}
        self._namespace_ids: dict[int, NamespaceId] = {}

    def namespace_ref(self, namespace_id: NamespaceId) -> int:
        """Return the number of a namespace; 0, which is no number, for one that has no rows."""
        namespace_ref = self._namespace_refs.get(namespace_id)
        if namespace_ref is None:
            row = self._execute(sql.NAMESPACE_REF, (namespace_id,)).fetchone()
            if row is None:
                return 0
            namespace_ref = self._namespace_refs[namespace_id] = int(row[0])
        return namespace_ref

    def _key(
        self, namespace_ref: int, workflow_id: str, run_id: str, archetype: int
    ) -> WorkflowKey:
        namespace_id = self._namespace_id(namespace_ref)
        return WorkflowKey(
            namespace_id, WorkflowId(workflow_id), RunId(run_id), Archetype(archetype)
        )

    def _namespace_id(self, namespace_ref: int) -> NamespaceId:
        namespace_id = self._namespace_ids.get(namespace_ref)
        if namespace_id is None:
            row = self._execute(sql.NAMESPACE_ID, (namespace_ref,)).fetchone()
            namespace_id = self._namespace_ids[namespace_ref] = NamespaceId(row[0])
        return namespace_id

    def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Return an execution with all its sub-records."""
        namespace_ref = self.namespace_ref(key.namespace_id)
        row = self._execute(
            sql.LOAD_EXECUTION, (key.run_id, key.workflow_id, key.archetype, namespace_ref)
        ).fetchone()
        if row is None:
            return None
        execution_id, version, record = row
        return StoredExecution(
            key=key,
            version=version,
            record=record,
            sub_records=tuple(
                SubRecord(kind=kind, record_id=record_id, blob=blob)
                for kind, record_id, blob in self._execute(sql.SUB_RECORDS, (execution_id,))
            ),
        )

    def current_run(self, chain: ChainKey) -> RunId | None:
        """Return the current run of a workflow id."""
        namespace_ref = self.namespace_ref(chain.namespace_id)
        row = self._execute(
            sql.CURRENT_RUN, (namespace_ref, chain.archetype, chain.workflow_id)
        ).fetchone()
        return RunId(row[0]) if row else None

    def history(
        self, key: WorkflowKey, first: EventId, end: EventId, bytes_max: int, *, is_reverse: bool
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, as many as fit, and read no more."""
        namespace_ref = self.namespace_ref(key.namespace_id)
        row = self._execute(
            sql.BRANCH, (key.run_id, key.workflow_id, key.archetype, namespace_ref)
        ).fetchone()
        if row is None:
            return []
        lowest = min(max(first, 0), EVENT_ID_END - 1)
        highest = min(max(end, 0), EVENT_ID_END)
        page: list[HistoryBatch] = []
        size = 0
        parts = list(within(segments(self._execute, row[0]), lowest, highest))
        for part in reversed(parts) if is_reverse else parts:
            for batch in self._batches(part, is_reverse=is_reverse):
                size += len(batch.blob)
                if page and size > bytes_max:
                    return page
                page.append(batch)
        return page

    def _batches(self, part: Part, *, is_reverse: bool) -> Iterator[HistoryBatch]:
        """Yield the batches that overlap a part of a history."""
        floor = part.segment.branch_id << sql.EVENT_BITS
        bounds = {"floor": floor, "first": floor + part.first, "end": floor + part.end}
        statement = sql.HISTORY_REVERSE if is_reverse else sql.HISTORY
        for batch_key, next_event_id, blob in self._execute(statement, bounds):
            if next_event_id > part.first:
                yield HistoryBatch(
                    first_event_id=EventId(batch_key & _EVENT_ID_MASK),
                    next_event_id=EventId(min(next_event_id, part.segment.end)),
                    blob=blob,
                )

    def wakeups(
        self, shard_id: ShardId, before: Instant, limit: int
    ) -> Sequence[tuple[Instant, WorkflowKey]]:
        """Return the earliest wake-ups of a shard that lie before an instant."""
        rows = self._execute(sql.WAKE_UPS, (shard_id, before, limit)).fetchall()
        return [
            (Instant(wake_at), self._key(namespace_ref, workflow_id, run_id, archetype))
            for wake_at, namespace_ref, workflow_id, run_id, archetype in rows
        ]

    def transfers(self, shard_id: ShardId, after: TaskId, limit: int) -> Sequence[TransferRow]:
        """Return transfer tasks with larger ids, in order."""
        rows = self._execute(sql.TRANSFERS, (shard_id, after, limit)).fetchall()
        return [
            TransferRow(task_id=task_id, key=self._key(*key), blob=blob)
            for task_id, *key, blob in rows
        ]

    def dispatches(self, queue: QueueKey, after: TaskPlace, limit: int) -> Sequence[DispatchRow]:
        """Return the tasks of a queue behind a place, in the queue's order."""
        namespace_ref = self.namespace_ref(queue.namespace_id)
        rows = self._execute(
            sql.DISPATCHES, (namespace_ref, queue.queue_type, queue.name, *after, limit)
        ).fetchall()
        return [
            DispatchRow(
                queue=queue,
                priority=priority,
                pass_number=pass_number,
                task_id=task_id,
                key=self._key(*key),
                created_at=Instant(created_at),
                fairness_key=fairness_key,
                blob=blob,
            )
            for priority, pass_number, task_id, fairness_key, created_at, *key, blob in rows
        ]

    def waiting_passes(self) -> Sequence[WaitingPasses]:
        """Return the passes that tasks of all queues have, in one walk along their index."""
        rows = self._execute(sql.WAITING_PASSES).fetchall()
        return [
            WaitingPasses(
                queue=QueueKey(self._namespace_id(namespace_ref), QueueType(queue_type), name),
                priority=priority,
                fairness_key=fairness_key,
                first=first,
                last=last,
            )
            for namespace_ref, queue_type, name, priority, fairness_key, first, last in rows
        ]

    def namespaces(self) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (id, name, record) of all namespaces, ordered by id."""
        return self._execute(sql.NAMESPACES).fetchall()

    def namespace_records(
        self, kind: NamespaceRecordKind
    ) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (namespace id, name, record) of all records of a kind, ordered by both."""
        return self._execute(sql.NAMESPACE_RECORDS, (kind,)).fetchall()

    def nexus_endpoints(self) -> Sequence[tuple[str, str, bytes]]:
        """Return (id, name, record) of all Nexus endpoints, ordered by id."""
        return self._execute(sql.NEXUS_ENDPOINTS).fetchall()
