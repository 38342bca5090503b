"""What runs while the server is killed. Imported by the sandbox, so it imports little."""

from collections import Counter
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

# How often each at-most-once activity was begun, by workflow and activity id: this process is the
# only worker, so a server that forgets a start after a crash is caught here.
BEGUN: Counter[str] = Counter()


@activity.defn
async def repeatable(number: int) -> int:
    """May run more than once."""
    return number * 2


@activity.defn
async def once_only(number: int) -> int:
    """May run at most once."""
    info = activity.info()
    BEGUN[f"{info.workflow_id}/{info.activity_id}"] += 1
    return number


@workflow.defn
class Ledger:
    """Books what it is signalled until it is told to stop; works and sleeps in between."""

    def __init__(self) -> None:
        self.booked: list[int] = []
        self.stopped = False

    @workflow.signal
    def book(self, number: int) -> None:
        self.booked.append(number)

    @workflow.signal
    def stop(self) -> None:
        self.stopped = True

    @workflow.query
    def bookings(self) -> list[int]:
        return self.booked

    @workflow.run
    async def run(self, number: int) -> dict[str, Any]:
        doubled = await workflow.execute_activity(
            repeatable, number, start_to_close_timeout=timedelta(seconds=3)
        )
        await workflow.sleep(timedelta(milliseconds=50))
        try:
            once: int | None = await workflow.execute_activity(
                once_only,
                number,
                start_to_close_timeout=timedelta(seconds=3),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError:
            once = None  # It timed out: the worker could not tell its result in time.
        await workflow.wait_condition(lambda: self.stopped)
        return {"doubled": doubled, "once": once, "booked": self.booked}


@workflow.defn
class Errand:
    """Ends by itself after one activity."""

    @workflow.run
    async def run(self, number: int) -> int:
        return await workflow.execute_activity(
            repeatable, number, start_to_close_timeout=timedelta(seconds=3)
        )
