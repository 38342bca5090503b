"""What every history must be, and that it stands for the state beside it (invariants 1, 7, 9).

Owns the rules that hold within one run. Must not know who asked for what.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message
from msgspec import structs
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.instants import NEVER, duration, instant
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.workflow.appliers import apply_event
from indelible.engine.workflow.replay import replay
from indelible.engine.workflow.state import ExecutionRecord, Record, StateView
from simulation.checkers.journal import Run, name_of, short_name

_E: Final = EventType
TERMINAL: Final = {
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: 2,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: 3,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: 4,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: 5,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: 6,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: 7,
}
"""Closing events, and the status that each leaves."""

_LIVES: Final = (
    (
        _E.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        _E.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        "scheduled_event_id",
        (
            _E.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
            _E.EVENT_TYPE_ACTIVITY_TASK_FAILED,
            _E.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
            _E.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
        ),
    ),
    (
        _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
        "initiated_event_id",
        (
            _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
            _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
            _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
            _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
            _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
            _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
        ),
    ),
    (
        _E.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        _E.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        "scheduled_event_id",
        (
            _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
            _E.EVENT_TYPE_WORKFLOW_TASK_FAILED,
            _E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        ),
    ),
    (
        _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        None,
        "initiated_event_id",
        (
            _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
            _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
        ),
    ),
    (
        _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
        None,
        "initiated_event_id",
        (
            _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
            _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
        ),
    ),
)
"""Lives of things: their first event, their start, the field that names the first, their ends."""

_PAUSE_ATTRIBUTE: Final = "TemporalPauseInfo"
"""Shown in the row and derived from the state, where a pause is a record of its own."""
_VERSION_ATTRIBUTES: Final = frozenset(
    {
        *("BuildIds", "TemporalWorkerDeployment", "TemporalWorkerDeploymentVersion"),
        *("TemporalWorkflowVersioningBehavior", "TemporalUsedWorkerDeploymentVersions"),
    }
)
"""What versions of workers a run has met: the start of a task tells it before its event does."""
_EXECUTION_FIELDS: Final = (
    *("namespace_id", "workflow_id", "run_id", "first_run_id", "original_run_id"),
    *("continued_run_id", "successor_run_id", "workflow_type", "task_queue", "execution_timeout"),
    *("run_timeout", "task_timeout", "retry_policy", "cron_schedule", "priority", "parent"),
    *("root_workflow_id", "root_run_id", "attempt", "status", "started_at", "is_in_backoff"),
    *("first_task_backoff", "run_expires_at", "execution_expires_at", "closed_at"),
    *("close_event_id", "next_event_id", "last_event_at", "last_completed_task_started_event_id"),
    *("is_cancel_requested", "signal_count"),
)
_TASK_FIELDS: Final = (
    *("scheduled_event_id", "started_event_id", "attempt", "scheduled_at", "started_at"),
    *("start_to_close_timeout", "queue_name", "is_sticky", "request_id", "identity"),
)
_ACTIVITY_FIELDS: Final = (
    *("scheduled_event_id", "activity_id", "activity_type", "task_queue", "retry_policy"),
    *("schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout"),
    *("heartbeat_timeout", "first_scheduled_at", "is_cancel_requested", "priority"),
)

Accuse = Callable[[str, str], None]


def check_run(run: Run, accuse: Accuse) -> None:
    """Hold one run against everything that holds within a run."""
    name = name_of(run.key)
    for rule in (_ends, _times, _lives, _timers, _commands):
        for fault in rule(run.events):
            accuse("histories are whole", f"{name}: {fault}")
    for fault in _fold(run):
        accuse("the history is the truth", f"{name}: {fault}")
    for fault in _row(run):
        accuse("visibility equals the state", f"{name}: {fault}")


def _ends(events: Sequence[HistoryEvent]) -> Iterator[str]:
    if events[0].event_type != _E.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        yield f"begins with {short_name(events[0])}"
    ids = [event.event_id for event in events]
    if ids != list(range(1, len(ids) + 1)):
        yield f"has the ids {ids}"
    ends = [event.event_id for event in events if event.event_type in TERMINAL]
    if ends not in ([], [len(events)]):
        yield f"ends at {ends} of {len(events)}"


def _times(events: Sequence[HistoryEvent]) -> Iterator[str]:
    """Times never go back, but for events that were held back, and starts that are written late."""
    latest = 0
    for event in events:
        if event.event_type not in _WRITTEN_AT_ONCE:
            continue
        at = instant(event.event_time)
        if at < latest:
            yield f"event {event.event_id} is older than one before it"
        latest = max(latest, at)


_WRITTEN_AT_ONCE: Final = {
    *TERMINAL,
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    _E.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    _E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    _E.EVENT_TYPE_TIMER_STARTED,
    _E.EVENT_TYPE_TIMER_CANCELED,
    _E.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    _E.EVENT_TYPE_MARKER_RECORDED,
    _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
}


def _lives(events: Sequence[HistoryEvent]) -> Iterator[str]:
    for first, start, field, ends in _LIVES:
        begun: dict[int, list[HistoryEvent]] = {}
        for event in events:
            if event.event_type == first:
                begun[event.event_id] = []
            elif event.event_type == start or event.event_type in ends:
                subject = _attribute(event, field)
                if subject not in begun:
                    yield f"event {event.event_id} {short_name(event)} is about nothing"
                    continue
                begun[subject].append(event)
        for subject, following in begun.items():
            yield from _one_life(subject, following, start, ends)


def _one_life(
    subject: int,
    following: Sequence[HistoryEvent],
    start: int | None,
    ends: Sequence[int],
) -> Iterator[str]:
    starts = [event.event_id for event in following if event.event_type == start]
    closings = [event for event in following if event.event_type in ends]
    if len(starts) > 1 or len(closings) > 1:
        yield f"{subject} was started by {starts} and closed by {[e.event_id for e in closings]}"
    for closing in closings:
        if "started_event_id" in _field_names(closing):
            named = _attribute(closing, "started_event_id")
            if named != (starts[0] if starts else 0):
                yield f"event {closing.event_id} names the start {named}, and there are {starts}"


def _timers(events: Sequence[HistoryEvent]) -> Iterator[str]:
    fires_at: dict[str, int] = {}
    for event in events:
        kind = event.event_type
        if kind == _E.EVENT_TYPE_TIMER_STARTED:
            given = event.timer_started_event_attributes
            if given.timer_id in fires_at:
                yield f"timer {given.timer_id} was started twice"
            span = duration(given.start_to_fire_timeout)
            fires_at[given.timer_id] = instant(event.event_time) + span
        elif kind == _E.EVENT_TYPE_TIMER_FIRED:
            timer_id = event.timer_fired_event_attributes.timer_id
            if timer_id not in fires_at:
                yield f"timer {timer_id} fired and was not running"
            elif instant(event.event_time) < fires_at.pop(timer_id):
                yield f"timer {timer_id} fired early"
        elif kind == _E.EVENT_TYPE_TIMER_CANCELED:
            timer_id = event.timer_canceled_event_attributes.timer_id
            if fires_at.pop(timer_id, None) is None:
                yield f"timer {timer_id} was canceled and was not running"


def _commands(events: Sequence[HistoryEvent]) -> Iterator[str]:
    """An event that a worker commanded names the completion that did, and follows it."""
    completed: list[int] = []
    for event in events:
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            completed.append(event.event_id)
        if "workflow_task_completed_event_id" in _field_names(event):
            named = _attribute(event, "workflow_task_completed_event_id")
            if named and named not in completed:
                yield f"event {event.event_id} names the completion {named}"


def _field_names(event: HistoryEvent) -> Iterable[str]:
    attributes: Message = getattr(event, str(event.WhichOneof("attributes")))
    return attributes.DESCRIPTOR.fields_by_name.keys()


def _attribute(event: HistoryEvent, field: str) -> int:
    attributes = getattr(event, str(event.WhichOneof("attributes")))
    found: int = getattr(attributes, field)
    return found


# -- the state beside the history ------------------------------------------------------------------


def _fold(run: Run) -> Iterator[str]:
    live = run.state
    seed = ExecutionRecord(
        namespace_id=run.key.namespace_id,
        workflow_id=run.key.workflow_id,
        run_id=run.key.run_id,
    )
    if live.execution.base_run_id:
        seed = structs.replace(seed, base_run_id=live.execution.base_run_id)
    again = replay(seed, run.events)
    for event in run.held_back:
        apply_event(again, event)
    stored, folded = _evented(live), _evented(again)
    if not run.is_open:
        # A workflow that closes drops the cancellations that it asked for in the same breath.
        del stored["activities"]
    for part, value in stored.items():
        if folded[part] != value:
            yield f"{part} is {value}, and the history says {folded[part]}"


_FORKED_FIELDS: Final = frozenset(
    {"run_id", "original_run_id", "started_at", "run_expires_at", "execution_expires_at"}
)
"""What a reset run has from its reset, and not from the events that it took over."""


def _evented(state: StateView) -> dict[str, Any]:  # pyright: ignore[reportExplicitAny]
    """Return the part of a state that follows from the history."""
    task = state.execution.workflow_task
    is_written = task is not None and not task.is_transient
    is_fork = bool(state.execution.base_run_id)
    return {
        **{
            name: getattr(state.execution, name)
            for name in _EXECUTION_FIELDS
            if not (is_fork and name in _FORKED_FIELDS)
        },
        "workflow_task": _fields(task, _TASK_FIELDS) if is_written else None,
        "activities": {
            key: _fields(record, _ACTIVITY_FIELDS) for key, record in state.activities.items()
        },
        "timers": dict(state.timers),
        "children": dict(state.children),
        "external_cancels": dict(state.external_cancels),
        "external_signals": dict(state.external_signals),
        "signal_requests": sorted(state.signal_requests),
        "memo": dict(state.memo),
        "search_attributes": {
            key: value
            for key, value in state.search_attributes.items()
            if key not in _VERSION_ATTRIBUTES
        },
    }


def _fields(record: Record | None, names: Sequence[str]) -> list[object]:
    return [getattr(record, name) for name in names]


def _row(run: Run) -> Iterator[str]:
    """The row says what the history says: a second opinion, not the product's own function."""
    row = run.visibility
    if row is None:
        yield "there is no row"
        return
    for name, shown, expected in _expected_row(run, row):
        if shown != expected:
            yield f"the row says {name} {shown!r}, and the history {expected!r}"


def _expected_row(run: Run, row: VisibilityRecord) -> Iterator[tuple[str, object, object]]:
    first, last = run.events[0], run.events[-1]
    started = first.workflow_execution_started_event_attributes
    is_closed = last.event_type in TERMINAL
    yield "status", int(row.status), TERMINAL.get(last.event_type, 1)
    yield "close_time", row.close_time, instant(last.event_time) if is_closed else NEVER
    # A reset run began when it was made; its first event is older.
    begun_at = run.record.started_at if run.base is not None else instant(first.event_time)
    yield "start_time", row.start_time, begun_at
    yield "workflow_type", row.workflow_type, started.workflow_type.name
    yield "history_length", row.history_length, len(run.events) if is_closed else 0
    yield "is_open", run.is_open, not is_closed
    state = run.state
    shown = {key: value for key, value in row.search_attributes.items() if key != _PAUSE_ATTRIBUTE}
    yield "search_attributes", shown, dict(state.search_attributes)
    yield "has memo", bool(row.memo), bool(state.memo)
