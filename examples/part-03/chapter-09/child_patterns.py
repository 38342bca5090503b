"""Four ways with children: forget them, bear their failures, limit them, keep a window full."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

LIMIT = 4
CHILDREN = 16


class Gauge:
    """How many jobs run at once, and how many did at most."""

    now = 0
    most = 0


@activity.defn
async def work(number: int) -> int:
    """Take a little while."""
    Gauge.now += 1
    Gauge.most = max(Gauge.most, Gauge.now)
    await asyncio.sleep(0.05)
    Gauge.now -= 1
    return number


@workflow.defn
class Job:
    """A child. Odd jobs fail if they are told to."""

    @workflow.run
    async def run(self, number: int, odd_fails: bool) -> int:
        """Return the number."""
        if odd_fails and number % 2:
            raise ApplicationError(f"job {number} is odd")
        return await workflow.execute_activity(work, number, start_to_close_timeout=span(10))


@dataclass
class Outcome:
    """What the parent knows at its end."""

    done: list[int]
    failed: list[str]


@workflow.defn
class JobParent:
    """Deals with its children in the way that it is asked for."""

    @workflow.run
    async def run(self, pattern: str) -> Outcome:
        """Return what became of the children."""
        if pattern == "fire and forget":
            # Only the start is awaited. Without ABANDON the child would end with its parent.
            await workflow.start_child_workflow(
                Job.run,
                args=[99, False],
                id=self._id(99),
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
            return Outcome([], [])
        if pattern == "wait for all":
            return await self._wait_for_all()
        if pattern == "semaphore":
            return await self._semaphore()
        return await self._rolling_window()

    async def _wait_for_all(self) -> Outcome:
        """A failing child is a result like any other."""
        results = await asyncio.gather(
            *(self._child(number, odd_fails=True) for number in range(6)), return_exceptions=True
        )
        return Outcome(
            [result for result in results if isinstance(result, int)],
            [str(result.cause) for result in results if isinstance(result, ChildWorkflowError)],
        )

    async def _semaphore(self) -> Outcome:
        """All children are created, a few at a time get through."""
        semaphore = asyncio.Semaphore(LIMIT)

        async def limited(number: int) -> int:
            async with semaphore:
                return await self._child(number)

        done = await asyncio.gather(*(limited(number) for number in range(CHILDREN)))
        return Outcome(list(done), [])

    async def _rolling_window(self) -> Outcome:
        """As soon as one is done the next begins; their number need not be known beforehand."""
        done: list[int] = []
        window: list[asyncio.Task[int]] = []
        for number in range(CHILDREN):
            if len(window) == LIMIT:
                # `workflow.wait` keeps the order of its arguments, `asyncio.wait` returns sets.
                finished, window = await workflow.wait(window, return_when=asyncio.FIRST_COMPLETED)
                done += [task.result() for task in finished]
            window.append(asyncio.create_task(self._child(number)))
        done += await asyncio.gather(*window)
        return Outcome(done, [])

    async def _child(self, number: int, *, odd_fails: bool = False) -> int:
        return await workflow.execute_child_workflow(
            Job.run, args=[number, odd_fails], id=self._id(number)
        )

    def _id(self, number: int) -> str:
        return f"{workflow.info().workflow_id}/job-{number}"


async def outcome_of(client: Client, task_queue: str, pattern: str) -> tuple[str, Outcome, int]:
    """Run one pattern; return its id, its outcome and the most jobs that ran at once."""
    Gauge.most = 0
    workflow_id = new_id("jobs")
    outcome = await client.execute_workflow(
        JobParent.run, pattern, id=workflow_id, task_queue=task_queue
    )
    print(f"{pattern:<15} done {len(outcome.done)}, failed {outcome.failed}, most {Gauge.most}")
    return workflow_id, outcome, Gauge.most


async def main() -> None:
    """One pattern after the other."""
    options = parse_options(is_alone=True)
    client = await connect()
    queue = options.task_queue
    async with working(client, options, workflows=[JobParent, Job], activities=[work]):
        parent, _, _ = await outcome_of(client, queue, "fire and forget")
        forgotten = await client.get_workflow_handle(f"{parent}/job-99").result()
        _, partial, _ = await outcome_of(client, queue, "wait for all")
        _, limited, most_limited = await outcome_of(client, queue, "semaphore")
        _, rolling, most_rolling = await outcome_of(client, queue, "rolling window")
    check(forgotten == 99, "the forgotten child has done its job")
    check(partial.done == [0, 2, 4], "the others did theirs although some failed")
    check(partial.failed == [f"job {number} is odd" for number in (1, 3, 5)], "which is known")
    everything = list(range(CHILDREN))
    check(limited.done == everything, "the semaphore let everybody through")
    check(sorted(rolling.done) == everything, "and so did the window")
    check(1 <= most_limited <= LIMIT, "never more at once than the semaphore admits")
    check(1 <= most_rolling <= LIMIT, "never more at once than fit into the window")
    verified(f"four patterns of children, never more than {LIMIT} at once where there is a limit")


if __name__ == "__main__":
    run(main)
