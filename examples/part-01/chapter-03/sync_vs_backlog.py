"""Where a task waits: in the queue's backlog while nobody polls, nowhere while somebody does."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow
from temporalio.api.enums.v1 import EventType, TaskQueueKind, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working

WORKFLOW_COUNT = 20


@workflow.defn
class Tick:
    """As little work as a workflow can be."""

    @workflow.run
    async def run(self, number: int) -> int:
        """Return the number."""
        return number


async def backlog(client: Client, task_queue: str) -> int:
    """How many workflow tasks lie in the queue, as the server tells."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )
    )
    return answer.stats.approximate_backlog_count


async def start(client: Client, task_queue: str) -> list[WorkflowHandle[Tick, int]]:
    """Start all workflows on the queue."""
    return [
        await client.start_workflow(Tick.run, number, id=new_id("tick"), task_queue=task_queue)
        for number in range(WORKFLOW_COUNT)
    ]


async def finish(handles: Sequence[WorkflowHandle[Tick, int]]) -> None:
    """Wait for all results."""
    results = await asyncio.gather(*(handle.result() for handle in handles))
    check(results == list(range(WORKFLOW_COUNT)), "every workflow has completed")


async def waits(handles: Sequence[WorkflowHandle[Tick, int]]) -> list[float]:
    """Seconds between the scheduling of each run's first task and its start."""
    found: list[float] = []
    for handle in handles:
        times = {
            event.event_type: event.event_time.ToNanoseconds()
            for event in (await handle.fetch_history()).events
        }
        scheduled = times[EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED]
        found.append((times[EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED] - scheduled) / 1e9)
    return sorted(found)


async def main() -> None:
    """The same workflows twice: before there is a worker, and while one is waiting."""
    options = parse_options(is_alone=True)
    client = await connect()
    queue = options.task_queue

    async def has_backlog() -> bool:
        return await backlog(client, queue) == WORKFLOW_COUNT

    async def is_empty() -> bool:
        return await backlog(client, queue) == 0

    stored = await start(client, queue)
    await until(has_backlog)
    print(f"nobody polls: the backlog is {WORKFLOW_COUNT}")
    async with working(client, options, workflows=[Tick]):
        await finish(stored)
        await until(is_empty)
        print("a worker came: the backlog is 0")
        matched = await start(client, queue)
        await finish(matched)
        await until(is_empty)
    waited, handed_over = await waits(stored), await waits(matched)
    middle = WORKFLOW_COUNT // 2
    print(f"median wait in the backlog {waited[middle] * 1000:7.1f} ms")
    print(f"median wait at a poller    {handed_over[middle] * 1000:7.1f} ms")
    check(handed_over[middle] < waited[middle], "a waiting poller is faster than a backlog")
    verified(f"backlog {WORKFLOW_COUNT}, then 0; a poller that waits has the task at once")


if __name__ == "__main__":
    run(main)
