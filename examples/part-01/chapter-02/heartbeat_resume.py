"""A long activity whose worker is killed: the next attempt resumes at the last heartbeat."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import (
        Options,
        check,
        connect,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        worker_process,
    )

ITEMS = 40
KILL_AFTER = 6


@activity.defn
async def process_file(journal: str, items: int) -> dict[str, int]:
    """Work item by item; the heartbeat says which item is done."""
    info = activity.info()
    first = int(info.heartbeat_details[0]) + 1 if info.heartbeat_details else 0
    for index in range(first, items):
        await asyncio.sleep(0.05)
        with Path(journal).open("a", encoding="utf-8") as file:
            file.write(f"{info.attempt} {index}\n")
        activity.heartbeat(index)
    return {"attempt": info.attempt, "resumed_at": first}


@workflow.defn
class FileWorkflow:
    """Has one file processed."""

    @workflow.run
    async def run(self, journal: str, items: int) -> dict[str, int]:
        """Return where the successful attempt began."""
        return await workflow.execute_activity(
            process_file,
            args=[journal, items],
            start_to_close_timeout=span(60),
            heartbeat_timeout=span(1),
            retry_policy=RetryPolicy(initial_interval=span(0.1)),
        )


async def work(options: Options) -> None:
    """A worker that passes each heartbeat on, where the SDK would by default send few of them."""
    worker = Worker(
        await connect(),
        task_queue=options.task_queue,
        workflows=[FileWorkflow],
        activities=[process_file],
        max_heartbeat_throttle_interval=span(0.05),
        default_heartbeat_throttle_interval=span(0.05),
        sticky_queue_schedule_to_start_timeout=span(2),
    )
    await worker.run()


async def last_heartbeat(handle: WorkflowHandle[FileWorkflow, dict[str, int]]) -> int:
    """The index that the server knows of, or -1."""
    description = await handle.describe()
    pending = description.raw_description.pending_activities
    details = pending[0].heartbeat_details.payloads if pending else []
    return int(details[0].data) if details else -1


async def main() -> None:
    """Kill the worker in the middle of the file; another one finishes it."""
    options = parse_options()
    if options.only_worker:
        await work(options)
    client = await connect()
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.txt"
        handle = await client.start_workflow(
            FileWorkflow.run,
            args=[str(journal), ITEMS],
            id=new_id("file"),
            task_queue=options.task_queue,
        )

        async def far_enough() -> bool:
            return await last_heartbeat(handle) >= KILL_AFTER

        async with worker_process(__file__, options.task_queue) as first:
            await until(far_enough)
            first.kill()
            await first.wait()
        known = await last_heartbeat(handle)
        print(f"worker killed; the server knows of item {known}")
        async with worker_process(__file__, options.task_queue):
            outcome = await handle.result()
        lines = [line.split() for line in journal.read_text(encoding="utf-8").splitlines()]
    print(f"attempt {outcome['attempt']} resumed at item {outcome['resumed_at']}")
    second = [int(index) for attempt, index in lines if attempt == "2"]
    check(outcome["attempt"] == 2, "the second attempt finished the file")
    check(outcome["resumed_at"] == known + 1, "it resumed right after the last heartbeat")
    check(second == list(range(known + 1, ITEMS)), "it did only what was left")
    check({int(index) for _, index in lines} == set(range(ITEMS)), "every item was processed")
    verified("the second attempt started at the last heartbeated index")


if __name__ == "__main__":
    run(main)
