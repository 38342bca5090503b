"""Ten thousand items in one hundred children: each history stays short, the parent's as well."""

import asyncio
from collections import Counter

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        verified,
        working,
    )

CHILDREN = 100
ITEMS_PER_CHILD = 100
PROCESSED: Counter[int] = Counter()


@activity.defn
async def process_items(first: int, count: int) -> int:
    """Process a range of items: one activity for many small items, not one each."""
    PROCESSED.update(range(first, first + count))
    return count


@workflow.defn
class BatchChild:
    """One slice of the batch, with a history of its own."""

    @workflow.run
    async def run(self, first: int, count: int) -> int:
        """Return the number of items done."""
        return await workflow.execute_activity(
            process_items, args=[first, count], start_to_close_timeout=span(20)
        )


@workflow.defn
class BatchParent:
    """Deals out the slices. Its history grows by the children, not by the items."""

    @workflow.run
    async def run(self, children: int, items_per_child: int) -> int:
        """Return the number of items done by all children."""
        me = workflow.info().workflow_id
        done = await asyncio.gather(
            *(
                workflow.execute_child_workflow(
                    BatchChild.run,
                    args=[number * items_per_child, items_per_child],
                    id=f"{me}/slice-{number}",
                )
                for number in range(children)
            )
        )
        return sum(done)


async def main() -> None:
    """Run the batch and measure the parent."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(
        client, options, workflows=[BatchParent, BatchChild], activities=[process_items]
    ):
        handle = await client.start_workflow(
            BatchParent.run,
            args=[CHILDREN, ITEMS_PER_CHILD],
            id=new_id("batch"),
            task_queue=options.task_queue,
        )
        done = await handle.result()
        child = client.get_workflow_handle(f"{handle.id}/slice-7")
        child_events = await event_names(child)
    events = Counter(await event_names(handle))
    print(f"parent: {events.total()} events; a child: {len(child_events)}")
    for name, count in events.most_common():
        print(f"  {count:>4} {name}")
    total = CHILDREN * ITEMS_PER_CHILD
    check(done == total, "every item was counted")
    check(set(PROCESSED) == set(range(total)), "every item was processed")
    check(set(PROCESSED.values()) == {1}, "no item was processed twice")
    check(events["CHILD_WORKFLOW_EXECUTION_COMPLETED"] == CHILDREN, "every child completed")
    own = {name: count for name, count in events.items() if not name.startswith("WORKFLOW_TASK_")}
    check(sum(own.values()) == 3 * CHILDREN + 2, "the parent has three events for each child")
    check(events.total() < total / 10, "and far fewer events than the batch has items")
    check(len(child_events) == 11, "a child's history is that of one activity")
    verified(f"{total} items, each once, in {CHILDREN} children")


if __name__ == "__main__":
    run(main)
