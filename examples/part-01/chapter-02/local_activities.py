"""Cheap calls without a round trip: a local activity is a marker in the history."""

from collections import Counter

from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

CALLS = 10


@activity.defn
async def square(number: int) -> int:
    """Something that takes no time."""
    return number * number


@workflow.defn
class LocalWorkflow:
    """Many small calls in one workflow task."""

    @workflow.run
    async def run(self, calls: int) -> int:
        """Return the sum of the squares."""
        total = 0
        for number in range(calls):
            total += await workflow.execute_local_activity(
                square, number, start_to_close_timeout=span(5)
            )
        return total


async def main() -> None:
    """Count the kinds of events."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[LocalWorkflow], activities=[square]):
        handle = await client.start_workflow(
            LocalWorkflow.run, CALLS, id=new_id("local"), task_queue=options.task_queue
        )
        total = await handle.result()
    kinds = Counter(event.event_type for event in (await handle.fetch_history()).events)
    for kind, count in sorted(kinds.items()):
        print(f"{count:>3} {EventType.Name(kind).removeprefix('EVENT_TYPE_')}")
    check(total == sum(number * number for number in range(CALLS)), "the sum is right")
    check(kinds[EventType.EVENT_TYPE_MARKER_RECORDED] == CALLS, "one marker for each call")
    check(kinds[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] == 0, "no activity task was needed")
    verified(f"{CALLS} local activities, {CALLS} markers, no activity task")


if __name__ == "__main__":
    run(main)
