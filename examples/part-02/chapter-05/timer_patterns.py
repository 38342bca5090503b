"""Three uses of a durable timer: a deadline, a reminder that is cancelled, a sleep of thirty days.

A timer is a fact on the server's disk; no process needs to live while it runs. To see the end of
one, a day lasts fifty milliseconds here: `DAY_SECONDS` is the only thing to change.
"""

import asyncio

from temporalio import workflow
from temporalio.client import Client

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

DAY_SECONDS = 0.05  # 86_400 in earnest.
SLEEP_DAYS = 30
UNHURRIED_DAYS = 100_000


@workflow.defn
class ApprovalWorkflow:
    """Waits for a decision, but not for ever."""

    def __init__(self) -> None:
        """Undecided."""
        self.decision = ""

    @workflow.signal
    def decide(self, decision: str) -> None:
        """Somebody has decided."""
        self.decision = decision

    @workflow.run
    async def run(self, days: float) -> str:
        """Return the decision, or that nobody made one in time."""
        try:
            await workflow.wait_condition(
                lambda: bool(self.decision), timeout=span(days * DAY_SECONDS)
            )
        except TimeoutError:
            return "expired"
        return self.decision


@workflow.defn
class ReminderWorkflow:
    """Reminds after a while, unless the bill is paid before."""

    def __init__(self) -> None:
        """Unpaid."""
        self.is_paid = False

    @workflow.signal
    def pay(self) -> None:
        """The money is there."""
        self.is_paid = True

    @workflow.run
    async def run(self, days: float) -> str:
        """Return what became of the bill; a cancelled task cancels its timer."""
        reminder = asyncio.create_task(workflow.sleep(days * DAY_SECONDS))
        payment = asyncio.create_task(workflow.wait_condition(lambda: self.is_paid))
        await workflow.wait([reminder, payment], return_when=asyncio.FIRST_COMPLETED)
        if reminder.done():
            payment.cancel()
            return "reminded"
        reminder.cancel()
        return "paid"


@workflow.defn
class SubscriptionWorkflow:
    """Sleeps for a month, then renews."""

    @workflow.run
    async def run(self) -> float:
        """Return how long the sleep was, by the workflow's own clock."""
        began = workflow.now()
        await workflow.sleep(SLEEP_DAYS * DAY_SECONDS)
        return (workflow.now() - began).total_seconds()


async def approvals(client: Client, task_queue: str) -> list[str]:
    """One that is decided, one that expires."""
    decided = await client.start_workflow(
        ApprovalWorkflow.run, UNHURRIED_DAYS, id=new_id("approval"), task_queue=task_queue
    )
    expiring = await client.start_workflow(
        ApprovalWorkflow.run, 4, id=new_id("approval"), task_queue=task_queue
    )
    await decided.signal(ApprovalWorkflow.decide, "approved")
    return [await decided.result(), await expiring.result()]


async def main() -> None:
    """Run all three side by side."""
    options = parse_options()
    client = await connect()
    workflows = [ApprovalWorkflow, ReminderWorkflow, SubscriptionWorkflow]
    async with working(client, options, workflows=workflows):
        subscription = await client.start_workflow(
            SubscriptionWorkflow.run, id=new_id("subscription"), task_queue=options.task_queue
        )
        bill = await client.start_workflow(
            ReminderWorkflow.run, UNHURRIED_DAYS, id=new_id("bill"), task_queue=options.task_queue
        )
        decisions = await approvals(client, options.task_queue)
        await bill.signal(ReminderWorkflow.pay)
        outcome = await bill.result()
        bill_events = await event_names(bill)
        slept = await subscription.result()
    print(f"approvals: {decisions}; bill: {outcome}; slept {slept / DAY_SECONDS:.1f} days")
    check(decisions == ["approved", "expired"], "a decision in time, and a deadline that passed")
    check(outcome == "paid", "the bill was paid before the reminder")
    check(bill_events.count("TIMER_STARTED") == 1, "the reminder was one timer")
    check("TIMER_FIRED" not in bill_events, "which never fired")
    check(slept >= SLEEP_DAYS * DAY_SECONDS, "no timer fires early")
    check(slept < (SLEEP_DAYS + 200) * DAY_SECONDS, "nor much too late")
    verified("a deadline, a reminder that was not needed, and thirty days of sleep")


if __name__ == "__main__":
    run(main)
