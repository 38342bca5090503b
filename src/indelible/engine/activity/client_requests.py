"""What clients ask of a standalone activity that exists: to stop, or to end (semantics 7.11)."""

import json

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure, TerminatedFailureInfo
from temporalio.api.workflowservice.v1 import (
    RequestCancelActivityExecutionRequest,
    TerminateActivityExecutionRequest,
)

from indelible.base.errors import FailedPreconditionError
from indelible.engine.activity.attempts import cancel
from indelible.engine.activity.state import ActivityOutcome, ActivityStatus
from indelible.engine.activity.step import ActivityStep

DELETION_REASON = "Delete activity execution"


def request_cancel(step: ActivityStep, request: RequestCancelActivityExecutionRequest) -> None:
    """Have the worker told to stop; an activity that no worker has is canceled at once.

    A repeated request changes nothing. Raises `FailedPreconditionError` for another one, and if the
    activity has closed.
    """
    core = step.core
    if request.request_id and core.cancel_request_id == request.request_id:
        return
    if not core.is_open:
        raise _closed(core.status)
    if core.is_cancel_requested:
        raise FailedPreconditionError(
            f"cancellation already requested with request ID {core.cancel_request_id}"
        )
    step.change(
        cancel_request_id=request.request_id,
        cancel_identity=request.identity,
        cancel_reason=request.reason,
        is_paused_after_reset=False,
        drops_heartbeat_at_reset=False,
        restores_options_at_reset=False,
    )
    if core.is_started:
        step.move("request cancel")
    else:
        cancel(step, Payloads(payloads=[_text(request.reason)]))


def _text(text: str) -> Payload:
    return Payload(
        metadata={"encoding": b"json/plain"}, data=json.dumps(text, ensure_ascii=False).encode()
    )


def terminate(step: ActivityStep, request: TerminateActivityExecutionRequest) -> None:
    """Close at once; the worker learns it from its next report.

    A repeated request changes nothing. Raises `FailedPreconditionError` if the activity has closed
    in any other way.
    """
    core = step.core
    if core.status is ActivityStatus.TERMINATED:
        if core.terminate_request_id == request.request_id:
            return
        raise FailedPreconditionError(
            f"already terminated with request ID {core.terminate_request_id}"
        )
    if not core.is_open:
        raise _closed(core.status)
    end(step, reason=request.reason, identity=request.identity, request_id=request.request_id)


def end(step: ActivityStep, *, reason: str, identity: str, request_id: str) -> None:
    """Close an open activity as terminated."""
    failure = Failure(
        message=reason, terminated_failure_info=TerminatedFailureInfo(identity=identity)
    )
    step.change(terminate_request_id=request_id)
    step.close("terminate", ActivityOutcome(failure=failure.SerializeToString()))


def _closed(status: ActivityStatus) -> FailedPreconditionError:
    return FailedPreconditionError(f"activity is in terminal state {status.word}")
