"""How activities change the state of their run."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import EventId
from indelible.base.instants import NEVER, duration, instant
from indelible.engine.workflow.deltas import (
    ActivityAttemptStarted,
    ActivityHeartbeatRecorded,
    ActivityQueued,
    ActivityRetryScheduled,
)
from indelible.engine.workflow.state import NO_TASK, ActivityRecord, MutableState


def apply_scheduled(state: MutableState, event: HistoryEvent) -> None:
    """An activity is pending."""
    given = event.activity_task_scheduled_event_attributes
    at = instant(event.event_time)
    record = ActivityRecord(
        scheduled_event_id=EventId(event.event_id),
        activity_id=given.activity_id,
        activity_type=given.activity_type.name,
        task_queue=given.task_queue.name,
        schedule_to_close_timeout=duration(given.schedule_to_close_timeout),
        schedule_to_start_timeout=duration(given.schedule_to_start_timeout),
        start_to_close_timeout=duration(given.start_to_close_timeout),
        heartbeat_timeout=duration(given.heartbeat_timeout),
        retry_policy=given.retry_policy.SerializeToString(),
        first_scheduled_at=at,
        scheduled_at=at,
        priority=given.priority.SerializeToString(),
    )
    state.activities.put(event.event_id, record)
    state.activity_ids[given.activity_id] = event.event_id


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The started event is written with the closing one, which says all there is to say."""


def apply_cancel_requested(state: MutableState, event: HistoryEvent) -> None:
    """The workflow wants the activity to stop."""
    scheduled = event.activity_task_cancel_requested_event_attributes.scheduled_event_id
    record = state.activities.get(scheduled)
    if record is not None:
        state.activities.put(
            scheduled,
            replace(
                record,
                is_cancel_requested=True,
                cancel_requested_event_id=EventId(event.event_id),
            ),
        )


def apply_completed(state: MutableState, event: HistoryEvent) -> None:
    """The activity completed."""
    _remove(state, event.activity_task_completed_event_attributes.scheduled_event_id)


def apply_failed(state: MutableState, event: HistoryEvent) -> None:
    """The activity failed for good."""
    _remove(state, event.activity_task_failed_event_attributes.scheduled_event_id)


def apply_timed_out(state: MutableState, event: HistoryEvent) -> None:
    """The activity timed out for good."""
    _remove(state, event.activity_task_timed_out_event_attributes.scheduled_event_id)


def apply_canceled(state: MutableState, event: HistoryEvent) -> None:
    """The activity stopped because it was asked to."""
    _remove(state, event.activity_task_canceled_event_attributes.scheduled_event_id)


def _remove(state: MutableState, scheduled_event_id: int) -> None:
    record = state.activities.remove(scheduled_event_id)
    if record.pause is not None:
        count_paused_activities(state, -1)
    if state.activity_ids.get(record.activity_id) == scheduled_event_id:
        del state.activity_ids[record.activity_id]


def count_paused_activities(state: MutableState, change: int) -> None:
    """Keep the number of paused activities, which visibility shows."""
    state.execution = replace(
        state.execution, paused_activity_count=state.execution.paused_activity_count + change
    )


def apply_queued(state: MutableState, delta: ActivityQueued) -> None:
    """The attempt lies in its queue."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            is_backing_off=False,
            dispatch=delta.dispatch,
            dispatch_task_id=delta.dispatch.task_id,
        ),
    )


def apply_attempt_started(state: MutableState, delta: ActivityAttemptStarted) -> None:
    """A worker has the attempt; it is in no queue any more."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            is_backing_off=False,
            started_at=delta.started_at,
            identity=delta.identity,
            last_worker_identity=delta.identity,
            start_request_id=delta.request_id,
            dispatch=None,
            dispatch_task_id=NO_TASK,
        ),
    )


def apply_heartbeat(state: MutableState, delta: ActivityHeartbeatRecorded) -> None:
    """The attempt is alive."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            last_heartbeat_at=delta.at,
            heartbeat_details=(
                record.heartbeat_details if delta.details is None else delta.details
            ),
        ),
    )


def apply_retry_scheduled(state: MutableState, delta: ActivityRetryScheduled) -> None:
    """The next attempt waits for its interval."""
    record = state.activities[delta.scheduled_event_id]
    state.activities.put(
        delta.scheduled_event_id,
        replace(
            record,
            attempt=delta.attempt,
            scheduled_at=delta.scheduled_at,
            is_backing_off=True,
            started_at=NEVER,
            identity="",
            start_request_id="",
            last_failure=delta.last_failure,
            last_attempt_completed_at=delta.failed_at,
            dispatch=None,
            dispatch_task_id=NO_TASK,
            is_reset=False,
            drops_heartbeat=False,
            last_heartbeat_at=NEVER if record.drops_heartbeat else record.last_heartbeat_at,
            heartbeat_details=b"" if record.drops_heartbeat else record.heartbeat_details,
        ),
    )
