"""Five steps, each fed by the one before; a change of the worker in the middle does no harm."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working


@dataclass
class Order:
    """What the steps hand on."""

    sku: str
    quantity: int
    total_cents: int = 0
    trail: list[str] = field(default_factory=list[str])


@activity.defn
async def validate(order: Order) -> Order:
    """Refuse nonsense before anybody is charged for it."""
    if order.quantity < 1:
        raise ValueError(f"cannot order {order.quantity} pieces")
    return replace(order, trail=[*order.trail, "validated"])


@activity.defn
async def price(order: Order) -> Order:
    """Look up the price."""
    return replace(order, total_cents=order.quantity * 1_250, trail=[*order.trail, "priced"])


@activity.defn
async def reserve(order: Order) -> Order:
    """Put the pieces aside."""
    return replace(order, trail=[*order.trail, f"reserved {order.quantity}"])


@activity.defn
async def charge(order: Order) -> Order:
    """Take the money that `price` has computed."""
    return replace(order, trail=[*order.trail, f"charged {order.total_cents}"])


@activity.defn
async def ship(order: Order) -> Order:
    """Send what `reserve` has put aside."""
    return replace(order, trail=[*order.trail, "shipped"])


Step = Callable[[Order], Coroutine[Any, Any, Order]]
BEFORE_PACKING: list[Step] = [validate, price, reserve]
AFTER_PACKING: list[Step] = [charge, ship]


@workflow.defn
class SequenceWorkflow:
    """The variable `order` is the state: nobody stores it, and it survives every restart."""

    def __init__(self) -> None:
        """Nothing is packed yet."""
        self.packed = False

    @workflow.signal
    def pack(self) -> None:
        """The warehouse says that the parcel is ready."""
        self.packed = True

    @workflow.run
    async def run(self, order: Order) -> Order:
        """Return the order as the last step left it."""
        for step in BEFORE_PACKING:
            order = await self._carry_out(step, order)
        await workflow.wait_condition(lambda: self.packed)
        for step in AFTER_PACKING:
            order = await self._carry_out(step, order)
        return order

    async def _carry_out(self, step: Step, order: Order) -> Order:
        return await workflow.execute_activity(step, order, start_to_close_timeout=span(10))


async def main() -> None:
    """The first worker does three steps, the second one the other two.

    With two terminals there is one worker; restart it while this program runs, or leave it.
    """
    options = parse_options()
    client = await connect()
    code: dict[str, Any] = {
        "workflows": [SequenceWorkflow],
        "activities": [*BEFORE_PACKING, *AFTER_PACKING],
    }
    if options.only_worker:
        async with working(client, options, **code):
            return
    handle = await client.start_workflow(
        SequenceWorkflow.run, Order("cup", 3), id=new_id("order"), task_queue=options.task_queue
    )

    async def reserved() -> bool:
        events = (await handle.fetch_history()).events
        done = [e for e in events if e.HasField("activity_task_completed_event_attributes")]
        return len(done) == len(BEFORE_PACKING)

    async with working(client, options, identity="first", **code):
        await until(reserved)
    print("three steps are done")
    await handle.signal(SequenceWorkflow.pack)
    async with working(client, options, identity="second", **code):
        order = await handle.result()
    events = (await handle.fetch_history()).events
    steps = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    workers = [
        event.activity_task_started_event_attributes.identity
        for event in events
        if event.HasField("activity_task_started_event_attributes")
    ]
    for step, worker in zip(steps, workers, strict=True):
        print(f"  {step:<10} by {worker}")
    trail = ["validated", "priced", "reserved 3", "charged 3750", "shipped"]
    check(order.trail == trail, "each step built on the one before")
    check(steps == ["validate", "price", "reserve", "charge", "ship"], "every step once, in order")
    if not options.with_worker:
        verified("five steps in order")
        return
    check(workers == ["first"] * 3 + ["second"] * 2, "two workers shared the work")
    verified("five steps in order, the state kept across a restart of the worker")


if __name__ == "__main__":
    run(main)
