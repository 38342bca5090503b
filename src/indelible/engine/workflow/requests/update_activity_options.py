"""UpdateActivityOptions: other timeouts, retries, queue or priority for a pending activity.

Owns which options can be changed, and what a change means for an attempt that waits (semantics
7.9). An attempt that a worker has keeps the options that the worker was told.
"""

from collections.abc import Mapping

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, RetryPolicy
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest

from indelible.base.activity_option_changes import START_DELAY, merge_options
from indelible.base.backoff import retry_interval
from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, after, duration, duration_message
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activity_control import begin_anew, meant_activities
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.transition import Transition


def update_activity_options(
    step: Transition,
    request: UpdateActivityOptionsRequest,
    originals: Mapping[int, ActivityTaskScheduledEventAttributes],
) -> ActivityOptions:
    """Change the options of the activities that are meant; return those of the last one.

    `originals` are the scheduled events, needed only if the original options are wanted back.
    Raises `NotFoundError` if there is no such activity, `InvalidArgumentError` for a bad mask or
    options that cannot be.
    """
    changed = ActivityOptions()
    for record in meant_activities(step, activity_id=request.id, activity_type=request.type):
        if request.restore_original:
            changed = restore_options(step, record, originals[record.scheduled_event_id])
        else:
            changed = options_of(record)
            _merge(changed, request)
            _check(changed)
            _change(step, record, changed)
        _begin_anew(step, step.state.activities[record.scheduled_event_id])
    return changed


def restore_options(
    step: Transition, record: ActivityRecord, original: ActivityTaskScheduledEventAttributes
) -> ActivityOptions:
    """Give an activity the options with which it was scheduled."""
    options = ActivityOptions(
        task_queue=TaskQueue(name=original.task_queue.name),
        schedule_to_close_timeout=original.schedule_to_close_timeout,
        schedule_to_start_timeout=original.schedule_to_start_timeout,
        start_to_close_timeout=original.start_to_close_timeout,
        heartbeat_timeout=original.heartbeat_timeout,
        retry_policy=original.retry_policy,
        priority=original.priority,
    )
    _change(step, record, options)
    return options


def options_of(record: ActivityRecord) -> ActivityOptions:
    """Return the options of an activity as they are."""
    return ActivityOptions(
        task_queue=TaskQueue(name=record.task_queue),
        schedule_to_close_timeout=duration_message(record.schedule_to_close_timeout),
        schedule_to_start_timeout=duration_message(record.schedule_to_start_timeout),
        start_to_close_timeout=duration_message(record.start_to_close_timeout),
        heartbeat_timeout=duration_message(record.heartbeat_timeout),
        retry_policy=RetryPolicy.FromString(record.retry_policy),
        priority=Priority.FromString(record.priority),
    )


def _merge(target: ActivityOptions, request: UpdateActivityOptionsRequest) -> None:
    # The activity of a workflow has no start delay. The official Web UI names it all the same, and
    # the reference (1.32) takes no notice.
    paths = [path for path in request.update_mask.paths if path != START_DELAY]
    merge_options(target, request.activity_options, paths)


def _check(options: ActivityOptions) -> None:
    if not options.task_queue.name:
        raise InvalidArgumentError("TaskQueue is not set on ActivityOptions.")
    timeouts = (
        options.schedule_to_close_timeout,
        options.schedule_to_start_timeout,
        options.start_to_close_timeout,
        options.heartbeat_timeout,
    )
    if any(duration(timeout) < 0 for timeout in timeouts):
        raise InvalidArgumentError("A negative timeout is set on ActivityOptions.")
    if not duration(options.schedule_to_close_timeout) and not duration(
        options.start_to_close_timeout
    ):
        raise InvalidArgumentError(
            "A valid StartToClose or ScheduleToCloseTimeout is not set on ActivityOptions."
        )
    policy = options.retry_policy
    if policy.maximum_attempts < 0 or policy.backoff_coefficient < 1:
        raise InvalidArgumentError("An invalid RetryPolicy is set on ActivityOptions.")


def _change(step: Transition, record: ActivityRecord, options: ActivityOptions) -> None:
    step.change(
        deltas.ActivityOptionsChanged(
            scheduled_event_id=record.scheduled_event_id,
            task_queue=options.task_queue.name,
            schedule_to_close_timeout=duration(options.schedule_to_close_timeout),
            schedule_to_start_timeout=duration(options.schedule_to_start_timeout),
            start_to_close_timeout=duration(options.start_to_close_timeout),
            heartbeat_timeout=duration(options.heartbeat_timeout),
            retry_policy=options.retry_policy.SerializeToString(),
            priority=options.priority.SerializeToString(),
        )
    )


def _begin_anew(step: Transition, record: ActivityRecord) -> None:
    """Queue an attempt that waits under its new options, after its new interval."""
    if record.is_started or record.pause is not None:
        return
    at = record.scheduled_at
    if record.attempt > 1:
        policy = RetryPolicy.FromString(record.retry_policy)
        interval = retry_interval(policy, record.attempt - 1)
        at = after(record.last_attempt_completed_at, interval)
    begin_anew(step, record, attempt=record.attempt, at=Instant(at))
