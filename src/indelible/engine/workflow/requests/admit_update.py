"""UpdateWorkflowExecution: let an update wait for its worker (semantics 6.2)."""

from collections.abc import Mapping
from typing import Final

from temporalio.api.enums.v1 import (
    ResourceExhaustedCause,
    ResourceExhaustedScope,
    WorkflowTaskFailedCause,
)
from temporalio.api.update.v1 import Request

from indelible.base.errors import (
    FailedPreconditionError,
    ResourceExhaustedError,
    resource_exhausted,
    workflow_already_completed,
    workflow_not_ready,
)
from indelible.engine.workflow.rules.updates import AdmittedUpdate
from indelible.engine.workflow.rules.workflow_tasks import (
    schedule_speculative_task,
    schedule_workflow_task,
)
from indelible.engine.workflow.state import ExecutionRecord, StateView, WorkflowStatus
from indelible.engine.workflow.transition import Transition

FAILING_ATTEMPT: Final = 3
"""From this attempt of a workflow task on, an update would only wait in vain."""


def admit_update(
    step: Transition,
    request: Request,
    admitted: Mapping[str, AdmittedUpdate],
    *,
    may_speculate: bool,
) -> None:
    """Have a worker look at a new update; the caller keeps it beside the other `admitted` ones.

    With `may_speculate`, the workflow task may be one that leaves no trace. Raises `NotFoundError`
    for a closed run, `FailedPreconditionError` or `ResourceExhaustedError` for one that takes no
    updates (now).
    """
    execution = step.execution
    check_acceptance(execution)
    _check_limits(step, request, admitted)
    if execution.workflow_task is not None:
        return
    has_history = execution.last_completed_task_started_event_id > 0
    if may_speculate and has_history and not execution.is_in_backoff:
        schedule_speculative_task(step)
        step.is_volatile = not step.events
    else:
        schedule_workflow_task(step)


def check_acceptance(execution: ExecutionRecord) -> None:
    """Raise `ServiceError` if the run takes no updates."""
    if not execution.is_open:
        raise workflow_already_completed()
    if execution.status is WorkflowStatus.PAUSED:
        raise FailedPreconditionError("Workflow is paused. Cannot update the workflow.")
    task = execution.workflow_task
    attempt = task.attempt if task is not None else execution.workflow_task_attempt
    if attempt >= FAILING_ATTEMPT:
        raise workflow_not_ready(
            "Unable to perform workflow execution update due to Workflow Task in failed state."
        )
    unhandled = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    if task is not None and task.is_started and execution.last_failed_task_cause == unhandled:
        raise workflow_is_closing()


def workflow_is_closing() -> ResourceExhaustedError:
    """Return the refusal of an update of a run that ends; its successor may take it."""
    return resource_exhausted(
        "workflow operation can not be applied because workflow is closing",
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )


def _check_limits(
    step: Transition, request: Request, admitted: Mapping[str, AdmittedUpdate]
) -> None:
    limits = step.settings.limits
    unknown_count = sum(update_id not in step.state.updates for update_id in admitted)
    in_flight = unknown_count + _unanswered_count(step.state)
    if 0 < limits.updates_in_flight_max <= in_flight:
        raise _too_many(
            "limit on number of concurrent in-flight updates has been reached "
            f"({limits.updates_in_flight_max})"
        )
    total = unknown_count + len(step.state.updates)
    if 0 < limits.updates_per_execution_max <= total:
        raise FailedPreconditionError(
            "The limit on the total number of distinct updates in this workflow has been reached "
            f"({limits.updates_per_execution_max}). Repeat an update under its own id, or let the "
            "workflow continue as new."
        )
    size = request.ByteSize() + sum(update.request.ByteSize() for update in admitted.values())
    if 0 < limits.updates_in_flight_bytes_max <= size:
        raise _too_many(
            "limit on total payload size of in-flight updates has been reached "
            f"({limits.updates_in_flight_bytes_max} bytes)"
        )


def _unanswered_count(state: StateView) -> int:
    return sum(not record.completed_event_id for record in state.updates.values())


def _too_many(message: str) -> ResourceExhaustedError:
    return resource_exhausted(
        message,
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )
