"""What clients ask of a standalone Nexus operation that exists: to stop, or to end."""

from temporalio.api.failure.v1 import Failure, TerminatedFailureInfo
from temporalio.api.workflowservice.v1 import (
    RequestCancelNexusOperationExecutionRequest,
    TerminateNexusOperationExecutionRequest,
)

from indelible.base.calls import CallRecord
from indelible.base.errors import FailedPreconditionError
from indelible.engine.nexus_operation.state import OperationOutcome, OperationStatus
from indelible.engine.nexus_operation.step import OperationStep

DELETION_REASON = "Delete nexus operation execution"
_COMPLETED = "operation already completed"


def request_cancel(
    step: OperationStep, request: RequestCancelNexusOperationExecutionRequest
) -> None:
    """Have the handler told to stop, as soon as it has started the operation.

    A repeated request changes nothing, even of a closed operation. Raises `FailedPreconditionError`
    for another one, and if the operation has ended.
    """
    core = step.core
    if core.cancel is not None and core.cancel_request_id == request.request_id:
        return
    if not core.is_open:
        raise FailedPreconditionError(_COMPLETED)
    if core.cancel is not None:
        raise FailedPreconditionError(
            f"cancellation already requested with request ID {core.cancel_request_id}"
        )
    step.change(
        cancel=CallRecord(),
        cancel_requested_at=step.now,
        cancel_request_id=request.request_id,
        cancel_identity=request.identity,
        cancel_reason=request.reason,
    )
    if core.status is OperationStatus.STARTED:
        step.call_cancel()


def terminate(step: OperationStep, request: TerminateNexusOperationExecutionRequest) -> None:
    """End the operation at once; its handler is not told.

    A repeated request changes nothing. Raises `FailedPreconditionError` if the operation has ended
    in any other way.
    """
    core = step.core
    if core.status is OperationStatus.TERMINATED:
        if core.terminate_request_id == request.request_id:
            return
        raise FailedPreconditionError(
            f"already terminated with request ID {core.terminate_request_id}"
        )
    if not core.is_open:
        raise FailedPreconditionError(_COMPLETED)
    end(step, reason=request.reason, identity=request.identity, request_id=request.request_id)


def end(step: OperationStep, *, reason: str, identity: str, request_id: str) -> None:
    """Close an open operation as terminated."""
    failure = Failure(
        message=reason, terminated_failure_info=TerminatedFailureInfo(identity=identity)
    )
    step.change(terminate_request_id=request_id)
    step.close("terminate", OperationOutcome(failure=failure.SerializeToString()))
