"""Builds commits and reads back everything that a store holds.

Owns the short words in which store tests are written. A shard stands as an empty commit, which
carries its fencing number.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from msgspec.structs import replace

from indelible.base.ids import (
    Archetype,
    ChainKey,
    EventId,
    NamespaceId,
    QueueKey,
    QueueType,
    RangeId,
    RunId,
    ShardId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import NEVER, Duration, Instant
from indelible.engine.visibility.ordering import STATUS, SortKey, sort_value
from indelible.ports.clock import TimerHandle
from indelible.ports.stores import (
    Commit,
    Comparison,
    CurrentWrite,
    DispatchRow,
    ExecutionWrite,
    Filter,
    HistoryAncestor,
    HistoryBatch,
    Store,
    SubRecord,
    TransferRow,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
)

Operand = str | int | float | bool | Sequence[str | int | float] | None

CLUSTER_ID: Final = "6f1f6d5e-0000-4000-8000-00000000c1d0"
NAMESPACE: Final = NamespaceId("namespace-a")
SHARD: Final = ShardId(1)
QUEUE: Final = QueueKey(NAMESPACE, QueueType.WORKFLOW, "queue")
FIRST: Final = EventId(1)
END: Final = EventId(1_000_000)
BYTES_MAX: Final = 1_000_000
RUNNING: Final = 1
COMPLETED: Final = 2


def key(
    workflow: str = "w",
    run: str = "r",
    namespace: NamespaceId = NAMESPACE,
    archetype: Archetype = Archetype.WORKFLOW,
) -> WorkflowKey:
    return WorkflowKey(namespace, WorkflowId(workflow), RunId(run), archetype)


def chain(of: WorkflowKey) -> ChainKey:
    return of.chain


def write(
    of: WorkflowKey,
    version: int = 1,
    *,
    record: bytes = b"record",
    is_open: bool = True,
    wake_at: int = NEVER,
    put: Sequence[SubRecord] = (),
    remove: Sequence[tuple[int, str]] = (),
    history: Sequence[HistoryBatch] = (),
    visibility: VisibilityRecord | None = None,
    ancestor: HistoryAncestor | None = None,
) -> ExecutionWrite:
    """The write that takes an execution from the version before to `version`."""
    return ExecutionWrite(
        key=of,
        expected_version=version - 1,
        version=version,
        is_open=is_open,
        wake_at=Instant(wake_at),
        record=record,
        put=put,
        remove=remove,
        history=history,
        visibility=visibility,
        ancestor=ancestor,
    )


def current(of: WorkflowKey, expected: str | None = None) -> CurrentWrite:
    return CurrentWrite(
        chain=chain(of), expected=RunId(expected) if expected else None, run_id=of.run_id
    )


def sub_record(kind: int, record_id: str, blob: bytes = b"blob") -> SubRecord:
    return SubRecord(kind=kind, record_id=record_id, blob=blob)


def batch(first: int, end: int, blob: bytes | None = None) -> HistoryBatch:
    return HistoryBatch(
        first_event_id=EventId(first),
        next_event_id=EventId(end),
        blob=f"{first}-{end}".encode() if blob is None else blob,
    )


def transfer(task_id: int, of: WorkflowKey | None = None) -> TransferRow:
    return TransferRow(task_id=TaskId(task_id), key=of or key(), blob=b"transfer")


def dispatch(
    task_id: int,
    *,
    priority: int = 3,
    turn: tuple[int, str] = (0, ""),
    queue: QueueKey = QUEUE,
    of: WorkflowKey | None = None,
) -> DispatchRow:
    return DispatchRow(
        queue=queue,
        priority=priority,
        pass_number=turn[0],
        fairness_key=turn[1],
        task_id=TaskId(task_id),
        key=of or key(),
        created_at=Instant(task_id * 10),
        blob=b"dispatch",
    )


def visible(
    of: WorkflowKey, *, status: int = RUNNING, start_time: int = 1, close_time: int = NEVER
) -> VisibilityRecord:
    return VisibilityRecord(
        archetype=Archetype.WORKFLOW,
        namespace_id=of.namespace_id,
        workflow_id=of.workflow_id,
        run_id=of.run_id,
        workflow_type="type",
        task_queue="queue",
        status=status,
        start_time=Instant(start_time),
        execution_time=Instant(start_time + 1),
        close_time=Instant(close_time),
        history_length=7,
        history_size_bytes=700,
        state_transition_count=3,
        parent_workflow_id="parent",
        parent_run_id="parent-run",
        root_workflow_id="root",
        root_run_id="root-run",
        memo=b"\x00memo\xff",
        search_attributes={},
        indexed_values={},
    )


def compare(field: str, operator: str, value: Operand) -> Comparison:
    return Comparison(field=field, is_search_attribute=False, operator=operator, value=value)


def compare_attribute(name: str, operator: str, value: Operand) -> Comparison:
    return Comparison(field=name, is_search_attribute=True, operator=operator, value=value)


def where(
    *comparisons: Filter, namespace: NamespaceId = NAMESPACE, order_by: Sequence[SortKey] = ()
) -> VisibilityFilter:
    return VisibilityFilter(namespace_id=namespace, comparisons=comparisons, order_by=order_by)


def cursor(row: VisibilityRecord, order_by: Sequence[SortKey] = ()) -> VisibilityCursor:
    return VisibilityCursor(
        close_time=row.close_time,
        start_time=row.start_time,
        run_id=row.run_id,
        values=[sort_value(row, key) for key in order_by],
    )


class CountingClock:
    """Lets no time pass but turns of the event loop, and remembers what was asked for."""

    def __init__(self) -> None:
        self.slept: list[Duration] = []

    def now(self) -> Instant:
        return Instant(sum(self.slept))

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> TimerHandle:
        raise AssertionError(f"nobody should wait for {at}: {callback}")

    async def sleep(self, span: Duration) -> None:
        self.slept.append(span)
        for _ in range(1 + span % 5):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(turn.set_result, None)
            await turn

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Time does not pass by itself."""


async def own(store: Store, shard_id: ShardId = SHARD) -> Commit:
    """Take a shard; the empty commit that comes back carries its fencing number."""
    range_id = await store.acquire_shard(shard_id, owner="test")
    return Commit(shard_id=shard_id, range_id=range_id)


async def put(store: Store, shard: Commit, *writes: ExecutionWrite) -> None:
    await store.commit(replace(shard, executions=writes))


async def runs(store: Store, query: VisibilityFilter, *, limit: int = 1_000) -> list[str]:
    return [row.run_id for row in await store.list_executions(query, after=None, limit=limit)]


async def pages(store: Store, query: VisibilityFilter, size: int) -> list[list[VisibilityRecord]]:
    """Every page of a list, until one is not full."""
    found: list[list[VisibilityRecord]] = []
    after: VisibilityCursor | None = None
    while not found or len(found[-1]) == size:
        page = list(await store.list_executions(query, after=after, limit=size))
        found.append(page)
        after = cursor(page[-1], query.order_by) if page else after
    return found


async def everything(
    store: Store, keys: Sequence[WorkflowKey], queues: Sequence[QueueKey], shards: Sequence[ShardId]
) -> dict[str, object]:
    """All that the port shows of some executions, queues and shards."""
    names = list(dict.fromkeys(of.namespace_id for of in keys))
    return {
        "open": await store.open_execution_count(),
        "executions": [await store.load_execution(of) for of in keys],
        "currents": [await store.current_run(chain(of)) for of in keys],
        "history": [
            list(await store.read_history(of, first=FIRST, end=END, bytes_max=BYTES_MAX))
            for of in keys
        ],
        "wakeups": [
            list(await store.wakeups(shard, before=Instant(2**62), limit=1_000)) for shard in shards
        ],
        "transfers": [
            list(await store.transfers(shard, after=TaskId(0), limit=1_000)) for shard in shards
        ],
        "dispatches": [
            list(await store.dispatches(queue, after=(-1, 0, TaskId(0)), limit=1_000))
            for queue in queues
        ],
        "passes": sorted(await store.waiting_passes(), key=str),
        "backlogs": [
            sorted((await store.dispatch_backlogs(queue, after=(-1, 0, TaskId(0)))).items())
            for queue in queues
        ],
        "visibility": [
            list(await store.list_executions(where(namespace=name), after=None, limit=1_000))
            for name in names
        ],
        "counts": [
            dict(await store.count_executions(where(namespace=name), group_by=STATUS))
            for name in names
        ],
        "namespaces": list(await store.load_namespaces()),
    }


RANGE_NEVER_GIVEN: Final = RangeId(999_999)
