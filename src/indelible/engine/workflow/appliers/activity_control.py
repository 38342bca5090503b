"""How operators change pending activities: pause, reset, other options (semantics 7.9)."""

from msgspec.structs import replace

from indelible.base.instants import NEVER
from indelible.engine.workflow.appliers.activity import count_paused_activities
from indelible.engine.workflow.deltas import (
    ActivityHeartbeatDropped,
    ActivityHeld,
    ActivityOptionsChanged,
    ActivityPaused,
    ActivityRescheduled,
    ActivityReset,
    ActivityUnpaused,
)
from indelible.engine.workflow.state import NO_TASK, MutableState


def apply_held(state: MutableState, delta: ActivityHeld) -> None:
    """The attempt is in no queue, and waits for no interval."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(record, is_backing_off=False, dispatch=None, dispatch_task_id=NO_TASK),
    )


def apply_paused(state: MutableState, delta: ActivityPaused) -> None:
    """The activity is paused."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(delta.scheduled_event_id, replace(record, pause=delta.pause))
    count_paused_activities(state, 1)


def apply_unpaused(state: MutableState, delta: ActivityUnpaused) -> None:
    """The activity goes on."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(delta.scheduled_event_id, replace(record, pause=None))
    count_paused_activities(state, -1)


def apply_reset(state: MutableState, delta: ActivityReset) -> None:
    """The attempts are counted anew."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            attempt=1,
            is_reset=record.is_started,
            drops_heartbeat=record.is_started and delta.drops_heartbeat,
        ),
    )


def apply_heartbeat_dropped(state: MutableState, delta: ActivityHeartbeatDropped) -> None:
    """No progress is known."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id, replace(record, last_heartbeat_at=NEVER, heartbeat_details=b"")
    )


def apply_rescheduled(state: MutableState, delta: ActivityRescheduled) -> None:
    """The attempt waits for its new time; the reference service (1.32) forgets why it had to."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            attempt=delta.attempt,
            scheduled_at=delta.scheduled_at,
            first_scheduled_at=delta.scheduled_at if delta.is_first else record.first_scheduled_at,
            is_backing_off=True,
            last_failure=b"",
            dispatch=None,
            dispatch_task_id=NO_TASK,
        ),
    )


def apply_options_changed(state: MutableState, delta: ActivityOptionsChanged) -> None:
    """Deadlines and retries follow the new options from here on."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            task_queue=delta.task_queue,
            schedule_to_close_timeout=delta.schedule_to_close_timeout,
            schedule_to_start_timeout=delta.schedule_to_start_timeout,
            start_to_close_timeout=delta.start_to_close_timeout,
            heartbeat_timeout=delta.heartbeat_timeout,
            retry_policy=delta.retry_policy,
            priority=delta.priority,
        ),
    )
