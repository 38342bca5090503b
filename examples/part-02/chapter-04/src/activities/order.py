"""The steps of an order that touch the world outside; here the world is a dictionary."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from src.models.order import Item

STOCK = {"lamp": 20, "chair": 4}


@activity.defn
async def reserve(item: Item) -> int:
    """Put the pieces aside; return how many. Trying again fills no shelf, so it is not tried."""
    if item.count > STOCK.get(item.article, 0):
        raise ApplicationError(
            f"not enough of {item.article}", type="OutOfStock", non_retryable=True
        )
    activity.logger.info("%d of %s reserved", item.count, item.article)
    return item.count


@activity.defn
async def charge(customer: str, order: str, cents: int) -> str:
    """Take the money; return the number of the payment.

    It is made of the order's number: a second attempt is the same payment, not another one.
    """
    activity.logger.info("%s pays %d cents", customer, cents)
    return f"payment-{order}-{cents}"
