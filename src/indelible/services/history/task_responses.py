"""What a worker's poll returns: a workflow task or a query, with the history it needs."""

from collections.abc import Mapping

from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from indelible.base.ids import EventId
from indelible.base.instants import timestamp
from indelible.base.queue_kinds import NORMAL_QUEUE
from indelible.base.task_token import WorkflowTaskToken, encode_task_token
from indelible.engine.workflow.state import ExecutionRecord, WorkflowTaskRecord
from indelible.engine.workflow.unwritten_events import unwritten_events
from indelible.services.history.entries import Entry
from indelible.services.history.reading import read_events
from indelible.services.history.shard import Shard
from indelible.services.history.tokens import HistoryPageToken, encode_page_token


async def task_response(
    shard: Shard,
    entry: Entry,
    task: WorkflowTaskRecord,
    *,
    is_partial: bool,
    queries: Mapping[str, WorkflowQuery],
) -> PollWorkflowTaskQueueResponse:
    """Return the started workflow task as its worker gets it.

    `is_partial`: the worker knows the run, and gets only what came since its last workflow task
    (trap 21).
    """
    execution = entry.state.execution
    response = _base_response(execution)
    response.task_token = encode_task_token(workflow_task_token(execution, task))
    response.started_event_id = task.started_event_id
    response.attempt = task.attempt
    response.scheduled_time.CopyFrom(timestamp(task.scheduled_at))
    response.started_time.CopyFrom(timestamp(task.started_at))
    for query_id, query in queries.items():
        response.queries[query_id].CopyFrom(query)
    first = EventId(execution.last_completed_task_started_event_id + 1) if is_partial else 1
    await _add_history(shard, entry, response, EventId(first))
    return response


async def query_response(
    shard: Shard, entry: Entry, query: WorkflowQuery, *, is_sticky: bool
) -> PollWorkflowTaskQueueResponse:
    """Return a query as a worker gets it; the sticky worker knows the history already."""
    response = _base_response(entry.state.execution)
    response.query.CopyFrom(query)
    if is_sticky:
        response.history.SetInParent()
    else:
        await _add_history(shard, entry, response, EventId(1))
    return response


def workflow_task_token(execution: ExecutionRecord, task: WorkflowTaskRecord) -> WorkflowTaskToken:
    """Return the token of a started workflow task."""
    return WorkflowTaskToken(
        namespace_id=execution.namespace_id,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        scheduled_event_id=task.scheduled_event_id,
        started_event_id=task.started_event_id,
        attempt=task.attempt,
        started_at=task.started_at,
    )


def _base_response(execution: ExecutionRecord) -> PollWorkflowTaskQueueResponse:
    return PollWorkflowTaskQueueResponse(
        workflow_execution=WorkflowExecution(
            workflow_id=execution.workflow_id, run_id=execution.run_id
        ),
        workflow_type=WorkflowType(name=execution.workflow_type),
        previous_started_event_id=execution.last_completed_task_started_event_id,
        workflow_execution_task_queue=TaskQueue(name=execution.task_queue, kind=NORMAL_QUEUE),
    )


async def _add_history(
    shard: Shard, entry: Entry, response: PollWorkflowTaskQueueResponse, first: EventId
) -> None:
    """Add the first page of a history; the worker reads the others by their token."""
    execution = entry.state.execution
    end = execution.next_event_id
    events: list[HistoryEvent] = await read_events(shard, entry, first=first, end=end)
    following = EventId(events[-1].event_id + 1) if events else first
    if following < end:
        token = HistoryPageToken(run_id=execution.run_id, first=following, end=end)
        response.next_page_token = encode_page_token(token)
    elif execution.workflow_task is not None and not response.HasField("query"):
        events += unwritten_events(execution, execution.workflow_task)
    response.history.CopyFrom(History(events=events))
