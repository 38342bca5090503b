"""A batch in runs of one hundred items: the work goes on, the history stays short."""

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

ITEMS_PER_RUN = 100
CHUNK = 25


@activity.defn
async def process_chunk(first: int, count: int) -> int:
    """Process a few items and return their number."""
    return len(range(first, first + count))


@workflow.defn
class BatchWorkflow:
    """One hundred items, then a new run that knows how far the work has come."""

    @workflow.run
    async def run(self, done: int, total: int) -> int:
        """Return the number of items after the last run."""
        for _ in range(ITEMS_PER_RUN // CHUNK):
            done += await workflow.execute_activity(
                process_chunk, args=[done, CHUNK], start_to_close_timeout=span(10)
            )
        if done < total:
            workflow.continue_as_new(args=[done, total])
        return done


async def main() -> None:
    """Process 300 items, then follow the chain of runs."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[BatchWorkflow], activities=[process_chunk]):
        handle = await client.start_workflow(
            BatchWorkflow.run, args=[0, 300], id=new_id("batch"), task_queue=options.task_queue
        )
        total = await handle.result()
    runs: list[tuple[str, int, str]] = []
    run_id = handle.first_execution_run_id or ""
    while run_id:
        history = await client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
        carried = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
        runs.append((run_id, len(history.events), carried.data.decode()))
        last = history.events[-1].workflow_execution_continued_as_new_event_attributes
        run_id = last.new_execution_run_id
    for run_id, events, carried in runs:
        print(f"run {run_id}: began at item {carried}, {events} events")
    check(total == 300, "all items were processed")
    check(len(runs) == 3, "three runs shared the work")
    check([carried for _, _, carried in runs] == ["0", "100", "200"], "the counter went on")
    check(len({events for _, events, _ in runs}) == 1, "no history is longer than the others")
    verified("300 items in 3 runs of one workflow id")


if __name__ == "__main__":
    run(main)
