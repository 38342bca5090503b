"""Workflows with a bug each that only shows when something goes wrong.

Each works as long as nothing does; the tests of the explorer say which faults bring it to light.
"""

from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

MINUTE: Final = timedelta(minutes=1)


@activity.defn
async def book(amount: int) -> int:
    return amount


@workflow.defn
class Account:
    """Takes deposits, and begins a new run each day: one that is still being booked gets lost.

    It should wait for `workflow.all_handlers_finished` before it continues as new.
    """

    def __init__(self) -> None:
        self._balance = 0

    @workflow.run
    async def run(self, balance: int, days_left: int) -> int:
        self._balance += balance
        await workflow.sleep(timedelta(days=1))
        if days_left:
            workflow.continue_as_new(args=[self._balance, days_left - 1])
        return self._balance

    @workflow.signal(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def deposit(self, amount: int) -> None:
        booked = await workflow.execute_activity(
            book, amount, start_to_close_timeout=timedelta(days=2)
        )
        self._balance += booked  # Not `+= await`, which would add to the balance of before.


class Bank:
    """Charges an order once, and pays back as often as it is asked: `refund` needs the key, too."""

    def __init__(self) -> None:
        self.charged: set[str] = set()
        self.refund_count = 0

    @activity.defn
    async def charge(self, order: str) -> None:
        self.charged.add(order)

    @activity.defn
    async def refund(self, order: str) -> None:
        assert order in self.charged
        self.refund_count += 1

    @activity.defn
    async def ship(self) -> None:
        raise ValueError("out of stock")


@workflow.defn
class Order:
    """Charges, cannot ship, and compensates."""

    @workflow.run
    async def run(self) -> str:
        order = workflow.info().workflow_id
        await workflow.execute_activity_method(Bank.charge, order, start_to_close_timeout=MINUTE)
        try:
            await workflow.execute_activity_method(
                Bank.ship,
                start_to_close_timeout=MINUTE,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError:
            await workflow.execute_activity_method(
                Bank.refund, order, start_to_close_timeout=MINUTE
            )
            return "paid back"
        return "shipped"


RATES: Final[dict[str, int]] = {}


@activity.defn
async def fetch_rate(currency: str) -> int:
    return len(currency)


@workflow.defn(sandboxed=False)
class Invoice:
    """Remembers a rate outside of the workflow: on replay it is there before it was asked for."""

    @workflow.run
    async def run(self, currency: str) -> int:
        if currency not in RATES:
            RATES[currency] = await workflow.execute_activity(
                fetch_rate, currency, start_to_close_timeout=MINUTE
            )
        await workflow.sleep(timedelta(days=14))
        return 100 * RATES[currency]


class Warehouse:
    """Counts down whenever it is asked to, although a local activity may be done again."""

    def __init__(self) -> None:
        self.stock = 10

    @activity.defn
    async def take(self) -> int:
        self.stock -= 1
        return self.stock


@workflow.defn
class Picking:
    """Takes one thing from the shelf and sends it the next day."""

    @workflow.run
    async def run(self) -> int:
        left = await workflow.execute_local_activity_method(
            Warehouse.take, start_to_close_timeout=MINUTE
        )
        await workflow.sleep(timedelta(days=1))
        return left


@nexusrpc.service(name="tickets")
class Tickets:
    sell: nexusrpc.Operation[str, int]


@service_handler(service=Tickets)
class BoxOffice:
    """Sells a ticket for each request, whether or not it has seen the request's id before."""

    def __init__(self) -> None:
        self.sold: list[str] = []

    @sync_operation
    async def sell(self, context: StartOperationContext, name: str) -> int:
        self.sold.append(self.key(context, name))
        return len(self.sold)

    def key(self, context: StartOperationContext, name: str) -> str:
        return f"{name} {len(self.sold)}"


@workflow.defn
class Visit:
    @workflow.run
    async def run(self, endpoint: str) -> int:
        client = workflow.create_nexus_client(service=Tickets, endpoint=endpoint)
        return await client.execute_operation(Tickets.sell, "Ada")


@workflow.defn
class Runner:
    """Tells its parent when it has come so far."""

    @workflow.run
    async def run(self, laps: int) -> None:
        for _ in range(laps):
            await workflow.execute_activity(book, 1, start_to_close_timeout=MINUTE)
        parent = workflow.info().parent
        assert parent is not None
        await workflow.get_external_workflow_handle(parent.workflow_id).signal("finished", laps)


@workflow.defn
class Race:
    """Says who was first; it believes that the first to tell was the first to finish."""

    def __init__(self) -> None:
        self._finished: list[int] = []

    @workflow.run
    async def run(self) -> int:
        for laps in (0, 3):
            await workflow.start_child_workflow(Runner.run, laps, id=f"runner-{laps}")
        await workflow.wait_condition(lambda: len(self._finished) == 2)
        return self._finished[0]

    @workflow.signal
    def finished(self, laps: int) -> None:
        self._finished.append(laps)
