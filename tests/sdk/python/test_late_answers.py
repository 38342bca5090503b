"""What a worker says too late about a query must neither answer nor lose it."""

import asyncio

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import QueryResultType, WorkflowTaskFailedCause
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, refused
from tests.sdk.python.programs.basic import Waiting

CAUSE = "WORKFLOW_TASK_FAILED_CAUSE"

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def polled(harness: Harness) -> PollWorkflowTaskQueueResponse:
    return await harness.client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name=harness.task_queue), identity="by hand"
        )
    )


def completion(
    task: PollWorkflowTaskQueueResponse, answer: str
) -> RespondWorkflowTaskCompletedRequest:
    """No commands, and the same answer to each query of a task."""
    request = RespondWorkflowTaskCompletedRequest(
        namespace="default", task_token=task.task_token, identity="by hand"
    )
    payload = Payload(metadata={"encoding": b"json/plain"}, data=f'["{answer}"]'.encode())
    for query_id in task.queries:
        request.query_results[query_id].CopyFrom(
            WorkflowQueryResult(
                result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED,
                answer=Payloads(payloads=[payload]),
            )
        )
    return request


async def test_a_query_waits_on_when_its_answer_comes_too_late(harness: Harness) -> None:
    service = harness.client.workflow_service
    handle = await harness.start(Waiting.run)
    query = asyncio.create_task(handle.query(Waiting.noted))
    await handle.describe()  # Sent after the query; once it is answered, the query waits.
    first = await polled(harness)
    assert len(first.queries) == 1
    await service.respond_workflow_task_failed(
        RespondWorkflowTaskFailedRequest(
            namespace="default",
            task_token=first.task_token,
            cause=WorkflowTaskFailedCause.Value(f"{CAUSE}_WORKFLOW_WORKER_UNHANDLED_FAILURE"),
        )
    )
    second = await polled(harness)
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await service.respond_workflow_task_completed(completion(first, "too late"))
    assert list(second.queries) == list(first.queries)
    await service.respond_workflow_task_completed(completion(second, "in time"))
    assert await query == ["in time"]
    await handle.terminate()
