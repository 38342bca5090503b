"""RespondActivityTaskCanceled, by token and by id: an activity stopped as asked (semantics 7.5)."""

from temporalio.api.history.v1 import ActivityTaskCanceledEventAttributes
from temporalio.api.workflowservice.v1 import RespondActivityTaskCanceledRequest

from indelible.base.errors import InvalidArgumentError
from indelible.engine.workflow.rules.activities import (
    ActivityTarget,
    close_activity,
    find_activity,
)
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.transition import Transition


def respond_activity_task_canceled(
    step: Transition, request: RespondActivityTaskCanceledRequest, target: ActivityTarget
) -> None:
    """End the activity as canceled.

    Raises `InvalidArgumentError` if nobody asked for it (trap 28), and what `find_activity` does.
    """
    record = find_activity(step, target)
    if not record.is_cancel_requested:
        raise InvalidArgumentError(
            "unable to mark activity as canceled without activity being request canceled first"
        )
    close_activity(
        step,
        record,
        ActivityTaskCanceledEventAttributes(
            details=request.details if request.HasField("details") else None,
            latest_cancel_requested_event_id=record.cancel_requested_event_id,
            identity=request.identity,
        ),
        worker_version=request.worker_version if request.HasField("worker_version") else None,
    )
    require_workflow_task(step)
