"""RespondActivityTaskFailed, by token and by id: an attempt failed (semantics 7.4, 7.5)."""

from temporalio.api.enums.v1 import RetryState
from temporalio.api.workflowservice.v1 import RespondActivityTaskFailedRequest

from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import (
    ActivityTarget,
    fail_activity,
    find_activity,
    retry_activity,
)
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def respond_activity_task_failed(
    step: Transition, request: RespondActivityTaskFailedRequest, target: ActivityTarget
) -> None:
    """Schedule the next attempt of the activity, or end it. Raises what `find_activity` does."""
    record = find_activity(step, target)
    if request.HasField("last_heartbeat_details"):
        step.change(
            deltas.ActivityHeartbeatRecorded(
                scheduled_event_id=record.scheduled_event_id,
                at=step.now,
                details=request.last_heartbeat_details.SerializeToString(),
            )
        )
    retry_state = retry_activity(step, record, request.failure)
    if retry_state == RetryState.RETRY_STATE_IN_PROGRESS:
        return
    fail_activity(
        step,
        record,
        request.failure if request.HasField("failure") else None,
        retry_state,
        identity=request.identity,
        cause=request.cause,
        worker_version=request.worker_version if request.HasField("worker_version") else None,
    )
    require_workflow_task(step)
