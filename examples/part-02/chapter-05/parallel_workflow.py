"""Fifty activities at once; the results come back in the order of the questions."""

import asyncio
import time

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

CITIES = 50
SECONDS_PER_CITY = 0.3
FINISHED: list[int] = []


@activity.defn
async def forecast(city: int) -> str:
    """Ask a slow service; later cities are answered sooner, to make the order a test."""
    await asyncio.sleep(SECONDS_PER_CITY * (1.5 - city / CITIES))
    FINISHED.append(city)
    return f"city {city}: {city % 30} degrees"


@workflow.defn
class ForecastWorkflow:
    """Fans out, and in again."""

    @workflow.run
    async def run(self, cities: int) -> list[str]:
        """Return the answers; `gather` keeps the order of its arguments."""
        return await asyncio.gather(
            *(
                workflow.execute_activity(forecast, city, start_to_close_timeout=span(20))
                for city in range(cities)
            )
        )


async def main() -> None:
    """Compare the wall clock with the sum of the work."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(client, options, workflows=[ForecastWorkflow], activities=[forecast]):
        began = time.monotonic()
        handle = await client.start_workflow(
            ForecastWorkflow.run, CITIES, id=new_id("forecast"), task_queue=options.task_queue
        )
        answers = await handle.result()
        seconds = time.monotonic() - began
    events = await event_names(handle)
    work = CITIES * SECONDS_PER_CITY
    print(f"{work:.0f} s of waiting for {CITIES} answers took {seconds:.1f} s")
    print(f"first to finish: city {FINISHED[0]}; first in the result: {answers[0]!r}")
    check(
        [answer.split(":")[0] for answer in answers] == [f"city {n}" for n in range(CITIES)],
        "the answers are in the order of the questions",
    )
    check(sorted(FINISHED) != FINISHED, "although the activities finished in another order")
    check(seconds < work / 2, "the activities ran side by side")
    first = events.index("ACTIVITY_TASK_SCHEDULED")
    check(
        events[first : first + CITIES] == ["ACTIVITY_TASK_SCHEDULED"] * CITIES,
        "one workflow task scheduled them all",
    )
    verified(f"{CITIES} activities side by side, results in order")


if __name__ == "__main__":
    run(main)
