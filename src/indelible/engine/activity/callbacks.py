"""The callbacks of a standalone activity: attached, called when it has ended, repeated.

Owns what they tell (semantics 9.5). Must not know how one is called.
"""

from msgspec.structs import replace
from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from indelible.base.calls import CallState, callback_retry_policy, is_wanted, next_call_at
from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import NEVER, Instant
from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.engine.activity.state import ActivityCallback, ActivityState
from indelible.engine.activity.step import ActivityStep


def attach_callbacks(step: ActivityStep, request: StartActivityExecutionRequest) -> None:
    """Add the callbacks of a request; nothing if it has been attached before.

    Raises `FailedPreconditionError` if they are too many.
    """
    known = step.state.callbacks
    if any(callback.request_id == request.request_id for callback in known):
        return
    count_max = step.limits.callbacks_per_execution_max
    if len(known) + len(request.completion_callbacks) > count_max:
        raise FailedPreconditionError(
            f"cannot attach more than {count_max} callbacks to an activity "
            f"({len(known)} callbacks already attached)"
        )
    added = tuple(
        ActivityCallback(
            callback=callback.SerializeToString(),
            request_id=request.request_id,
            registered_at=step.now,
        )
        for callback in request.completion_callbacks
    )
    if added:
        step.state = step.state._replace(callbacks=(*known, *added))


def record_callback(
    step: ActivityStep, number: int, attempt: int, failure: Failure | None, *, is_retryable: bool
) -> None:
    """Record an attempt; no failure means that it was heard. An obsolete one changes nothing."""
    record = step.state.callbacks[number]
    if not is_wanted(record.call, attempt):
        return
    kept = b"" if failure is None else failure.SerializeToString()
    if failure is not None and is_retryable:
        policy = callback_retry_policy(step.limits)
        state = CallState.BACKING_OFF
        next_at = next_call_at(attempt, now=step.now, policy=policy)
    else:
        state, next_at = CallState.SUCCEEDED if failure is None else CallState.FAILED, NEVER
    call = replace(
        record.call,
        state=state,
        next_attempt_at=next_at,
        last_attempt_completed_at=step.now,
        last_attempt_failure=kept,
    )
    step.change_callback(number, replace(record, call=call))


def repeat_at(state: ActivityState) -> Instant:
    """Return when a callback must be called again; `NEVER` if none must be."""
    return min(
        (
            record.call.next_attempt_at
            for record in state.callbacks
            if record.call.state is CallState.BACKING_OFF
        ),
        default=NEVER,
    )


def repeat_due(step: ActivityStep) -> None:
    """Have those called again whose interval is over."""
    for number, record in enumerate(step.state.callbacks):
        call = record.call
        if call.state is CallState.BACKING_OFF and call.next_attempt_at <= step.now:
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
