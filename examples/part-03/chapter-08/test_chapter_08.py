"""The order's saga when undoing takes long: the test server skips the hours in between."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from saga_workflow import (
    ACTIVITIES,
    LEDGER,
    OrderSaga,
    charge_payment,
    refund_payment,
    reserve_stock,
    return_stock,
)
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

QUEUE = "chapter-08"
# The pauses between the attempts to undo something double from 0.1 s to 10 s and stay there.
REFUSALS = 370


@pytest_asyncio.fixture
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """A test server; without Indelible on the path the SDK downloads Temporal's own."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=shutil.which("indelible-test-server"),
        test_server_startup_timeout=timedelta(seconds=30),
    ) as environment:
        yield environment


@pytest.fixture(autouse=True)
def empty_books() -> None:
    for books in LEDGER.values():
        books.clear()


def worker(environment: WorkflowEnvironment, activities: list[Callable[..., Any]]) -> Worker:
    return Worker(
        environment.client, task_queue=QUEUE, workflows=[OrderSaga], activities=activities
    )


async def test_an_order_is_on_all_books(environment: WorkflowEnvironment) -> None:
    async with worker(environment, ACTIVITIES):
        keys = await environment.client.execute_workflow(
            OrderSaga.run, args=["lamp", {}], id="order", task_queue=QUEUE
        )
    assert keys == ["order/stock", "order/payment", "order/shipment"]
    assert [list(books) for books in LEDGER.values()] == [[key] for key in keys]


async def test_money_comes_back_however_long_the_bank_is_closed(
    environment: WorkflowEnvironment,
) -> None:
    refusals = 0

    @activity.defn(name="refund_payment")
    async def refund_when_open(key: str) -> None:
        nonlocal refusals
        if refusals < REFUSALS:
            refusals += 1
            raise ConnectionError("the bank is closed")
        await refund_payment(key)

    @activity.defn(name="create_shipment")
    async def no_carrier(_: Any) -> str:
        raise ApplicationError("no carrier", non_retryable=True)

    @activity.defn(name="cancel_shipment")
    async def nothing_to_cancel(_: str) -> None:
        pass

    async with worker(
        environment,
        [
            reserve_stock,
            return_stock,
            charge_payment,
            refund_when_open,
            no_carrier,
            nothing_to_cancel,
        ],
    ):
        before = await environment.get_current_time()
        with pytest.raises(WorkflowFailureError) as caught:
            await environment.client.execute_workflow(
                OrderSaga.run, args=["desk", {}], id="order", task_queue=QUEUE
            )
        passed = await environment.get_current_time() - before
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "OrderFailed"
    assert refusals == REFUSALS
    assert timedelta(hours=1) < passed < timedelta(hours=1, minutes=10)
    assert not any(LEDGER.values())


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("step", ["stock", "payment", "shipment"])
async def test_nothing_is_left_of_an_order_that_fails(
    environment: WorkflowEnvironment, step: str, fault: str
) -> None:
    async with worker(environment, ACTIVITIES):
        with pytest.raises(WorkflowFailureError):
            await environment.client.execute_workflow(
                OrderSaga.run, args=["lamp", {step: fault}], id="order", task_queue=QUEUE
            )
    assert not any(LEDGER.values())
