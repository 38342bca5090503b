"""The workflow of an order: once with its activities, then with mocks that fail when they shall."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from running import new_id
from src.models.order import Item, Order, Receipt
from src.workers.order import ACTIVITIES, WORKFLOWS
from src.workflows.order import OrderWorkflow
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

QUEUE = "orders"
ORDER = Order("o-1", "Ada", [Item("lamp", 2, 4_900), Item("chair", 1, 7_900)])


class Shop:
    """Stands for the activities: keeps what was asked for, and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        """The first payments end with these failures, one each."""
        self.asked: list[str] = []
        self._failures = list(failures)

    @activity.defn(name="reserve")
    async def reserve(self, item: Item) -> int:
        """Always succeed."""
        self.asked.append(f"reserve {item.count} {item.article}")
        return item.count

    @activity.defn(name="charge")
    async def charge(self, customer: str, order: str, cents: int) -> str:
        """Fail while there are failures left."""
        self.asked.append(f"charge {customer} {cents}")
        if self._failures:
            raise self._failures.pop(0)
        return f"paid {order}"


async def receipt(
    environment: WorkflowEnvironment, activities: Sequence[Callable[..., Any]]
) -> Receipt:
    async with Worker(
        environment.client, task_queue=QUEUE, workflows=WORKFLOWS, activities=activities
    ):
        return await environment.client.execute_workflow(
            OrderWorkflow.run, ORDER, id=new_id("order"), task_queue=QUEUE
        )


async def test_everything_works_together(environment: WorkflowEnvironment) -> None:
    assert await receipt(environment, ACTIVITIES) == Receipt("o-1", 17_700, "payment-o-1-17700", 3)


async def test_everything_is_reserved_before_anybody_pays(
    environment: WorkflowEnvironment,
) -> None:
    shop = Shop()
    assert await receipt(environment, [shop.reserve, shop.charge]) == Receipt(
        "o-1", 17_700, "paid o-1", 3
    )
    assert shop.asked == ["reserve 2 lamp", "reserve 1 chair", "charge Ada 17700"]


async def test_a_bank_that_is_down_is_asked_again(environment: WorkflowEnvironment) -> None:
    shop = Shop(*[ConnectionError("the bank is down")] * 6)
    before = await environment.get_current_time()
    assert (await receipt(environment, [shop.reserve, shop.charge])).payment == "paid o-1"
    passed = await environment.get_current_time() - before
    assert shop.asked[2:] == ["charge Ada 17700"] * 7
    # 1 + 2 + 4 + 8 + 16 + 32 seconds, which nobody had to wait for.
    assert timedelta(seconds=63) <= passed < timedelta(seconds=123)


async def test_a_declined_card_ends_the_order(environment: WorkflowEnvironment) -> None:
    shop = Shop(ApplicationError("no credit", type="Declined", non_retryable=True))
    with pytest.raises(WorkflowFailureError) as caught:
        await receipt(environment, [shop.reserve, shop.charge])
    assert isinstance(caught.value.cause, ActivityError)
    assert caught.value.cause.activity_type == "charge"
    assert isinstance(caught.value.cause.cause, ApplicationError)
    assert caught.value.cause.cause.type == "Declined"
    assert shop.asked.count("charge Ada 17700") == 1
