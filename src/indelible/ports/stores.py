"""What the services ask of a store.

Owns the Protocols and the plain values that cross them. A store writes and reads what it is given;
it takes no decision and never looks into a blob. All values are complete: a store that is given a
`Commit` needs to read nothing to carry it out but the versions that it checks.

Errors: `ShardOwnershipLostError` and `CommitConflictError` below; anything else that a driver
raises means that the outcome is unknown: the caller must forget what it believed and load again.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from indelible.base.ids import (
    Archetype,
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
from indelible.engine.visibility.filters import (
    Comparison as Comparison,  # noqa: PLC0414 - part of this port
    Filter as Filter,  # noqa: PLC0414 - part of this port
)
from indelible.engine.visibility.ordering import SortKey, SortValue
from indelible.engine.visibility.record import (
    VisibilityRecord as VisibilityRecord,  # noqa: PLC0414 - part of this port
)


class StoreError(Exception):
    """A store refused or failed."""


class ShardOwnershipLostError(StoreError):
    """The shard has a newer owner: nothing of the commit was written (invariant 10)."""


class CommitConflictError(StoreError):
    """A version or a current run was not the expected one: nothing of the commit was written."""


class StoreUnavailableError(StoreError):
    """The store cannot be used (disk full, file corrupt, closed); the message says what to do."""


class SubRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One sub-record of an execution; `(kind, record_id)` is unique within it."""

    kind: int
    record_id: str
    blob: bytes


class HistoryBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive history events of one commit: a serialized `temporal.api.history.v1.History`."""

    first_event_id: EventId
    next_event_id: EventId
    """One more than the id of the last event in the batch.

    Where a run shares the beginning of another one, the blob of the last shared batch may hold
    events from here on: they belong to the other run alone, and the reader skips them.
    """
    blob: bytes


class HistoryAncestor(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a history: the events before `end` of another execution."""

    key: WorkflowKey
    end: EventId


class ExecutionWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One execution's part of a commit. `expected_version` 0 means that it must not exist.

    `remove` is carried out before `put`. `history` goes on behind the last stored event: the
    version guards that, and a batch that is stored already is a `CommitConflictError`.
    """

    key: WorkflowKey
    expected_version: int
    version: int
    is_open: bool
    wake_at: Instant
    """When the execution must be looked at next; `NEVER` for not by itself."""
    record: bytes
    put: Sequence[SubRecord] = ()
    remove: Sequence[tuple[int, str]] = ()
    """(kind, record_id) of sub-records that are gone; absent ones are ignored."""
    history: Sequence[HistoryBatch] = ()
    visibility: VisibilityRecord | None = None
    """The new row, when it changed."""
    ancestor: HistoryAncestor | None = None
    """Of a new execution only: its history begins with that of another one, which is shared and not
    copied, and outlives the other one. The other one must exist, else `CommitConflictError`; if it
    is written with this commit, then before this one. `history` goes on behind."""


class CurrentWrite(msgspec.Struct, frozen=True, kw_only=True):
    """Make `run_id` the current run of the chain if `expected` (None: no run at all) still is."""

    chain: ChainKey
    expected: RunId | None
    run_id: RunId


class TransferRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task that the shard executes; deleted when done.

    A `task_id` that the shard has already is a `CommitConflictError`.
    """

    task_id: TaskId
    key: WorkflowKey
    blob: bytes


class DispatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task that lies in a task queue until a worker has it, in the order of its place.

    Tasks of several shards meet in a queue, so task ids are unique over the whole store: derive
    them from the `RangeId`, which is. An id that is there already is a `CommitConflictError`.
    """

    queue: QueueKey
    priority: int
    pass_number: int = 0
    task_id: TaskId
    key: WorkflowKey
    created_at: Instant
    fairness_key: str = ""
    """Whose turn the pass is; rows of pass 0 have none."""
    blob: bytes

    @property
    def place(self) -> TaskPlace:
        """Where the task stands in its queue."""
        return (self.priority, self.pass_number, self.task_id)


class WaitingPasses(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the last pass among the tasks of a queue with one priority and key."""

    queue: QueueKey
    priority: int
    fairness_key: str
    first: int
    last: int


class DispatchBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of one priority lie in a queue, and when the first of them came."""

    count: int
    oldest_at: Instant


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic change of one shard; `executions` and `currents` come before `deleted`.

    An execution, a chain or a task occurs once in each field.
    """

    shard_id: ShardId
    range_id: RangeId
    executions: Sequence[ExecutionWrite] = ()
    currents: Sequence[CurrentWrite] = ()
    deleted: Sequence[WorkflowKey] = ()
    """Executions to remove with everything that belongs to them: sub-records, history, visibility
    and, where it points at them, the current run."""
    transfers_added: Sequence[TransferRow] = ()
    transfers_removed: Sequence[TaskId] = ()
    dispatches_added: Sequence[DispatchRow] = ()
    dispatches_removed: Sequence[tuple[QueueKey, TaskId]] = ()


class StoredExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it was read."""

    key: WorkflowKey
    version: int
    record: bytes
    sub_records: Sequence[SubRecord]
    """Ordered by (kind, record id)."""


class ExecutionStore(Protocol):
    """Executions, their histories and their tasks."""

    async def acquire_shard(self, shard_id: ShardId, *, owner: str) -> RangeId:
        """Take a shard and return its new fencing number; the old owner's next commit fails.

        No number is given twice, over all shards and restarts. `owner` is kept for people to read.
        """
        ...

    async def commit(self, *commits: Commit) -> None:
        """Write everything or nothing, durably. Commits of one caller take effect in call order.

        Several at once are those of shards that one node owns. No execution, chain or task is in
        two of them.
        """
        ...

    async def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Return an execution with all its sub-records."""
        ...

    async def current_run(self, chain: ChainKey) -> RunId | None:
        """Return the current run of a workflow id."""
        ...

    async def read_history(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, oldest first.

        At least one batch if there is any; then as many as fit in `bytes_max`.
        """
        ...

    async def read_history_reverse(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, newest first; else as `read_history`."""
        ...

    async def wakeups(
        self, shard_id: ShardId, *, before: Instant, limit: int
    ) -> Sequence[tuple[Instant, WorkflowKey]]:
        """Return the earliest wake-ups of a shard that lie before an instant, in order of time."""
        ...

    async def transfers(
        self, shard_id: ShardId, *, after: TaskId, limit: int
    ) -> Sequence[TransferRow]:
        """Return transfer tasks with larger ids, in order."""
        ...

    async def open_execution_count(self) -> int:
        """Return how many executions are open, over all namespaces."""
        ...


class TaskQueueStore(Protocol):
    """The tasks that lie in task queues; written by `ExecutionStore.commit`."""

    async def dispatches(
        self, queue: QueueKey, *, after: TaskPlace, limit: int
    ) -> Sequence[DispatchRow]:
        """Return the tasks of a queue behind a place, in the queue's order."""
        ...

    async def waiting_passes(self) -> Sequence[WaitingPasses]:
        """Return the passes that tasks of all queues have; pass 0 does not count."""
        ...

    async def dispatch_backlogs(
        self, queue: QueueKey, *, after: TaskPlace
    ) -> Mapping[int, DispatchBacklog]:
        """Return what lies in a queue behind a place, by priority.

        The smallest task id is the oldest task.
        """
        ...


class NamespaceStore(Protocol):
    """Namespaces: opaque records by id, with a unique name. Few: the caller holds all of them."""

    async def load_namespaces(self) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (id, name, record) of all namespaces, ordered by id."""
        ...

    async def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        """Insert or replace a namespace, durably.

        `CommitConflictError` if another id has the name.
        """
        ...

    async def delete_namespace(self, namespace_id: NamespaceId) -> None:
        """Remove a namespace with the records of `NamespaceRecordStore` that belong to it, durably.

        An absent one is ignored. Executions stay: whoever deletes them does so before.
        """
        ...


class NexusEndpointStore(Protocol):
    """Nexus endpoints: opaque records by id, with a unique name. Few: the caller holds all."""

    async def load_nexus_endpoints(self) -> Sequence[tuple[str, str, bytes]]:
        """Return (id, name, record) of all endpoints, ordered by id."""
        ...

    async def put_nexus_endpoint(self, endpoint_id: str, name: str, record: bytes) -> None:
        """Insert or replace an endpoint, durably.

        `CommitConflictError` if another id has the name.
        """
        ...

    async def delete_nexus_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint, durably; an absent one is ignored."""
        ...


class NamespaceRecordKind(IntEnum):
    """What a namespace holds few of; stored, so the values never change."""

    WORKER_DEPLOYMENT = 1
    BUILD_ID_SETS = 2
    VERSIONING_RULES = 3
    TASK_QUEUE_CONFIG = 4


class NamespaceRecordStore(Protocol):
    """Opaque records that belong to a namespace, by kind and name. Few: the caller holds all."""

    async def load_namespace_records(
        self, kind: NamespaceRecordKind
    ) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (namespace id, name, record) of all records of a kind, ordered by both."""
        ...

    async def put_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str, record: bytes
    ) -> None:
        """Insert or replace a record, durably."""
        ...

    async def delete_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str
    ) -> None:
        """Remove a record, durably; an absent one is ignored."""
        ...


class VisibilityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What all has to hold of a row within a namespace: comparisons, or trees of them.

    Texts and numbers are never equal nor ordered; booleans are the numbers 0 and 1. An open run has
    no `close_time`. `StoreError` for an unknown field or operator.
    """

    namespace_id: NamespaceId
    archetype: Archetype = Archetype.WORKFLOW
    comparisons: Sequence[Filter] = msgspec.field(default_factory=tuple)
    order_by: Sequence[SortKey] = ()
    """Before the order of every list, which decides between equal rows."""


class VisibilityCursor(msgspec.Struct, frozen=True, kw_only=True):
    """The place behind the last row of a page: (close time or open, start time, run id)."""

    close_time: Instant
    start_time: Instant
    run_id: RunId
    values: Sequence[SortValue] = ()
    """Of that row, for each key of the order."""


class VisibilityStore(Protocol):
    """Finds executions; its rows are written by `ExecutionStore.commit`."""

    async def list_executions(
        self, query: VisibilityFilter, *, after: VisibilityCursor | None, limit: int
    ) -> Sequence[VisibilityRecord]:
        """Return rows in the reference's order, from behind `after`.

        Open runs come first, then the latest close, the latest start, the smallest run id. An order
        of the query goes before that; `after` then has a value for each of its keys.
        """
        ...

    async def count_executions(
        self, query: VisibilityFilter, *, group_by: SortKey | None = None
    ) -> Mapping[SortValue, int]:
        """Return the count per value of a column, else one count under the key 0.

        At most `VISIBILITY_GROUPS_MAX` groups and one come back; rows without a value are a group.
        """
        ...


class StoreDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What `indelible server start` and `/metrics` tell about the store."""

    kind: str
    location: str
    schema_version: int
    durability: str
    cluster_id: str
    """A UUID made when the store was created."""
    shard_count: int
    """Fixed when the store was created."""


class Store(
    ExecutionStore,
    TaskQueueStore,
    NamespaceStore,
    NamespaceRecordStore,
    NexusEndpointStore,
    VisibilityStore,
    Protocol,
):
    """Everything a node keeps."""

    def describe(self) -> StoreDescription:
        """Return what the store is."""
        ...

    async def close(self) -> None:
        """Finish the commits under way and release the store."""
        ...
