"""What became of a call to the handler of a Nexus operation (semantics 9.2).

An outcome counts only if the state still waits for that very attempt: the operation may have timed
out or been completed meanwhile.
"""

from typing import assert_never

from temporalio.api.failure.v1 import Failure

from indelible.base.calls import CallState
from indelible.base.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    OperationTimedOut,
    StartOutcome,
)
from indelible.engine.workflow.rules.nexus_operations import (
    back_off,
    close_operation,
    end_cancel,
    start_operation,
    time_out_operation,
)
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def record_nexus_start(
    step: Transition, scheduled_event_id: int, attempt: int, outcome: StartOutcome
) -> None:
    """Record what became of an attempt to start an operation."""
    record = step.state.nexus_operations.get(scheduled_event_id)
    if record is None or not step.execution.is_open or record.is_started:
        return
    if record.start.state is not CallState.SCHEDULED or record.start.attempt != attempt:
        return
    match outcome:
        case CallFailed():
            back_off(step, record, outcome.failure, is_cancel=False)
            return
        case OperationStarted():
            start_operation(step, record, outcome)
        case OperationSucceeded() | OperationFailed():
            close_operation(step, record, outcome)
        case OperationTimedOut():
            time_out_operation(step, record, outcome.timeout_type)
        case _:
            assert_never(outcome)
    require_workflow_task(step)


def record_nexus_cancel(
    step: Transition,
    scheduled_event_id: int,
    attempt: int,
    failure: Failure | None,
    *,
    is_retryable: bool = False,
) -> None:
    """Record what became of an attempt to cancel an operation; no failure means delivered."""
    record = step.state.nexus_operations.get(scheduled_event_id)
    if record is None or record.cancel is None or not step.execution.is_open:
        return
    if record.cancel.state is not CallState.SCHEDULED or record.cancel.attempt != attempt:
        return
    if failure is not None and is_retryable:
        back_off(step, record, failure, is_cancel=True)
        return
    end_cancel(step, record, failure)
    require_workflow_task(step)
