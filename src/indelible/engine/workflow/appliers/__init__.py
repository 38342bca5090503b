"""Change -> state: the only code that writes a `MutableState`.

Owns the complete tables of appliers; tests prove that every event type that is built and every
delta has one. An applier is total: it cannot refuse, and it does not look at a clock.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from msgspec.structs import replace
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import EventId
from indelible.base.instants import instant
from indelible.engine.workflow import deltas
from indelible.engine.workflow.appliers import (
    activity,
    activity_control,
    callback,
    child_workflow,
    control,
    execution,
    nexus_operation,
    time_skipping,
    timer,
    update,
    versioning,
    workflow_task,
)
from indelible.engine.workflow.state import MutableState

_T: Final = EventType


def _apply_options_updated(state: MutableState, event: HistoryEvent) -> None:
    """One event tells of attached requests and of changed options."""
    callback.apply_options_updated(state, event)
    control.apply_options_updated(state, event)
    versioning.apply_options_updated(state, event)
    time_skipping.apply_options_updated(state, event)


def _apply_run_started(state: MutableState, event: HistoryEvent) -> None:
    """A run begins, under a version and by a clock if it takes them from elsewhere."""
    execution.apply_started(state, event)
    versioning.apply_started(state, event)
    time_skipping.apply_started(state, event)


def _apply_task_completed(state: MutableState, event: HistoryEvent) -> None:
    """The worker answered, and said which version it is."""
    workflow_task.apply_completed(state, event)
    versioning.apply_task_completed(state, event)


APPLIERS: Final[Mapping["EventType.ValueType", Callable[[MutableState, HistoryEvent], None]]] = {
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _apply_run_started,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: execution.apply_signaled,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: execution.apply_cancel_requested,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED: control.apply_paused,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED: control.apply_unpaused,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: execution.apply_completed,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: execution.apply_failed,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: execution.apply_timed_out,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: execution.apply_canceled,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: execution.apply_terminated,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: execution.apply_continued_as_new,
    _T.EVENT_TYPE_MARKER_RECORDED: execution.apply_marker,
    _T.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: execution.apply_search_attributes_upserted,
    _T.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: execution.apply_properties_modified,
    _T.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: workflow_task.apply_scheduled,
    _T.EVENT_TYPE_WORKFLOW_TASK_STARTED: workflow_task.apply_started,
    _T.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _apply_task_completed,
    _T.EVENT_TYPE_WORKFLOW_TASK_FAILED: workflow_task.apply_ended,
    _T.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: workflow_task.apply_ended,
    _T.EVENT_TYPE_TIMER_STARTED: timer.apply_started,
    _T.EVENT_TYPE_TIMER_FIRED: timer.apply_fired,
    _T.EVENT_TYPE_TIMER_CANCELED: timer.apply_canceled,
    _T.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: activity.apply_scheduled,
    _T.EVENT_TYPE_ACTIVITY_TASK_STARTED: activity.apply_started,
    _T.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: activity.apply_cancel_requested,
    _T.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: activity.apply_completed,
    _T.EVENT_TYPE_ACTIVITY_TASK_FAILED: activity.apply_failed,
    _T.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: activity.apply_timed_out,
    _T.EVENT_TYPE_ACTIVITY_TASK_CANCELED: activity.apply_canceled,
    _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: child_workflow.apply_initiated,
    _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: child_workflow.apply_gone,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: child_workflow.apply_started,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: child_workflow.apply_gone,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: child_workflow.apply_gone,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: child_workflow.apply_gone,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: child_workflow.apply_gone,
    _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: child_workflow.apply_gone,
    _T.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        child_workflow.apply_cancel_initiated
    ),
    _T.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: (
        child_workflow.apply_cancel_answered
    ),
    _T.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: (
        child_workflow.apply_cancel_answered
    ),
    _T.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        child_workflow.apply_signal_initiated
    ),
    _T.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: child_workflow.apply_signal_answered,
    _T.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: child_workflow.apply_signal_answered,
    _T.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: nexus_operation.apply_scheduled,
    _T.EVENT_TYPE_NEXUS_OPERATION_STARTED: nexus_operation.apply_started,
    _T.EVENT_TYPE_NEXUS_OPERATION_COMPLETED: nexus_operation.apply_closed,
    _T.EVENT_TYPE_NEXUS_OPERATION_FAILED: nexus_operation.apply_closed,
    _T.EVENT_TYPE_NEXUS_OPERATION_CANCELED: nexus_operation.apply_closed,
    _T.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT: nexus_operation.apply_closed,
    _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: nexus_operation.apply_cancel_requested,
    _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED: nexus_operation.apply_cancel_answered,
    _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED: nexus_operation.apply_cancel_answered,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _apply_options_updated,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED: time_skipping.apply_transitioned,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: update.apply_admitted,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: update.apply_accepted,
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: update.apply_completed,
}

D = TypeVar("D", bound=deltas.Delta)
DeltaApplier = Callable[[MutableState, deltas.Delta], None]


def _row(kind: type[D], apply: Callable[[MutableState, D], None]) -> tuple[type[D], DeltaApplier]:
    """Return a row of the table; the applier is given deltas of its own kind alone."""

    def apply_checked(state: MutableState, delta: deltas.Delta) -> None:
        if isinstance(delta, kind):
            apply(state, delta)

    return kind, apply_checked


DELTA_APPLIERS: Final[Mapping[type[deltas.Delta], DeltaApplier]] = dict(
    [
        _row(deltas.StartRecorded, execution.apply_start_recorded),
        _row(deltas.RequestIdAttached, execution.apply_request_id_attached),
        _row(deltas.StepCounted, execution.apply_step_counted),
        _row(deltas.RetentionFixed, execution.apply_retention_fixed),
        _row(deltas.WorkflowTaskQueued, workflow_task.apply_queued),
        _row(deltas.WorkflowTaskOriginallyScheduled, workflow_task.apply_originally_scheduled),
        _row(deltas.TransientWorkflowTaskScheduled, workflow_task.apply_transient_scheduled),
        _row(deltas.TransientWorkflowTaskStarted, workflow_task.apply_transient_started),
        _row(deltas.SpeculativeWorkflowTaskScheduled, workflow_task.apply_speculative_scheduled),
        _row(deltas.SpeculationWritten, workflow_task.apply_speculation_written),
        _row(deltas.WorkflowTaskIdentified, workflow_task.apply_identified),
        _row(deltas.VersionTransitionStarted, versioning.apply_transition_started),
        _row(deltas.WorkflowTaskDropped, workflow_task.apply_dropped),
        _row(deltas.NextWorkflowTaskAttempt, workflow_task.apply_next_attempt),
        _row(deltas.StickinessChanged, workflow_task.apply_stickiness),
        _row(deltas.EventBuffered, workflow_task.apply_event_buffered),
        _row(deltas.BufferFlushed, workflow_task.apply_buffer_flushed),
        _row(deltas.EventNumbered, workflow_task.apply_event_numbered),
        _row(deltas.ActivityQueued, activity.apply_queued),
        _row(deltas.ActivityAttemptStarted, activity.apply_attempt_started),
        _row(deltas.ActivityHeartbeatRecorded, activity.apply_heartbeat),
        _row(deltas.ActivityRetryScheduled, activity.apply_retry_scheduled),
        _row(deltas.ChildStartRecorded, child_workflow.apply_start_recorded),
        _row(deltas.ActivityHeld, activity_control.apply_held),
        _row(deltas.ActivityPaused, activity_control.apply_paused),
        _row(deltas.ActivityUnpaused, activity_control.apply_unpaused),
        _row(deltas.ActivityReset, activity_control.apply_reset),
        _row(deltas.ActivityHeartbeatDropped, activity_control.apply_heartbeat_dropped),
        _row(deltas.ActivityRescheduled, activity_control.apply_rescheduled),
        _row(deltas.ActivityOptionsChanged, activity_control.apply_options_changed),
        _row(deltas.RunForked, control.apply_forked),
        _row(deltas.RunReset, control.apply_reset),
        _row(deltas.NexusStartRecorded, nexus_operation.apply_start_recorded),
        _row(deltas.NexusCallScheduled, nexus_operation.apply_call_scheduled),
        _row(deltas.NexusCallFailed, nexus_operation.apply_call_failed),
        _row(deltas.NexusCancelEnded, nexus_operation.apply_cancel_ended),
        _row(deltas.CallbackScheduled, callback.apply_scheduled),
        _row(deltas.CallbackAttemptFailed, callback.apply_attempt_failed),
        _row(deltas.CallbackEnded, callback.apply_ended),
    ]
)


def apply_event(state: MutableState, event: HistoryEvent) -> None:
    """Fold one event into the state.

    An event without an id is held back: it takes effect, but has no place in the history yet.
    """
    if event.event_id:
        state.execution = replace(
            state.execution,
            next_event_id=EventId(event.event_id + 1),
            last_event_at=max(state.execution.last_event_at, instant(event.event_time)),
        )
    APPLIERS[event.event_type](state, event)


def apply_delta(state: MutableState, delta: deltas.Delta) -> None:
    """Fold one delta into the state."""
    DELTA_APPLIERS[type(delta)](state, delta)
