"""An order that uses all three: updates change it, queries read it, signals tell it news."""

from dataclasses import dataclass, field

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working


@dataclass
class Item:
    """A line of the order. Money is whole cents: floats and JSON do not keep cents."""

    name: str
    cents: int
    quantity: int = 1


@dataclass
class OrderStatus:
    """What a query answers."""

    stage: str = "open"
    total_cents: int = 0
    items: list[Item] = field(default_factory=list[Item])


@activity.defn
async def charge_card(order_id: str, cents: int) -> str:
    """Charge; the order id is the key under which the bank books once."""
    return f"{order_id} completed - ${cents / 100:.2f} charged"


@workflow.defn
class OrderWorkflow:
    """From the first item to the payment."""

    def __init__(self) -> None:
        """Open and empty."""
        self.status = OrderStatus()
        self.is_submitted = False
        self.is_paid_for = False

    @workflow.update
    def add_item(self, item: Item) -> int:
        """Return the new total: the caller wants to know."""
        self.status.items.append(item)
        self.status.total_cents += item.cents * item.quantity
        return self.status.total_cents

    @add_item.validator
    def check_item(self, item: Item) -> None:
        """Refuse what cannot be sold."""
        if self.is_submitted:
            raise ValueError("the order is submitted")
        if item.quantity < 1 or item.cents < 0:
            raise ValueError(f"{item.name}: strange quantity or price")

    @workflow.update
    def submit(self) -> str:
        """Close the order for changes."""
        if not self.status.items:
            raise ApplicationError("the order is empty")
        self.is_submitted = True
        self.status.stage = "waiting for payment"
        return self.status.stage

    @workflow.signal
    def payment_authorised(self) -> None:
        """The bank says so, and waits for no answer."""
        self.is_paid_for = True

    @workflow.query
    def current(self) -> OrderStatus:
        """The order as it is."""
        return self.status

    @workflow.run
    async def run(self, order_id: str) -> str:
        """Return the receipt."""
        await workflow.wait_condition(lambda: self.is_submitted)
        await workflow.wait_condition(lambda: self.is_paid_for)
        self.status.stage = "charging"
        receipt = await workflow.execute_activity(
            charge_card,
            args=[order_id, self.status.total_cents],
            start_to_close_timeout=span(10),
        )
        self.status.stage = "completed"
        await workflow.wait_condition(workflow.all_handlers_finished)
        return receipt


async def main() -> None:
    """Fill the order, submit it, let the bank speak."""
    options = parse_options()
    client = await connect()
    stages: list[str] = []
    async with working(client, options, workflows=[OrderWorkflow], activities=[charge_card]):
        order_id = new_id("ORDER")
        order = await client.start_workflow(
            OrderWorkflow.run, order_id, id=order_id, task_queue=options.task_queue
        )
        stages.append((await order.query(OrderWorkflow.current)).stage)
        total = await order.execute_update(OrderWorkflow.add_item, Item("laptop", 129_999))
        total = await order.execute_update(OrderWorkflow.add_item, Item("mouse", 2_999, 2))
        stages.append(await order.execute_update(OrderWorkflow.submit))
        await order.signal(OrderWorkflow.payment_authorised)
        receipt = await order.result()
        status = await order.query(OrderWorkflow.current)
        stages.append(status.stage)
    print(f"stages: {stages}")
    print(receipt)
    check(total == 135_997, "the updates returned the total")
    check(stages == ["open", "waiting for payment", "completed"], "the queries followed the order")
    check([item.name for item in status.items] == ["laptop", "mouse"], "both items are in it")
    check(receipt == f"{order_id} completed - $1359.97 charged", "the receipt is right")
    verified("one order by update, query and signal: $1359.97 charged")


if __name__ == "__main__":
    run(main)
