"""A shard: the runs of a part of all workflow ids, and the one who may change them.

Owns the runtime of ARCHITECTURE.md: load, lock, decide, commit, acknowledge, act. Must not know
what a decision is about. Whatever fails between decide and commit, the entry is forgotten and read
again.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn, Protocol, TypeVar

import msgspec
import structlog

from indelible.base.errors import (
    RunTooLargeError,
    ServiceError,
    UnavailableError,
    workflow_not_found,
)
from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import (
    ChainKey,
    NamespaceId,
    QueueKey,
    QueueType,
    RangeId,
    RunId,
    ShardId,
    TaskId,
    WorkflowKey,
)
from indelible.base.instants import NEVER, Instant
from indelible.base.invariants import invariant
from indelible.base.limits import MESSAGE_BYTES_MAX, Limits
from indelible.base.time_zones import UtcOffset
from indelible.base.version_routing import VersionRouting, unrouted
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.workflow.deltas import StepCounted
from indelible.engine.workflow.requests.enforce_limits import end_for_limit, exceeds_limits
from indelible.engine.workflow.rules.buffering import bound_buffer
from indelible.engine.workflow.rules.time_skipping import skip_time
from indelible.engine.workflow.state import DispatchRef, ExecutionRecord, MutableState
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.engine.workflow.transition import StepSettings, Transition
from indelible.ports.clients import MatchingClient, QueuedTask
from indelible.ports.clock import Clocks
from indelible.ports.dispatch_rows import dispatch_row
from indelible.ports.dispatch_tasks import (
    AnyDispatch,
)
from indelible.ports.entropy import Entropy
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    CurrentWrite,
    ExecutionStore,
    ExecutionWrite,
    ShardOwnershipLostError,
    StoreError,
    TransferRow,
)
from indelible.ports.telemetry import Telemetry
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.services.history.chain_locks import ChainLocks
from indelible.services.history.entries import Entry, EntryCache, TaskIds, Unsaved
from indelible.services.history.execution_codec import (
    decode_state,
    encode_events,
    encode_record,
    encode_task,
    touched_records,
)
from indelible.services.history.growth import warn_of_growth, warn_of_state
from indelible.services.history.prepared import Prepared, commit_prepared
from indelible.services.history.visibility_rows import shown, visibility_row
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.workflow_rules import rules_in

_log: Final = structlog.get_logger("indelible.history")

T = TypeVar("T")


class Stepped(NamedTuple):
    """A run and its latest step, on the way to the store."""

    entry: Entry
    step: Transition
    excess: str | None = None
    """Why the run has grown too large for this step."""


class ShardParts(msgspec.Struct, frozen=True, kw_only=True):
    """What every shard of a node shares."""

    store: ExecutionStore
    clocks: Clocks
    entropy: Entropy
    telemetry: Telemetry
    namespaces: NamespaceRegistry
    limits_of: Callable[[str], Limits]
    """The limits of a namespace, by its name."""
    utc_offset: UtcOffset
    matching: MatchingClient
    entries_max: int
    routing_of: Callable[[NamespaceId], VersionRouting] = unrouted
    """Where unpinned work of a namespace goes."""


class Outlook(NamedTuple):
    """What is to come of an entity that is no workflow."""

    wake_at: Instant = NEVER
    is_closed: bool = False
    """All that is left to do is to clear it up."""
    work_count: int = 0
    """How much of it is on its way to a worker or with one."""


class ShardListener(Protocol):
    """Who must know what happens in a shard."""

    def stepped(self, shard: "Shard", entry: Entry) -> None:
        """A step was made, volatile ones included: deadlines and history may have changed."""
        ...

    def stored(self, shard: "Shard", entry: Entry, written: Unsaved) -> None:
        """A commit is durable; `written` is what it contained."""
        ...

    def owed(self, shard: "Shard", key: WorkflowKey, tasks: Sequence[AnyTransfer]) -> None:
        """Tasks of an entity that is no workflow are durable."""
        ...

    def is_owing(self, shard: "Shard", key: WorkflowKey) -> bool:
        """Whether a run may have transfer tasks that are not done."""
        ...

    def deleted(self, shard: "Shard", entry: Entry) -> None:
        """A run does not exist any more."""
        ...

    def noted(self, shard: "Shard", key: WorkflowKey, outlook: Outlook) -> None:
        """An entity that is no workflow changed, or is gone."""
        ...

    def doubted(self, shard: "Shard", key: WorkflowKey) -> None:
        """The store may hold more of an entity that is no workflow than was told."""
        ...

    def forgotten(self, shard: "Shard", entry: Entry) -> None:
        """A run was dropped from memory, and the store may hold more than was told."""
        ...


class Shard:
    """One shard, owned by this node."""

    def __init__(
        self,
        shard_id: ShardId,
        range_id: RangeId,
        parts: ShardParts,
        listener: "ShardListener",
    ) -> None:
        self.shard_id = shard_id
        self.range_id = range_id
        self.parts = parts
        self.locks = ChainLocks()
        self._cache = EntryCache(parts.entries_max)
        self.fresh = FreshIds(parts.entropy.token(16))
        """Identifiers of this shard's steps: one seed, because steps are many."""
        self._task_ids = TaskIds(shard_id, parts.clocks.node)
        self.listener = listener

    # -- reading -----------------------------------------------------------------------------------

    def hold(self, chain: ChainKey, run_id: str = "") -> "HeldRun":
        """Hold a chain's lock and give its named or current run; `NotFoundError` without one."""
        return HeldRun(self, chain, run_id)

    async def require(self, chain: ChainKey, run_id: str = "") -> Entry:
        """Return a run of a chain whose lock the caller holds, or raise `NotFoundError`."""
        entry = await self.find(chain, run_id)
        if entry is None:
            raise workflow_not_found(chain.workflow_id, run_id)
        return entry

    async def find(self, chain: ChainKey, run_id: str = "") -> Entry | None:
        """Return the named or current run of a chain whose lock the caller holds."""
        found = RunId(run_id) if run_id else await self.parts.store.current_run(chain)
        if not found:
            return None
        key = WorkflowKey(chain.namespace_id, chain.workflow_id, found, chain.archetype)
        entry = self._cache.get(key)
        if entry is None:
            entry = await self._load(key)
        return entry

    async def _load(self, key: WorkflowKey) -> Entry | None:
        stored = await self.parts.store.load_execution(key)
        if stored is None:
            return None
        entry = Entry(decode_state(stored), version=stored.version)
        entry.shown = shown(entry.state)
        entry.size.note(stored.record, stored.sub_records)
        self._cache.put(entry)
        return entry

    # -- deciding ----------------------------------------------------------------------------------

    def now_in(self, namespace_id: NamespaceId) -> Instant:
        """The present, by the clock of a namespace."""
        return self.parts.clocks.clock_of(namespace_id).now()

    def now_of(self, entry: Entry) -> Instant:
        """The present, by the clock of a run: it is ahead if time was skipped."""
        return Instant(self.now_in(entry.key.namespace_id) + entry.skipped)

    def begin(self, entry: Entry) -> Transition:
        """Return a new step of a run."""
        namespace = self.parts.namespaces.by_id(entry.key.namespace_id)
        return Transition(
            entry.state,
            now=self.now_in(entry.key.namespace_id),
            fresh=self.fresh,
            next_task_id=self._task_ids.next,
            gone_sticky_queue=self._gone_sticky_queue(entry),
            settings=StepSettings(
                namespace_name=namespace.name,
                retention=namespace.retention,
                limits=self.parts.limits_of(namespace.name),
                routing=self.parts.routing_of(namespace.id),
                workflow_rules=rules_in(namespace),
                utc_offset=self.parts.utc_offset,
            ),
        )

    def _gone_sticky_queue(self, entry: Entry) -> str:
        """The sticky queue of the run if no worker polls it any more, else nothing (trap 20)."""
        name = entry.state.execution.sticky_queue
        if not name:
            return ""
        queue = QueueKey(entry.key.namespace_id, QueueType.WORKFLOW, name)
        return "" if self.parts.matching.has_recent_poller(queue) else name

    def new_entry(self, execution: ExecutionRecord) -> Entry:
        """Return an entry for a run that does not exist yet."""
        return Entry(MutableState(execution), version=0)

    def decide(self, entry: Entry, decision: Callable[[Transition], T]) -> tuple[T, Stepped]:
        """Make one step in memory. If the decision refuses, the run is as it was.

        The caller must save the step, or undo it, before it awaits anything else.
        """
        step = self.begin(entry)
        excess: str | None = None
        try:
            reply = decision(step)
            if entry.version:
                # The reference looks before it gives ids to what the step has held back.
                limits = step.settings.limits
                state_bytes = _state_bytes(entry, limits)
                excess = exceeds_limits(step.execution, limits, state_bytes=state_bytes)
            bound_buffer(step)
            skip_time(step)
            step.close()
        except ServiceError:
            self.undo(entry)
            raise
        except BaseException:
            self.forget(entry)
            raise
        return reply, Stepped(entry, step, excess)

    def undo(self, entry: Entry) -> None:
        """Take back a step that has not been saved."""
        entry.state.rollback()

    def forget(self, entry: Entry) -> None:
        """Drop a run from memory, because the store knows better; have others look again, too.

        The outcome of its last commit may be unknown, and a workflow task that only memory knew
        as started must be given to a worker again.
        """
        self._cache.forget(entry.key)
        for task in entry.unsaved.dispatches:
            self.parts.matching.recheck(queue_key(entry.key, task))
        task = entry.state.execution.workflow_task
        if task is not None and task.dispatch is not None:
            self.parts.matching.recheck(queue_of_ref(entry.key, task.dispatch))
        self.listener.forgotten(self, entry)

    def note_deadline(self, entry: Entry) -> None:
        """Have the run woken when its next deadline comes."""
        self.listener.stepped(self, entry)

    def is_owing(self, entry: Entry) -> bool:
        """Whether a run may still have to tell something to others."""
        return self.listener.is_owing(self, entry.key)

    def drop(self, entry: Entry) -> None:
        """Forget a run that has been deleted."""
        self._cache.forget(entry.key)
        self.listener.deleted(self, entry)

    async def step(self, entry: Entry, decision: Callable[[Transition], T]) -> T:
        """Make one step of a run whose lock the caller holds, save it, and return the reply."""
        reply, stepped = self.decide(entry, decision)
        await self.save(stepped)
        return reply

    async def step_if_there(self, key: WorkflowKey, decision: Callable[[Transition], None]) -> None:
        """Lock a chain and make one step of a run, durably; nothing happens if it is gone."""
        async with self.locks.hold(key.chain):
            entry = await self.find(key.chain, key.run_id)
            if entry is not None:
                await self.step(entry, decision)

    async def update(self, chain: ChainKey, run_id: str, decision: Callable[[Transition], T]) -> T:
        """Lock a chain, make one step of its named or current run, and return the reply."""
        async with self.hold(chain, run_id) as entry:
            return await self.step(entry, decision)

    # -- committing --------------------------------------------------------------------------------

    async def save(self, *stepped: Stepped, current: CurrentWrite | None = None) -> None:
        """Commit steps of one chain together; a single volatile step waits for the next commit.

        Raises `UnavailableError` if it is not known that they are stored, and `RunTooLargeError` if
        a run has no room for its step: it is ended instead.
        """
        changed = [one for one in stepped if one.step.has_changed]
        if not changed:
            return
        keys = [one.entry.key for one in changed]
        invariant(len(keys) == len(set(keys)), "a run takes part in a commit twice")
        for one in changed:
            if one.excess is not None:
                await self._end(one.entry, one.excess, given_up=changed)
        entries: list[Entry] = []
        for entry, step, _ in changed:
            self._absorb(entry, step)
            entries.append(entry)
            if step.successor is not None:
                entries.append(self._successor_entry(step.successor))
                current = _advance(current, entry, step.successor)
        if len(entries) == 1 and changed[0].step.is_volatile:
            self.listener.stepped(self, entries[0])
        else:
            await self._commit(entries, current)
        for entry, step, _ in changed:
            for task in step.offers:
                self.parts.matching.offer(self.queued(entry.key, task))

    async def _end(self, entry: Entry, reason: str, *, given_up: Sequence[Stepped]) -> NoReturn:
        """Give up steps, and end the run that has grown too large for one of them."""
        for one in given_up:
            self.undo(one.entry)
            one.entry.rewind_timers()
        _log.warning("run_too_large", run=entry.key, reason=reason)
        await self.step(entry, lambda step: end_for_limit(step, reason))
        raise RunTooLargeError(reason)

    async def store(self, entry: Entry) -> None:
        """Commit what the volatile steps of a run have left to write; errors as those of `save`."""
        if entry.has_unsaved_steps:
            await self._commit((entry,), None)

    def _absorb(self, entry: Entry, step: Transition) -> None:
        sizes = [event.ByteSize() for event in step.events]
        warn_of_growth(step, sum(sizes))
        step.change(StepCounted(history_bytes=sum(sizes)))
        entry.timers.follow(entry.state)
        entry.state.accept()
        entry.unsaved.add(step)
        entry.remember(step.events, sizes)

    def _successor_entry(self, step: Transition) -> Entry:
        skip_time(step)
        step.close()
        entry = Entry(step.owned_state, version=0)
        self._absorb(entry, step)
        return entry

    def prepare_start(self, begun: Stepped, current: CurrentWrite) -> Prepared:
        """Return the commit of a step that begins a run, for a caller who has more to commit."""
        entry, step, _ = begun
        has_more = step.is_volatile or step.successor is not None or bool(step.offers)
        invariant(not entry.version and not has_more, "a start that is committed with others")
        self._absorb(entry, step)
        return self._prepare((entry,), current)

    async def _commit(self, entries: Sequence[Entry], current: CurrentWrite | None) -> None:
        await commit_prepared(self.write, (self._prepare(entries, current),))

    def _prepare(self, entries: Sequence[Entry], current: CurrentWrite | None) -> Prepared:
        writes = [self._execution_write(entry) for entry in entries]
        queued = [self._queued_by(entry) for entry in entries]
        commit = Commit(
            shard_id=self.shard_id,
            range_id=self.range_id,
            executions=writes,
            currents=(current,) if current is not None else (),
            transfers_added=[row for entry in entries for row in _transfer_rows(entry)],
            dispatches_added=[dispatch_row(task) for tasks in queued for task in tasks],
            dispatches_removed=[row for entry in entries for row in _released_rows(entry)],
        )

        def publish() -> None:
            for entry, write, tasks in zip(entries, writes, queued, strict=True):
                self._publish(entry, write, tasks)

        def forget() -> None:
            for entry in entries:
                self.forget(entry)

        return Prepared(commit, publish, forget)

    def _publish(self, entry: Entry, write: ExecutionWrite, queued: Sequence[QueuedTask]) -> None:
        """Tell whom it concerns what is durable now."""
        written, bytes_before = entry.unsaved, entry.size.bytes_count
        entry.stored(write)
        namespace_name = entry.state.execution.namespace_name
        warn_of_state(entry, bytes_before, self.parts.limits_of(namespace_name).state_bytes_warn)
        self._cache.put(entry)
        for task in queued:
            self.parts.matching.offer(task)
        self.listener.stored(self, entry, written)
        self.listener.stepped(self, entry)

    async def write(self, *commits: Commit) -> None:
        """Commit; `UnavailableError` if it is not known that everything is stored."""
        try:
            await self.parts.store.commit(*commits)
        except CommitConflictError as error:
            _log.warning("commit refused", shard=self.shard_id, reason=str(error))
            raise UnavailableError("The execution was changed elsewhere, please retry.") from error
        except ShardOwnershipLostError as error:
            _log.exception("shard lost to another owner", shard=self.shard_id)
            raise UnavailableError("The shard has another owner, please retry.") from error
        except StoreError as error:
            _log.warning("store failed", shard=self.shard_id, reason=str(error))
            raise UnavailableError(f"The store cannot be written: {error}") from error

    def _execution_write(self, entry: Entry) -> ExecutionWrite:
        put, removed = touched_records(entry.state)
        return ExecutionWrite(
            key=entry.key,
            expected_version=entry.version,
            version=entry.version + 1,
            is_open=entry.state.execution.is_open,
            wake_at=entry.wake_at or NEVER,
            record=encode_record(entry.state.execution.stored_form),
            put=put,
            remove=removed,
            history=(encode_events(entry.unsaved.events),) if entry.unsaved.events else (),
            visibility=self._changed_row(entry),
            ancestor=entry.ancestor,
        )

    def _changed_row(self, entry: Entry) -> VisibilityRecord | None:
        if shown(entry.state) == entry.shown:
            return None
        return visibility_row(entry.state, self.parts.namespaces.by_id(entry.key.namespace_id))

    def _queued_by(self, entry: Entry) -> list[QueuedTask]:
        return [self.queued(entry.key, task) for task in entry.unsaved.dispatches]

    def queued(self, key: WorkflowKey, task: AnyDispatch) -> QueuedTask:
        """Give a task of an execution its place in its queue."""
        queue = queue_key(key, task)
        return QueuedTask(
            queue=queue,
            key=key,
            created_at=self.now_in(key.namespace_id),
            task=task,
            pass_number=self.parts.matching.assign_pass(queue, task),
        )

    def next_task_id(self) -> TaskId:
        """Return a fresh task id of this shard."""
        return self._task_ids.next()


def _state_bytes(entry: Entry, limits: Limits) -> int:
    """Return what a run takes in the store beside its history, its current step included.

    Far from the bound, where no single step can pass it, the step is not counted.
    """
    stored = entry.size.bytes_count
    if stored + MESSAGE_BYTES_MAX <= limits.state_bytes_max:
        return stored
    put, removed = touched_records(entry.state)
    return entry.size.after(encode_record(entry.state.execution.stored_form), put, removed)


def _advance(current: CurrentWrite | None, entry: Entry, successor: Transition) -> CurrentWrite:
    """The successor of a run takes its place as the current run of the chain."""
    expected = current.expected if current is not None else entry.key.run_id
    chain = entry.key.chain
    return CurrentWrite(chain=chain, expected=expected, run_id=successor.execution.run_id)


def _transfer_rows(entry: Entry) -> list[TransferRow]:
    return [
        TransferRow(task_id=task.task_id, key=entry.key, blob=encode_task(task))
        for task in entry.unsaved.transfers
    ]


def _released_rows(entry: Entry) -> list[tuple[QueueKey, TaskId]]:
    return [(queue_of_ref(entry.key, ref), ref.task_id) for ref in entry.unsaved.released]


def queue_key(key: WorkflowKey, task: AnyDispatch) -> QueueKey:
    """Return the queue in which a task lies."""
    kind = QueueType.WORKFLOW if isinstance(task, WorkflowTaskDispatch) else QueueType.ACTIVITY
    return QueueKey(key.namespace_id, kind, task.queue_name)


def queue_of_ref(key: WorkflowKey, ref: DispatchRef) -> QueueKey:
    """Return the queue that a reference names."""
    kind = QueueType.WORKFLOW if ref.is_workflow_queue else QueueType.ACTIVITY
    return QueueKey(key.namespace_id, kind, ref.queue_name)


class HeldRun:
    """A run whose chain is locked for a while; see `Shard.hold`."""

    __slots__ = ("_chain", "_run_id", "_shard")

    def __init__(self, shard: Shard, chain: ChainKey, run_id: str) -> None:
        self._shard = shard
        self._chain = chain
        self._run_id = run_id

    async def __aenter__(self) -> Entry:
        locks = self._shard.locks
        await locks.acquire(self._chain)
        try:
            return await self._shard.require(self._chain, self._run_id)
        except BaseException:
            locks.release(self._chain)
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._shard.locks.release(self._chain)
