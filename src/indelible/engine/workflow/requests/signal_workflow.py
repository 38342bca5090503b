"""SignalWorkflowExecution: tell a run something (semantics 2.10)."""

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    ResourceExhaustedCause,
    ResourceExhaustedScope,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import WorkflowExecutionSignaledEventAttributes
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)

from indelible.base.errors import (
    InvalidArgumentError,
    resource_exhausted,
    workflow_already_completed,
)
from indelible.base.messages import copy_present
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition

SignalRequest = SignalWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest


def signal_workflow(
    step: Transition, request: SignalRequest, *, sender: WorkflowExecution | None = None
) -> None:
    """Record a signal and have a worker look at it.

    A repeated request id has no effect. `sender` is the execution that sent it, if one did. Raises
    `NotFoundError` if the run is closed, `InvalidArgumentError` if it has had too many signals.
    """
    if request.request_id and request.request_id in step.state.signal_requests:
        return
    _check_acceptance(step)
    is_with_start = isinstance(request, SignalWithStartWorkflowExecutionRequest)
    if is_with_start:
        payloads, has_input = request.signal_input, request.HasField("signal_input")
    else:
        payloads, has_input = request.input, request.HasField("input")
    attributes = WorkflowExecutionSignaledEventAttributes(
        signal_name=request.signal_name,
        identity=request.identity,
        request_id=request.request_id,
        external_workflow_execution=sender,
    )
    copy_present(request, attributes, ("header",))
    if has_input:
        attributes.input.CopyFrom(payloads)
    step.emit(attributes, links=list(request.links))
    if is_with_start or not step.execution.is_in_backoff:
        # During a start delay a plain signal waits; a signal-with-start does not (trap 9).
        require_workflow_task(step)


def _check_acceptance(step: Transition) -> None:
    execution = step.execution
    if not execution.is_open:
        raise workflow_already_completed()
    if 0 < step.settings.limits.signals_per_execution_max <= execution.signal_count:
        raise InvalidArgumentError("exceeded workflow execution limit for signal events")
    unhandled = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    task = execution.workflow_task
    if task is not None and task.is_started and execution.last_failed_task_cause == unhandled:
        raise resource_exhausted(
            "workflow operation can not be applied because workflow is closing",
            ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
            ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
        )
