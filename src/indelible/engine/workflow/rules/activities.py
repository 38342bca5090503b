"""The life of an activity attempt: queued, started, retried, closed.

Owns what commands, requests and deadlines of activities share (semantics 7.2 to 7.5). Must not
decide who may ask for it, and leaves it to the caller to have a workflow task follow.
"""

from msgspec.structs import replace
from temporalio.api.common.v1 import (
    ActivityType,
    Payloads,
    Priority,
    RetryPolicy,
    WorkerVersionStamp,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import ActivityTaskFailedCause, RetryState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskCanceledEventAttributes,
    ActivityTaskCompletedEventAttributes,
    ActivityTaskFailedEventAttributes,
    ActivityTaskStartedEventAttributes,
    ActivityTaskTimedOutEventAttributes,
    HistoryEvent,
)
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueResponse

from indelible.base.activity_attempts import next_attempt
from indelible.base.errors import (
    InvalidArgumentError,
    NotFoundError,
    activity_not_found,
    workflow_already_completed,
)
from indelible.base.failures import kept_failure
from indelible.base.fair_shares import fair_share
from indelible.base.ids import EventId
from indelible.base.instants import (
    NO_DURATION,
    duration_message,
    timestamp,
)
from indelible.base.task_token import ActivityById, ActivityTaskToken, encode_task_token
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activity_pausing import pause_by_rules
from indelible.engine.workflow.rules.versioning import activity_task_queue
from indelible.engine.workflow.state import ActivityRecord, DispatchRef, ExecutionRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from indelible.engine.workflow.transition import Transition

ActivityClosing = (
    ActivityTaskCompletedEventAttributes
    | ActivityTaskFailedEventAttributes
    | ActivityTaskTimedOutEventAttributes
    | ActivityTaskCanceledEventAttributes
)
"""The attributes of an event that ends an activity."""

ActivityTarget = ActivityTaskToken | ActivityById
"""Which activity a request is about."""


def queue_attempt(step: Transition, scheduled_event_id: EventId) -> None:
    """Put the current attempt of a pending activity into its queue.

    It waits in none while the activity or its run is paused.
    """
    record = step.state.activities[scheduled_event_id]
    if record.pause is not None or step.execution.pause is not None:
        step.change(deltas.ActivityHeld(scheduled_event_id=scheduled_event_id))
        return
    task_id = step.next_task_id()
    queue_name = activity_task_queue(step, record.task_queue)
    priority = merged_priority(step.execution, record)
    step.change(
        deltas.ActivityQueued(
            scheduled_event_id=scheduled_event_id,
            dispatch=DispatchRef(queue_name=queue_name, is_workflow_queue=False, task_id=task_id),
        )
    )
    step.dispatch(
        ActivityTaskDispatch(
            task_id=task_id,
            queue_name=queue_name,
            scheduled_event_id=scheduled_event_id,
            priority=priority.priority_key,
            share=fair_share(priority),
        )
    )


def requeue_attempts(step: Transition) -> None:
    """Queue all attempts again that no worker has: the version of the run has changed.

    Those that came to a worker while it changed were refused and lie nowhere any more.
    """
    for scheduled_event_id in list(step.state.activities):
        record = step.state.activities[scheduled_event_id]
        if not record.is_started and not record.is_backing_off and record.pause is None:
            step.release(record.dispatch)
            queue_attempt(step, EventId(scheduled_event_id))


def start_attempt(
    step: Transition, scheduled_event_id: EventId, *, identity: str, request_id: str
) -> ActivityRecord:
    """Record that a worker has the current attempt; return the activity as it is now.

    History does not show it yet: the started event is written when the activity closes (trap 22).
    """
    step.release(step.state.activities[scheduled_event_id].dispatch)
    step.change(
        deltas.ActivityAttemptStarted(
            scheduled_event_id=scheduled_event_id,
            started_at=step.now,
            identity=identity,
            request_id=request_id,
        )
    )
    return step.state.activities[scheduled_event_id]


def start_eagerly(
    step: Transition, scheduled_event_id: EventId, *, identity: str
) -> ActivityRecord | None:
    """Start an activity of `CommandContext.eager_activities` within the step that scheduled it.

    To be called after all commands; None if the run has closed, the activity was canceled
    meanwhile (semantics 7.10), or a workflow rule pauses it.
    """
    record = step.state.activities.get(scheduled_event_id)
    if record is None or not step.execution.is_open or pause_by_rules(step, record):
        return None
    return start_attempt(step, scheduled_event_id, identity=identity, request_id=step.fresh.uuid())


def find_activity(
    step: Transition, target: ActivityTarget, *, is_start_needed: bool = True
) -> ActivityRecord:
    """Return the pending activity that a worker or a client means (semantics 7.5).

    Without a token any attempt is meant, and with `is_start_needed` off even one that no worker
    has. Raises `NotFoundError` and `InvalidArgumentError`.
    """
    if not step.execution.is_open:
        raise workflow_already_completed()
    if isinstance(target, ActivityTaskToken):
        record = step.state.activities.get(target.scheduled_event_id)
        if record is None or not record.is_started or record.attempt != target.attempt:
            raise activity_not_found()
        return record
    if not target.activity_id:
        raise InvalidArgumentError("activityID cannot be empty")
    scheduled_event_id = step.state.activity_ids.get(target.activity_id)
    if scheduled_event_id is None:
        raise NotFoundError(
            f"cannot find pending activity with ActivityID {target.activity_id}, "
            "check workflow execution history for more details"
        )
    record = step.state.activities[scheduled_event_id]
    if is_start_needed and not record.is_started:
        raise activity_not_found()
    return record


def retry_activity(
    step: Transition, record: ActivityRecord, failure: Failure
) -> "RetryState.ValueType":
    """Schedule the next attempt after a failure, or return why there is none (semantics 7.4).

    `RETRY_STATE_IN_PROGRESS` stands for "there is a next attempt".
    """
    record = _as_rules_have_it(step, record, failure)
    retry = next_attempt(
        record if record.pause is None else _unbounded(record), failure, now=step.now
    )
    if not retry.is_granted:
        return retry.state
    step.release(record.dispatch)
    step.change(
        deltas.ActivityRetryScheduled(
            scheduled_event_id=record.scheduled_event_id,
            attempt=record.attempt + 1,
            scheduled_at=retry.at,
            failed_at=step.now,
            last_failure=kept_failure(failure, step.settings.limits.last_failure_bytes_max),
        )
    )
    if record.pause is not None:
        step.change(deltas.ActivityHeld(scheduled_event_id=record.scheduled_event_id))
    return RetryState.RETRY_STATE_IN_PROGRESS


def _as_rules_have_it(step: Transition, record: ActivityRecord, failure: Failure) -> ActivityRecord:
    """Return the activity, paused if it failed in a way that allows a retry and a rule says so."""
    if (
        step.settings.workflow_rules
        and next_attempt(_unbounded(record), failure, now=step.now).is_granted
    ):
        pause_by_rules(step, record)
        return step.state.activities[record.scheduled_event_id]
    return record


def _unbounded(record: ActivityRecord) -> ActivityRecord:
    """A paused activity waits in any case, and whoever unpauses it may have it begin anew."""
    if not record.retry_policy:
        return record
    policy = RetryPolicy.FromString(record.retry_policy)
    policy.maximum_attempts = 0
    return replace(
        record,
        retry_policy=policy.SerializeToString(),
        schedule_to_close_timeout=NO_DURATION,
    )


def close_activity(
    step: Transition,
    record: ActivityRecord,
    closing: ActivityClosing,
    *,
    worker_version: WorkerVersionStamp | None = None,
) -> None:
    """End an activity with its closing event; if a worker had it, its started event goes before.

    `closing` is given away here and needs no event ids of the activity.
    """
    if record.is_started:
        step.emit(
            ActivityTaskStartedEventAttributes(
                scheduled_event_id=record.scheduled_event_id,
                identity=record.identity,
                request_id=record.start_request_id,
                attempt=record.attempt,
                last_failure=Failure.FromString(record.last_failure)
                if record.last_failure
                else None,
                worker_version=worker_version,
            ),
            at=record.started_at,
        )
    step.release(record.dispatch)
    closing.scheduled_event_id = record.scheduled_event_id
    step.emit(closing)


def fail_activity(
    step: Transition,
    record: ActivityRecord,
    failure: Failure | None,
    retry_state: "RetryState.ValueType",
    *,
    identity: str,
    cause: "ActivityTaskFailedCause.ValueType" = (
        ActivityTaskFailedCause.ACTIVITY_TASK_FAILED_CAUSE_UNSPECIFIED
    ),
    worker_version: WorkerVersionStamp | None = None,
) -> None:
    """End an activity whose last attempt failed."""
    close_activity(
        step,
        record,
        ActivityTaskFailedEventAttributes(
            failure=failure, retry_state=retry_state, identity=identity, cause=cause
        ),
        worker_version=worker_version,
    )


def merged_priority(execution: ExecutionRecord, record: ActivityRecord) -> Priority:
    """Return the priority of an activity: what it leaves open is as in its workflow."""
    base = Priority.FromString(execution.priority)
    own = Priority.FromString(record.priority)
    return Priority(
        priority_key=own.priority_key or base.priority_key,
        fairness_key=own.fairness_key or base.fairness_key,
        fairness_weight=own.fairness_weight or base.fairness_weight,
    )


def activity_task_response(
    execution: ExecutionRecord, record: ActivityRecord, scheduled_event: HistoryEvent
) -> PollActivityTaskQueueResponse:
    """Return what the worker is told of the attempt that it has started (semantics 7.2)."""
    scheduled = scheduled_event.activity_task_scheduled_event_attributes
    response = PollActivityTaskQueueResponse(
        task_token=_task_token(execution, record),
        workflow_namespace=execution.namespace_name,
        workflow_type=WorkflowType(name=execution.workflow_type),
        workflow_execution=WorkflowExecution(
            workflow_id=execution.workflow_id, run_id=execution.run_id
        ),
        activity_type=ActivityType(name=record.activity_type),
        activity_id=record.activity_id,
        scheduled_time=timestamp(record.first_scheduled_at),
        current_attempt_scheduled_time=timestamp(record.scheduled_at),
        started_time=timestamp(record.started_at),
        attempt=record.attempt,
        schedule_to_close_timeout=duration_message(record.schedule_to_close_timeout),
        start_to_close_timeout=duration_message(record.start_to_close_timeout),
        heartbeat_timeout=duration_message(record.heartbeat_timeout),
        retry_policy=RetryPolicy.FromString(record.retry_policy),
    )
    if execution.priority or record.priority:
        response.priority.CopyFrom(merged_priority(execution, record))
    if scheduled.HasField("header"):
        response.header.CopyFrom(scheduled.header)
    if scheduled.HasField("input"):
        response.input.CopyFrom(scheduled.input)
    if record.heartbeat_details:
        response.heartbeat_details.CopyFrom(Payloads.FromString(record.heartbeat_details))
    return response


def _task_token(execution: ExecutionRecord, record: ActivityRecord) -> bytes:
    return encode_task_token(
        ActivityTaskToken(
            namespace_id=execution.namespace_id,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
            scheduled_event_id=record.scheduled_event_id,
            attempt=record.attempt,
            activity_id=record.activity_id,
        )
    )
