"""A store that fails in the ways a disk can, and delays, as its dice say.

Owns the faults: late answers, writes that fail before anything happened, writes that happened
although the caller is told that they failed, reads that fail. Never reorders: writes reach the
inner store in call order. Chance and time are given to it, so that a seed repeats a run exactly.
Knows no driver.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

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
from indelible.base.instants import NO_DURATION, Duration, Instant
from indelible.engine.matching.priority import TaskPlace
from indelible.engine.visibility.ordering import SortKey, SortValue
from indelible.ports.clock import Clock
from indelible.ports.stores import (
    Commit,
    DispatchBacklog,
    DispatchRow,
    HistoryBatch,
    NamespaceRecordKind,
    Store,
    StoreDescription,
    StoredExecution,
    StoreUnavailableError,
    TransferRow,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
    WaitingPasses,
)

_Result = TypeVar("_Result")


class Dice(Protocol):
    """A seeded source of chance, such as `random.Random(seed)`."""

    def random(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        ...


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often what happens, as shares of all calls; delays are drawn evenly up to a maximum."""

    write_fails_before: float = 0.0
    write_fails_after: float = 0.0
    read_fails: float = 0.0
    write_delay_max: Duration = NO_DURATION
    read_delay_max: Duration = NO_DURATION


NO_FAULTS = FaultRates()


class FaultyStore:
    """Wraps a store. `rates` may be changed while it runs, for example to heal it."""

    def __init__(self, inner: Store, *, dice: Dice, clock: Clock, rates: FaultRates) -> None:
        self._inner = inner
        self._dice = dice
        self._clock = clock
        self._writes = asyncio.Lock()  # First come, first served: nothing is reordered.
        self.rates = rates

    # --------------------------------------------------------------------------------------- faults
    async def _write(self, write: Callable[[], Awaitable[_Result]]) -> _Result:
        async with self._writes:
            await self._delay(self.rates.write_delay_max)
            chance = self._dice.random()
            if chance < self.rates.write_fails_before:
                raise StoreUnavailableError("fault: the write failed, and nothing was written")
            result = await write()
            await self._delay(self.rates.write_delay_max)
            if chance >= 1 - self.rates.write_fails_after:
                raise StoreUnavailableError("fault: the write was done, and the answer was lost")
            return result

    async def _read(self, read: Callable[[], Awaitable[_Result]]) -> _Result:
        await self._delay(self.rates.read_delay_max)
        if self._dice.random() < self.rates.read_fails:
            raise StoreUnavailableError("fault: the read failed")
        return await read()

    async def _delay(self, longest: Duration) -> None:
        if longest > 0:
            await self._clock.sleep(Duration(int(self._dice.random() * longest)))

    # --------------------------------------------------------------------------------------- writes
    async def acquire_shard(self, shard_id: ShardId, *, owner: str) -> RangeId:
        """Take a shard and return its new fencing number."""
        return await self._write(lambda: self._inner.acquire_shard(shard_id, owner=owner))

    async def commit(self, *commits: Commit) -> None:
        """Write everything or nothing; the caller may be told the wrong thing."""
        await self._write(lambda: self._inner.commit(*commits))

    async def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        """Insert or replace a namespace."""
        await self._write(lambda: self._inner.put_namespace(namespace_id, name, record))

    async def delete_namespace(self, namespace_id: NamespaceId) -> None:
        """Remove a namespace record."""
        await self._write(lambda: self._inner.delete_namespace(namespace_id))

    async def put_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str, record: bytes
    ) -> None:
        """Insert or replace a record of a namespace."""
        await self._write(
            lambda: self._inner.put_namespace_record(kind, namespace_id, name, record)
        )

    async def delete_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str
    ) -> None:
        """Remove a record of a namespace."""
        await self._write(lambda: self._inner.delete_namespace_record(kind, namespace_id, name))

    async def put_nexus_endpoint(self, endpoint_id: str, name: str, record: bytes) -> None:
        """Insert or replace a Nexus endpoint."""
        await self._write(lambda: self._inner.put_nexus_endpoint(endpoint_id, name, record))

    async def delete_nexus_endpoint(self, endpoint_id: str) -> None:
        """Remove a Nexus endpoint."""
        await self._write(lambda: self._inner.delete_nexus_endpoint(endpoint_id))

    # ---------------------------------------------------------------------------------------- reads
    async def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Return an execution with all its sub-records."""
        return await self._read(lambda: self._inner.load_execution(key))

    async def current_run(self, chain: ChainKey) -> RunId | None:
        """Return the current run of a workflow id."""
        return await self._read(lambda: self._inner.current_run(chain))

    async def read_history(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, oldest first."""
        return await self._read(
            lambda: self._inner.read_history(key, first=first, end=end, bytes_max=bytes_max)
        )

    async def read_history_reverse(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> Sequence[HistoryBatch]:
        """Return the batches that overlap `[first, end)`, newest first."""
        return await self._read(
            lambda: self._inner.read_history_reverse(key, first=first, end=end, bytes_max=bytes_max)
        )

    async def wakeups(
        self, shard_id: ShardId, *, before: Instant, limit: int
    ) -> Sequence[tuple[Instant, WorkflowKey]]:
        """Return the earliest wake-ups of a shard that lie before an instant."""
        return await self._read(lambda: self._inner.wakeups(shard_id, before=before, limit=limit))

    async def transfers(
        self, shard_id: ShardId, *, after: TaskId, limit: int
    ) -> Sequence[TransferRow]:
        """Return transfer tasks with larger ids, in order."""
        return await self._read(lambda: self._inner.transfers(shard_id, after=after, limit=limit))

    async def open_execution_count(self) -> int:
        """Return how many executions are open."""
        return await self._read(self._inner.open_execution_count)

    async def dispatches(
        self, queue: QueueKey, *, after: TaskPlace, limit: int
    ) -> Sequence[DispatchRow]:
        """Return the tasks of a queue behind a place."""
        return await self._read(lambda: self._inner.dispatches(queue, after=after, limit=limit))

    async def waiting_passes(self) -> Sequence[WaitingPasses]:
        """Return the passes that tasks of all queues have."""
        return await self._read(self._inner.waiting_passes)

    async def dispatch_backlogs(
        self, queue: QueueKey, *, after: TaskPlace
    ) -> Mapping[int, DispatchBacklog]:
        """Return what lies in a queue behind a place, by priority."""
        return await self._read(lambda: self._inner.dispatch_backlogs(queue, after=after))

    async def load_namespaces(self) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (id, name, record) of all namespaces."""
        return await self._read(self._inner.load_namespaces)

    async def load_namespace_records(
        self, kind: NamespaceRecordKind
    ) -> Sequence[tuple[NamespaceId, str, bytes]]:
        """Return (namespace id, name, record) of all records of a kind."""
        return await self._read(lambda: self._inner.load_namespace_records(kind))

    async def load_nexus_endpoints(self) -> Sequence[tuple[str, str, bytes]]:
        """Return (id, name, record) of all Nexus endpoints."""
        return await self._read(self._inner.load_nexus_endpoints)

    async def list_executions(
        self, query: VisibilityFilter, *, after: VisibilityCursor | None, limit: int
    ) -> Sequence[VisibilityRecord]:
        """Return rows in the reference's order, from behind `after`."""
        return await self._read(
            lambda: self._inner.list_executions(query, after=after, limit=limit)
        )

    async def count_executions(
        self, query: VisibilityFilter, *, group_by: SortKey | None = None
    ) -> Mapping[SortValue, int]:
        """Return the count per value of a column, else one count under the key 0."""
        return await self._read(lambda: self._inner.count_executions(query, group_by=group_by))

    # ------------------------------------------------------------------------------------ no faults
    def describe(self) -> StoreDescription:
        """Return what the inner store is."""
        return self._inner.describe()

    async def close(self) -> None:
        """Close the inner store, behind the writes under way."""
        async with self._writes:
            await self._inner.close()
