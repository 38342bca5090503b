"""Map and reduce over chunks; the activities are called by name, as if another team owned them."""

import asyncio
from dataclasses import dataclass

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

NUMBERS = 1_000
CHUNK = 100


@dataclass
class Chunk:
    """A range of the input: the workflow hands out ranges, not the numbers themselves."""

    first: int
    count: int


@dataclass
class Partial:
    """What one chunk contributes. Sums and counts can be merged, averages cannot."""

    total: int = 0
    count: int = 0


@activity.defn(name="map_chunk")
async def map_chunk(chunk: Chunk) -> Partial:
    """Square and add the numbers of a chunk."""
    numbers = range(chunk.first, chunk.first + chunk.count)
    return Partial(sum(number * number for number in numbers), chunk.count)


@activity.defn(name="reduce_partials")
async def reduce_partials(partials: list[Partial]) -> Partial:
    """Merge what the chunks have contributed."""
    return Partial(sum(part.total for part in partials), sum(part.count for part in partials))


@workflow.defn
class MapReduce:
    """Knows names, inputs and outputs of the activities, and not their code."""

    @workflow.run
    async def run(self, numbers: int, chunk: int) -> dict[str, float]:
        """Return total and average of the squares."""
        partials: list[Partial] = await asyncio.gather(
            *(
                workflow.execute_activity(
                    "map_chunk",
                    Chunk(first, min(chunk, numbers - first)),
                    result_type=Partial,
                    start_to_close_timeout=span(10),
                )
                for first in range(0, numbers, chunk)
            )
        )
        # In pairs, as a tree: no input of a reducer grows with the number of chunks.
        while len(partials) > 1:
            partials = await asyncio.gather(
                *(
                    workflow.execute_activity(
                        "reduce_partials",
                        partials[first : first + 2],
                        result_type=Partial,
                        start_to_close_timeout=span(10),
                    )
                    for first in range(0, len(partials), 2)
                )
            )
        return {"total": partials[0].total, "average": partials[0].total / partials[0].count}


async def main() -> None:
    """Compare with the sum computed here."""
    options = parse_options()
    client = await connect()
    async with working(
        client, options, workflows=[MapReduce], activities=[map_chunk, reduce_partials]
    ):
        handle = await client.start_workflow(
            MapReduce.run, args=[NUMBERS, CHUNK], id=new_id("map"), task_queue=options.task_queue
        )
        result = await handle.result()
    scheduled = (await event_names(handle)).count("ACTIVITY_TASK_SCHEDULED")
    expected = sum(number * number for number in range(NUMBERS))
    print(f"{result} by {scheduled} activities")
    check(result == {"total": expected, "average": expected / NUMBERS}, "the sum is right")
    check(scheduled == NUMBERS // CHUNK + 5 + 3 + 2 + 1, "ten chunks, merged in pairs")
    verified(f"total and average of {NUMBERS} squares, in chunks of {CHUNK}")


if __name__ == "__main__":
    run(main)
