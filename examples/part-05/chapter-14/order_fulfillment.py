"""An order that is fulfilled or undone: stock, payment and shipment always agree.

Three things make it so. A step's key is the same in each attempt, so a step that is tried again is
not done again. A compensation is registered before its step, since a step whose answer is lost may
have happened. And an undone key stays undone: an attempt that comes too late does nothing.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )

DAY_SECONDS = 86_400.0
LEDGER = Path(__file__).with_name("ledger.db")  # Shared by all workers; *.db is ignored by git.
SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (
    key     TEXT PRIMARY KEY,  -- the idempotency key
    ledger  TEXT NOT NULL,     -- stock, payment or shipment
    amount  INTEGER NOT NULL,
    undone  INTEGER NOT NULL   -- 1: was undone, and must never happen again
)
"""


@dataclass
class Order:
    """What is ordered, and which step goes wrong in which way."""

    item: str
    quantity: int
    cents: int
    faults: dict[str, str] = field(default_factory=dict[str, str])
    pickup_seconds: float = 3 * DAY_SECONDS


@dataclass
class Step:
    """One booking on one ledger."""

    key: str
    ledger: str
    amount: int
    fault: str = ""


@contextmanager
def ledger() -> Iterator[sqlite3.Connection]:
    """One transaction on the ledgers: all of it is on the disk afterwards, or none."""
    with closing(sqlite3.connect(LEDGER, timeout=10)) as connection, connection:
        connection.execute(SCHEMA)
        yield connection


def book(step: Step) -> str:
    """Do the step once, however often it is asked for; return what became of it."""
    with ledger() as books:
        # Key and booking are one row: there is no moment at which only one of them is there.
        inserted = books.execute(
            "INSERT INTO steps VALUES (?, ?, ?, 0) ON CONFLICT (key) DO NOTHING",
            (step.key, step.ledger, step.amount),
        )
        if inserted.rowcount:
            return "booked"
        query = "SELECT undone FROM steps WHERE key = ?"
        (was_undone,) = books.execute(query, (step.key,)).fetchone()
    return "undone before" if was_undone else "booked before"


def unbook(step: Step) -> None:
    """Undo the step if it was done, and keep it from being done later if it was not."""
    with ledger() as books:
        books.execute(
            "INSERT INTO steps VALUES (?, ?, ?, 1) ON CONFLICT (key) DO UPDATE SET undone = 1",
            (step.key, step.ledger, step.amount),
        )


def booked(order_id: str) -> dict[str, int]:
    """What the ledgers hold of an order."""
    with ledger() as books:
        rows = books.execute(
            "SELECT ledger, amount FROM steps WHERE undone = 0 AND key LIKE ? || '/%'", (order_id,)
        )
        return {str(name): int(amount) for name, amount in rows}


@activity.defn
def book_step(step: Step) -> str:
    """Call the system that keeps this ledger, which may fail before or after it has booked."""
    if step.fault == "refused":
        raise ApplicationError(f"no {step.ledger}", type="Refused", non_retryable=True)
    outcome = book(step)
    if outcome == "undone before":
        raise ApplicationError("too late", type="Undone", non_retryable=True)
    if step.fault == "answer lost" and activity.info().attempt == 1:
        raise ConnectionError("booked, but the answer is lost")
    if step.fault == "answer never comes":
        raise ApplicationError("booked, but it looks broken", type="Broken", non_retryable=True)
    return outcome


@activity.defn
def undo_step(step: Step) -> None:
    """Undo the step; content if there is nothing to undo."""
    if step.fault == "hard to undo" and activity.info().attempt < 3:
        raise ConnectionError(f"cannot reach the {step.ledger}")
    unbook(step)


QUICK = RetryPolicy(initial_interval=span(0.1), maximum_interval=span(10))


@workflow.defn
class OrderWorkflow:
    """Stock, payment, shipment; then the parcel must be picked up, or all is undone."""

    @workflow.init
    def __init__(self, order: Order) -> None:
        """Nothing is done yet."""
        self.order = order
        self.status = "new"
        self.is_picked_up = False
        self.undo: list[Step] = []

    @workflow.signal
    def picked_up(self) -> None:
        """The carrier has the parcel."""
        self.is_picked_up = True

    @workflow.query
    def current_status(self) -> str:
        """How far it is."""
        return self.status

    @workflow.run
    async def run(self, order: Order) -> str:
        """Return the final status."""
        try:
            await self._step("stock", order.quantity)
            await self._step("payment", order.cents)
            await self._step("shipment", 1)
            self.status = "waiting for the carrier"
            await workflow.wait_condition(
                lambda: self.is_picked_up,
                timeout=span(order.pickup_seconds),
                timeout_summary="patience with the carrier",
            )
        except TimeoutError:
            await self._compensate()
            raise ApplicationError("nobody came for the parcel", type="NotPickedUp") from None
        except ActivityError as error:
            await self._compensate()
            if is_cancelled_exception(error):
                raise
            raise ApplicationError(f"not fulfilled: {error.cause}", type="NotFulfilled") from error
        except asyncio.CancelledError:
            await self._compensate()
            raise
        self.status = "fulfilled"
        return self.status

    async def _step(self, name: str, amount: int) -> None:
        self.status = name
        # Workflow id and step: another run id, after a retry or a reset, is still the same order.
        key = f"{workflow.info().workflow_id}/{name}"
        step = Step(key, name, amount, self.order.faults.get(name, ""))
        self.undo.append(step)
        await workflow.execute_activity(
            book_step,
            step,
            start_to_close_timeout=span(10),
            retry_policy=QUICK,
            summary=name,
        )

    async def _compensate(self) -> None:
        self.status = "undoing"
        while self.undo:  # The last step first; each is tried until it is undone.
            await workflow.execute_activity(
                undo_step,
                self.undo[-1],
                start_to_close_timeout=span(10),
                retry_policy=QUICK,
                summary=f"undo {self.undo[-1].ledger}",
            )
            self.undo.pop()
        self.status = "undone"


OrderHandle = WorkflowHandle[OrderWorkflow, str]
COMPLETE = {"stock": 2, "payment": 4_998, "shipment": 1}
LEDGERS = tuple(COMPLETE)


async def place(
    client: Client, task_queue: str, faults: dict[str, str], pickup_seconds: float = 3 * DAY_SECONDS
) -> OrderHandle:
    """Order two lamps."""
    order = Order("lamp", 2, 4_998, faults, pickup_seconds)
    return await client.start_workflow(
        OrderWorkflow.run, order, id=new_id("order"), task_queue=task_queue
    )


async def outcome(order: OrderHandle) -> str:
    """Its result, or why there is none."""
    try:
        return await order.result()
    except WorkflowFailureError as error:
        if isinstance(error.cause, CancelledError):
            return "cancelled"
        return str(error.cause)


async def waits_for_carrier(order: OrderHandle) -> None:
    """Wait until all three steps are done."""

    async def waits() -> bool:
        return await order.query(OrderWorkflow.current_status) == "waiting for the carrier"

    await until(waits)


async def fulfilled(client: Client, task_queue: str, faults: dict[str, str]) -> OrderHandle:
    """An order that is to reach its end."""
    order = await place(client, task_queue, faults)
    await order.signal(OrderWorkflow.picked_up)
    told = await outcome(order)
    print(f"  {json.dumps(faults):<36} {told}: {booked(order.id)}")
    check(told == "fulfilled", "what can be repeated does not fail an order")
    check(booked(order.id) == COMPLETE, "each step is on the books once")
    return order


async def undone(client: Client, task_queue: str, faults: dict[str, str]) -> OrderHandle:
    """An order that fails, and leaves nothing on the books."""
    order = await place(client, task_queue, faults)
    told = await outcome(order)
    print(f"  {json.dumps(faults):<36} {told}")
    check("not fulfilled" in told, "an order with a step that is refused fails")
    check(booked(order.id) == {}, "nothing of it is left on the books")
    return order


async def given_up(client: Client, task_queue: str) -> None:
    """One order is cancelled, one is never picked up."""
    cancelled = await place(client, task_queue, {})
    await waits_for_carrier(cancelled)
    check(booked(cancelled.id) == COMPLETE, "all is booked before it is cancelled")
    await cancelled.cancel()
    forgotten = await place(client, task_queue, {}, pickup_seconds=0.2)
    endings = [await outcome(cancelled), await outcome(forgotten)]
    print(f"  {' / '.join(endings)}")
    check(endings[0] == "cancelled", "the status tells that somebody cancelled it")
    check("nobody came" in endings[1], "an order does not wait for ever")
    for order in (cancelled, forgotten):
        check(booked(order.id) == {}, "nothing of it is left on the books")


async def main() -> None:
    """Each kind of fault at each step."""
    options = parse_options()
    client = await connect()
    activities = [book_step, undo_step]
    queue = options.task_queue
    with ThreadPoolExecutor() as threads:
        async with working(
            client,
            options,
            workflows=[OrderWorkflow],
            activities=activities,
            activity_executor=threads,
        ):
            lost: list[dict[str, str]] = [{}, *({name: "answer lost"} for name in LEDGERS)]
            await asyncio.gather(*(fulfilled(client, queue, faults) for faults in lost))
            broken = [
                {name: fault} for name in LEDGERS for fault in ("refused", "answer never comes")
            ]
            await asyncio.gather(*(undone(client, queue, faults) for faults in broken))
            hard = {"stock": "hard to undo", "payment": "refused"}
            stubborn = await undone(client, queue, hard)
            await given_up(client, queue)
    events = await event_names(stubborn)
    check(events.count("ACTIVITY_TASK_COMPLETED") == 3, "stock, and two that were undone")
    late = Step(f"{stubborn.id}/payment", "payment", 4_998)
    check(book(late) == "undone before", "an attempt that comes too late does nothing")
    verified("stock, payment and shipment agree after thirteen orders and each kind of fault")


if __name__ == "__main__":
    run(main)
