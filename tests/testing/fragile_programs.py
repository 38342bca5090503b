"""Three workflows with a bug each that only shows when something goes wrong.

Each works as long as nothing does; the tests of the explorer say which faults bring it to light.
"""

from datetime import timedelta
from typing import Final

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
