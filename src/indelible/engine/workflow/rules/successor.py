"""The next run of a chain: continue-as-new, retry, cron.

Owns whether another run follows a close, when it begins to work, and what it inherits (semantics
2.6). Must not know with which event the run before closes.
"""

import msgspec
from temporalio.api.common.v1 import Payloads, RetryPolicy, WorkflowExecution
from temporalio.api.enums.v1 import ContinueAsNewInitiator, RetryState, TaskQueueKind
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import ResetPoints

from indelible.base.backoff import retry_interval
from indelible.base.failures import is_retryable
from indelible.base.ids import RunId
from indelible.base.instants import (
    Duration,
    after,
    duration,
    duration_message,
    instant,
    timestamp,
)
from indelible.base.invariants import invariant
from indelible.engine.workflow.rules.callbacks import inherited_callbacks
from indelible.engine.workflow.rules.cron import cron_backoff
from indelible.engine.workflow.rules.starting import emit_started, first_workflow_task
from indelible.engine.workflow.rules.time_skipping import pass_on_to_next_run
from indelible.engine.workflow.rules.versioning import inherit_by_repetition
from indelible.engine.workflow.state import ExecutionRecord, MutableState, ParentRecord
from indelible.engine.workflow.transition import Transition

StartEvent = WorkflowExecutionStartedEventAttributes


class NextRun(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that another run follows: its id, why, and how long it waits."""

    run_id: RunId
    initiator: "ContinueAsNewInitiator.ValueType"
    backoff: Duration


def retry_interval_after(
    step: Transition, failure: Failure
) -> tuple[Duration | None, "RetryState.ValueType"]:
    """Return the wait before the run is retried after `failure`, or None; and the state of that."""
    execution = step.execution
    if not execution.retry_policy:
        return None, RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET
    policy = RetryPolicy.FromString(execution.retry_policy)
    if not is_retryable(failure, policy.non_retryable_error_types):
        return None, RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    if 0 < policy.maximum_attempts <= execution.attempt:
        return None, RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    interval = _interval(policy, execution.attempt, failure)
    expires_at = execution.execution_expires_at
    if expires_at and after(step.now, interval) > expires_at:
        return None, RetryState.RETRY_STATE_TIMEOUT
    return interval, RetryState.RETRY_STATE_IN_PROGRESS


def _interval(policy: RetryPolicy, attempt: int, failure: Failure) -> Duration:
    """The failure may name its own interval; unlike an activity's, it is capped by the policy."""
    application = failure.application_failure_info
    if not application.HasField("next_retry_delay"):
        return retry_interval(policy, attempt)
    maximum = duration(policy.maximum_interval)
    return min(duration(application.next_retry_delay), maximum) or maximum


def plan_retry(step: Transition, failure: Failure) -> tuple[NextRun | None, "RetryState.ValueType"]:
    """Return the run that tries again after `failure`, and the retry state of the close event."""
    interval, retry_state = retry_interval_after(step, failure)
    if interval is None:
        return None, retry_state
    initiator = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    return _planned(step, initiator, interval), retry_state


def plan_cron(step: Transition) -> NextRun | None:
    """Return the run of the next cron tick; None if there is no schedule, or no further tick."""
    execution = step.execution
    if not execution.cron_schedule:
        return None
    interval = cron_backoff(
        execution.cron_schedule,
        scheduled_at=execution.execution_time,
        now=step.now,
        utc_offset=step.settings.utc_offset,
    )
    if interval is None:
        return None
    return _planned(step, ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE, interval)


def _planned(
    step: Transition, initiator: "ContinueAsNewInitiator.ValueType", backoff: Duration
) -> NextRun:
    return NextRun(
        run_id=RunId(step.fresh.run_id(step.now)), initiator=initiator, backoff=paced(step, backoff)
    )


def paced(step: Transition, backoff: Duration) -> Duration:
    """Return the backoff, raised so that runs of a chain begin to work a second apart (trap 35)."""
    shortest = step.settings.limits.continue_as_new_interval_min
    lifetime = step.now - step.execution.execution_time
    if lifetime + backoff < shortest:
        return Duration(shortest - lifetime)
    return backoff


def start_next_run(
    step: Transition,
    next_run: NextRun,
    start_event: StartEvent | None,
    *,
    failure: Failure | None = None,
    last_completion_result: Payloads | None = None,
) -> None:
    """Start the run that retries this one, or that of the next cron tick, as this one was started.

    What was upserted since is lost (trap 34). `start_event` is that of the run, which has a retry
    policy or a cron schedule: the shell has loaded it.
    """
    invariant(start_event is not None, "the start event of a retried or repeated run is needed")
    started = StartEvent()
    started.CopyFrom(start_event or StartEvent())
    for name in _NOT_REPEATED:
        started.ClearField(name)
    if next_run.initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE:
        attempt = 1
    else:
        attempt = step.execution.attempt + 1
    started.task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
    if failure is not None:
        started.continued_failure.CopyFrom(failure)
    if last_completion_result is not None and last_completion_result.payloads:
        started.last_completion_result.CopyFrom(last_completion_result)
    started.attempt = attempt
    started.initiator = next_run.initiator
    started.first_workflow_task_backoff.CopyFrom(duration_message(next_run.backoff))
    inherit_by_repetition(step, started)
    start_successor(step, next_run.run_id, started)


_NOT_REPEATED = (
    "identity",
    "continued_failure",
    "last_completion_result",
    "original_execution_run_id",
    "prev_auto_reset_points",
    "eager_execution_accepted",
)
"""What a started event says of its own run alone."""


def start_successor(step: Transition, run_id: RunId, started: StartEvent) -> None:
    """Start the next run of the chain, to be committed with the close of this one.

    `started` (given away here) says what is the new run's own; what a chain has in common is
    filled in.
    """
    execution = step.execution
    successor = step.fork(
        MutableState(
            ExecutionRecord(
                namespace_id=execution.namespace_id,
                workflow_id=execution.workflow_id,
                run_id=run_id,
            )
        )
    )
    started.continued_execution_run_id = execution.run_id
    started.first_execution_run_id = execution.first_run_id
    if execution.execution_timeout:
        started.workflow_execution_timeout.CopyFrom(duration_message(execution.execution_timeout))
    if execution.execution_expires_at:
        started.workflow_execution_expiration_time.CopyFrom(
            timestamp(execution.execution_expires_at)
        )
    if execution.parent is not None:
        _inherit_family(started, execution, execution.parent)
    started.prev_auto_reset_points.CopyFrom(_reset_points(step))
    _inherit_callbacks(started, step)
    pass_on_to_next_run(step, started)
    emit_started(successor, started, request_id=step.fresh.uuid())
    first_workflow_task(successor)
    step.successor = successor


def _reset_points(step: Transition) -> ResetPoints:
    """Return the reset points of the chain: those of a run go with its history."""
    execution = step.execution
    expires_at = timestamp(after(step.now, step.settings.retention))
    kept = ResetPoints()
    for point in ResetPoints.FromString(execution.reset_points).points:
        if point.HasField("expire_time") and instant(point.expire_time) < step.now:
            continue
        if point.run_id == execution.run_id:
            point.expire_time.CopyFrom(expires_at)
        kept.points.append(point)
    return kept


def _inherit_callbacks(started: StartEvent, step: Transition) -> None:
    """Whoever waits for the end of the chain goes on waiting (trap 54); but not for cron ticks."""
    started.ClearField("completion_callbacks")
    if started.initiator != ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE:
        started.completion_callbacks.extend(inherited_callbacks(step.state))


def _inherit_family(started: StartEvent, execution: ExecutionRecord, parent: ParentRecord) -> None:
    started.parent_workflow_namespace_id = parent.namespace_id
    started.parent_workflow_namespace = parent.namespace_name
    started.parent_workflow_execution.CopyFrom(
        WorkflowExecution(workflow_id=parent.workflow_id, run_id=parent.run_id)
    )
    started.parent_initiated_event_id = parent.initiated_event_id
    started.root_workflow_execution.CopyFrom(
        WorkflowExecution(workflow_id=execution.root_workflow_id, run_id=execution.root_run_id)
    )


def normal_queue(name: str) -> TaskQueue:
    """Return the queue of a run, as events name it."""
    return TaskQueue(name=name, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
