"""The runs that are held in memory.

Owns the cache of a shard: what each entry holds, what of it is not stored yet, and which entry
leaves first. Must not know how a run changes or is stored.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import ChainKey, EventId, TaskId, WorkflowKey
from indelible.base.instants import MICROSECOND, SECOND, Duration, Instant
from indelible.engine.workflow.state import DispatchRef, ExecutionRecord, MutableState
from indelible.engine.workflow.tasks import DispatchTask, TransferTask
from indelible.engine.workflow.timer_sequence import Deadline, TimerSequence
from indelible.engine.workflow.transition import Transition
from indelible.ports.clock import Clock
from indelible.ports.stores import ExecutionWrite, HistoryAncestor, SubRecord
from indelible.services.history.visibility_rows import Shown, shown

TAIL_EVENTS_MAX = 128
"""The latest events of a run are kept in memory, so that polls rarely read the store."""
TAIL_BYTES_MAX = 128 * 1024


class Unsaved:
    """What the steps since the last commit of a run have left to write."""

    __slots__ = ("dispatches", "events", "released", "transfers")

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []
        self.dispatches: list[DispatchTask] = []
        self.transfers: list[TransferTask] = []
        self.released: list[DispatchRef] = []

    def add(self, step: Transition) -> None:
        """Take over what a step wants."""
        self.events += step.events
        self.transfers += step.transfers
        released = {ref.task_id for ref in step.released}
        wanted = self.dispatches + step.dispatches
        never_stored = {task.task_id for task in wanted if task.task_id in released}
        self.dispatches = [task for task in wanted if task.task_id not in never_stored]
        self.released += [ref for ref in step.released if ref.task_id not in never_stored]


class StateSize:
    """How many bytes the store keeps of a run beside its history.

    Counted record by record, so that a commit costs as much as it changes.
    """

    __slots__ = ("_core_bytes", "_record_bytes", "_records_bytes")

    def __init__(self) -> None:
        self._core_bytes = 0
        self._record_bytes: dict[tuple[int, str], int] = {}
        self._records_bytes = 0

    @property
    def bytes_count(self) -> int:
        """All of them."""
        return self._core_bytes + self._records_bytes

    def after(
        self, core: bytes, put: Iterable[SubRecord], removed: Iterable[tuple[int, str]]
    ) -> int:
        """Return how many there would be if this were written and removed."""
        known = self._record_bytes
        added = sum(len(one.blob) - known.get((one.kind, one.record_id), 0) for one in put)
        gone = sum(known.get(key, 0) for key in removed)
        return len(core) + self._records_bytes + added - gone

    def note(
        self, core: bytes, put: Iterable[SubRecord], removed: Iterable[tuple[int, str]] = ()
    ) -> None:
        """Follow what has been read, or written and removed."""
        self._core_bytes = len(core)
        for record in put:
            key = (record.kind, record.record_id)
            self._records_bytes += len(record.blob) - self._record_bytes.get(key, 0)
            self._record_bytes[key] = len(record.blob)
        for key in removed:
            self._records_bytes -= self._record_bytes.pop(key, 0)


class Entry:
    """One run in memory. Whoever holds the lock of its chain may use it."""

    __slots__ = (
        "_deadline",
        "_deadline_of",
        "_sizes",
        "ancestor",
        "key",
        "shown",
        "size",
        "state",
        "tail",
        "tail_bytes",
        "timers",
        "unsaved",
        "version",
    )

    def __init__(
        self, state: MutableState, *, version: int, ancestor: HistoryAncestor | None = None
    ) -> None:
        self.ancestor = ancestor
        """Of a run that is not stored yet: where its history begins."""
        self.key = state.execution.key
        self.state = state
        self.timers = TimerSequence(state)
        self._deadline: Deadline | None = None
        self._deadline_of: ExecutionRecord | None = None
        self.version = version
        """Of the stored row; 0 while there is none."""
        self.shown: Shown | None = None
        """What the stored visibility row shows; None while there is none."""
        self.size = StateSize()
        self.unsaved = Unsaved()
        self.tail: list[HistoryEvent] = []
        """The latest events, unsaved ones included, without a gap."""
        self._sizes: list[int] = []
        self.tail_bytes = 0

    @property
    def chain(self) -> ChainKey:
        """The chain that the run belongs to."""
        return self.key.chain

    @property
    def has_unsaved_steps(self) -> bool:
        """Whether a volatile step has not been committed."""
        return bool(self.unsaved.events) or self.state.has_touched_records

    @property
    def next_deadline(self) -> Deadline | None:
        """When the run must be looked at next by its own clock, and why.

        To be asked between two steps.

        Each step that is kept replaces the core record, if only because it is counted.
        """
        if self._deadline_of is not self.state.execution:
            self._deadline = self.timers.earliest(self.state)
            self._deadline_of = self.state.execution
        return self._deadline

    @property
    def wake_at(self) -> Instant | None:
        """When that is by the clock of the namespace; None if there is no deadline."""
        first = self.next_deadline
        return None if first is None else Instant(first.at - self.skipped)

    @property
    def skipped(self) -> Duration:
        """How far the clock of the run is ahead of that of its namespace."""
        return self.state.execution.time_skipping.skipped

    def rewind_timers(self) -> None:
        """Forget what the timers saw of a step that is given up."""
        self.timers = TimerSequence(self.state)

    def stored(self, write: ExecutionWrite) -> None:
        """Note that everything up to here is durable."""
        self.version = write.version
        self.ancestor = None
        self.size.note(write.record, write.put, write.remove)
        if write.visibility is not None:
            self.shown = shown(self.state)
        self.state.stored()
        self.unsaved = Unsaved()

    def remember(self, events: list[HistoryEvent], sizes: list[int]) -> None:
        """Keep new events for the polls to come, and drop the oldest ones beyond the bound."""
        self.tail += events
        self._sizes += sizes
        self.tail_bytes += sum(sizes)
        surplus = 0
        while len(self.tail) - surplus > TAIL_EVENTS_MAX or (
            self.tail_bytes > TAIL_BYTES_MAX and surplus < len(self.tail) - 1
        ):
            self.tail_bytes -= self._sizes[surplus]
            surplus += 1
        if surplus:
            del self.tail[:surplus]
            del self._sizes[:surplus]

    def tail_from(self, first: EventId) -> list[HistoryEvent]:
        """Return the events in memory with ids from `first` on."""
        if not self.tail:
            return []
        return self.tail[max(0, first - self.tail[0].event_id) :]

    @property
    def tail_first_id(self) -> EventId:
        """The id of the oldest event in memory; the next event's id if there is none."""
        return EventId(self.tail[0].event_id) if self.tail else self.state.execution.next_event_id


class EntryCache:
    """Least recently used entries of one shard, bounded in number."""

    def __init__(self, entries_max: int) -> None:
        self._entries: OrderedDict[WorkflowKey, Entry] = OrderedDict()
        self._entries_max = entries_max

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: WorkflowKey) -> Entry | None:
        """Return an entry and mark it as used."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, entry: Entry) -> None:
        """Insert an entry, and let the oldest ones go that can be read again."""
        self._entries[entry.key] = entry
        self._entries.move_to_end(entry.key)
        if len(self._entries) > self._entries_max:
            for key in list(self._expendable(len(self._entries) - self._entries_max)):
                del self._entries[key]

    def forget(self, key: WorkflowKey) -> None:
        """Drop an entry: the store knows better."""
        self._entries.pop(key, None)

    def _expendable(self, count: int) -> Iterator[WorkflowKey]:
        for key, entry in self._entries.items():
            if count == 0:
                return
            if not (entry.has_unsaved_steps or entry.state.execution.has_speculation):
                count -= 1
                yield key


class TaskIds:
    """Task ids of one shard: growing, and comparable with those of all other shards.

    An id is the time of its making, so that the tasks of one queue are served in the order in which
    they came, whichever shard they are of. The store refuses a task id that it holds already.
    """

    __slots__ = ("_clock", "_last_tick", "_shard_id")

    SHARD_BITS = 12
    EPOCH = Instant(1_577_836_800 * SECOND)
    """2020-01-01: with it, microseconds and shard number fit into 63 bits until 2091."""

    def __init__(self, shard_id: int, clock: Clock) -> None:
        self._shard_id = shard_id
        self._clock = clock
        self._last_tick = 0

    def next(self) -> TaskId:
        """Return an id larger than all before."""
        tick = (self._clock.now() - self.EPOCH) // MICROSECOND
        self._last_tick = max(tick, self._last_tick + 1)
        return TaskId(self._last_tick << self.SHARD_BITS | self._shard_id)
