"""The workflow of an order: which steps, in which order. It touches nothing outside itself."""

from datetime import timedelta

from temporalio import workflow

# The sandbox loads workflow code anew for each run; what is known to be harmless need not be.
with workflow.unsafe.imports_passed_through():
    from src.activities.order import charge, reserve
    from src.models.order import Order, Receipt

STEP_TIMEOUT = timedelta(seconds=10)


@workflow.defn
class OrderWorkflow:
    """Reserves every item, then takes the money."""

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        """Return the receipt."""
        pieces = 0
        for item in order.items:
            pieces += await workflow.execute_activity(
                reserve, item, start_to_close_timeout=STEP_TIMEOUT
            )
        payment = await workflow.execute_activity(
            charge,
            args=[order.customer, order.number, order.cents],
            start_to_close_timeout=STEP_TIMEOUT,
        )
        return Receipt(order=order.number, cents=order.cents, payment=payment, pieces=pieces)
