"""The start of an activity attempt: a worker polls, and the task in the queue is for it."""

from indelible.base.versions import Version
from indelible.engine.workflow.rules.activities import start_attempt
from indelible.engine.workflow.rules.activity_pausing import pause_by_rules
from indelible.engine.workflow.rules.versioning import (
    follow_worker,
    is_in_transition,
    moves_with_activity,
)
from indelible.engine.workflow.rules.workflow_tasks import (
    requeue_workflow_task,
    require_workflow_task,
    unstick,
)
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from indelible.engine.workflow.transition import Transition


def start_activity_task(
    step: Transition,
    task: ActivityTaskDispatch,
    *,
    identity: str,
    request_id: str,
    version: Version | None = None,
) -> ActivityRecord | None:
    """Give the current attempt to a worker; None if the task is obsolete (semantics 7.2).

    A repeated delivery with the same `request_id` gets the same answer and changes nothing. While
    the run moves to another version its activities wait; the end of the move queues them again. A
    workflow rule may pause the activity instead.
    """
    record = step.state.activities.get(task.scheduled_event_id)
    if record is None or not step.execution.is_open:
        return None
    if record.is_started:
        return record if request_id and record.start_request_id == request_id else None
    if record.dispatch_task_id != task.task_id:
        return None  # Another attempt has been dispatched since, or none yet.
    # Later attempts have met the rules when they failed, and when they came to their queue.
    if record.attempt == 1 and pause_by_rules(step, record):
        return None
    if is_in_transition(step.execution):
        return None
    if moves_with_activity(step, version):
        _move(step, version)
        return None
    return start_attempt(step, record.scheduled_event_id, identity=identity, request_id=request_id)


def _move(step: Transition, version: Version | None) -> None:
    """Have a worker of the new version look at the run before its activities go there."""
    follow_worker(step, version)
    unstick(step)
    if step.execution.workflow_task is not None:
        requeue_workflow_task(step)
    require_workflow_task(step)
