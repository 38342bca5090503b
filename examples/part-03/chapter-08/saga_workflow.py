"""An order that fails at each of six points, and leaves the ledger as it was every time."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
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


async def main() -> None:
    """One order that works, then one for each point of failure."""
    options = parse_options()
    client = await connect()
    points = [(name, fault) for name, _, _ in STEPS for fault in ("before", "after")]
    async with working(client, options, workflows=[OrderSaga], activities=ACTIVITIES):
        keys = await client.execute_workflow(
            OrderSaga.run, args=["lamp", {}], id=new_id("order"), task_queue=options.task_queue
        )
        before = {name: dict(books) for name, books in LEDGER.items()}
        check(len(keys) == 3, "an order without faults goes through")
        check([list(books) for books in LEDGER.values()] == [[key] for key in keys], "all booked")

        async def order_with(name: str, fault: str) -> None:
            order_id = new_id("order")
            try:
                await client.execute_workflow(
                    OrderSaga.run,
                    args=["desk", {name: fault}],
                    id=order_id,
                    task_queue=options.task_queue,
                )
            except WorkflowFailureError as error:
                left = [key for books in LEDGER.values() for key in books if order_id in key]
                print(f"fault {fault:<6} {name:<8}: {error.cause}; left on the books: {left}")
                check(not left, f"nothing is left of a fault {fault} {name}")
            else:
                failed("an order with a fault must not succeed")

        await asyncio.gather(*(order_with(name, fault) for name, fault in points))
    check(before == LEDGER, "the order that worked is still on the books")
    verified("the ledger is consistent after six points of failure")


if __name__ == "__main__":
    run(main)
