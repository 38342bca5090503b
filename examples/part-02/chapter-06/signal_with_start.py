"""One cart per user: the first signal starts it, the others find it, whatever their order."""

import asyncio

from temporalio import workflow
from temporalio.client import WorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        verified,
        working,
    )


@workflow.defn
class UserCart:
    """Lives from the first product to the checkout."""

    def __init__(self) -> None:
        """Empty."""
        self.products: list[str] = []
        self.is_checked_out = False

    @workflow.signal
    def add(self, product: str) -> None:
        """Put something in."""
        self.products.append(product)

    @workflow.signal
    def check_out(self) -> None:
        """Buy it."""
        self.is_checked_out = True

    @workflow.run
    async def run(self, user: str) -> list[str]:
        """Return what the user bought."""
        await workflow.wait_condition(lambda: self.is_checked_out)
        return self.products


async def main() -> None:
    """Five calls at once, none of which knows whether there is a cart."""
    options = parse_options()
    client = await connect()
    user = new_id("user")
    products = ["tea", "milk", "sugar", "lemon", "cake"]

    async def add(product: str) -> WorkflowHandle[UserCart, list[str]]:
        return await client.start_workflow(
            UserCart.run,
            user,
            id=f"cart-{user}",
            task_queue=options.task_queue,
            start_signal="add",
            start_signal_args=[product],
        )

    async with working(client, options, workflows=[UserCart]):
        handles = await asyncio.gather(*(add(product) for product in products))
        cart = handles[0]
        await cart.signal(UserCart.check_out)
        bought = await cart.result()
        events = await event_names(cart)
        another = await add("more tea")
        await another.terminate("end of the show")
    runs = {handle.first_execution_run_id for handle in handles}
    print(f"runs: {len(runs)}, bought: {sorted(bought)}")
    check(len(runs) == 1, "five calls, one run")
    check(sorted(bought) == sorted(products), "nothing was lost, nothing came twice")
    check(events.count("WORKFLOW_EXECUTION_SIGNALED") == 6, "six signals in one history")
    check(another.first_execution_run_id not in runs, "after the checkout a new cart begins")
    verified("five concurrent signal-with-start calls, one run, five products")


if __name__ == "__main__":
    run(main)
