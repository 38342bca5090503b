"""The request that a batch operation makes for each of its targets.

Owns how an operation becomes one. Whatever a client could ask for by itself is asked for in the
same way, and checked in the same way. A request id follows from the job and the target: a target
that is tried again gets the same, so a signal arrives once. Must not know who answers.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteWorkflowExecutionRequest,
    RequestCancelActivityExecutionRequest,
    RequestCancelWorkflowExecutionRequest,
    ResetActivityRequest,
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartBatchOperationRequest,
    TerminateActivityExecutionRequest,
    TerminateWorkflowExecutionRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from indelible.base.fresh_ids import uuid_text
from indelible.engine.batch.targets import Target, operation_name


class TargetCall(NamedTuple):
    """One request, and the name of the RPC that takes it."""

    rpc: str
    request: Message


def target_call(
    job: StartBatchOperationRequest, target: Target, *, reset_event_id: int = 0
) -> TargetCall:
    """Return the request for a target; a reset needs to be told where to."""
    name = operation_name(job)
    if name == "reset_operation":
        return _reset(job, target, reset_event_id)
    return _CALLS[name](job, target)


def _request_id(job: StartBatchOperationRequest, target: Target) -> str:
    parts = (job.job_id, operation_name(job), target.workflow_id, target.run_id)
    # Lengths keep apart what would look alike when it is put together.
    digest = blake2b(digest_size=16)
    for part in (part.encode("utf-8", "surrogatepass") for part in parts):
        digest.update(len(part).to_bytes(4, "big") + part)
    return uuid_text(digest.digest())


def _execution(target: Target) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=target.workflow_id, run_id=target.run_id)


def _terminate(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.termination_operation
    return TargetCall(
        "TerminateWorkflowExecution",
        TerminateWorkflowExecutionRequest(
            namespace=job.namespace,
            workflow_execution=_execution(target),
            reason=job.reason,
            details=operation.details if operation.HasField("details") else None,
            identity=operation.identity,
        ),
    )


def _signal(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.signal_operation
    return TargetCall(
        "SignalWorkflowExecution",
        SignalWorkflowExecutionRequest(
            namespace=job.namespace,
            workflow_execution=_execution(target),
            signal_name=operation.signal,
            input=operation.input if operation.HasField("input") else None,
            header=operation.header if operation.HasField("header") else None,
            identity=operation.identity,
            request_id=_request_id(job, target),
        ),
    )


def _cancel(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    return TargetCall(
        "RequestCancelWorkflowExecution",
        RequestCancelWorkflowExecutionRequest(
            namespace=job.namespace,
            workflow_execution=_execution(target),
            reason=job.reason,
            identity=job.cancellation_operation.identity,
            request_id=_request_id(job, target),
        ),
    )


def _delete(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    return TargetCall(
        "DeleteWorkflowExecution",
        DeleteWorkflowExecutionRequest(
            namespace=job.namespace, workflow_execution=_execution(target)
        ),
    )


def _reset(job: StartBatchOperationRequest, target: Target, event_id: int) -> TargetCall:
    operation = job.reset_operation
    with_options = operation.HasField("options")
    return TargetCall(
        "ResetWorkflowExecution",
        ResetWorkflowExecutionRequest(
            namespace=job.namespace,
            workflow_execution=_execution(target),
            reason=job.reason,
            workflow_task_finish_event_id=event_id,
            request_id=_request_id(job, target),
            reset_reapply_type=(
                operation.options.reset_reapply_type
                if with_options
                else operation.reset_reapply_type
            ),
            reset_reapply_exclude_types=operation.options.reset_reapply_exclude_types,
            post_reset_operations=operation.post_reset_operations,
            identity=operation.identity,
        ),
    )


def _update_options(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.update_workflow_options_operation
    return TargetCall(
        "UpdateWorkflowExecutionOptions",
        UpdateWorkflowExecutionOptionsRequest(
            namespace=job.namespace,
            workflow_execution=_execution(target),
            workflow_execution_options=operation.workflow_execution_options,
            update_mask=operation.update_mask,
            identity=operation.identity,
        ),
    )


def _unpause_activities(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.unpause_activities_operation
    request = UnpauseActivityRequest(
        namespace=job.namespace,
        execution=_execution(target),
        identity=operation.identity,
        reset_attempts=operation.reset_attempts,
        reset_heartbeat=operation.reset_heartbeat,
        jitter=operation.jitter if operation.HasField("jitter") else None,
    )
    if operation.type:
        request.type = operation.type
    else:
        request.unpause_all = True
    return TargetCall("UnpauseActivity", request)


def _reset_activities(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.reset_activities_operation
    request = ResetActivityRequest(
        namespace=job.namespace,
        execution=_execution(target),
        identity=operation.identity,
        reset_heartbeat=operation.reset_heartbeat,
        keep_paused=operation.keep_paused,
        jitter=operation.jitter if operation.HasField("jitter") else None,
        restore_original_options=operation.restore_original_options,
    )
    if operation.type:
        request.type = operation.type
    else:
        request.match_all = True
    return TargetCall("ResetActivity", request)


def _update_activity_options(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.update_activity_options_operation
    given = operation.HasField("activity_options")
    request = UpdateActivityOptionsRequest(
        namespace=job.namespace,
        execution=_execution(target),
        identity=operation.identity,
        activity_options=operation.activity_options if given else None,
        update_mask=operation.update_mask if given else None,
        restore_original=operation.restore_original,
    )
    if operation.type:
        request.type = operation.type
    else:
        request.match_all = True
    return TargetCall("UpdateActivityOptions", request)


def _cancel_activity(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.cancel_activities_operation
    return TargetCall(
        "RequestCancelActivityExecution",
        RequestCancelActivityExecutionRequest(
            namespace=job.namespace,
            activity_id=target.workflow_id,
            run_id=target.run_id,
            identity=operation.identity,
            reason=operation.reason,
            request_id=_request_id(job, target),
        ),
    )


def _terminate_activity(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    operation = job.terminate_activities_operation
    return TargetCall(
        "TerminateActivityExecution",
        TerminateActivityExecutionRequest(
            namespace=job.namespace,
            activity_id=target.workflow_id,
            run_id=target.run_id,
            identity=operation.identity,
            reason=operation.reason,
            request_id=_request_id(job, target),
        ),
    )


def _delete_activity(job: StartBatchOperationRequest, target: Target) -> TargetCall:
    return TargetCall(
        "DeleteActivityExecution",
        DeleteActivityExecutionRequest(
            namespace=job.namespace, activity_id=target.workflow_id, run_id=target.run_id
        ),
    )


_CALLS: Final[Mapping[str, Callable[[StartBatchOperationRequest, Target], TargetCall]]] = {
    "termination_operation": _terminate,
    "signal_operation": _signal,
    "cancellation_operation": _cancel,
    "deletion_operation": _delete,
    "update_workflow_options_operation": _update_options,
    "unpause_activities_operation": _unpause_activities,
    "reset_activities_operation": _reset_activities,
    "update_activity_options_operation": _update_activity_options,
    "cancel_activities_operation": _cancel_activity,
    "terminate_activities_operation": _terminate_activity,
    "delete_activities_operation": _delete_activity,
}
