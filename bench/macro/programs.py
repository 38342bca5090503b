"""The workflows that drive the load. They do as little as they can: the server is measured.

Imported by every worker; it must not know how they are driven.
"""

from datetime import timedelta

from temporalio import activity, workflow

ACTIVITIES_IN_A_ROW = 40
SIGNALS_PER_WORKFLOW = 20


@activity.defn
async def increment(number: int) -> int:
    return number + 1


@workflow.defn
class OneActivity:
    @workflow.run
    async def run(self, number: int) -> int:
        return await workflow.execute_activity(
            increment, number, start_to_close_timeout=timedelta(seconds=30)
        )


@workflow.defn
class FortyActivities:
    @workflow.run
    async def run(self, number: int) -> int:
        for _ in range(ACTIVITIES_IN_A_ROW):
            number = await workflow.execute_activity(
                increment, number, start_to_close_timeout=timedelta(seconds=30)
            )
        return number


@workflow.defn
class Signals:
    def __init__(self) -> None:
        self.total = 0
        self.received = 0

    @workflow.signal
    def add(self, number: int) -> None:
        self.total += number
        self.received += 1

    @workflow.run
    async def run(self, expected: int) -> int:
        await workflow.wait_condition(lambda: self.received >= expected)
        return self.total
