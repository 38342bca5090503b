"""Reading a workflow from outside: while it works, when it is done, and which tasks it waits in."""

from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )


@activity.defn
async def import_row(row: int) -> int:
    """One row of a table."""
    return row


@workflow.defn
class ImportWorkflow:
    """Imports rows; halfway it waits for somebody to look at them."""

    def __init__(self) -> None:
        """Nothing imported."""
        self.rows_done = 0
        self.reviewed = False

    @workflow.signal
    def review(self) -> None:
        """The first half is fine."""
        self.reviewed = True

    @workflow.query
    def rows(self) -> int:
        """How many rows are imported. A query changes nothing and awaits nothing."""
        return self.rows_done

    @workflow.query(name="rows_per_table")
    def table(self, name: str) -> dict[str, int]:
        """Queries take arguments as well."""
        return {name: self.rows_done}

    @workflow.run
    async def run(self, rows: int) -> int:
        """Return the number of rows."""
        for row in range(rows):
            if row == rows // 2:
                await workflow.wait_condition(lambda: self.reviewed)
            await workflow.execute_activity(import_row, row, start_to_close_timeout=span(10))
            self.rows_done += 1
        return self.rows_done


async def unknown_query(handle: WorkflowHandle[Any, Any]) -> str:
    """What the worker says about a query that it does not know."""
    try:
        await handle.query("colour")
    except WorkflowQueryFailedError as error:
        return str(error)
    return ""


async def main() -> None:
    """Ask halfway, ask about the code, ask after the end."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ImportWorkflow], activities=[import_row]):
        handle = await client.start_workflow(
            ImportWorkflow.run, 6, id=new_id("import"), task_queue=options.task_queue
        )

        async def is_halfway() -> bool:
            return await handle.query(ImportWorkflow.rows) == 3

        await until(is_halfway)
        before = await event_names(handle)
        table = await handle.query(ImportWorkflow.table, "customers")
        trace = await handle.query("__stack_trace", result_type=str)
        refusal = await unknown_query(handle)
        after = await event_names(handle)
        await handle.signal(ImportWorkflow.review)
        await handle.result()
        closed = await event_names(handle)
        at_the_end = await handle.query(ImportWorkflow.rows)
        still_closed = await event_names(handle)
    print(f"halfway: {table}; stack trace: {trace.splitlines()[0][:60]}...")
    print(f"unknown query: {refusal.splitlines()[0] if refusal else '?'}")
    print(f"after the end: {at_the_end} rows")
    check(table == {"customers": 3}, "the query saw the first half")
    check("run (workflow: ImportWorkflow" in trace, "the stack trace shows the waiting task")
    check("colour" in refusal, "an unknown query is refused by name")
    check(before == after, "four queries left no event behind")
    check(at_the_end == 6, "a closed workflow still answers")
    check(closed == still_closed, "and its history is as it was")
    verified("queries answered before and after the end, without a single event")


if __name__ == "__main__":
    run(main)
