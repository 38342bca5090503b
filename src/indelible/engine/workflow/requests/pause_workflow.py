"""PauseWorkflowExecution and UnpauseWorkflowExecution: stop a run without ending it, and go on.

While a run is paused nothing of it goes to a worker; its clocks go on, and so does what a worker
has already (semantics 2.9).
"""

from typing import Final

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import (
    WorkflowExecutionPausedEventAttributes,
    WorkflowExecutionUnpausedEventAttributes,
)
from temporalio.api.workflowservice.v1 import (
    PauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)

from indelible.base.errors import FailedPreconditionError, workflow_already_completed
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import queue_attempt
from indelible.engine.workflow.rules.activity_pausing import hold
from indelible.engine.workflow.rules.workflow_tasks import (
    fail_workflow_task,
    require_workflow_task,
)
from indelible.engine.workflow.transition import Transition

SERVICE_IDENTITY: Final = "history-service"
_NOT_STARTED: Final = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED
)


def pause_workflow(step: Transition, request: PauseWorkflowExecutionRequest) -> None:
    """Pause an open run; a repeated request id has no effect.

    Raises `NotFoundError` if the run is closed, `FailedPreconditionError` if it is paused.
    """
    execution = step.execution
    if not execution.is_open:
        raise workflow_already_completed()
    if execution.pause is not None:
        if request.request_id and execution.pause.request_id == request.request_id:
            return
        raise FailedPreconditionError("workflow is already paused.")
    step.emit(
        WorkflowExecutionPausedEventAttributes(
            identity=request.identity, reason=request.reason, request_id=request.request_id
        )
    )
    for record in list(step.state.activities.values()):
        hold(step, record)
    task = execution.workflow_task
    if task is not None and not task.is_started:
        # Nobody would ever end it; the run gets another one when it goes on.
        fail_workflow_task(step, _NOT_STARTED, identity=SERVICE_IDENTITY)
        step.change(deltas.NextWorkflowTaskAttempt(attempt=1, failed_cause=0))


def unpause_workflow(step: Transition, request: UnpauseWorkflowExecutionRequest) -> None:
    """Let a paused run go on.

    Raises `NotFoundError` if the run is closed, `FailedPreconditionError` if it is not paused.
    """
    execution = step.execution
    if not execution.is_open:
        raise workflow_already_completed()
    if execution.pause is None:
        raise FailedPreconditionError("workflow is not paused.")
    step.emit(
        WorkflowExecutionUnpausedEventAttributes(
            identity=request.identity, reason=request.reason, request_id=request.request_id
        )
    )
    for record in list(step.state.activities.values()):
        if not (record.is_started or record.is_backing_off or record.pause is not None):
            queue_attempt(step, record.scheduled_event_id)
    require_workflow_task(step)
