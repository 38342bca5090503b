"""A worker takes the scheduled workflow task: what the poll of matching asks of history."""

from enum import Enum, auto

from indelible.base.versions import Version
from indelible.engine.workflow.rules.versioning import follow_worker, is_misdirected
from indelible.engine.workflow.rules.workflow_tasks import (
    requeue_workflow_task,
    start_workflow_task as record_start,
    unstick,
)
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.engine.workflow.transition import Transition


class TaskStart(Enum):
    """What came of the attempt to start a workflow task."""

    STARTED = auto()
    """The worker has it; also when the same delivery asks again."""
    TAKEN = auto()
    """Another worker has it, and its start is not durable yet: the row must stay."""
    OBSOLETE = auto()
    MOVED = auto()
    """The worker is of the wrong version: the task waits for another one."""


def start_workflow_task(
    step: Transition,
    task: WorkflowTaskDispatch,
    *,
    request_id: str,
    identity: str,
    build_id: str,
    version: Version | None = None,
) -> TaskStart:
    """Mark the workflow task as started by a worker.

    The start of a first attempt is volatile: it is written with the next commit of the run
    (ARCHITECTURE.md). A worker of the normal queue ends the stickiness to another one (semantics
    4.1).
    """
    pending = step.execution.workflow_task
    if pending is None or pending.dispatch_task_id != task.task_id or not step.execution.is_open:
        return TaskStart.OBSOLETE
    if pending.is_started:
        return TaskStart.STARTED if pending.request_id == request_id else TaskStart.TAKEN
    if is_misdirected(step, version, is_sticky=task.is_sticky):
        requeue_workflow_task(step)
        return TaskStart.MOVED
    step.is_volatile = True
    if not task.is_sticky:
        unstick(step)
    record_start(step, request_id=request_id, identity=identity, build_id=build_id)
    follow_worker(step, version)
    return TaskStart.STARTED
