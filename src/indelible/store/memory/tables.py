"""What the memory store holds, and how one commit changes it.

Owns the records, their indexes, and the rule that a commit is checked completely before its first
write. Must not know about tasks of the event loop, time or threads: everything here is one call.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec
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
from indelible.base.instants import NEVER, Instant
from indelible.engine.matching.priority import TaskPlace
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    CurrentWrite,
    DispatchRow,
    ExecutionWrite,
    HistoryBatch,
    NamespaceRecordKind,
    ShardOwnershipLostError,
    SubRecord,
    TransferRow,
    VisibilityRecord,
)


class Execution(msgspec.Struct, kw_only=True):
    """One execution. `serial` orders equal wake-ups by the age of their executions."""

    key: WorkflowKey
    serial: int
    shard_id: ShardId
    version: int = 0
    is_open: bool = True
    wake_at: Instant = NEVER
    record: bytes = b""
    sub_records: dict[tuple[int, str], SubRecord] = msgspec.field(default_factory=dict)
    history: list[HistoryBatch] = msgspec.field(default_factory=list)
    visibility: VisibilityRecord | None = None


class Transfers(msgspec.Struct):
    """The transfer tasks of a shard."""

    rows: dict[TaskId, TransferRow] = msgspec.field(default_factory=dict)
    order: list[TaskId] = msgspec.field(default_factory=list)

    def add(self, row: TransferRow) -> None:
        """Insert a task."""
        self.rows[row.task_id] = row
        insort(self.order, row.task_id)

    def remove(self, task_id: TaskId) -> None:
        """Remove a task; an absent one is ignored."""
        if self.rows.pop(task_id, None) is not None:
            del self.order[bisect_left(self.order, task_id)]


class Queue(msgspec.Struct):
    """The dispatch tasks of a task queue, in the order of their places."""

    rows: dict[TaskId, DispatchRow] = msgspec.field(default_factory=dict)
    order: list[TaskPlace] = msgspec.field(default_factory=list)

    def add(self, row: DispatchRow) -> None:
        """Insert a task."""
        self.rows[row.task_id] = row
        insort(self.order, row.place)

    def remove(self, task_id: TaskId) -> None:
        """Remove a task; an absent one is ignored."""
        row = self.rows.pop(task_id, None)
        if row is not None:
            del self.order[bisect_left(self.order, row.place)]


class Tables(msgspec.Struct):
    """Everything the store holds."""

    ranges: dict[ShardId, RangeId] = msgspec.field(default_factory=dict)
    executions: dict[WorkflowKey, Execution] = msgspec.field(default_factory=dict)
    currents: dict[ChainKey, RunId] = msgspec.field(default_factory=dict)
    wakeups: dict[ShardId, list[tuple[Instant, int]]] = msgspec.field(default_factory=dict)
    by_serial: dict[int, Execution] = msgspec.field(default_factory=dict)
    transfers: dict[ShardId, Transfers] = msgspec.field(default_factory=dict)
    queues: dict[QueueKey, Queue] = msgspec.field(default_factory=dict)
    queue_of_task: dict[TaskId, QueueKey] = msgspec.field(default_factory=dict)
    namespaces: dict[NamespaceId, tuple[str, bytes]] = msgspec.field(default_factory=dict)
    namespace_records: dict[tuple[NamespaceRecordKind, NamespaceId, str], bytes] = msgspec.field(
        default_factory=dict
    )
    nexus_endpoints: dict[str, tuple[str, bytes]] = msgspec.field(default_factory=dict)
    range_id_last: int = 0
    serial_last: int = 0
    open_count: int = 0

    def check(self, commit: Commit) -> None:
        """Raise what speaks against a commit; nothing is changed."""
        owner_range = self.ranges.get(commit.shard_id)
        if owner_range != commit.range_id:
            raise ShardOwnershipLostError(
                f"shard {commit.shard_id} is owned under range {owner_range}, not {commit.range_id}"
            )
        for write in commit.executions:
            self._check_execution(write)
        for current in commit.currents:
            self._check_current(current)
        transfers = self.transfers.get(commit.shard_id, Transfers())
        for row in commit.transfers_added:
            if row.task_id in transfers.rows:
                raise CommitConflictError(f"transfer task {row.task_id} exists")
        for dispatch in commit.dispatches_added:
            if dispatch.task_id in self.queue_of_task:
                raise CommitConflictError(f"dispatch task {dispatch.task_id} exists")

    def _check_execution(self, write: ExecutionWrite) -> None:
        execution = self.executions.get(write.key)
        version = execution.version if execution else 0
        if version != write.expected_version:
            raise CommitConflictError(
                f"{write.key} has version {version}, not {write.expected_version}"
            )
        history_end = EventId(0)
        if write.ancestor is not None:
            if write.ancestor.key not in self.executions:
                raise CommitConflictError(f"{write.ancestor.key}, which is to be shared, is gone")
            history_end = write.ancestor.end
        if execution and execution.history:
            history_end = execution.history[-1].next_event_id
        for batch in write.history:
            if batch.first_event_id < history_end:
                raise CommitConflictError(f"{write.key} has event {batch.first_event_id} already")
            history_end = batch.next_event_id

    def _check_current(self, write: CurrentWrite) -> None:
        current = self.currents.get(write.chain)
        if current != write.expected:
            raise CommitConflictError(
                f"the current run of {write.chain} is {current}, not {write.expected}"
            )

    def apply(self, commit: Commit) -> None:
        """Carry out a commit that `check` has let pass."""
        for write in commit.executions:
            self._write_execution(commit.shard_id, write)
        for current in commit.currents:
            self.currents[current.chain] = current.run_id
        for key in commit.deleted:
            self._delete_execution(key)
        transfers = self.transfers.setdefault(commit.shard_id, Transfers())
        for row in commit.transfers_added:
            transfers.add(row)
        for task_id in commit.transfers_removed:
            transfers.remove(task_id)
        for dispatch in commit.dispatches_added:
            self.queues.setdefault(dispatch.queue, Queue()).add(dispatch)
            self.queue_of_task[dispatch.task_id] = dispatch.queue
        for queue_key, task_id in commit.dispatches_removed:
            self._remove_dispatch(queue_key, task_id)

    def _write_execution(self, shard_id: ShardId, write: ExecutionWrite) -> None:
        execution = self.executions.get(write.key)
        if execution is None:
            execution = self._new_execution(shard_id, write)
        else:
            self._disarm(execution)
        self.open_count += write.is_open - execution.is_open
        execution.version = write.version
        execution.is_open = write.is_open
        execution.wake_at = write.wake_at
        execution.record = write.record
        for record_key in write.remove:
            execution.sub_records.pop(record_key, None)
        for sub_record in write.put:
            execution.sub_records[sub_record.kind, sub_record.record_id] = sub_record
        execution.history.extend(write.history)
        if write.visibility is not None:
            execution.visibility = _frozen(write.visibility)
        if execution.wake_at != NEVER:
            armed = self.wakeups.setdefault(execution.shard_id, [])
            insort(armed, (execution.wake_at, execution.serial))

    def _new_execution(self, shard_id: ShardId, write: ExecutionWrite) -> Execution:
        self.serial_last += 1
        execution = Execution(
            key=write.key,
            serial=self.serial_last,
            shard_id=shard_id,
            is_open=False,
        )
        if write.ancestor is not None:
            base = self.executions[write.ancestor.key]
            execution.history = list(_clipped(base.history, write.ancestor.end))
        self.executions[write.key] = execution
        self.by_serial[execution.serial] = execution
        return execution

    def _disarm(self, execution: Execution) -> None:
        if execution.wake_at != NEVER:
            armed = self.wakeups[execution.shard_id]
            del armed[bisect_left(armed, (execution.wake_at, execution.serial))]

    def _delete_execution(self, key: WorkflowKey) -> None:
        execution = self.executions.pop(key, None)
        if execution is None:
            return
        self._disarm(execution)
        self.open_count -= execution.is_open
        del self.by_serial[execution.serial]
        if self.currents.get(key.chain) == key.run_id:
            del self.currents[key.chain]

    def _remove_dispatch(self, queue_key: QueueKey, task_id: TaskId) -> None:
        if self.queue_of_task.get(task_id) != queue_key:
            return
        del self.queue_of_task[task_id]
        queue = self.queues[queue_key]
        queue.remove(task_id)
        if not queue.rows:  # Sticky queues have endless names: an empty one must not stay.
            del self.queues[queue_key]


def _clipped(history: Iterable[HistoryBatch], end: EventId) -> Iterator[HistoryBatch]:
    """Yield the batches before `end`; their blobs are shared with the other run."""
    for batch in history:
        if batch.first_event_id < end:
            yield replace(batch, next_event_id=min(batch.next_event_id, end))


def _frozen(record: VisibilityRecord) -> VisibilityRecord:
    """Return the record with mappings of its own: the caller's may go on changing."""
    attributes: Mapping[str, bytes] = MappingProxyType(dict(record.search_attributes))
    return replace(
        record,
        search_attributes=attributes,
        indexed_values=MappingProxyType(dict(record.indexed_values)),
    )
