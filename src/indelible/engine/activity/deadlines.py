"""When a standalone activity must be looked at, and what is due then (semantics 7.3).

Owns the deadlines: they follow from the state, so none is armed or disarmed by hand.
"""

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure

from indelible.base.activity_attempts import (
    ActivityDeadline,
    final_timeout,
    next_deadline,
    overall_deadline,
    timed_out,
)
from indelible.base.failures import timeout_failure
from indelible.base.instants import NEVER, Instant, after
from indelible.base.owed_callbacks import repeat_at, repeat_due
from indelible.engine.activity.attempts import end_attempt, retry
from indelible.engine.activity.state import (
    ActivityCore,
    ActivityOutcome,
    ActivityState,
    ActivityStatus,
)
from indelible.engine.activity.step import ActivityStep

_PAUSED = ActivityStatus.PAUSED
_FINAL_TIMEOUTS = (
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
)


def wake_at(state: ActivityState) -> Instant:
    """Return when the activity must be looked at next; `NEVER` for not by itself."""
    core = state.core
    if not core.is_open:
        kept_until = after(core.closed_at, core.retention)
        return min(kept_until, repeat_at(state.callbacks) or kept_until)
    deadline = _next_deadline(core)
    return deadline.at if deadline is not None else NEVER


def _next_deadline(core: ActivityCore) -> ActivityDeadline | None:
    """A paused activity waits for nothing but an operator, within its whole time."""
    return overall_deadline(core) if core.status is _PAUSED else next_deadline(core)


def is_expired(state: ActivityState, now: Instant) -> bool:
    """Whether a closed activity has been kept long enough."""
    core = state.core
    return not core.is_open and after(core.closed_at, core.retention) <= now


def fire_due(step: ActivityStep) -> None:
    """Do what has come due, in order; nothing if nothing has."""
    repeat_due(step)
    while step.core.is_open:
        deadline = _next_deadline(step.core)
        if deadline is None or deadline.at > step.now:
            return
        if deadline.timeout_type == TimeoutType.TIMEOUT_TYPE_UNSPECIFIED:
            step.dispatch()
        else:
            _time_out(step, deadline.timeout_type)


def _time_out(step: ActivityStep, timeout_type: "TimeoutType.ValueType") -> None:
    if timeout_type in _FINAL_TIMEOUTS:
        _close(step, _overall_failure(step, timeout_type), _overall_state(step))
        return
    failure = timed_out(timeout_type)
    if step.state.heartbeat_details:
        details = Payloads.FromString(step.state.heartbeat_details)
        failure.timeout_failure_info.last_heartbeat_details.CopyFrom(details)
    retry_state = retry(step, failure)
    if retry_state == RetryState.RETRY_STATE_IN_PROGRESS:
        return
    final = final_timeout(
        timeout_type,
        retry_state,
        heartbeat_details=step.state.heartbeat_details,
        last_failure=step.state.last_failure,
    )
    end_attempt(step, failure)
    _close(step, final, retry_state)


def _overall_failure(step: ActivityStep, timeout_type: "TimeoutType.ValueType") -> Failure:
    state = step.state
    return timeout_failure(
        timed_out(timeout_type).message,
        timeout_type,
        last_heartbeat_details=(
            Payloads.FromString(state.heartbeat_details) if state.heartbeat_details else None
        ),
        cause=Failure.FromString(state.last_failure) if state.last_failure else None,
    )


def _overall_state(step: ActivityStep) -> "RetryState.ValueType":
    if step.core.is_cancel_requested:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED
    return RetryState.RETRY_STATE_TIMEOUT


def _close(step: ActivityStep, failure: Failure, retry_state: "RetryState.ValueType") -> None:
    step.close(
        "time out", ActivityOutcome(failure=failure.SerializeToString(), retry_state=retry_state)
    )
