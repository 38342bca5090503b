"""The events that a workflow task will have, while it has none (semantics 4.2, 4.3).

Owns what is shown to a worker, and written later, for a transient or a speculative workflow task.
Must not know when they are written.
"""

from collections.abc import Sequence

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowTaskScheduledEventAttributes,
    WorkflowTaskStartedEventAttributes,
)
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.instants import duration_message
from indelible.engine.workflow.history_events import build_event
from indelible.engine.workflow.state import ExecutionRecord, WorkflowTaskRecord


def unwritten_events(
    execution: ExecutionRecord, task: WorkflowTaskRecord
) -> Sequence[HistoryEvent]:
    """Return the scheduled event, and the started event if it is started; () for a normal task."""
    if not task.is_unwritten:
        return ()
    scheduled = build_event(
        WorkflowTaskScheduledEventAttributes(
            task_queue=_queue(execution, task),
            start_to_close_timeout=duration_message(task.start_to_close_timeout),
            attempt=task.attempt,
        ),
        at=task.scheduled_at,
    )
    scheduled.event_id = execution.next_event_id
    if not task.is_started:
        return (scheduled,)
    stamp = WorkerVersionStamp(build_id=task.build_id) if task.build_id else None
    started = build_event(
        WorkflowTaskStartedEventAttributes(
            scheduled_event_id=scheduled.event_id,
            identity=task.identity,
            request_id=task.request_id,
            suggest_continue_as_new=task.suggest_continue_as_new,
            history_size_bytes=task.history_size_bytes,
            worker_version=stamp,
        ),
        at=task.started_at,
    )
    started.event_id = scheduled.event_id + 1
    return (scheduled, started)


def _queue(execution: ExecutionRecord, task: WorkflowTaskRecord) -> TaskQueue:
    if not task.is_sticky:
        return TaskQueue(name=execution.task_queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
    return TaskQueue(
        name=task.queue_name,
        kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY,
        normal_name=execution.task_queue,
    )
