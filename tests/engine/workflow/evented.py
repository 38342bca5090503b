"""What of a state a history stands for, and a slow second opinion on its deadlines.

Owns the comparison "fold of the history == live state", with what only deltas tell left out.
"""

from collections.abc import Iterable
from typing import Any

from temporalio.api.history.v1 import HistoryEvent

from indelible.base.calls import CallState
from indelible.base.instants import SECOND, Instant
from indelible.engine.workflow.appliers import apply_event
from indelible.engine.workflow.replay import replay
from indelible.engine.workflow.state import ExecutionRecord, MutableState, StateView
from indelible.engine.workflow.timer_sequence import Deadline, DeadlineKind

EXECUTION_FIELDS = (
    *("namespace_id", "workflow_id", "run_id", "first_run_id", "original_run_id"),
    *("continued_run_id", "successor_run_id", "workflow_type", "task_queue", "execution_timeout"),
    *("run_timeout", "task_timeout", "retry_policy", "cron_schedule", "priority", "parent"),
    *("root_workflow_id", "root_run_id", "attempt", "status", "started_at", "is_in_backoff"),
    *("first_task_backoff", "run_expires_at", "execution_expires_at", "closed_at"),
    *("close_event_id", "next_event_id", "last_event_at", "last_completed_task_started_event_id"),
    *("is_cancel_requested", "signal_count", "time_skipping"),
)
WORKFLOW_TASK_FIELDS = (
    *("scheduled_event_id", "started_event_id", "attempt", "scheduled_at", "started_at"),
    *("start_to_close_timeout", "queue_name", "is_sticky", "request_id", "identity"),
)
ACTIVITY_FIELDS = (
    *("scheduled_event_id", "activity_id", "activity_type", "task_queue", "retry_policy"),
    *("schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout"),
    *("heartbeat_timeout", "first_scheduled_at", "is_cancel_requested"),
    *("cancel_requested_event_id", "priority"),
)
NEXUS_OPERATION_FIELDS = (
    *("scheduled_event_id", "endpoint", "endpoint_id", "service", "operation", "request_id"),
    *("schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout"),
    *("scheduled_at", "started_at", "operation_token", "cancel_requested_event_id"),
    "cancel_requested_at",
)


def evented(state: StateView) -> dict[str, Any]:
    """Return the part of a state that follows from the history."""
    execution = state.execution
    task = execution.workflow_task
    is_written = task is not None and not task.is_unwritten
    return {
        "execution": _fields(execution, EXECUTION_FIELDS),
        "workflow_task": _fields(task, WORKFLOW_TASK_FIELDS) if is_written else None,
        "activities": {
            key: _fields(record, ACTIVITY_FIELDS) for key, record in state.activities.items()
        },
        "activity_ids": dict(state.activity_ids),
        "timers": dict(state.timers),
        "children": dict(state.children),
        "external_cancels": dict(state.external_cancels),
        "external_signals": dict(state.external_signals),
        "signal_requests": sorted(state.signal_requests),
        "updates": dict(state.updates),
        "nexus_operations": {
            key: _fields(record, NEXUS_OPERATION_FIELDS)
            for key, record in state.nexus_operations.items()
        },
        "callbacks": {
            key: (record.callback, record.request_id, record.registered_at)
            for key, record in state.callbacks.items()
        },
        "memo": dict(state.memo),
        "search_attributes": dict(state.search_attributes),
    }


def _fields(record: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def folded(
    seed: ExecutionRecord, history: Iterable[HistoryEvent], held_back: Iterable[bytes]
) -> MutableState:
    """Return the fold of a history, and of the events that wait for their ids."""
    state = replay(seed, history)
    for event in held_back:
        apply_event(state, HistoryEvent.FromString(event))
    return state


def everything(state: MutableState) -> tuple[Any, ...]:
    """Return a snapshot of the whole state: records are immutable, so shallow copies will do."""
    tables = tuple((table.kind, dict(table)) for table in state.tables())
    return (state.execution, dict(state.activity_ids), tables)


def earliest_of_all(state: StateView) -> Deadline | None:
    """Return the next deadline of a run by looking at everything, from the words of the spec."""
    return min(_all_deadlines(state), default=None)


def _all_deadlines(state: StateView) -> list[Deadline]:
    execution = state.execution
    if not execution.is_open:
        again = [
            Deadline(record.call.next_attempt_at, DeadlineKind.CALLBACK, number, key)
            for number, (key, record) in enumerate(state.callbacks.items())
            if record.call.state is CallState.BACKING_OFF
        ]
        if not execution.retention:
            return again
        at = execution.closed_at + execution.retention
        return [*again, Deadline(Instant(at), DeadlineKind.RETENTION)]
    found: list[tuple[int, DeadlineKind, int, str | int]] = [
        (timer.fires_at, DeadlineKind.USER_TIMER, timer.started_event_id, timer.timer_id)
        for timer in state.timers.values()
    ]
    for key, activity in state.activities.items():
        if activity.pause is not None:
            continue
        ends: list[int] = []
        if activity.schedule_to_close_timeout:
            ends.append(activity.first_scheduled_at + activity.schedule_to_close_timeout)
        if activity.is_backing_off:
            ends.append(activity.scheduled_at)
        elif not activity.started_at and activity.schedule_to_start_timeout:
            ends.append(activity.scheduled_at + activity.schedule_to_start_timeout)
        if activity.started_at and activity.start_to_close_timeout:
            ends.append(activity.started_at + max(SECOND, activity.start_to_close_timeout))
        if activity.started_at and activity.heartbeat_timeout:
            seen = max(activity.started_at, activity.last_heartbeat_at)
            ends.append(seen + max(SECOND, activity.heartbeat_timeout))
        found += [(end, DeadlineKind.ACTIVITY, key, key) for end in ends]
    found += _nexus_ends(state)
    found += [
        (at, kind, 0, "")
        for at, kind in (
            (execution.execution_expires_at, DeadlineKind.EXECUTION_TIMEOUT),
            (execution.run_expires_at, DeadlineKind.RUN_TIMEOUT),
            (execution.is_in_backoff and execution.execution_time, DeadlineKind.BACKOFF),
            (_workflow_task_end(execution), DeadlineKind.WORKFLOW_TASK),
            (_fast_forward_end(execution), DeadlineKind.FAST_FORWARD),
        )
        if at
    ]
    return [Deadline(Instant(at), kind, order, subject) for at, kind, order, subject in found]


def _workflow_task_end(execution: ExecutionRecord) -> int:
    task = execution.workflow_task
    if task is None:
        return 0
    if task.started_event_id:
        return task.started_at + max(SECOND, task.start_to_close_timeout)
    wait = task.schedule_to_start_timeout
    return task.scheduled_at + wait if wait else 0


def _nexus_ends(state: StateView) -> list[tuple[int, DeadlineKind, int, str | int]]:
    found: list[tuple[int, DeadlineKind, int, str | int]] = []
    for key, operation in state.nexus_operations.items():
        ends: list[int] = [
            call.next_attempt_at
            for call in (operation.start, operation.cancel)
            if call is not None and call.state is CallState.BACKING_OFF
        ]
        if operation.schedule_to_close_timeout:
            ends.append(operation.scheduled_at + operation.schedule_to_close_timeout)
        if operation.started_at:
            if operation.start_to_close_timeout:
                ends.append(operation.started_at + operation.start_to_close_timeout)
        elif operation.schedule_to_start_timeout:
            ends.append(operation.scheduled_at + operation.schedule_to_start_timeout)
        found += [(end, DeadlineKind.NEXUS_OPERATION, key, key) for end in ends]
    return found


def _fast_forward_end(execution: ExecutionRecord) -> int:
    clock = execution.time_skipping
    is_under_way = clock.is_enabled and not clock.is_fast_forwarded
    return clock.fast_forward_at if is_under_way else 0
