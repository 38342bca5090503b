"""Queues as bulkheads: a queue full of slow work does not delay the critical one."""

import asyncio
import time

from temporalio import activity, workflow
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, span, verified

WORKED_ON: dict[str, set[str]] = {}
RELEASE = asyncio.Event()


@activity.defn
async def bulk_job(number: int) -> int:
    """Takes as long as it likes."""
    WORKED_ON.setdefault("bulk", set()).add(activity.info().task_queue)
    await RELEASE.wait()
    return number


@activity.defn
async def critical_job(number: int) -> int:
    """Is expected at once."""
    WORKED_ON.setdefault("critical", set()).add(activity.info().task_queue)
    return number


@workflow.defn
class RoutedWorkflow:
    """Sends its activity to the queue for that kind of work."""

    @workflow.run
    async def run(self, kind: str, queue: str, number: int) -> int:
        """Return what the activity returned."""
        return await workflow.execute_activity(
            f"{kind}_job",
            number,
            task_queue=queue,
            start_to_close_timeout=span(30),
            result_type=int,
        )


async def main() -> None:
    """Fill the slow queue, then time the critical one."""
    client = await connect()
    workflows, bulk, critical = (new_id(kind) for kind in ("workflows", "bulk", "critical"))

    async def send(kind: str, queue: str, number: int) -> int:
        return await client.execute_workflow(
            RoutedWorkflow.run,
            args=[kind, queue, number],
            id=new_id(kind),
            task_queue=workflows,
        )

    async with (
        Worker(client, task_queue=workflows, workflows=[RoutedWorkflow]),
        Worker(client, task_queue=bulk, activities=[bulk_job], max_concurrent_activities=2),
        Worker(client, task_queue=critical, activities=[critical_job]),
    ):
        slow = [asyncio.ensure_future(send("bulk", bulk, number)) for number in range(6)]
        began = time.monotonic()
        fast = await asyncio.gather(*(send("critical", critical, number) for number in range(6)))
        seconds = time.monotonic() - began
        blocked = sum(not task.done() for task in slow)
        RELEASE.set()
        finished = await asyncio.gather(*slow)
    print(f"critical work: {len(fast)} done while {blocked} bulk jobs were blocked")
    check(fast == list(range(6)), "all critical work was done")
    check(blocked == 6, "all bulk jobs were still blocked then")
    check(seconds < 10, "the critical queue did not wait for the bulk queue")
    check(finished == list(range(6)), "the bulk jobs end when they may")
    expected_queues = {"bulk": {bulk}, "critical": {critical}}
    check(expected_queues == WORKED_ON, "each job ran on its own queue")
    verified("the blocked queue did not delay the critical one")


if __name__ == "__main__":
    run(main)
