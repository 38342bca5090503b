"""A shopping cart changed by updates: each caller learns whether the change was made."""

from temporalio import activity, workflow
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        verified,
        working,
    )

PRICES_CENTS = {"laptop": 129_999, "mouse": 2_999, "cable": 999}


@activity.defn
async def price_of(product: str) -> int:
    """Ask the catalogue; an unknown product is final, asking again does not help."""
    if product not in PRICES_CENTS:
        raise ApplicationError(f"no {product} in the catalogue", non_retryable=True)
    return PRICES_CENTS[product]


@workflow.defn
class CartWorkflow:
    """Holds the cart until it is checked out."""

    def __init__(self) -> None:
        """Empty."""
        self.lines: dict[str, int] = {}
        self.cents: dict[str, int] = {}
        self.is_checked_out = False

    @workflow.update
    async def add(self, product: str, quantity: int) -> int:
        """Put something in and return the new total. A handler may await activities."""
        cents = await workflow.execute_activity(price_of, product, start_to_close_timeout=span(10))
        # Other handlers may have run meanwhile: look at the state after the await, not before.
        self.lines[product] = self.lines.get(product, 0) + quantity
        self.cents[product] = cents
        return self._total()

    @add.validator
    def check_add(self, product: str, quantity: int) -> None:
        """Read-only and without awaits; what it refuses never enters the history."""
        if quantity < 1:
            raise ValueError(f"cannot add {quantity} of {product}")
        if self.is_checked_out:
            raise ValueError("the cart is checked out")

    @workflow.update
    def remove(self, product: str) -> int:
        """Take all of a product out."""
        if product not in self.lines:
            # Accepted and then failed: this one does leave its events.
            raise ApplicationError(f"no {product} in the cart")
        del self.lines[product]
        return self._total()

    @workflow.update
    def check_out(self) -> dict[str, int]:
        """Close the cart."""
        self.is_checked_out = True
        return self.lines

    @workflow.run
    async def run(self) -> int:
        """Return the total in cents."""
        await workflow.wait_condition(
            lambda: self.is_checked_out and workflow.all_handlers_finished()
        )
        return self._total()

    def _total(self) -> int:
        return sum(self.cents[product] * count for product, count in self.lines.items())


async def main() -> None:
    """Add, be refused twice, add twice by mistake, remove, check out."""
    options = parse_options()
    client = await connect()
    refusals: list[str] = []
    async with working(client, options, workflows=[CartWorkflow], activities=[price_of]):
        cart = await client.start_workflow(
            CartWorkflow.run, id=new_id("cart"), task_queue=options.task_queue
        )
        totals = [
            await cart.execute_update(CartWorkflow.add, args=["laptop", 1]),
            await cart.execute_update(CartWorkflow.add, args=["mouse", 2], id="click-2"),
            # The same click again, say after a lost connection: one update id, one effect.
            await cart.execute_update(CartWorkflow.add, args=["mouse", 2], id="click-2"),
        ]
        before = await event_names(cart)
        try:
            await cart.execute_update(CartWorkflow.add, args=["mouse", 0])
        except WorkflowUpdateFailedError as error:
            refusals.append(f"validator: {error.cause}")
        after_validator = await event_names(cart)
        for update, args in (
            (CartWorkflow.add, ["unicorn", 1]),
            (CartWorkflow.remove, ["cable"]),
        ):
            try:
                await cart.execute_update(update, args=args)
            except WorkflowUpdateFailedError as error:
                refusals.append(f"handler: {error.cause.__cause__ or error.cause}")
        after_handler = await event_names(cart)
        totals.append(await cart.execute_update(CartWorkflow.add, args=["cable", 3]))
        totals.append(await cart.execute_update(CartWorkflow.remove, "cable"))
        lines = await cart.execute_update(CartWorkflow.check_out)
        total = await cart.result()
    print(f"totals {totals}, cart {lines}")
    print("\n".join(f"  {refusal}" for refusal in refusals))
    check(totals == [129_999, 135_997, 135_997, 138_994, 135_997], "each caller got the new total")
    check(lines == {"laptop": 1, "mouse": 2}, "the cart holds what it should")
    check(total == 135_997, "the workflow agrees")
    check(refusals[0] == "validator: ValueError: cannot add 0 of mouse", "the validator refused")
    check(
        refusals[1] == "handler: no unicorn in the catalogue", "the activity's error came through"
    )
    check(refusals[2] == "handler: no cable in the cart", "the handler refused")
    check(before == after_validator, "a refused validator leaves no event")
    check(
        after_handler.count("WORKFLOW_EXECUTION_UPDATE_COMPLETED")
        == before.count("WORKFLOW_EXECUTION_UPDATE_COMPLETED") + 2,
        "a handler that fails completes its update, with a failure",
    )
    verified("the cart is worth $1359.97, every caller knows what became of the change")


if __name__ == "__main__":
    run(main)
