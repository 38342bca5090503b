"""RespondWorkflowTaskFailed: a worker could not complete a workflow task (semantics 4.6)."""

from typing import Final

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskFailedRequest

from indelible.base.failures import (
    FAILURE_TOO_LARGE,
    server_failure,
    truncated_failure,
)
from indelible.base.task_token import WorkflowTaskToken
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    SERVICE_IDENTITY,
    cause_name,
    require_started_task,
)
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.rules.workflow_tasks import (
    fail_workflow_task,
    schedule_workflow_task,
)
from indelible.engine.workflow.transition import Transition

FAILURE_KEPT_BYTES_MAX: Final = 512 * 1024
"""Of a failure that is larger than any payload may be."""


def respond_workflow_task_failed(
    step: Transition, request: RespondWorkflowTaskFailedRequest, token: WorkflowTaskToken
) -> None:
    """Record the failure and try again at once; raise `NotFoundError` if the task is gone.

    A worker that cannot send its answer because of its size never will: then the run is terminated
    (trap 39).
    """
    require_started_task(step, token)
    too_large = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE
    if request.cause == too_large:
        terminate_run(step, reason=cause_name(too_large), identity=SERVICE_IDENTITY)
        return
    fail_workflow_task(
        step,
        request.cause,
        failure=_bounded(step, request),
        identity=request.identity,
        binary_checksum=request.binary_checksum,
    )
    schedule_workflow_task(step)


def _bounded(step: Transition, request: RespondWorkflowTaskFailedRequest) -> Failure | None:
    if not request.HasField("failure"):
        return None
    if request.failure.ByteSize() <= step.settings.limits.blob_bytes_max:
        return request.failure
    failure = server_failure(FAILURE_TOO_LARGE, is_non_retryable=False)
    failure.cause.CopyFrom(truncated_failure(request.failure, FAILURE_KEPT_BYTES_MAX))
    return failure
