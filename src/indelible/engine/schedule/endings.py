"""How a workflow that a schedule has started has ended, as its last event tells."""

from typing import Final

from temporalio.api.enums.v1 import EventType, TimeoutType, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import RunId
from indelible.base.instants import Instant
from indelible.engine.schedule.outcomes import ActionEnd

_Status = WorkflowExecutionStatus
_STATUSES: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _Status.WORKFLOW_EXECUTION_STATUS_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _Status.WORKFLOW_EXECUTION_STATUS_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _Status.WORKFLOW_EXECUTION_STATUS_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: (
        _Status.WORKFLOW_EXECUTION_STATUS_TERMINATED
    ),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: _Status.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
}


def action_end(
    closing: HistoryEvent, *, workflow_id: str, first_run_id: RunId, started_at: Instant
) -> ActionEnd:
    """Return what the last event of a chain of runs says.

    What was canceled or terminated leaves no failure to the next action, as in the reference
    (1.32): somebody wanted it.
    """
    result, failure = b"", Failure()
    match closing.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            completed = closing.workflow_execution_completed_event_attributes
            result = completed.result.SerializeToString()
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            failure = closing.workflow_execution_failed_event_attributes.failure
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
            failure = Failure(
                message="workflow timeout",
                timeout_failure_info=TimeoutFailureInfo(
                    timeout_type=TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
                ),
            )
        case _:
            pass
    return ActionEnd(
        workflow_id=workflow_id,
        first_run_id=first_run_id,
        started_at=started_at,
        status=_STATUSES[closing.event_type],
        result=result,
        failure=failure.SerializeToString(),
        message=failure.message,
    )
