"""Workflows that wait for days."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy


@workflow.defn
class Sleeper:
    """Sleeps, and says how many seconds have passed."""

    @workflow.run
    async def run(self, seconds: float) -> float:
        began_at = workflow.time()
        await asyncio.sleep(seconds)
        return workflow.time() - began_at


@workflow.defn
class Patience:
    """Sleeps a moment."""

    @workflow.run
    async def run(self) -> str:
        await asyncio.sleep(0.1)
        return "patient"


@activity.defn
async def fails_at_first() -> int:
    attempt = activity.info().attempt
    if attempt < 5:
        raise RuntimeError("not yet")
    return attempt


@workflow.defn
class Retrying:
    """Waits hours between attempts."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            fails_at_first,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )


@workflow.defn
class Parent:
    """Its children end in the order of their timers, however they were started."""

    @workflow.run
    async def run(self) -> list[str]:
        order: list[str] = []

        async def child(days: int, name: str) -> None:
            await workflow.execute_child_workflow(Sleeper.run, days * 86_400)
            order.append(name)

        await asyncio.gather(child(3, "three days"), child(1, "one day"), child(2, "two days"))
        return order


@workflow.defn
class Approval:
    """Waits a week for a yes."""

    def __init__(self) -> None:
        self._is_approved = False

    @workflow.run
    async def run(self) -> str:
        try:
            await workflow.wait_condition(lambda: self._is_approved, timeout=timedelta(days=7))
        except TimeoutError:
            return "rejected"
        return "approved"

    @workflow.update
    async def approve(self) -> str:
        self._is_approved = True
        return "thanks"

    @workflow.query
    def is_approved(self) -> bool:
        return self._is_approved
