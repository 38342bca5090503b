"""ResetActivityExecution: a standalone activity begins with its first attempt again.

A worker that has an attempt keeps it, and is told with its next heartbeat; what the reset asks for
happens when the attempt has failed (semantics 7.9).
"""

from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import ResetActivityExecutionRequest

from indelible.base.errors import FailedPreconditionError
from indelible.base.failures import kept_failure
from indelible.base.instants import NEVER, NO_DURATION, Instant
from indelible.engine.activity.options import check_restorable, restore_original
from indelible.engine.activity.state import ActivityStatus
from indelible.engine.activity.step import ActivityStep

_S = ActivityStatus


def reset(step: ActivityStep, request: ResetActivityExecutionRequest, *, at: Instant) -> None:
    """Have the first attempt begin at `at`, or when the one under way has failed.

    A repeated request changes nothing. Raises `FailedPreconditionError` if there is a reset under
    way, if the activity is to be canceled or has closed.
    """
    core = step.core
    if request.request_id and core.reset_request_id == request.request_id:
        return
    if request.restore_original_options:
        check_restorable(step.state)
    match core.status:
        case _S.SCHEDULED | _S.PAUSED:
            _reset_now(step, request, at)
        case _S.STARTED | _S.PAUSE_REQUESTED:
            step.move(
                "request reset",
                is_paused_after_reset=request.keep_paused and core.status is _S.PAUSE_REQUESTED,
                drops_heartbeat_at_reset=request.reset_heartbeat,
                restores_options_at_reset=request.restore_original_options,
            )
        case _S.CANCEL_REQUESTED:
            raise FailedPreconditionError("cannot reset an activity with a pending cancellation")
        case _S.RESET_REQUESTED:
            raise FailedPreconditionError("cannot reset an activity with a pending reset")
        case _:
            raise FailedPreconditionError("activity execution is not running")
    step.change(reset_request_id=request.request_id)


def begin_anew_after(step: ActivityStep, failure: Failure) -> None:
    """Do what a reset has asked for: the attempt that was under way has failed."""
    core = step.core
    if core.restores_options_at_reset:
        restore_original(step)
    if core.drops_heartbeat_at_reset:
        _drop_heartbeat(step)
    step.keep_failure(kept_failure(failure, step.limits.last_failure_bytes_max))
    step.move(
        "begin anew, paused" if core.is_paused_after_reset else "begin anew",
        started_at=NEVER,
        attempt_request_id="",
        last_attempt_completed_at=step.now,
        is_paused_after_reset=False,
        drops_heartbeat_at_reset=False,
        restores_options_at_reset=False,
    )
    _count_from_one(step)
    if step.core.status is _S.SCHEDULED:
        step.schedule(step.now)


def _reset_now(step: ActivityStep, request: ResetActivityExecutionRequest, at: Instant) -> None:
    if request.restore_original_options:
        restore_original(step)
    if request.reset_heartbeat:
        _drop_heartbeat(step)
    _count_from_one(step)
    if step.core.status is _S.PAUSED:
        if request.keep_paused:
            return
        step.move("unpause")
    step.schedule(step.core.respecting_start_delay(at))


def _count_from_one(step: ActivityStep) -> None:
    step.change(
        attempt=1,
        reset_count=step.core.reset_count + 1,
        retry_interval=NO_DURATION,
        is_interval_given=False,
    )


def _drop_heartbeat(step: ActivityStep) -> None:
    step.keep_heartbeat(b"")
    step.change(last_heartbeat_at=NEVER)
