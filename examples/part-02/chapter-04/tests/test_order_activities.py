"""Activities alone: no server, no worker."""

import pytest
from src.activities.order import charge, reserve
from src.models.order import Item
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment


async def test_what_is_there_is_put_aside() -> None:
    assert await ActivityEnvironment().run(reserve, Item("chair", 4, 7_900)) == 4


@pytest.mark.parametrize("item", [Item("chair", 5, 7_900), Item("piano", 1, 990_000)])
async def test_an_empty_shelf_is_not_asked_again(item: Item) -> None:
    with pytest.raises(ApplicationError, match=f"not enough of {item.article}") as caught:
        await ActivityEnvironment().run(reserve, item)
    assert caught.value.type == "OutOfStock"
    assert caught.value.non_retryable


async def test_a_second_attempt_is_the_same_payment() -> None:
    payments = [await ActivityEnvironment().run(charge, "Ada", "o-7", 17_700) for _ in range(2)]
    assert payments == ["payment-o-7-17700"] * 2
