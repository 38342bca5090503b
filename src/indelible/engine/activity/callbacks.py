"""The callbacks of a standalone activity: attached, called when it has ended, repeated.

Owns what they tell (semantics 9.5). Must not know how one is called.
"""

from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.base.owed_callbacks import due_again, with_attached, with_outcome
from indelible.engine.activity.state import ActivityState
from indelible.engine.activity.step import ActivityStep


def attach_callbacks(step: ActivityStep, request: StartActivityExecutionRequest) -> None:
    """Add the callbacks of a request; nothing if it has been attached before.

    Raises `FailedPreconditionError` if they are too many.
    """
    step.change_callbacks(
        with_attached(
            step.state.callbacks,
            request.completion_callbacks,
            request_id=request.request_id,
            now=step.now,
            count_max=step.limits.callbacks_per_execution_max,
            to="an activity",
        )
    )


def record_callback(
    step: ActivityStep, number: int, attempt: int, failure: Failure | None, *, is_retryable: bool
) -> None:
    """Record an attempt; no failure means that it was heard. An obsolete one changes nothing."""
    step.change_callbacks(
        with_outcome(
            step.state.callbacks,
            number,
            attempt,
            failure,
            is_retryable=is_retryable,
            now=step.now,
            limits=step.limits,
        )
    )


def repeat_due(step: ActivityStep) -> None:
    """Have those called again whose interval is over."""
    for number in due_again(step.state.callbacks, step.now):
        step.call_back(number)


def activity_end(state: ActivityState) -> OperationEnd | None:
    """Return what those are told who called the activity as an operation; None while it is open."""
    ended = state.outcome
    if ended is None:
        return None
    if ended.result is None:
        return OperationFailed(failure=Failure.FromString(ended.failure))
    payloads = Payloads.FromString(ended.result).payloads
    return OperationSucceeded(result=payloads[0] if payloads else None)
