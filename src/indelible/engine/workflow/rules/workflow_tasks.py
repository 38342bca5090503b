"""The life of a workflow task: scheduled, started, completed, failed, timed out.

Owns when a task is normal or transient, sticky or not, and what each end leads to (semantics
section 4; in the reference service `workflow_task_state_machine.go`). At most one workflow task of
a run is pending.
"""

from typing import Final

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import (
    SuggestContinueAsNewReason,
    TimeoutType,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    WorkflowTaskCompletedEventAttributes,
    WorkflowTaskFailedEventAttributes,
    WorkflowTaskScheduledEventAttributes,
    WorkflowTaskStartedEventAttributes,
    WorkflowTaskTimedOutEventAttributes,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.ids import EventId
from indelible.base.instants import NEVER, NO_DURATION, SECOND, Duration, Instant, duration_message
from indelible.base.invariants import invariant
from indelible.base.messages import copy_present
from indelible.base.queue_kinds import NORMAL_QUEUE, STICKY_QUEUE
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import requeue_attempts
from indelible.engine.workflow.rules.versioning import (
    add_version_of_worker,
    has_newer_target,
    is_in_transition,
    is_ramp_preferred,
    version_of_run,
    workflow_task_queue,
)
from indelible.engine.workflow.state import DispatchRef, WorkflowTaskRecord
from indelible.engine.workflow.tasks import (
    workflow_task_dispatch,
)
from indelible.engine.workflow.transition import Transition
from indelible.engine.workflow.versioning import EffectiveVersion

UNEXTENDED_ATTEMPTS_MAX: Final = 3
"""Later attempts get more time each: the only back-pressure on failing workflow tasks (trap 10)."""
SPECULATIVE_SCHEDULE_TO_START: Final = Duration(5 * SECOND)
"""A speculative task may be lost on its way; then a normal one takes its place."""
EXTENSION_INITIAL: Final = Duration(5 * SECOND)

_UNRETRIED_CAUSES: Final = frozenset(
    {
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND,
    }
)


def task_queue_of(step: Transition) -> TaskQueue:
    """Return the queue of the next workflow task: the sticky one if the run sticks to a worker."""
    execution = step.execution
    if execution.sticky_queue:
        return TaskQueue(
            name=execution.sticky_queue,
            kind=STICKY_QUEUE,
            normal_name=execution.task_queue,
        )
    return TaskQueue(name=execution.task_queue, kind=NORMAL_QUEUE)


def require_workflow_task(step: Transition) -> None:
    """Have a worker look at the run: schedule a workflow task unless one is pending."""
    if step.execution.workflow_task is None:
        schedule_workflow_task(step)


def schedule_workflow_task(
    step: Transition, *, original_scheduled_at: Instant = NEVER, is_inline: bool = False
) -> None:
    """Schedule a workflow task.

    `original_scheduled_at` continues a chain of heartbeats. An inline task is started within this
    step and lies in no queue. A paused run gets none before it goes on.
    """
    invariant(step.execution.workflow_task is None, "a workflow task is pending already")
    if step.execution.pause is not None:
        step.flush()
        return
    attempt = step.execution.workflow_task_attempt
    if step.flush() and attempt > 1:
        attempt = 1
        cause = step.execution.last_failed_task_cause
        step.change(deltas.NextWorkflowTaskAttempt(attempt=1, failed_cause=cause))
    queue = task_queue_of(step)
    timeout = _start_to_close_timeout(step, attempt)
    if attempt > 1:
        step.change(
            deltas.TransientWorkflowTaskScheduled(
                attempt=attempt,
                scheduled_at=step.now,
                start_to_close_timeout=timeout,
                queue_name=queue.name,
                is_sticky=queue.kind == STICKY_QUEUE,
            )
        )
    else:
        _emit_scheduled(step, queue, timeout, attempt, at=step.now)
    if step.execution.sticky_queue == step.gone_sticky_queue:
        # The event names the worker that the run stuck to; the task goes to any.
        unstick(step)
        queue = task_queue_of(step)
    if not is_inline:
        _enqueue(step, queue, original_scheduled_at)
    elif original_scheduled_at:
        step.change(
            deltas.WorkflowTaskOriginallyScheduled(original_scheduled_at=original_scheduled_at)
        )


def schedule_speculative_task(step: Transition, *, is_inline: bool = False) -> None:
    """Schedule a workflow task that is written only if the updates that it brings change the run.

    It goes to matching without a row; an inline one is started within this step. If it is not the
    first attempt, it is a normal task.
    """
    if step.execution.workflow_task_attempt > 1:
        schedule_workflow_task(step, is_inline=is_inline)
        return
    invariant(step.execution.workflow_task is None, "a workflow task is pending already")
    queue = task_queue_of(step)
    is_sticky = queue.kind == STICKY_QUEUE
    queue_name = queue.name if is_sticky else workflow_task_queue(step.execution)
    task_id = step.next_task_id()
    sticky_timeout = step.execution.sticky_schedule_to_start_timeout
    step.change(
        deltas.SpeculativeWorkflowTaskScheduled(
            scheduled_at=step.now,
            start_to_close_timeout=_start_to_close_timeout(step, 1),
            schedule_to_start_timeout=(
                sticky_timeout if is_sticky and sticky_timeout else SPECULATIVE_SCHEDULE_TO_START
            ),
            queue_name=queue_name,
            is_sticky=is_sticky,
            dispatch_task_id=task_id,
        )
    )
    if not is_inline:
        step.offers.append(
            workflow_task_dispatch(
                step.execution,
                task_id=task_id,
                queue_name=queue_name,
                is_sticky=is_sticky,
                scheduled_event_id=pending(step).scheduled_event_id,
            )
        )


def _emit_scheduled(
    step: Transition, queue: TaskQueue, timeout: Duration, attempt: int, *, at: Instant
) -> None:
    step.emit(
        WorkflowTaskScheduledEventAttributes(
            task_queue=queue,
            start_to_close_timeout=duration_message(timeout),
            attempt=attempt,
        ),
        at=at,
    )


def _start_to_close_timeout(step: Transition, attempt: int) -> Duration:
    timeout = step.execution.task_timeout
    if attempt <= UNEXTENDED_ATTEMPTS_MAX:
        return timeout
    doublings = min(attempt - UNEXTENDED_ATTEMPTS_MAX - 1, 32)
    extension = EXTENSION_INITIAL * 2**doublings
    return Duration(timeout + min(extension, step.settings.limits.workflow_task_retry_backoff_max))


def requeue_workflow_task(step: Transition) -> None:
    """Move the scheduled workflow task to the queue where it belongs now; no worker keeps it."""
    task = pending(step)
    if task.is_started:
        return
    step.write_speculation()
    step.release(pending(step).dispatch)
    unstick(step)
    _enqueue(step, task_queue_of(step), task.original_scheduled_at)


def follow_new_override(step: Transition, before: EffectiveVersion) -> None:
    """Move what waits for a worker to where it belongs after the run's override has changed."""
    if version_of_run(step.execution) == before:
        return
    if step.execution.workflow_task is not None:
        requeue_workflow_task(step)
    else:
        unstick(step)
    requeue_attempts(step)


def _enqueue(step: Transition, queue: TaskQueue, original_scheduled_at: Instant) -> None:
    task = pending(step)
    task_id = step.next_task_id()
    is_sticky = queue.kind == STICKY_QUEUE
    queue_name = queue.name if is_sticky else workflow_task_queue(step.execution)
    step.change(
        deltas.WorkflowTaskQueued(
            dispatch_task_id=task_id,
            dispatch=DispatchRef(queue_name=queue_name, is_workflow_queue=True, task_id=task_id),
            original_scheduled_at=original_scheduled_at or task.scheduled_at,
            schedule_to_start_timeout=(
                step.execution.sticky_schedule_to_start_timeout if is_sticky else NO_DURATION
            ),
        )
    )
    step.dispatch(
        workflow_task_dispatch(
            step.execution,
            task_id=task_id,
            queue_name=queue_name,
            is_sticky=is_sticky,
            scheduled_event_id=task.scheduled_event_id,
            is_ramp_preferred=is_ramp_preferred(step.execution),
        )
    )


def pending(step: Transition) -> WorkflowTaskRecord:
    """Return the pending workflow task, which must exist."""
    task = step.execution.workflow_task
    invariant(task is not None, "no workflow task is pending")
    return task  # pyright: ignore[reportReturnType]


def start_workflow_task(
    step: Transition, *, request_id: str, identity: str, build_id: str = ""
) -> None:
    """Record that a worker has the scheduled workflow task."""
    task = pending(step)
    invariant(not task.is_started, "the workflow task is started already")
    if task.is_transient and task.scheduled_event_id != step.execution.next_event_id:
        task = _write_transient_scheduled(step, task)
    reasons = _suggest_reasons(step)
    if task.is_unwritten:
        step.change(
            deltas.TransientWorkflowTaskStarted(
                started_at=step.now,
                request_id=request_id,
                identity=identity,
                history_size_bytes=step.execution.history_size_bytes,
                suggest_continue_as_new=bool(reasons),
            )
        )
    else:
        step.emit(
            WorkflowTaskStartedEventAttributes(
                scheduled_event_id=task.scheduled_event_id,
                identity=identity,
                request_id=request_id,
                suggest_continue_as_new=bool(reasons),
                suggest_continue_as_new_reasons=reasons,
                target_worker_deployment_version_changed=has_newer_target(step),
                history_size_bytes=step.execution.history_size_bytes,
                worker_version=WorkerVersionStamp(build_id=build_id) if build_id else None,
            )
        )
    if build_id:
        step.change(deltas.WorkflowTaskIdentified(build_id=build_id))


def _write_transient_scheduled(step: Transition, task: WorkflowTaskRecord) -> WorkflowTaskRecord:
    """Turn a transient task into a normal one: other events came since it was scheduled."""
    step.change(
        deltas.NextWorkflowTaskAttempt(
            attempt=1, failed_cause=step.execution.last_failed_task_cause
        )
    )
    queue = TaskQueue(name=task.queue_name, kind=NORMAL_QUEUE)
    _emit_scheduled(step, queue, task.start_to_close_timeout, 1, at=step.now)
    if task.dispatch is not None:
        step.change(
            deltas.WorkflowTaskQueued(
                dispatch_task_id=task.dispatch_task_id,
                dispatch=task.dispatch,
                original_scheduled_at=task.original_scheduled_at,
                schedule_to_start_timeout=NO_DURATION,
            )
        )
    return pending(step)


def _suggest_reasons(step: Transition) -> list["SuggestContinueAsNewReason.ValueType"]:
    limits = step.settings.limits
    reasons: list[SuggestContinueAsNewReason.ValueType] = []
    if step.execution.history_size_bytes >= limits.history_bytes_suggest:
        reasons.append(
            SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_HISTORY_SIZE_TOO_LARGE
        )
    if step.execution.next_event_id - 1 >= limits.history_events_suggest:
        reasons.append(
            SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_HISTORY_EVENTS
        )
    updates_max = limits.updates_per_execution_max
    if updates_max > 0 and len(step.state.updates) >= limits.updates_suggest_fraction * updates_max:
        reasons.append(SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES)
    return reasons


def write_transient_events(step: Transition) -> None:
    """Write the scheduled and started events of a transient task that is about to complete."""
    task = pending(step)
    if not task.is_transient:
        return
    queue = TaskQueue(name=task.queue_name, kind=NORMAL_QUEUE)
    _emit_scheduled(step, queue, task.start_to_close_timeout, task.attempt, at=task.scheduled_at)
    step.emit(
        WorkflowTaskStartedEventAttributes(
            scheduled_event_id=pending(step).scheduled_event_id,
            identity=task.identity,
            request_id=task.request_id,
            suggest_continue_as_new=task.suggest_continue_as_new,
            history_size_bytes=task.history_size_bytes,
            # As the worker was shown it (`unwritten_events`).
            worker_version=WorkerVersionStamp(build_id=task.build_id) if task.build_id else None,
        ),
        at=task.started_at,
    )


def complete_workflow_task(
    step: Transition, request: RespondWorkflowTaskCompletedRequest
) -> EventId:
    """Record the completion of the started workflow task; return the id of its event."""
    step.release(pending(step).dispatch)
    write_transient_events(step)
    task = pending(step)
    completed = WorkflowTaskCompletedEventAttributes(
        scheduled_event_id=task.scheduled_event_id,
        started_event_id=task.started_event_id,
        identity=request.identity,
        binary_checksum=request.binary_checksum,
    )
    copy_present(request, completed, ("sdk_metadata", "metering_metadata"))
    add_version_of_worker(completed, request)
    if request.HasField("worker_version_stamp"):
        completed.worker_version.CopyFrom(request.worker_version_stamp)
    before, was_moving = version_of_run(step.execution), is_in_transition(step.execution)
    event_id = EventId(step.emit(completed).event_id)
    has_arrived = was_moving and not is_in_transition(step.execution)
    if has_arrived or version_of_run(step.execution) != before:
        requeue_attempts(step)
    return event_id


def fail_workflow_task(
    step: Transition,
    cause: "WorkflowTaskFailedCause.ValueType",
    *,
    failure: Failure | None = None,
    identity: str = "",
    binary_checksum: str = "",
) -> None:
    """Record the failure of the started workflow task, and write what was held back.

    A transient task leaves no event. No new task is scheduled here.
    """
    task = pending(step)
    step.release(task.dispatch)
    if task.is_transient:
        step.change(deltas.WorkflowTaskDropped())
    else:
        step.emit(
            WorkflowTaskFailedEventAttributes(
                scheduled_event_id=task.scheduled_event_id,
                started_event_id=task.started_event_id,
                cause=cause,
                failure=failure,
                identity=identity,
                binary_checksum=binary_checksum,
            )
        )
    attempt = 1 if cause in _UNRETRIED_CAUSES else _following_attempt(step, task)
    step.change(deltas.NextWorkflowTaskAttempt(attempt=attempt, failed_cause=cause))
    unstick(step)


def _following_attempt(step: Transition, task: WorkflowTaskRecord) -> int:
    """A task that fails on a sticky worker is tried once more as a first attempt, on any worker."""
    return 1 if step.execution.sticky_queue else task.attempt + 1


def unstick(step: Transition) -> None:
    """Let the next workflow task go to the normal queue."""
    if step.execution.sticky_queue:
        step.change(deltas.StickinessChanged(queue_name="", schedule_to_start_timeout=NO_DURATION))


def time_out_workflow_task(step: Transition) -> None:
    """Record that the pending workflow task took too long to complete, or to be started."""
    step.write_speculation()
    task = pending(step)
    step.release(task.dispatch)
    is_start_missed = not task.is_started
    if task.is_transient:
        step.change(deltas.WorkflowTaskDropped())
    else:
        step.emit(
            WorkflowTaskTimedOutEventAttributes(
                scheduled_event_id=task.scheduled_event_id,
                started_event_id=task.started_event_id,
                timeout_type=(
                    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
                    if is_start_missed
                    else TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
                ),
            )
        )
    attempt = 1 if is_start_missed else _following_attempt(step, task)
    step.change(
        deltas.NextWorkflowTaskAttempt(
            attempt=attempt, failed_cause=step.execution.last_failed_task_cause
        )
    )
    unstick(step)


def drop_workflow_task(step: Transition) -> None:
    """Forget a scheduled or started workflow task because the run closes."""
    task = step.execution.workflow_task
    if task is None:
        return
    if task.is_started:
        fail_workflow_task(
            step, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
        )
        step.flush()
    else:
        step.release(task.dispatch)
        step.change(deltas.WorkflowTaskDropped())
