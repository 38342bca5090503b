"""What was written to the disk, commit by commit: the truth that everything else is held against.

Owns a second account of the store's content, made from the commits alone, and the invariants that
every single commit must keep. Must not ask the store.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from indelible.base.ids import (
    Archetype,
    ChainKey,
    QueueKey,
    RangeId,
    RunId,
    ShardId,
    TaskId,
    WorkflowKey,
)
from indelible.base.instants import NEVER, Instant
from indelible.engine.activity.state import ActivityState
from indelible.engine.batch.state import BatchState
from indelible.engine.nexus_operation.state import OperationState
from indelible.engine.schedule.state import ScheduleState
from indelible.engine.workflow.rules.versioning import is_in_transition
from indelible.engine.workflow.state import ExecutionRecord, MutableState, RecordKind
from indelible.ports.stores import (
    Commit,
    DispatchRow,
    ExecutionWrite,
    StoredExecution,
    SubRecord,
    TransferRow,
    VisibilityRecord,
)
from indelible.services.history.activity_kind import ActivityKind
from indelible.services.history.batch_kind import BatchKind
from indelible.services.history.execution_codec import decode_state
from indelible.services.history.nexus_operation_kind import NexusOperationKind
from indelible.services.history.schedule_kind import ScheduleKind

_SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@dataclass(slots=True)
class Run:
    """One run, as it was last written."""

    key: WorkflowKey
    write: ExecutionWrite
    sub_records: dict[tuple[int, str], SubRecord] = field(
        default_factory=dict[tuple[int, str], SubRecord]
    )
    events: list[HistoryEvent] = field(default_factory=list[HistoryEvent])
    visibility: VisibilityRecord | None = None
    is_deleted: bool = False
    inherited_count: int = 0
    """How many events a reset took over from `base`."""
    base: "Run | None" = None
    left_behind: list[HistoryEvent] = field(default_factory=list[HistoryEvent])
    """The events of `base` behind the point to which it was reset, as they were then."""

    @property
    def own_events(self) -> list[HistoryEvent]:
        """The events that were written for this run."""
        return self.events[self.inherited_count :]

    @property
    def state(self) -> MutableState:
        """The state of the run."""
        return decode_state(_stored(self.key, self.write, self.sub_records))

    @property
    def record(self) -> ExecutionRecord:
        """The core record of the run."""
        return self.state.execution

    @property
    def is_open(self) -> bool:
        """Whether the run goes on."""
        return self.write.is_open

    @property
    def length(self) -> int:
        """How many events the run has."""
        return len(self.events)

    @property
    def held_back(self) -> list[HistoryEvent]:
        """The events that wait for their ids."""
        state = self.state
        return [
            HistoryEvent.FromString(state.buffered_events[number].event)
            for number in sorted(state.buffered_events)
        ]

    @property
    def signal_count(self) -> int:
        """How many signals the run has had, held-back ones included."""
        has_buffer = any(kind == RecordKind.BUFFERED_EVENT for kind, _ in self.sub_records)
        known = self.events + (self.held_back if has_buffer else [])
        return sum(event.event_type == _SIGNALED for event in known)


class Begin(NamedTuple):
    """An attempt that was given to a worker."""

    at: Instant
    attempt: int
    reset_count: int


@dataclass(slots=True)
class Entity:
    """One standalone activity, as it was last written."""

    key: WorkflowKey
    write: ExecutionWrite
    sub_records: dict[tuple[int, str], SubRecord] = field(
        default_factory=dict[tuple[int, str], SubRecord]
    )
    is_deleted: bool = False
    begins: list[Begin] = field(default_factory=list[Begin])
    """All attempts that ever began."""

    @property
    def state(self) -> ActivityState:
        """The state of the activity."""
        return ActivityKind().decode(_stored(self.key, self.write, self.sub_records))


@dataclass(slots=True)
class Contract:
    """One Nexus operation without a workflow, as it was last written."""

    key: WorkflowKey
    write: ExecutionWrite
    sub_records: dict[tuple[int, str], SubRecord] = field(
        default_factory=dict[tuple[int, str], SubRecord]
    )
    is_deleted: bool = False

    @property
    def state(self) -> OperationState:
        """The state of the operation."""
        return NexusOperationKind().decode(_stored(self.key, self.write, self.sub_records))


@dataclass(slots=True)
class Job:
    """One batch operation, as it was last written."""

    key: WorkflowKey
    write: ExecutionWrite
    sub_records: dict[tuple[int, str], SubRecord] = field(
        default_factory=dict[tuple[int, str], SubRecord]
    )
    is_deleted: bool = False

    @property
    def state(self) -> BatchState:
        """The state of the job."""
        return BatchKind().decode(_stored(self.key, self.write, self.sub_records))


@dataclass(slots=True)
class PlannedSchedule:
    """One schedule, in all states in which it was ever written."""

    key: WorkflowKey
    sub_records: dict[tuple[int, str], SubRecord] = field(
        default_factory=dict[tuple[int, str], SubRecord]
    )
    states: list[ScheduleState] = field(default_factory=list[ScheduleState])
    is_deleted: bool = False


def _stored(
    key: WorkflowKey, write: ExecutionWrite, sub_records: Mapping[tuple[int, str], SubRecord]
) -> StoredExecution:
    return StoredExecution(
        key=key,
        version=write.version,
        record=write.record,
        sub_records=tuple(row for _, row in sorted(sub_records.items())),
    )


Accuse = Callable[[str, str], None]
Note = Callable[[str, str], None]


class Journal:
    """All that was ever written."""

    def __init__(self, *, accuse: Accuse, note: Note) -> None:
        self.runs: dict[WorkflowKey, Run] = {}
        self.activities: dict[WorkflowKey, Entity] = {}
        """Standalone activities."""
        self.operations: dict[WorkflowKey, Contract] = {}
        """Nexus operations without a workflow."""
        self.batches: dict[WorkflowKey, Job] = {}
        self.schedules: dict[WorkflowKey, PlannedSchedule] = {}
        self.currents: dict[ChainKey, RunId] = {}
        self.transfers: dict[TaskId, TransferRow] = {}
        self.dispatches: dict[TaskId, DispatchRow] = {}
        self._ranges: dict[ShardId, RangeId] = {}
        self._accuse = accuse
        self._note = note

    # -- questions ---------------------------------------------------------------------------------

    def living(self) -> Iterable[Run]:
        """Return the runs that are not deleted."""
        return [run for run in self.runs.values() if not run.is_deleted]

    def open_runs(self) -> list[Run]:
        """Return the runs that go on."""
        return [run for run in self.living() if run.is_open]

    def open_activities(self) -> list[Entity]:
        """Return the standalone activities that go on."""
        return [one for one in self.activities.values() if one.write.is_open and not one.is_deleted]

    def open_operations(self) -> list[Contract]:
        """Return the Nexus operations without a workflow that go on."""
        return [one for one in self.operations.values() if one.write.is_open and not one.is_deleted]

    def living_schedules(self) -> list[PlannedSchedule]:
        """Return the schedules that are not deleted."""
        return [one for one in self.schedules.values() if not one.is_deleted]

    def current_run(self, workflow_id: str) -> Run | None:
        """Return the current run of a workflow id."""
        for chain, run_id in self.currents.items():
            if chain.workflow_id == workflow_id and chain.archetype is Archetype.WORKFLOW:
                return self.runs[WorkflowKey(chain.namespace_id, chain.workflow_id, run_id)]
        return None

    def run_ids(self, workflow_id: str) -> list[str]:
        """Return the runs of a workflow id that are not deleted."""
        return [run.key.run_id for run in self.living() if run.key.workflow_id == workflow_id]

    def of_workflow(self, workflow_id: str) -> list[Run]:
        """Return all runs that a workflow id ever had."""
        return [run for run in self.runs.values() if run.key.workflow_id == workflow_id]

    # -- commits -----------------------------------------------------------------------------------

    def committed(self, commit: Commit) -> None:
        """Take over a commit that took effect."""
        known = self._ranges.get(commit.shard_id, RangeId(0))
        if commit.range_id < known:
            self._accuse("fencing", f"range {commit.range_id} wrote after range {known}")
        self._ranges[commit.shard_id] = commit.range_id
        writers = {
            Archetype.WORKFLOW: self._write,
            Archetype.ACTIVITY: self._write_activity,
            Archetype.NEXUS_OPERATION: self._write_operation,
            Archetype.BATCH_OPERATION: self._write_batch,
            Archetype.SCHEDULE: self._write_schedule,
        }
        for write in commit.executions:
            writers[write.key.archetype](write)
        for current in commit.currents:
            self.currents[current.chain] = current.run_id
        for key in commit.deleted:
            self._delete(key)
        self._take_tasks(commit)
        for write in commit.executions:
            if write.key.archetype is Archetype.WORKFLOW:
                self._check_chain(write.key)
                self._check_tasks(self.runs[write.key])

    def _take_tasks(self, commit: Commit) -> None:
        for row in commit.transfers_added:
            self.transfers[row.task_id] = row
        for task_id in commit.transfers_removed:
            self.transfers.pop(task_id, None)
        for dispatch in commit.dispatches_added:
            self.dispatches[dispatch.task_id] = dispatch
        for queue, task_id in commit.dispatches_removed:
            self._remove_dispatch(queue, task_id)

    def _write(self, write: ExecutionWrite) -> None:
        run = self.runs.get(write.key)
        if run is None:
            run = self.runs[write.key] = Run(write.key, write)
            self._inherit(run, write)
        if not run.is_open and write.is_open and run.write is not write:
            self._accuse("one outcome", f"{_name(run)} was closed and is open again")
        run.write = write
        for identity in write.remove:
            run.sub_records.pop(identity, None)
        for row in write.put:
            run.sub_records[row.kind, row.record_id] = row
        names: list[str] = []
        for batch in write.history:
            for event in History.FromString(batch.blob).events:
                if event.event_id != len(run.events) + 1:
                    self._accuse("dense ids", f"{_name(run)}: {event.event_id} is no successor")
                run.events.append(event)
                names.append(f"{event.event_id}:{short_name(event)}")
        if write.visibility is not None:
            run.visibility = write.visibility
        wake = f" wakes at {write.wake_at}" if write.wake_at != NEVER else ""
        self._note("disk", f"{_name(run)} v{write.version} {' '.join(names)}{wake}")

    def _inherit(self, run: Run, write: ExecutionWrite) -> None:
        """A reset begins with the events of another run."""
        if write.ancestor is None:
            return
        run.base = self.runs[write.ancestor.key]
        run.inherited_count = write.ancestor.end - 1
        run.events = run.base.events[: run.inherited_count]
        run.left_behind = run.base.events[run.inherited_count :]

    def _write_activity(self, write: ExecutionWrite) -> None:
        entity = self.activities.setdefault(write.key, Entity(write.key, write))
        self._write_entity(entity, write)
        core = entity.state.core
        begin = Begin(core.started_at, core.attempt, core.reset_count)
        if core.is_started and begin not in entity.begins[-1:]:
            entity.begins.append(begin)

    def _write_operation(self, write: ExecutionWrite) -> None:
        contract = self.operations.setdefault(write.key, Contract(write.key, write))
        self._write_entity(contract, write)

    def _write_batch(self, write: ExecutionWrite) -> None:
        self._write_entity(self.batches.setdefault(write.key, Job(write.key, write)), write)

    def _write_entity(self, entity: Entity | Contract | Job, write: ExecutionWrite) -> None:
        kind = write.key.archetype.name.lower()
        if not entity.write.is_open and write.is_open:
            self._accuse("one outcome", f"{kind} {name_of(write.key)} was closed and is open")
        entity.write = write
        for identity in write.remove:
            entity.sub_records.pop(identity, None)
        for row in write.put:
            entity.sub_records[row.kind, row.record_id] = row
        self._note("disk", f"{kind} {name_of(write.key)} v{write.version}")

    def _write_schedule(self, write: ExecutionWrite) -> None:
        schedule = self.schedules.setdefault(write.key, PlannedSchedule(write.key))
        if schedule.is_deleted:
            self._accuse("one outcome", f"schedule {name_of(write.key)} was deleted and is there")
        for identity in write.remove:
            schedule.sub_records.pop(identity, None)
        for row in write.put:
            schedule.sub_records[row.kind, row.record_id] = row
        state = ScheduleKind().decode(_stored(write.key, write, schedule.sub_records))
        schedule.states.append(state)
        starts = " ".join(f"{one.number}/{one.attempt}" for one in state.buffer)
        self._note("disk", f"schedule {name_of(write.key)} v{write.version} {starts}")

    def _delete_entity(self, entity: Entity | Contract | Job | PlannedSchedule) -> None:
        key = entity.key
        entity.is_deleted = True
        if self.currents.get(key.chain) == key.run_id:
            del self.currents[key.chain]
        self._note("disk", f"{key.archetype.name.lower()} {name_of(key)} is deleted")

    def _delete(self, key: WorkflowKey) -> None:
        entity = (
            self.activities.get(key)
            or self.operations.get(key)
            or self.batches.get(key)
            or self.schedules.get(key)
        )
        if entity is not None:
            self._delete_entity(entity)
            return
        run = self.runs[key]
        if run.is_open:
            self._accuse("one outcome", f"{_name(run)} was deleted while it was open")
        run.is_deleted = True
        chain = ChainKey(key.namespace_id, key.workflow_id)
        if self.currents.get(chain) == key.run_id:
            del self.currents[chain]
        self._note("disk", f"{_name(run)} is deleted")

    def _remove_dispatch(self, queue: QueueKey, task_id: TaskId) -> None:
        row = self.dispatches.get(task_id)
        if row is not None and row.queue == queue:
            del self.dispatches[task_id]

    def _check_chain(self, key: WorkflowKey) -> None:
        runs = [
            run
            for run in self.runs.values()
            if run.key.workflow_id == key.workflow_id and run.is_open and not run.is_deleted
        ]
        if len(runs) > 1:
            self._accuse("one open run", f"{key.workflow_id}: {[_name(run) for run in runs]}")
        chain = ChainKey(key.namespace_id, key.workflow_id)
        if len(runs) == 1 and self.currents.get(chain) != runs[0].key.run_id:
            self._accuse("one open run", f"{_name(runs[0])} is open and is not the current run")

    def _check_tasks(self, run: Run) -> None:
        """What the state says lies in a queue must lie there, or the run stands still for ever."""
        state = run.state
        task = state.execution.workflow_task
        wanted = [task.dispatch] if task is not None and run.is_open else []
        # An attempt that met a worker while its run moves to another version is queued on arrival.
        if run.is_open and not is_in_transition(state.execution):
            wanted += [record.dispatch for record in state.activities.values()]
        for ref in wanted:
            if ref is not None and ref.task_id not in self.dispatches:
                self._accuse("tasks wait in their queue", f"{_name(run)}: {ref} is not there")
        if task is not None and run.is_open and not task.is_started and task.dispatch is None:
            self._accuse("tasks wait in their queue", f"{_name(run)}: nobody will start {task}")


def short_name(event: HistoryEvent) -> str:
    """Return the name of an event's type in brief."""
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


def name_of(key: WorkflowKey) -> str:
    """Return how a run is called in reports."""
    return f"{key.workflow_id} {key.run_id[-6:]}"


def _name(run: Run) -> str:
    return name_of(run.key)


def wake_of(run: Run) -> Instant:
    """Return when the run is to be woken."""
    return run.write.wake_at
