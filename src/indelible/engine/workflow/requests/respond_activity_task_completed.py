"""RespondActivityTaskCompleted, by token and by id: an activity has its result (semantics 7.5)."""

from temporalio.api.history.v1 import ActivityTaskCompletedEventAttributes
from temporalio.api.workflowservice.v1 import RespondActivityTaskCompletedRequest

from indelible.engine.workflow.rules.activities import (
    ActivityTarget,
    close_activity,
    find_activity,
    start_attempt,
)
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def respond_activity_task_completed(
    step: Transition, request: RespondActivityTaskCompletedRequest, target: ActivityTarget
) -> None:
    """Complete the activity, even if its cancellation was requested (trap 28).

    By id it may be one that no worker has: then a start is made up (trap 29). Raises what
    `find_activity` does.
    """
    record = find_activity(step, target, is_start_needed=False)
    if not record.is_started:
        record = start_attempt(
            step, record.scheduled_event_id, identity=request.identity, request_id=""
        )
    close_activity(
        step,
        record,
        ActivityTaskCompletedEventAttributes(
            result=request.result if request.HasField("result") else None,
            identity=request.identity,
        ),
        worker_version=request.worker_version if request.HasField("worker_version") else None,
    )
    require_workflow_task(step)
