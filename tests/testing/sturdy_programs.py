"""The fragile programs as they should be: no fault does them any harm."""

from datetime import timedelta

from nexusrpc.handler import StartOperationContext, service_handler
from temporalio import activity, workflow

from tests.testing.fragile_programs import Bank, BoxOffice, Tickets, book


@workflow.defn(name="Account", sandboxed=False)
class SturdyAccount:
    """Begins a new run each day, when everything is booked."""

    def __init__(self) -> None:
        self._balance = 0

    @workflow.run
    async def run(self, balance: int, days_left: int) -> int:
        self._balance += balance
        await workflow.sleep(timedelta(days=1))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if days_left:
            workflow.continue_as_new(args=[self._balance, days_left - 1])
        return self._balance

    @workflow.signal
    async def deposit(self, amount: int) -> None:
        booked = await workflow.execute_activity(
            book, amount, start_to_close_timeout=timedelta(days=2)
        )
        self._balance += booked


class SturdyBank(Bank):
    """Knows which orders it has paid back."""

    def __init__(self) -> None:
        super().__init__()
        self._refunded: set[str] = set()

    @activity.defn
    async def refund(self, order: str) -> None:
        if order not in self._refunded:
            self._refunded.add(order)
            await super().refund(order)


@service_handler(service=Tickets)
class SturdyBoxOffice(BoxOffice):
    """Knows the request that it has answered."""

    def key(self, context: StartOperationContext, name: str) -> str:
        return f"{name} {context.request_id}"
