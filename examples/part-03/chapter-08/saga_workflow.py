"""An order that fails at each of six points, and leaves the ledger as it was every time."""

import asyncio
from dataclasses import dataclass
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, failed, new_id, parse_options, run, span, verified, working
    from saga import Saga

# What three other systems have on their books, by idempotency key.
STOCK: dict[str, str] = {}
PAYMENTS: dict[str, str] = {}
SHIPMENTS: dict[str, str] = {}
LEDGER = {"stock": STOCK, "payments": PAYMENTS, "shipments": SHIPMENTS}


@dataclass
class Step:
    """One booking; the fault says whether it fails before or after it is on the books."""

    key: str
    item: str
    fault: str = ""


def book(ledger: dict[str, str], step: Step) -> str:
    """Put the step on the books once, however often it is tried."""
    if step.fault == "before":
        raise ApplicationError("refused", type="Fault", non_retryable=True)
    ledger.setdefault(step.key, step.item)
    if step.fault == "after":
        raise ApplicationError("done, but the answer is lost", type="Fault", non_retryable=True)
    return step.key


@activity.defn
async def reserve_stock(step: Step) -> str:
    """Put the item aside."""
    return book(STOCK, step)


@activity.defn
async def charge_payment(step: Step) -> str:
    """Take the money."""
    return book(PAYMENTS, step)


@activity.defn
async def create_shipment(step: Step) -> str:
    """Order the carrier."""
    return book(SHIPMENTS, step)


@activity.defn
async def return_stock(key: str) -> None:
    """Put the item back."""
    STOCK.pop(key, None)


@activity.defn
async def refund_payment(key: str) -> None:
    """Give the money back."""
    PAYMENTS.pop(key, None)


@activity.defn
async def cancel_shipment(key: str) -> None:
    """Send the carrier away."""
    SHIPMENTS.pop(key, None)


ACTIVITIES = [
    reserve_stock,
    charge_payment,
    create_shipment,
    return_stock,
    refund_payment,
    cancel_shipment,
]
STEPS = (
    ("stock", reserve_stock, return_stock),
    ("payment", charge_payment, refund_payment),
    ("shipment", create_shipment, cancel_shipment),
)


@workflow.defn
class OrderSaga:
    """All three steps, or none."""

    @workflow.run
    async def run(self, item: str, faults: dict[str, str]) -> list[str]:
        """Return the keys of the steps."""
        saga = Saga()
        keys: list[str] = []
        try:
            for name, step, undo in STEPS:
                key = saga.register(undo, f"{workflow.info().workflow_id}/{name}")
                await workflow.execute_activity(
                    step,
                    Step(key, item, faults.get(name, "")),
                    start_to_close_timeout=span(10),
                )
                keys.append(key)
        except ActivityError as error:
            await saga.compensate()
            raise ApplicationError(f"no {item} today", type="OrderFailed") from error
        return keys


async def undone_by(order: WorkflowHandle[Any, Any]) -> list[str]:
    """The steps that the order has undone, as its history tells."""
    names = {undo.__name__: name for name, _, undo in STEPS}
    types: dict[int, str] = {}
    undone: list[str] = []
    for event in (await order.fetch_history()).events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            types[event.event_id] = scheduled.activity_type.name
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            name = types[completed.scheduled_event_id]
            undone.extend([names[name]] if name in names else [])
    return undone


async def main() -> None:
    """One order that works, then one for each point of failure."""
    options = parse_options()
    client = await connect()
    names = [name for name, _, _ in STEPS]
    points = [(name, fault) for name in names for fault in ("before", "after")]
    async with working(client, options, workflows=[OrderSaga], activities=ACTIVITIES):
        keys = await client.execute_workflow(
            OrderSaga.run, args=["lamp", {}], id=new_id("order"), task_queue=options.task_queue
        )
        before = {name: dict(books) for name, books in LEDGER.items()}
        check(len(keys) == 3, "an order without faults goes through")
        if options.with_worker:  # Else the books are in another process.
            booked = [list(books) for books in LEDGER.values()]
            check(booked == [[key] for key in keys], "all booked")

        async def order_with(name: str, fault: str) -> None:
            order = await client.start_workflow(
                OrderSaga.run,
                args=["desk", {name: fault}],
                id=new_id("order"),
                task_queue=options.task_queue,
            )
            try:
                await order.result()
            except WorkflowFailureError as error:
                cause = error.cause
            else:
                failed("an order with a fault must not succeed")
            undone = await undone_by(order)
            left = [key for books in LEDGER.values() for key in books if order.id in key]
            print(f"fault {fault:<6} {name:<8}: {cause}; undone: {', '.join(undone)}")
            # The step that failed is undone as well: an error does not prove that nothing happened.
            begun = names[: names.index(name) + 1]
            check(undone == begun[::-1], f"undone in reverse after a fault {fault} {name}")
            check(not left, f"nothing is left of a fault {fault} {name}")

        await asyncio.gather(*(order_with(name, fault) for name, fault in points))
    check(before == LEDGER, "the order that worked is still on the books")
    verified("the ledger is consistent after six points of failure")


if __name__ == "__main__":
    run(main)
