"""Log lines of workflows: one for each time that something happens, however often it is replayed.

A worker without a cache replays the whole history for each new task. The SDK's logger is silent
meanwhile; a logger of one's own says everything again.
"""

import logging

from temporalio import activity, workflow
from temporalio.client import Client

with workflow.unsafe.imports_passed_through():
    from running import Options, check, connect, new_id, parse_options, run, span, verified, working

STEPS = 3
OWN = logging.getLogger("a logger of one's own")


@activity.defn
async def cook(dish: str) -> str:
    """Cook."""
    activity.logger.info("cooking %s", dish)
    return f"{dish}, hot"


@workflow.defn
class DinnerWorkflow:
    """Three dishes, one after the other."""

    @workflow.run
    async def run(self) -> list[str]:
        """Return the dishes."""
        dishes: list[str] = []
        for number in range(STEPS):
            workflow.logger.info("dish %d", number)
            OWN.info("dish %d", number)
            dishes.append(
                await workflow.execute_activity(
                    cook, f"dish {number}", start_to_close_timeout=span(10)
                )
            )
        return dishes


class Lines(logging.Handler):
    """Counts lines, and keeps what stands beside them."""

    def __init__(self, logger: logging.Logger) -> None:
        """Listen to this logger from now on."""
        super().__init__()
        self.records: list[logging.LogRecord] = []
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.records.append(record)

    def take(self) -> list[logging.LogRecord]:
        """The lines since the last time."""
        lines, self.records = self.records, []
        return lines


async def dinner(client: Client, options: Options, *, cached_runs: int) -> str:
    """Run one dinner on a worker of its own; return its workflow id."""
    async with working(
        client,
        options,
        workflows=[DinnerWorkflow],
        activities=[cook],
        max_cached_workflows=cached_runs,
    ):
        workflow_id = new_id("dinner")
        await client.execute_workflow(
            DinnerWorkflow.run, id=workflow_id, task_queue=options.task_queue
        )
    return workflow_id


async def main() -> None:
    """The same dinner with a cache and without one."""
    options = parse_options(is_alone=True)
    client = await connect()
    ours, own = Lines(workflow.logger.base_logger), Lines(OWN)
    cooked = Lines(activity.logger.base_logger)
    counts: dict[str, tuple[int, int, int]] = {}
    for name, cached_runs in (("with a cache", 100), ("without", 0)):
        workflow_id = await dinner(client, options, cached_runs=cached_runs)
        lines = [line for line in ours.take() if "dish" in line.getMessage()]
        counts[name] = (len(lines), len(own.take()), len(cooked.take()))
        print(f"  {name}: workflow.logger {counts[name][0]} lines, own logger {counts[name][1]}")
        for line in lines:
            fields = getattr(line, "temporal_workflow", {})
            check(fields.get("workflow_id") == workflow_id, "each line names its workflow id")
    check(counts["with a cache"] == (STEPS, STEPS, STEPS), "nothing is replayed with a cache")
    check(counts["without"][0] == STEPS, "the SDK's logger is silent during a replay")
    check(counts["without"][2] == STEPS, "activities are not replayed at all")
    # The first line is said in each of the four tasks, the second in three, the third in two.
    check(counts["without"][1] == 4 + 3 + 2, "a logger of one's own is not")
    verified("as many log lines with replays as without them")


if __name__ == "__main__":
    run(main)
