"""What the service knows of a run: `MutableState`, and `StateView`, which is what decisions see.

Owns the records, their stored form and the account of what changed since the last commit. Must not
decide anything, and must not know how an event changes it: only `appliers` write here.

Every record is immutable; an applier puts a changed copy. So a step can be undone (`rollback`), a
decision cannot change the state by accident, and a commit writes just the records that were
touched.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

import msgspec

from indelible.base.ids import (
    FIRST_EVENT_ID,
    UNASSIGNED_EVENT_ID,
    EventId,
    NamespaceId,
    RunId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant
from indelible.engine.workflow.records import (
    BufferedEventRecord as BufferedEventRecord,  # noqa: PLC0414 - part of the state
    CallbackRecord,
    ChildRecord as ChildRecord,  # noqa: PLC0414 - part of the state
    ExternalRequestRecord as ExternalRequestRecord,  # noqa: PLC0414 - part of the state
    NexusOperationRecord,
    Record as Record,  # noqa: PLC0414 - part of the state
)
from indelible.engine.workflow.time_skipping import NO_TIME_SKIPPED, TimeSkippingRecord
from indelible.engine.workflow.versioning import VersioningRecord

NO_TASK = TaskId(0)


class WorkflowStatus(IntEnum):
    """The status of a run; the values are those of `WorkflowExecutionStatus`."""

    VOID = 0
    """Nothing has happened yet: the state before the started event."""
    RUNNING = 1
    COMPLETED = 2
    FAILED = 3
    CANCELED = 4
    TERMINATED = 5
    CONTINUED_AS_NEW = 6
    TIMED_OUT = 7
    PAUSED = 8


OPEN_STATUSES = frozenset({WorkflowStatus.RUNNING, WorkflowStatus.PAUSED})


class DispatchRef(Record, frozen=True, kw_only=True):
    """Where the durable task of a workflow task or an activity lies until a worker has it."""

    queue_name: str
    is_workflow_queue: bool
    task_id: TaskId


class ParentRecord(Record, frozen=True, kw_only=True):
    """The parent of a child workflow."""

    namespace_id: NamespaceId
    namespace_name: str
    workflow_id: WorkflowId
    run_id: RunId
    initiated_event_id: EventId


class WorkflowTaskRecord(Record, frozen=True, kw_only=True):
    """The pending workflow task: scheduled, or started when `started_event_id` is set.

    With `attempt > 1` the task is transient: its events are written when it completes, and until
    then the ids are those the events would get.
    """

    scheduled_event_id: EventId
    started_event_id: EventId = UNASSIGNED_EVENT_ID
    attempt: int = 1
    scheduled_at: Instant
    started_at: Instant = NEVER
    original_scheduled_at: Instant
    """The schedule time of the first task of a chain of heartbeats."""
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration = NO_DURATION
    """Of a sticky queue only."""
    queue_name: str
    is_sticky: bool = False
    dispatch: DispatchRef | None = None
    """Kept until the start is durable, so that a crash dispatches the task again."""
    dispatch_task_id: TaskId = NO_TASK
    """Identifies the one task that may start this workflow task; an older one is obsolete."""
    request_id: str = ""
    identity: str = ""
    build_id: str = ""
    history_size_bytes: int = 0
    suggest_continue_as_new: bool = False
    is_speculative: bool = False
    """In memory only, for updates; never stored: see `Transition.write_speculation`."""

    @property
    def is_started(self) -> bool:
        """Whether a worker has the task."""
        return self.started_event_id != UNASSIGNED_EVENT_ID

    @property
    def is_transient(self) -> bool:
        """Whether the events of the task are not written before it completes."""
        return self.attempt > 1

    @property
    def is_unwritten(self) -> bool:
        """Whether the task has no events yet; its ids are those that they would get."""
        return self.is_speculative or self.is_transient


class PauseRecord(Record, frozen=True, kw_only=True):
    """Who has paused a run or an activity, and why."""

    paused_at: Instant
    identity: str = ""
    reason: str = ""
    request_id: str = ""
    rule_id: str = ""
    """Of the workflow rule that did it; `identity` and `reason` are then the rule's."""


class ExecutionRecord(Record, frozen=True, kw_only=True):
    """The core of a run: small, written with every commit."""

    namespace_id: NamespaceId
    namespace_name: str = ""
    workflow_id: WorkflowId
    run_id: RunId
    first_run_id: RunId = RunId("")
    original_run_id: RunId = RunId("")
    continued_run_id: RunId = RunId("")
    """The run before this one in the chain."""
    successor_run_id: RunId = RunId("")
    start_request_id: str = ""
    workflow_type: str = ""
    task_queue: str = ""
    execution_timeout: Duration = NO_DURATION
    run_timeout: Duration = NO_DURATION
    task_timeout: Duration = NO_DURATION
    retry_policy: bytes = b""
    """A serialized `RetryPolicy` with its defaults filled in; empty for none."""
    cron_schedule: str = ""
    priority: bytes = b""
    user_metadata: bytes = b""
    parent: ParentRecord | None = None
    root_workflow_id: WorkflowId = WorkflowId("")
    root_run_id: RunId = RunId("")
    attempt: int = 1
    status: WorkflowStatus = WorkflowStatus.VOID
    started_at: Instant = NEVER
    first_task_backoff: Duration = NO_DURATION
    is_in_backoff: bool = False
    """The first workflow task waits for the start delay, the retry interval or the cron tick."""
    run_expires_at: Instant = NEVER
    execution_expires_at: Instant = NEVER
    closed_at: Instant = NEVER
    close_event_id: EventId = UNASSIGNED_EVENT_ID
    retention: Duration = NO_DURATION
    """Fixed at the close; the run is deleted that long after it."""
    next_event_id: EventId = FIRST_EVENT_ID
    last_event_at: Instant = NEVER
    workflow_task: WorkflowTaskRecord | None = None
    workflow_task_attempt: int = 1
    """The attempt of the next workflow task."""
    last_completed_task_started_event_id: EventId = UNASSIGNED_EVENT_ID
    last_failed_task_cause: int = 0
    """Cause of the last workflow task failure while none has completed since; 0 for none."""
    sticky_queue: str = ""
    sticky_schedule_to_start_timeout: Duration = NO_DURATION
    is_cancel_requested: bool = False
    cancel_request_id: str = ""
    signal_count: int = 0
    history_size_bytes: int = 0
    transition_count: int = 0
    buffered_count: int = 0
    request_ids: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    """Request id -> (event type, event id; 0 while buffered) of the last attached requests."""
    pause: PauseRecord | None = None
    """Of a paused run."""
    paused_activity_count: int = 0
    base_run_id: RunId = RunId("")
    """The run whose beginning this one shares, if it came from a reset."""
    forked_at_event_id: EventId = UNASSIGNED_EVENT_ID
    """The first event that is this run's own, if it came from a reset."""
    original_started_at: Instant = NEVER
    """As the started event says; a reset makes the run begin anew."""
    reset_request_id: str = ""
    """Of the reset that made this run."""
    reset_run_id: RunId = RunId("")
    """The run that the last reset made of this one."""
    reset_points: bytes = b""
    """A serialized `ResetPoints`: the first completion of each build."""
    versioning: VersioningRecord | None = None
    """None as long as no versioned worker had to do with the run."""
    versioning_override: bytes = b""
    """A serialized `VersioningOverride`; empty for none."""
    assigned_build_id: str = ""
    """The build id of the worker that completed the last workflow task, if rules assign them."""
    inherited_build_id: str = ""
    """The build id that the run began with; empty if it found its own."""
    worker_stamp: bytes = b""
    """A serialized `WorkerVersionStamp`: what completed the last workflow task; empty for none."""
    time_skipping: TimeSkippingRecord = NO_TIME_SKIPPED

    @property
    def key(self) -> WorkflowKey:
        """The identity of the run."""
        return WorkflowKey(self.namespace_id, self.workflow_id, self.run_id)

    @property
    def has_speculation(self) -> bool:
        """Whether a workflow task is pending that only memory knows."""
        return self.workflow_task is not None and self.workflow_task.is_speculative

    @property
    def stored_form(self) -> "ExecutionRecord":
        """The record without what only memory knows."""
        return msgspec.structs.replace(self, workflow_task=None) if self.has_speculation else self

    @property
    def is_open(self) -> bool:
        """Whether the run has started and not closed."""
        return self.status in OPEN_STATUSES

    @property
    def execution_time(self) -> Instant:
        """When the run begins to work: its start plus the first backoff."""
        return Instant(self.started_at + self.first_task_backoff)


class ActivityRecord(Record, frozen=True, kw_only=True):
    """A pending activity. Its input and header are in its scheduled event."""

    scheduled_event_id: EventId
    activity_id: str
    activity_type: str
    task_queue: str
    schedule_to_close_timeout: Duration
    schedule_to_start_timeout: Duration
    start_to_close_timeout: Duration
    heartbeat_timeout: Duration
    retry_policy: bytes
    first_scheduled_at: Instant
    scheduled_at: Instant
    """Of the current attempt: in the future while the attempt waits for its retry interval."""
    started_at: Instant = NEVER
    """Of the current attempt; `NEVER` while it waits for a worker."""
    last_heartbeat_at: Instant = NEVER
    heartbeat_details: bytes = b""
    attempt: int = 1
    is_backing_off: bool = False
    is_cancel_requested: bool = False
    cancel_requested_event_id: EventId = UNASSIGNED_EVENT_ID
    start_request_id: str = ""
    identity: str = ""
    """Of the worker that has the current attempt."""
    last_worker_identity: str = ""
    last_failure: bytes = b""
    last_attempt_completed_at: Instant = NEVER
    dispatch: DispatchRef | None = None
    dispatch_task_id: TaskId = NO_TASK
    priority: bytes = b""
    pause: PauseRecord | None = None
    """Of a paused activity: its current attempt may go on, and no other begins."""
    is_reset: bool = False
    """The worker is to be told that its attempt does not count any more."""
    drops_heartbeat: bool = False
    """The next attempt does not get the heartbeat details of this one."""

    @property
    def is_started(self) -> bool:
        """Whether a worker has the current attempt."""
        return self.started_at != NEVER


class TimerRecord(Record, frozen=True, kw_only=True):
    """A running user timer."""

    started_event_id: EventId
    timer_id: str
    fires_at: Instant


class FieldsRecord(Record, frozen=True, kw_only=True):
    """The memo or the search attributes of a run: name -> serialized `Payload`."""

    fields: dict[str, bytes] = msgspec.field(default_factory=dict)


class UpdateRecord(Record, frozen=True, kw_only=True):
    """An update that the history knows. What was asked and answered is in its events."""

    admitted_event_id: EventId = UNASSIGNED_EVENT_ID
    """Only of an update that came from another run, by a reset."""
    accepted_event_id: EventId = UNASSIGNED_EVENT_ID
    completed_event_id: EventId = UNASSIGNED_EVENT_ID


class RecordKind(IntEnum):
    """The kinds of sub-record; stored, so the values never change."""

    ACTIVITY = 1
    TIMER = 2
    CHILD = 3
    EXTERNAL_CANCEL = 4
    EXTERNAL_SIGNAL = 5
    SIGNAL_REQUEST = 6
    BUFFERED_EVENT = 7
    MEMO = 8
    SEARCH_ATTRIBUTES = 9
    NEXUS_OPERATION = 20
    CALLBACK = 21
    UPDATE = 10


K = TypeVar("K", int, str)
R = TypeVar("R", bound=Record)


class RecordTable(Mapping[K, R], Generic[K, R]):
    """The sub-records of one kind, by key, and what has been touched since the last commit."""

    __slots__ = ("_key_type", "_rows", "before", "kind", "touched")

    def __init__(self, kind: RecordKind, key_type: type[K]) -> None:
        self.kind = kind
        self._key_type = key_type
        self._rows: dict[K, R] = {}
        self.touched: dict[K, None] = {}
        """Keys whose stored form is out of date; an ordered set."""
        self.before: dict[K, R | None] = {}
        """What the current step touched, as it was before."""

    def __getitem__(self, key: K) -> R:
        return self._rows[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, key: K, default: R | None = None
    ) -> R | None:
        """Return a record, without the `KeyError` by which `Mapping` finds that there is none."""
        return self._rows.get(key, default)

    def put(self, key: K, record: R) -> None:
        """Insert or replace a record."""
        self.before.setdefault(key, self._rows.get(key))
        self._rows[key] = record

    def remove(self, key: K) -> R:
        """Remove a record and return it; `KeyError` if it is not there."""
        record = self._rows.pop(key)
        self.before.setdefault(key, record)
        return record

    def restore(self, record_id: str, record: R) -> None:
        """Insert a record as it was read from the store, under its key in text form."""
        self._rows[self._key_type(record_id)] = record

    def unstored(self) -> Iterator[tuple[str, R | None]]:
        """The records to write, by their keys in text form; None for one to be removed."""
        for key in (*self.touched, *(key for key in self.before if key not in self.touched)):
            yield str(key), self._rows.get(key)

    def accept(self) -> None:
        """End a step: what it touched must be stored with the next commit."""
        self.touched.update(dict.fromkeys(self.before))
        self.before.clear()

    def rollback(self) -> None:
        """Undo what has been put and removed since the last `accept`."""
        for key, record in self.before.items():
            if record is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = record
        self.before.clear()


class StateView(Protocol):
    """What decisions see: everything, and no way to change it."""

    @property
    def execution(self) -> ExecutionRecord:
        """The core record."""
        ...

    @property
    def activities(self) -> Mapping[int, ActivityRecord]:
        """Pending activities by scheduled event id."""
        ...

    @property
    def activity_ids(self) -> Mapping[str, int]:
        """Scheduled event ids of pending activities by activity id."""
        ...

    @property
    def timers(self) -> Mapping[str, TimerRecord]:
        """Running user timers by timer id."""
        ...

    @property
    def children(self) -> Mapping[int, ChildRecord]:
        """Open children by initiated event id."""
        ...

    @property
    def external_cancels(self) -> Mapping[int, ExternalRequestRecord]:
        """Cancellations under way by initiated event id."""
        ...

    @property
    def external_signals(self) -> Mapping[int, ExternalRequestRecord]:
        """Signals under way by initiated event id."""
        ...

    @property
    def signal_requests(self) -> Mapping[str, Record]:
        """Request ids of the signals that the run has received."""
        ...

    @property
    def buffered_events(self) -> Mapping[int, BufferedEventRecord]:
        """Buffered events by their sequence number."""
        ...

    @property
    def updates(self) -> Mapping[str, UpdateRecord]:
        """Updates that the history knows, by update id."""
        ...

    @property
    def nexus_operations(self) -> Mapping[int, NexusOperationRecord]:
        """Pending Nexus operations by scheduled event id."""
        ...

    @property
    def callbacks(self) -> Mapping[str, CallbackRecord]:
        """Completion callbacks, in the order in which they were attached."""
        ...

    @property
    def memo(self) -> Mapping[str, bytes]:
        """Memo fields: serialized payloads by name."""
        ...

    @property
    def search_attributes(self) -> Mapping[str, bytes]:
        """Search attributes: serialized payloads by name."""
        ...


FIELDS_KEY = ""
"""Memo and search attributes are one record each."""


class MutableState:
    """The state of one run. Owned by one cache entry, changed by appliers alone."""

    __slots__ = (
        "_execution_before",
        "activities",
        "activity_ids",
        "buffered_events",
        "callbacks",
        "children",
        "execution",
        "external_cancels",
        "external_signals",
        "memo_table",
        "nexus_operations",
        "search_attributes_table",
        "signal_requests",
        "timers",
        "updates",
    )

    def __init__(self, execution: ExecutionRecord) -> None:
        self.execution = execution
        self._execution_before = execution
        # Not `RecordTable[int, ActivityRecord](...)`: each such call makes a generic alias work.
        self.activities: RecordTable[int, ActivityRecord] = RecordTable(RecordKind.ACTIVITY, int)
        self.activity_ids: dict[str, int] = {}
        self.timers: RecordTable[str, TimerRecord] = RecordTable(RecordKind.TIMER, str)
        self.children: RecordTable[int, ChildRecord] = RecordTable(RecordKind.CHILD, int)
        self.external_cancels: RecordTable[int, ExternalRequestRecord] = RecordTable(
            RecordKind.EXTERNAL_CANCEL, int
        )
        self.external_signals: RecordTable[int, ExternalRequestRecord] = RecordTable(
            RecordKind.EXTERNAL_SIGNAL, int
        )
        self.signal_requests: RecordTable[str, Record] = RecordTable(RecordKind.SIGNAL_REQUEST, str)
        self.buffered_events: RecordTable[int, BufferedEventRecord] = RecordTable(
            RecordKind.BUFFERED_EVENT, int
        )
        self.nexus_operations: RecordTable[int, NexusOperationRecord] = RecordTable(
            RecordKind.NEXUS_OPERATION, int
        )
        self.callbacks: RecordTable[str, CallbackRecord] = RecordTable(RecordKind.CALLBACK, str)
        self.memo_table: RecordTable[str, FieldsRecord] = RecordTable(RecordKind.MEMO, str)
        self.search_attributes_table: RecordTable[str, FieldsRecord] = RecordTable(
            RecordKind.SEARCH_ATTRIBUTES, str
        )
        self.updates: RecordTable[str, UpdateRecord] = RecordTable(RecordKind.UPDATE, str)

    @property
    def memo(self) -> Mapping[str, bytes]:
        """Memo fields: serialized payloads by name."""
        record = self.memo_table.get(FIELDS_KEY)
        return record.fields if record else {}

    @property
    def search_attributes(self) -> Mapping[str, bytes]:
        """Search attributes: serialized payloads by name."""
        record = self.search_attributes_table.get(FIELDS_KEY)
        return record.fields if record else {}

    def tables(self) -> tuple[RecordTable[int, Record] | RecordTable[str, Record], ...]:
        """All sub-record tables, in the order of their kinds."""
        return (  # pyright: ignore[reportReturnType]
            self.activities,
            self.timers,
            self.children,
            self.external_cancels,
            self.external_signals,
            self.signal_requests,
            self.buffered_events,
            self.memo_table,
            self.search_attributes_table,
            self.updates,
            self.nexus_operations,
            self.callbacks,
        )

    @property
    def has_touched_records(self) -> bool:
        """Whether the stored form of a sub-record is out of date."""
        return any(table.touched for table in self.tables())

    def index_activities(self) -> None:
        """Derive the index of activity ids from the records."""
        self.activity_ids = {row.activity_id: key for key, row in self.activities.items()}

    def stored(self) -> None:
        """Note that everything has been written."""
        for table in self.tables():
            if table.touched:
                table.touched.clear()

    def accept(self) -> None:
        """End a step that is kept."""
        self._execution_before = self.execution
        for table in self.tables():
            if table.before:
                table.accept()

    def rollback(self) -> None:
        """Undo the current step."""
        self.execution = self._execution_before
        for table in self.tables():
            table.rollback()
        self.index_activities()


RECORD_TYPES: Mapping[RecordKind, type[Record]] = {
    RecordKind.ACTIVITY: ActivityRecord,
    RecordKind.TIMER: TimerRecord,
    RecordKind.CHILD: ChildRecord,
    RecordKind.EXTERNAL_CANCEL: ExternalRequestRecord,
    RecordKind.EXTERNAL_SIGNAL: ExternalRequestRecord,
    RecordKind.SIGNAL_REQUEST: Record,
    RecordKind.BUFFERED_EVENT: BufferedEventRecord,
    RecordKind.MEMO: FieldsRecord,
    RecordKind.SEARCH_ATTRIBUTES: FieldsRecord,
    RecordKind.NEXUS_OPERATION: NexusOperationRecord,
    RecordKind.CALLBACK: CallbackRecord,
    RecordKind.UPDATE: UpdateRecord,
}
