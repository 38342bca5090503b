"""UpdateActivityExecutionOptions: other timeouts, retries, queue, priority or start delay.

Owns what a change means for an activity (semantics 7.9): an attempt that waits goes into its queue
anew, one that a worker has gets other deadlines. Requests are checked by themselves when they come.
"""

from typing import Final

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import ActivityType, Priority, RetryPolicy
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
)

from indelible.base.activity_option_changes import START_DELAY, is_about, merge_options
from indelible.base.activity_options import activity_fault, effective_timeouts, given_timeouts
from indelible.base.attributes import duration_fault
from indelible.base.backoff import retry_interval
from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.instants import duration, duration_message
from indelible.base.retry_policies import complete_retry_policy
from indelible.engine.activity.state import ActivityCore, ActivityState, ActivityStatus
from indelible.engine.activity.step import ActivityStep

_S = ActivityStatus
_CHANGEABLE: Final = frozenset({_S.SCHEDULED, _S.STARTED, _S.PAUSED, _S.PAUSE_REQUESTED})


def update_options(
    step: ActivityStep, request: UpdateActivityExecutionOptionsRequest
) -> ActivityOptions:
    """Change options; return those that the activity has then. A repeated request changes nothing.

    Raises `FailedPreconditionError` if it is too late for that, `InvalidArgumentError` for options
    that cannot be.
    """
    core = step.core
    if request.request_id and core.options_request_id == request.request_id:
        return options_of(core)
    if core.status not in _CHANGEABLE:
        raise FailedPreconditionError(
            f"Cannot update options for activity in state {core.status.word}"
        )
    paths = request.update_mask.paths
    if request.restore_original:
        restore_original(step)
    else:
        if START_DELAY in paths:
            _check_start_delay(step, request.activity_options)
        options = options_of(core)
        merge_options(options, request.activity_options, paths)
        _apply(step, options)
    if request.restore_original or is_about(paths, "retry_policy"):
        _shorten_interval(step)
    core = step.core
    if core.status is _S.SCHEDULED:
        step.schedule(core.retry_at or core.respecting_start_delay(step.now))
    step.change(options_request_id=request.request_id)
    return options_of(step.core)


def check_restorable(state: ActivityState) -> None:
    """Raise `InvalidArgumentError` if it is not known how the activity was started."""
    if not state.request.original_options:
        raise InvalidArgumentError(
            "cannot restore original options: no original task queue was recorded for this activity"
        )


def restore_original(step: ActivityStep) -> None:
    """Give an activity the options with which it was started.

    Raises `InvalidArgumentError` if they are not known.
    """
    check_restorable(step.state)
    options = ActivityOptions.FromString(step.state.request.original_options)
    if step.core.was_ever_started:
        options.start_delay.CopyFrom(duration_message(step.core.start_delay))
    _apply(step, options)


def options_of(core: ActivityCore) -> ActivityOptions:
    """Return the options of an activity as they are."""
    return ActivityOptions(
        task_queue=TaskQueue(name=core.task_queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
        schedule_to_close_timeout=duration_message(core.schedule_to_close_timeout),
        schedule_to_start_timeout=duration_message(core.schedule_to_start_timeout),
        start_to_close_timeout=duration_message(core.start_to_close_timeout),
        heartbeat_timeout=duration_message(core.heartbeat_timeout),
        retry_policy=RetryPolicy.FromString(core.retry_policy),
        priority=Priority.FromString(core.priority) if core.priority else None,
        start_delay=duration_message(core.start_delay) if core.start_delay else None,
    )


def _check_start_delay(step: ActivityStep, given: ActivityOptions) -> None:
    core = step.core
    fault = duration_fault(given.start_delay)
    if fault is not None:
        raise InvalidArgumentError(f"invalid StartDelay: {fault}")
    is_waiting = core.first_scheduled_at > step.now
    if not is_waiting and (core.was_ever_started or core.status is not _S.PAUSED):
        raise FailedPreconditionError(
            "cannot update start_delay: the first activity attempt has already been dispatched"
        )


def _apply(step: ActivityStep, options: ActivityOptions) -> None:
    core = step.core
    asked = StartActivityExecutionRequest(
        activity_id=core.activity_id,
        activity_type=ActivityType(name=core.activity_type),
        schedule_to_close_timeout=options.schedule_to_close_timeout,
        schedule_to_start_timeout=options.schedule_to_start_timeout,
        start_to_close_timeout=options.start_to_close_timeout,
        heartbeat_timeout=options.heartbeat_timeout,
        priority=options.priority,
    )
    policy = complete_retry_policy(options.retry_policy)
    fault = activity_fault(asked, policy, id_bytes_max=step.limits.id_bytes_max)
    if fault is not None:
        raise InvalidArgumentError(fault)
    timeouts = effective_timeouts(given_timeouts(asked))
    step.change(
        task_queue=options.task_queue.name,
        schedule_to_close_timeout=timeouts.schedule_to_close,
        schedule_to_start_timeout=timeouts.schedule_to_start,
        start_to_close_timeout=timeouts.start_to_close,
        heartbeat_timeout=timeouts.heartbeat,
        retry_policy=policy.SerializeToString(),
        priority=options.priority.SerializeToString(),
        start_delay=duration(options.start_delay),
    )


def _shorten_interval(step: ActivityStep) -> None:
    """Let an attempt that backs off do so by the new policy, unless its worker said how long."""
    core = step.core
    waits = core.status in {_S.SCHEDULED, _S.PAUSED}
    if waits and core.retry_interval and not core.is_interval_given:
        policy = RetryPolicy.FromString(core.retry_policy)
        step.change(retry_interval=retry_interval(policy, core.attempt - 1))
