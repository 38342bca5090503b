"""A history that the command line has exported, replayed: by the code that wrote it, and by other.

What `workflow show --output json` prints is what the Web UI downloads and what the SDK reads.
"""

from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

with workflow.unsafe.imports_passed_through():
    from command_line import command_line
    from running import check, connect, new_id, parse_options, run, span, verified, working
    from src.activities.order import charge, reserve
    from src.models.order import Item, Order, Receipt
    from src.workers.order import ACTIVITIES, WORKFLOWS
    from src.workflows.order import OrderWorkflow

ORDER = Order(number="o-8", customer="Grace", items=[Item("chair", 2, 7_900)])


@workflow.defn(name="OrderWorkflow")
class OrderPaidFirst:
    """A change that looks harmless: the money first, then the goods."""

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        """Return the receipt."""
        payment = await workflow.execute_activity(
            charge,
            args=[order.customer, order.number, order.cents],
            start_to_close_timeout=span(10),
        )
        pieces = [
            await workflow.execute_activity(reserve, item, start_to_close_timeout=span(10))
            for item in order.items
        ]
        return Receipt(order=order.number, cents=order.cents, payment=payment, pieces=sum(pieces))


async def complaint(version: Any, history: WorkflowHistory) -> str:
    """Replay without a server; return why this code cannot have written the history, or nothing."""
    try:
        await Replayer(workflows=[version]).replay_workflow(history)
    except workflow.NondeterminismError as error:
        # What the SDK's core has to say stands in the middle, between a code and a quote.
        return str(error).partition("[TMPRL1100] ")[2].partition('"')[0] or str(error)
    return ""


async def main() -> None:
    """Run an order, export its history, replay it twice."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=WORKFLOWS, activities=ACTIVITIES):
        order = await client.start_workflow(
            OrderWorkflow.run, ORDER, id=new_id("order"), task_queue=options.task_queue
        )
        await order.result()
    exported = await command_line(client).see(f"workflow show --workflow-id {order.id}")
    history = WorkflowHistory.from_json(order.id, exported.text)
    fetched = await order.fetch_history()
    complaints = [await complaint(code, history) for code in (OrderWorkflow, OrderPaidFirst)]
    print(f"  {len(exported.text)} characters, {len(history.events)} events")
    print(f"  OrderWorkflow: {complaints[0] or 'replayed'}")
    print(f"  OrderPaidFirst: {complaints[1]}")
    check(history.events == fetched.events, "file and SDK tell the same history")
    check(complaints[0] == "", "the code that wrote the history replays it")
    check("'reserve'" in complaints[1] and "'charge'" in complaints[1], "the change is found")
    verified("an exported history replays; changed code raises NondeterminismError")


if __name__ == "__main__":
    run(main)
