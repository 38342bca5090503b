"""One cart per user, with an answer: the update starts the cart if there is none."""

import asyncio

from temporalio import workflow
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, verified, working

PRODUCTS_MAX = 5


@workflow.defn
class CountedCart:
    """Holds a few products."""

    def __init__(self) -> None:
        """Empty."""
        self.products: list[str] = []
        self.is_checked_out = False

    @workflow.update
    def add(self, product: str) -> int:
        """Put something in and return how many products there are."""
        self.products.append(product)
        return len(self.products)

    @add.validator
    def check_add(self, product: str) -> None:
        """A full cart takes nothing more."""
        if len(self.products) >= PRODUCTS_MAX:
            raise ValueError(f"no room for {product}")

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
    """Five calls at once, then one too many."""
    options = parse_options()
    client = await connect()
    user = new_id("user")

    async def add(product: str) -> tuple[int, str | None]:
        # One operation object per call; both parts succeed together or not at all.
        start = WithStartWorkflowOperation(
            CountedCart.run,
            user,
            id=f"cart-{user}",
            task_queue=options.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        count = await client.execute_update_with_start_workflow(
            CountedCart.add, product, start_workflow_operation=start
        )
        return count, (await start.workflow_handle()).first_execution_run_id

    async with working(client, options, workflows=[CountedCart]):
        answers = await asyncio.gather(*(add(f"product {number}") for number in range(5)))
        try:
            await add("product 6")
        except WorkflowUpdateFailedError as error:
            refusal = str(error.cause)
        else:
            refusal = ""
        cart = client.get_workflow_handle_for(CountedCart.run, f"cart-{user}")
        await cart.signal(CountedCart.check_out)
        bought = await cart.result()
    counts, runs = sorted(count for count, _ in answers), {run_id for _, run_id in answers}
    print(f"runs: {len(runs)}, answers: {counts}, refused: {refusal}")
    check(len(runs) == 1, "five calls, one run")
    check(counts == [1, 2, 3, 4, 5], "each caller got an answer of its own")
    check(refusal == "ValueError: no room for product 6", "a validator refuses here as well")
    check(len(bought) == 5, "everything that was accepted is in the cart")
    verified("five concurrent update-with-start calls, one run, five answers")


if __name__ == "__main__":
    run(main)
