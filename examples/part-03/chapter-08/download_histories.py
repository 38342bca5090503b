"""What a pipeline does before a deployment: replay the histories of workflows that run now."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working

COUNT = 50


@workflow.defn
class SubscriptionWorkflow:
    """Runs for years; there are always some of them when new code is deployed."""

    def __init__(self) -> None:
        """Not renewed, not ended."""
        self.renewals = 0
        self.is_ended = False

    @workflow.signal
    def renew(self) -> None:
        """Another year."""
        self.renewals += 1

    @workflow.signal
    def end(self) -> None:
        """No more."""
        self.is_ended = True

    @workflow.run
    async def run(self) -> int:
        """Return the number of renewals."""
        await workflow.wait_condition(lambda: self.is_ended)
        return self.renewals


async def download(client: Client, query: str, folder: Path, *, count_max: int) -> int:
    """Write the histories that the query finds, one file each; return their number."""
    count = 0
    async for execution in client.list_workflows(query, limit=count_max):
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = await handle.fetch_history()
        (folder / f"{execution.id}.json").write_text(history.to_json(), encoding="utf-8")
        count += 1
    return count


async def histories_in(folder: Path) -> AsyncIterator[WorkflowHistory]:
    """The files as the replayer takes them."""
    for file in sorted(folder.glob("*.json")):
        yield WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))


async def main() -> None:
    """Start fifty subscriptions, download them while they run, replay them."""
    options = parse_options()
    client = await connect()
    query = (
        "WorkflowType = 'SubscriptionWorkflow' AND ExecutionStatus = 'Running' "
        f"AND TaskQueue = '{options.task_queue}'"
    )
    async with working(client, options, workflows=[SubscriptionWorkflow]):
        handles: list[WorkflowHandle[SubscriptionWorkflow, int]] = [
            await client.start_workflow(
                SubscriptionWorkflow.run, id=new_id("subscription"), task_queue=options.task_queue
            )
            for _ in range(COUNT)
        ]
        await asyncio.gather(*(handle.signal(SubscriptionWorkflow.renew) for handle in handles))

        async def all_listed() -> bool:
            return (await client.count_workflows(query)).count == COUNT

        await until(all_listed)
        with TemporaryDirectory() as name:
            folder = Path(name)
            count = await download(client, query, folder, count_max=COUNT)
            files = len(list(folder.glob("*.json")))
            replayed = await Replayer(workflows=[SubscriptionWorkflow]).replay_workflows(
                histories_in(folder), raise_on_replay_failure=False
            )
        await asyncio.gather(*(handle.signal(SubscriptionWorkflow.end) for handle in handles))
        renewals = await asyncio.gather(*(handle.result() for handle in handles))
    broken = list(replayed.replay_failures)
    print(f"downloaded {count}, files {files}, broken {len(broken)}")
    check(count == COUNT, "all running workflows were downloaded")
    check(files == COUNT, "each into a file of its own")
    check(not broken, "the code understands every one of them")
    check(renewals == [1] * COUNT, "and nobody has disturbed them")
    verified(f"{COUNT} running workflows downloaded and replayed")


if __name__ == "__main__":
    run(main)
