"""How workflow tasks change the state of their run."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import EventId
from indelible.base.instants import duration, instant
from indelible.base.invariants import invariant
from indelible.base.queue_kinds import STICKY_QUEUE
from indelible.engine.workflow.appliers.control import note_reset_point
from indelible.engine.workflow.deltas import (
    BufferFlushed,
    EventBuffered,
    EventNumbered,
    NextWorkflowTaskAttempt,
    SpeculationWritten,
    SpeculativeWorkflowTaskScheduled,
    StickinessChanged,
    TransientWorkflowTaskScheduled,
    TransientWorkflowTaskStarted,
    WorkflowTaskDropped,
    WorkflowTaskIdentified,
    WorkflowTaskOriginallyScheduled,
    WorkflowTaskQueued,
)
from indelible.engine.workflow.state import (
    BufferedEventRecord,
    MutableState,
    WorkflowTaskRecord,
)


def apply_scheduled(state: MutableState, event: HistoryEvent) -> None:
    """A workflow task is pending."""
    given = event.workflow_task_scheduled_event_attributes
    at = instant(event.event_time)
    state.execution = replace(
        state.execution,
        is_in_backoff=False,
        workflow_task=WorkflowTaskRecord(
            scheduled_event_id=EventId(event.event_id),
            attempt=given.attempt,
            scheduled_at=at,
            original_scheduled_at=at,
            start_to_close_timeout=duration(given.start_to_close_timeout),
            queue_name=given.task_queue.name,
            is_sticky=given.task_queue.kind == STICKY_QUEUE,
        ),
    )


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """A worker has the workflow task."""
    given = event.workflow_task_started_event_attributes
    state.execution = replace(
        state.execution,
        workflow_task=replace(
            pending_task(state),
            started_event_id=EventId(event.event_id),
            started_at=instant(event.event_time),
            request_id=given.request_id,
            identity=given.identity,
            history_size_bytes=given.history_size_bytes,
            suggest_continue_as_new=given.suggest_continue_as_new,
        ),
    )


def apply_completed(state: MutableState, event: HistoryEvent) -> None:
    """The worker answered: the next workflow task is a first attempt."""
    given = event.workflow_task_completed_event_attributes
    state.execution = replace(
        state.execution,
        workflow_task=None,
        workflow_task_attempt=1,
        last_failed_task_cause=0,
        last_completed_task_started_event_id=EventId(given.started_event_id),
    )
    note_reset_point(state, event)


def apply_ended(state: MutableState, event: HistoryEvent) -> None:
    """The workflow task failed or timed out."""
    state.execution = replace(state.execution, workflow_task=None)


def apply_queued(state: MutableState, delta: WorkflowTaskQueued) -> None:
    """The pending workflow task lies in its queue."""
    state.execution = replace(
        state.execution,
        workflow_task=replace(
            pending_task(state),
            dispatch=delta.dispatch,
            dispatch_task_id=delta.dispatch_task_id,
            original_scheduled_at=delta.original_scheduled_at,
            schedule_to_start_timeout=delta.schedule_to_start_timeout,
        ),
    )


def apply_originally_scheduled(state: MutableState, delta: WorkflowTaskOriginallyScheduled) -> None:
    """The pending workflow task is one of a chain of heartbeats."""
    task = replace(pending_task(state), original_scheduled_at=delta.original_scheduled_at)
    state.execution = replace(state.execution, workflow_task=task)


def apply_transient_scheduled(state: MutableState, delta: TransientWorkflowTaskScheduled) -> None:
    """A workflow task without events is pending; its ids are those that come next."""
    state.execution = replace(
        state.execution,
        workflow_task=WorkflowTaskRecord(
            scheduled_event_id=state.execution.next_event_id,
            attempt=delta.attempt,
            scheduled_at=delta.scheduled_at,
            original_scheduled_at=delta.scheduled_at,
            start_to_close_timeout=delta.start_to_close_timeout,
            queue_name=delta.queue_name,
            is_sticky=delta.is_sticky,
        ),
    )


def apply_transient_started(state: MutableState, delta: TransientWorkflowTaskStarted) -> None:
    """A worker has the workflow task without events."""
    task = pending_task(state)
    state.execution = replace(
        state.execution,
        workflow_task=replace(
            task,
            started_event_id=EventId(task.scheduled_event_id + 1),
            started_at=delta.started_at,
            request_id=delta.request_id,
            identity=delta.identity,
            history_size_bytes=delta.history_size_bytes,
            suggest_continue_as_new=delta.suggest_continue_as_new,
        ),
    )


def apply_speculative_scheduled(
    state: MutableState, delta: SpeculativeWorkflowTaskScheduled
) -> None:
    """A workflow task is pending that has no events; its ids are those that come next."""
    state.execution = replace(
        state.execution,
        workflow_task=WorkflowTaskRecord(
            scheduled_event_id=state.execution.next_event_id,
            scheduled_at=delta.scheduled_at,
            original_scheduled_at=delta.scheduled_at,
            start_to_close_timeout=delta.start_to_close_timeout,
            schedule_to_start_timeout=delta.schedule_to_start_timeout,
            queue_name=delta.queue_name,
            is_sticky=delta.is_sticky,
            dispatch_task_id=delta.dispatch_task_id,
            is_speculative=True,
        ),
    )


def apply_speculation_written(state: MutableState, delta: SpeculationWritten) -> None:
    """The pending workflow task has its events now; keep what they do not tell."""
    state.execution = replace(
        state.execution,
        workflow_task=replace(
            pending_task(state),
            dispatch_task_id=delta.dispatch_task_id,
            dispatch=delta.dispatch,
            original_scheduled_at=delta.original_scheduled_at,
            schedule_to_start_timeout=delta.schedule_to_start_timeout,
            build_id=delta.build_id,
        ),
    )


def apply_identified(state: MutableState, delta: WorkflowTaskIdentified) -> None:
    """Keep what the started event of the task does not tell."""
    task = replace(pending_task(state), build_id=delta.build_id)
    state.execution = replace(state.execution, workflow_task=task)


def apply_dropped(state: MutableState, delta: WorkflowTaskDropped) -> None:
    """No workflow task is pending any more."""
    state.execution = replace(state.execution, workflow_task=None)


def apply_next_attempt(state: MutableState, delta: NextWorkflowTaskAttempt) -> None:
    """The next workflow task has a given attempt."""
    state.execution = replace(
        state.execution,
        workflow_task_attempt=delta.attempt,
        last_failed_task_cause=delta.failed_cause,
    )


def apply_stickiness(state: MutableState, delta: StickinessChanged) -> None:
    """The run sticks to a worker, or to none."""
    state.execution = replace(
        state.execution,
        sticky_queue=delta.queue_name,
        sticky_schedule_to_start_timeout=delta.schedule_to_start_timeout,
    )


def apply_event_buffered(state: MutableState, delta: EventBuffered) -> None:
    """An event is held back."""
    state.buffered_events.put(delta.sequence, BufferedEventRecord(event=delta.event))


def apply_buffer_flushed(state: MutableState, delta: BufferFlushed) -> None:
    """No event is held back any more."""
    for sequence in list(state.buffered_events):
        state.buffered_events.remove(sequence)


def apply_event_numbered(state: MutableState, delta: EventNumbered) -> None:
    """The history is one event longer; the event took effect before."""
    state.execution = replace(
        state.execution,
        next_event_id=EventId(delta.event_id + 1),
        last_event_at=max(state.execution.last_event_at, delta.at),
    )


def pending_task(state: MutableState) -> WorkflowTaskRecord:
    """Return the pending workflow task, which must exist."""
    task = state.execution.workflow_task
    invariant(task is not None, "no workflow task is pending")
    return task  # pyright: ignore[reportReturnType]
