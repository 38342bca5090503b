"""Entities that are records alone: without a history, and small enough to be decided on as a whole.

Owns their runtime within a shard: load, decide elsewhere, commit, tell. Whatever the state is, it
is a value: a step that is not committed leaves no trace. Must not know what an entity is about;
`EntityKind` says what a store must see of it.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from indelible.base.ids import ChainKey, QueueKey, RunId, TaskId, WorkflowKey
from indelible.base.instants import Instant
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.clients import QueuedTask
from indelible.ports.dispatch_rows import dispatch_row
from indelible.ports.dispatch_tasks import AnyDispatch
from indelible.ports.stores import (
    Commit,
    CurrentWrite,
    ExecutionWrite,
    StoredExecution,
    SubRecord,
    TransferRow,
)
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.services.history.execution_codec import encode_task
from indelible.services.history.prepared import Prepared, commit_prepared
from indelible.services.history.shard import Outlook, Shard

S = TypeVar("S")

ENTITIES_CACHED_MAX: Final = 2_000
"""Of one kind in one shard; others are read when they are needed."""


class EntityKind(Protocol[S]):
    """What the runtime must know of a kind of entity."""

    def key(self, state: S) -> WorkflowKey:
        """Return the identity of an entity."""
        ...

    def is_open(self, state: S) -> bool:
        """Whether an entity has not closed."""
        ...

    def wake_at(self, state: S) -> Instant:
        """Return when it must be looked at next; `NEVER` for not by itself."""
        ...

    def work_count(self, state: S) -> int:
        """Return how much of an entity is on its way to a worker or with one."""
        ...

    def encode(self, state: S) -> bytes:
        """Return the core record in its stored form."""
        ...

    def parts(self, state: S, before: S | None) -> dict[tuple[int, str], bytes | None]:
        """Return the sub-records that differ from those of `before`; None for one that is gone."""
        ...

    def decode(self, stored: StoredExecution) -> S:
        """Return the state of a stored entity."""
        ...

    def row(self, state: S, namespace: Namespace) -> VisibilityRecord:
        """Return the searchable row."""
        ...


class Decided(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A step on its way to the store."""

    state: S
    dispatches: Sequence[AnyDispatch] = ()
    transfers: Sequence[AnyTransfer] = ()
    released: Sequence[tuple[QueueKey, TaskId]] = ()


class EntityEntry(Generic[S]):
    """One entity in memory. Whoever holds the lock of its chain may use it."""

    __slots__ = ("key", "row", "state", "version")

    def __init__(self, key: WorkflowKey, state: S) -> None:
        self.key = key
        self.state = state
        """As it is stored, unless `version` is 0."""
        self.version = 0
        self.row: VisibilityRecord | None = None
        """As it is stored; None if nobody knows, then it is written with the next step."""


class Entities(Generic[S]):
    """The entities of one kind in one shard."""

    def __init__(
        self, shard: Shard, kind: EntityKind[S], *, entries_max: int = ENTITIES_CACHED_MAX
    ) -> None:
        self.shard = shard
        self._kind = kind
        self._entries: OrderedDict[WorkflowKey, EntityEntry[S]] = OrderedDict()
        self._entries_max = entries_max

    @asynccontextmanager
    async def hold(
        self, chain: ChainKey, run_id: str, absent: Callable[[], Exception]
    ) -> AsyncGenerator[EntityEntry[S]]:
        """Hold a chain's lock and give its named or current run; raise `absent()` without one."""
        async with self.shard.locks.hold(chain):
            entry = await self.find(chain, run_id)
            if entry is None:
                raise absent()
            yield entry

    async def find(self, chain: ChainKey, run_id: str = "") -> EntityEntry[S] | None:
        """Return the named or current run of a chain whose lock the caller holds."""
        found = RunId(run_id) if run_id else await self.shard.parts.store.current_run(chain)
        if not found:
            return None
        key = WorkflowKey(chain.namespace_id, chain.workflow_id, found, chain.archetype)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            return entry
        stored = await self.shard.parts.store.load_execution(key)
        if stored is None:
            return None
        entry = self.new_entry(self._kind.decode(stored))
        entry.version = stored.version
        self._remember(entry)
        return entry

    def new_entry(self, state: S) -> EntityEntry[S]:
        """Return an entry for an entity that does not exist yet."""
        return EntityEntry(self._kind.key(state), state)

    async def save(
        self,
        entry: EntityEntry[S],
        decided: Decided[S],
        *,
        current: CurrentWrite | None = None,
        is_noted: bool = True,
        is_shown: bool = True,
    ) -> None:
        """Commit a step of an entity whose lock the caller holds, and tell whom it concerns.

        Unless `is_noted`, the caller has the next deadline noted when it has done what is due.
        Unless `is_shown`, the searchable row stays as it is: another step is about to follow.
        Raises `UnavailableError` if it is not known that it is stored.
        """
        prepared = self.prepare(
            entry, decided, current=current, is_noted=is_noted, is_shown=is_shown
        )
        await commit_prepared(self.shard.write, (prepared,))

    def prepare(
        self,
        entry: EntityEntry[S],
        decided: Decided[S],
        *,
        current: CurrentWrite | None = None,
        is_noted: bool = True,
        is_shown: bool = True,
    ) -> Prepared:
        """Return the commit of a step, as `save` makes it, for a caller who has more to commit."""
        row = entry.row
        if is_shown:
            row = self._kind.row(decided.state, self._namespace(entry.key))
        write = self._write(entry, decided.state, row)
        queued = [self.shard.queued(entry.key, task) for task in decided.dispatches]
        commit = Commit(
            shard_id=self.shard.shard_id,
            range_id=self.shard.range_id,
            executions=(write,),
            currents=(current,) if current is not None else (),
            dispatches_added=[dispatch_row(task) for task in queued],
            dispatches_removed=decided.released,
            transfers_added=[
                TransferRow(task_id=task.task_id, key=entry.key, blob=encode_task(task))
                for task in decided.transfers
            ],
        )

        def publish() -> None:
            entry.state, entry.version, entry.row = decided.state, write.version, row
            self._remember(entry)
            for task in queued:
                self.shard.parts.matching.offer(task)
            if decided.transfers:
                self.shard.listener.owed(self.shard, entry.key, decided.transfers)
            if is_noted:
                self.note_deadline(entry)

        return Prepared(commit, publish, lambda: self._forget(entry.key, queued))

    async def delete(
        self, entry: EntityEntry[S], released: Sequence[tuple[QueueKey, TaskId]] = ()
    ) -> None:
        """Remove an entity whose lock the caller holds."""
        await self.shard.write(
            Commit(
                shard_id=self.shard.shard_id,
                range_id=self.shard.range_id,
                deleted=(entry.key,),
                dispatches_removed=released,
            )
        )
        self._entries.pop(entry.key, None)
        self.shard.listener.noted(self.shard, entry.key, Outlook())

    def note_deadline(self, entry: EntityEntry[S]) -> None:
        """Have the entity woken when its next deadline comes, and wake who watches it."""
        outlook = Outlook(
            wake_at=self._kind.wake_at(entry.state),
            is_closed=not self._kind.is_open(entry.state),
            work_count=self._kind.work_count(entry.state),
        )
        self.shard.listener.noted(self.shard, entry.key, outlook)

    def _write(
        self, entry: EntityEntry[S], state: S, row: VisibilityRecord | None
    ) -> ExecutionWrite:
        parts = self._kind.parts(state, entry.state if entry.version else None)
        return ExecutionWrite(
            key=entry.key,
            expected_version=entry.version,
            version=entry.version + 1,
            is_open=self._kind.is_open(state),
            wake_at=self._kind.wake_at(state),
            record=self._kind.encode(state),
            put=[
                SubRecord(kind=kind, record_id=record_id, blob=blob)
                for (kind, record_id), blob in parts.items()
                if blob is not None
            ],
            remove=[place for place, blob in parts.items() if blob is None],
            visibility=row if row != entry.row else None,
        )

    def _namespace(self, key: WorkflowKey) -> Namespace:
        return self.shard.parts.namespaces.by_id(key.namespace_id)

    def _remember(self, entry: EntityEntry[S]) -> None:
        self._entries[entry.key] = entry
        self._entries.move_to_end(entry.key)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)

    def _forget(self, key: WorkflowKey, queued: Sequence[QueuedTask]) -> None:
        """The outcome of a commit is unknown: have everybody look into the store."""
        self._entries.pop(key, None)
        for task in queued:
            self.shard.parts.matching.recheck(task.queue)
        self.shard.listener.doubted(self.shard, key)
