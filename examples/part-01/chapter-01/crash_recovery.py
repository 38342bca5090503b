"""An order whose worker process is killed after the second step; another process finishes it.

Each step leaves a line in a ledger file, the only thing outside the workflow. The steps that were
completed before the crash are not done again: their results are in the history.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        worker_process,
        working,
    )

STEPS = ("reserve stock", "charge card", "ship parcel")


@activity.defn
async def carry_out(step: str, ledger: str) -> str:
    """Do one step: the side effect is a line with the id of the process that did it."""
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(f"{step}|{os.getpid()}\n")
    return f"{step}: done"


@workflow.defn
class OrderWorkflow:
    """Reserve, charge, wait until the parcel is packed, ship."""

    @workflow.run
    async def run(self, ledger: str) -> list[str]:
        """Return what each step answered."""
        done: list[str] = []
        for step in STEPS:
            if step == "ship parcel":
                await workflow.sleep(2)  # Packing: a durable timer, no process needs to be alive.
            done.append(
                await workflow.execute_activity(
                    carry_out, args=[step, ledger], start_to_close_timeout=span(5)
                )
            )
        return done


async def main() -> None:
    """Kill the first worker while the order waits, and let a second one finish it."""
    options = parse_options()
    client = await connect()
    if options.only_worker:
        async with working(client, options, workflows=[OrderWorkflow], activities=[carry_out]):
            return
    with TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.txt"
        handle = await client.start_workflow(
            OrderWorkflow.run, str(ledger), id=new_id("order"), task_queue=options.task_queue
        )

        async def timer_started() -> bool:
            history = await handle.fetch_history()
            return any(e.HasField("timer_started_event_attributes") for e in history.events)

        async with worker_process(__file__, options.task_queue) as first:
            await until(timer_started)
            first.kill()
            await first.wait()
            print("first worker killed after step 2")
        async with worker_process(__file__, options.task_queue):
            done = await handle.result()
        lines = ledger.read_text(encoding="utf-8").splitlines()
    description = await handle.describe()
    print("\n".join(f"  {line}" for line in lines))
    check(done == [f"{step}: done" for step in STEPS], "all three steps answered")
    check([line.split("|")[0] for line in lines] == list(STEPS), "each step happened exactly once")
    check(len({line.split("|")[1] for line in lines}) == 2, "two processes shared the work")
    check(description.run_id == handle.first_execution_run_id, "it is still the same run")
    verified("the order survived the death of its worker, every step done once")


if __name__ == "__main__":
    run(main)
