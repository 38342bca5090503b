"""What this chapter tests and watches: a trial of three days that becomes a subscription."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import span

DAY_SECONDS = 86_400.0
CENTS_MAX = 100_000


@dataclass
class Customer:
    """Who tries it, what it will cost, and how long a day is."""

    name: str
    cents: int = 990
    day_seconds: float = DAY_SECONDS


@activity.defn
async def remind(name: str) -> None:
    """Tell the customer that the trial ends tomorrow."""
    activity.logger.info("dear %s, one day left", name)


@activity.defn
async def charge(name: str, cents: int) -> str:
    """Take the money; return the number of the receipt."""
    if cents > CENTS_MAX:
        raise ApplicationError("more than the card can bear", type="Declined", non_retryable=True)
    return f"{name}-{cents}-{activity.info().attempt}"


@activity.defn
async def import_contacts(names: list[str]) -> int:
    """Import one by one; an attempt goes on where the one before has reported to be."""
    reported = activity.info().heartbeat_details
    begin: int = reported[0] if reported else 0
    for position in range(begin, len(names)):
        activity.heartbeat(position + 1)
        await asyncio.sleep(0)  # Where a cancellation comes in.
    return len(names) - begin


@workflow.defn
class TrialWorkflow:
    """Two days, a reminder, one more day, and the first charge."""

    def __init__(self) -> None:
        """The trial begins."""
        self.status = "trial"
        self.is_given_up = False

    @workflow.signal
    def give_up(self) -> None:
        """The customer does not want it."""
        self.is_given_up = True

    @workflow.query
    def current_status(self) -> str:
        """How far it is."""
        return self.status

    @workflow.run
    async def run(self, customer: Customer) -> str:
        """Return the receipt, or that there is none."""
        if await self._gives_up_within(2 * customer.day_seconds):
            return "given up"
        await workflow.execute_activity(remind, customer.name, start_to_close_timeout=span(10))
        self.status = "reminded"
        if await self._gives_up_within(customer.day_seconds):
            return "given up"
        self.status = "charging"
        receipt = await workflow.execute_activity(
            charge,
            args=[customer.name, customer.cents],
            start_to_close_timeout=span(10),
            retry_policy=RetryPolicy(initial_interval=span(0.2), maximum_interval=span(2)),
        )
        self.status = "subscribed"
        return receipt

    async def _gives_up_within(self, seconds: float) -> bool:
        try:
            await workflow.wait_condition(lambda: self.is_given_up, timeout=span(seconds))
        except TimeoutError:
            return False
        return True
