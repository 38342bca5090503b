"""How far is it, and how long will it take? A query answers from the state of the workflow."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

PAGES = 20


@dataclass
class Progress:
    """An answer; None means that nothing is known yet."""

    percent: float
    seconds_left: float | None


@activity.defn
async def convert_page(page: int) -> int:
    """The work."""
    await asyncio.sleep(0.05)
    return page


@workflow.defn
class ConversionWorkflow:
    """Converts a book, page by page."""

    def __init__(self) -> None:
        """Not begun."""
        self.pages_done = 0
        self.pages = 0
        self.began_at = workflow.now()
        self.last_done_at = self.began_at

    @workflow.query
    def progress(self) -> Progress:
        """Read the state and leave it as it is: a query may run at any time, and again."""
        if not self.pages_done:
            return Progress(0.0, None)
        spent = (self.last_done_at - self.began_at).total_seconds()
        pages_left = self.pages - self.pages_done
        return Progress(
            percent=100 * self.pages_done / self.pages,
            seconds_left=spent / self.pages_done * pages_left,
        )

    @workflow.run
    async def run(self, pages: int) -> int:
        """Return the number of pages."""
        self.pages = pages
        for page in range(pages):
            await workflow.execute_activity(convert_page, page, start_to_close_timeout=span(10))
            self.pages_done += 1
            self.last_done_at = workflow.now()
        return self.pages_done


async def main() -> None:
    """Ask until it is done, and once more afterwards."""
    options = parse_options()
    client = await connect()
    seen: list[Progress] = []
    async with working(client, options, workflows=[ConversionWorkflow], activities=[convert_page]):
        handle = await client.start_workflow(
            ConversionWorkflow.run, PAGES, id=new_id("book"), task_queue=options.task_queue
        )
        while not seen or seen[-1].percent < 100:
            seen.append(await handle.query(ConversionWorkflow.progress))
            await asyncio.sleep(0.1)
        await handle.result()
        seen.append(await handle.query(ConversionWorkflow.progress))
    for progress in seen:
        left = "?" if progress.seconds_left is None else f"{progress.seconds_left:.1f} s"
        print(f"  {progress.percent:5.1f} %, {left} left")
    percents = [progress.percent for progress in seen]
    estimates = [progress.seconds_left for progress in seen if progress.seconds_left is not None]
    check(percents == sorted(percents), "it never went back")
    check(len(set(percents)) > 2, "it was seen on its way")
    check(percents[-1] == 100, "it reached the end, and a closed run still answers")
    check(all(left >= 0 for left in estimates), "no estimate is negative")
    check(estimates[-1] == 0, "nothing is left at the end")
    verified(f"{len(set(percents))} different answers, none smaller than the one before, 100 last")


if __name__ == "__main__":
    run(main)
