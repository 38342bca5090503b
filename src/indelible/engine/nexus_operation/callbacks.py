"""The callbacks of a standalone Nexus operation: attached, called when it has ended, repeated.

Owns what they tell (semantics 9.5). Must not know how one is called.
"""

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import StartNexusOperationExecutionRequest

from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.base.owed_callbacks import due_again, with_attached, with_outcome
from indelible.engine.nexus_operation.state import OperationState
from indelible.engine.nexus_operation.step import OperationStep


def attach_callbacks(step: OperationStep, request: StartNexusOperationExecutionRequest) -> None:
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
            to="a nexus operation",
        )
    )


def record_callback(
    step: OperationStep, number: int, attempt: int, failure: Failure | None, *, is_retryable: bool
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


def repeat_due(step: OperationStep) -> None:
    """Have those called again whose interval is over."""
    for number in due_again(step.state.callbacks, step.now):
        step.call_back(number)


def told_end(state: OperationState) -> OperationEnd | None:
    """Return what is told of the end of an operation; None while it is open."""
    ended = state.outcome
    if ended is None:
        return None
    if ended.result is None:
        return OperationFailed(failure=Failure.FromString(ended.failure))
    return OperationSucceeded(result=Payload.FromString(ended.result) if ended.result else None)
