"""A run has taken too long: it ends; its retry policy or cron schedule may start another."""

from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowExecutionTimedOutEventAttributes

from indelible.base.failures import timeout_failure
from indelible.engine.workflow.rules.closing import close_run
from indelible.engine.workflow.rules.successor import (
    NextRun,
    StartEvent,
    plan_cron,
    plan_retry,
    start_next_run,
)
from indelible.engine.workflow.transition import Transition


def fire_run_timeout(step: Transition, start_event: StartEvent | None) -> None:
    """Close the run as timed out, and start the next one if there is to be one (semantics 2.7).

    Nothing happens before its time. `start_event` is needed if the run has a retry policy or a cron
    schedule.
    """
    execution = step.execution
    if not execution.is_open or not 0 < execution.run_expires_at <= step.now:
        return
    failure = timeout_failure("workflow timeout", TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)
    next_run, retry_state = _plan(step, failure)
    close_run(
        step,
        WorkflowExecutionTimedOutEventAttributes(
            retry_state=retry_state, new_execution_run_id=next_run.run_id if next_run else ""
        ),
    )
    if next_run is not None:
        start_next_run(
            step,
            next_run,
            start_event,
            failure=failure,
            last_completion_result=start_event.last_completion_result if start_event else None,
        )


def _plan(step: Transition, failure: Failure) -> tuple[NextRun | None, "RetryState.ValueType"]:
    expires_at = step.execution.execution_expires_at
    if expires_at and expires_at <= step.now:
        return None, RetryState.RETRY_STATE_TIMEOUT
    next_run, retry_state = plan_retry(step, failure)
    if next_run is None:
        next_run = plan_cron(step)
    return next_run, retry_state
