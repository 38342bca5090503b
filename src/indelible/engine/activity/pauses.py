"""Pause and unpause of a standalone activity: begin no attempt before someone says so.

A worker that has an attempt keeps it, and is told with its next heartbeat (semantics 7.9).
"""

from temporalio.api.workflowservice.v1 import (
    PauseActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
)

from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import Instant
from indelible.engine.activity.state import ActivityStatus
from indelible.engine.activity.step import ActivityStep


def pause(step: ActivityStep, request: PauseActivityExecutionRequest) -> None:
    """Let no further attempt begin; a repeated request changes nothing, even after an unpause.

    Raises `FailedPreconditionError` if the activity is paused, is to be canceled or has closed.
    """
    core = step.core
    if request.request_id and core.pause_request_id == request.request_id:
        return
    if core.status not in {ActivityStatus.SCHEDULED, ActivityStatus.STARTED}:
        raise FailedPreconditionError(f"activity is in non-pausable state {core.status.word}")
    step.release()
    step.move(
        "pause",
        is_backing_off=False,
        paused_at=step.now,
        pause_identity=request.identity,
        pause_reason=request.reason,
        pause_request_id=request.request_id,
    )


def unpause(step: ActivityStep, request: UnpauseActivityExecutionRequest, *, at: Instant) -> None:
    """Let a paused activity go on, at `at` or when its interval has ended.

    A repeated request changes nothing. Raises `FailedPreconditionError` if it is not paused.
    """
    core = step.core
    if request.request_id and core.unpause_request_id == request.request_id:
        return
    if not core.is_open:
        raise FailedPreconditionError(f"activity is in terminal state {core.status.word}")
    if core.status not in {ActivityStatus.PAUSED, ActivityStatus.PAUSE_REQUESTED}:
        raise FailedPreconditionError(f"activity is in non-unpausable state {core.status.word}")
    step.move("unpause", unpause_request_id=request.request_id)
    if step.core.status is ActivityStatus.SCHEDULED:
        step.schedule(max(core.respecting_start_delay(at), core.retry_at))
