"""Workflows that tests of the pytest plugin copy beside their own tests."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def ship() -> str:
    return "shipped"


@activity.defn
async def charge() -> str:
    raise ValueError("card declined")


@workflow.defn
class Patient:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=30))
        return await workflow.execute_activity(ship, start_to_close_timeout=timedelta(minutes=1))


@workflow.defn
class Reminding:
    """Reminds every day until it is told that it may stop."""

    def __init__(self) -> None:
        self._reminders = 0
        self._is_done = False

    @workflow.run
    async def run(self) -> int:
        while not self._is_done:
            try:
                await workflow.wait_condition(lambda: self._is_done, timeout=timedelta(days=1))
            except TimeoutError:
                self._reminders += 1
        return self._reminders

    @workflow.signal
    def done(self) -> None:
        self._is_done = True

    @workflow.query
    def reminders(self) -> int:
        return self._reminders


@workflow.defn
class Charging:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(charge, start_to_close_timeout=timedelta(minutes=1))
