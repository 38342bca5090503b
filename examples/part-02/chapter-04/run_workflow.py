"""One order, started by the SDK and by the command line: the workflow cannot tell them apart."""

import json
import shlex
from dataclasses import asdict
from typing import Any

from command_line import command_line
from running import check, connect, event_names, new_id, parse_options, run, verified, working
from src.models.order import Item, Order, Receipt
from src.workers.order import ACTIVITIES, WORKFLOWS
from src.workflows.order import OrderWorkflow
from temporalio.client import WorkflowHandle

ORDER = Order(
    number="o-7",
    customer="Ada",
    items=[
        Item(article="lamp", count=2, cents_each=4_900),
        Item(article="chair", count=1, cents_each=7_900),
    ],
)
RECEIPT = Receipt(order="o-7", cents=17_700, payment="payment-o-7-17700", pieces=3)


async def recorded_input(handle: WorkflowHandle[Any, Any]) -> tuple[str, Any]:
    """How the input stands in the history: its encoding, and the value."""
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    payload = started.input.payloads[0]
    return payload.metadata["encoding"].decode(), json.loads(payload.data)


async def main() -> None:
    """Order twice, compare everything."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=WORKFLOWS, activities=ACTIVITIES):
        by_sdk = await client.start_workflow(
            OrderWorkflow.run, ORDER, id=new_id("order-sdk"), task_queue=options.task_queue
        )
        receipt = await by_sdk.result()
        told = await command_line(client).see(
            f"workflow execute --type OrderWorkflow --workflow-id {new_id('order-cli')} "
            f"--task-queue {options.task_queue} --input {shlex.quote(json.dumps(asdict(ORDER)))}",
            {"status": "COMPLETED"},
        )
    by_cli = client.get_workflow_handle(told.at("workflowId"), run_id=told.at("runId"))
    print(f"  SDK: {receipt}")
    print(f"  command line: {told.at('result')}")
    check(receipt == RECEIPT, "the order started by the SDK is delivered and paid")
    check(Receipt(**told.at("result")) == receipt, "both have the same result")
    inputs = [await recorded_input(handle) for handle in (by_sdk, by_cli)]
    check(inputs == [("json/plain", asdict(ORDER))] * 2, "both histories begin with the same input")
    events = [await event_names(handle) for handle in (by_sdk, by_cli)]
    check(events[0] == events[1], "both histories have the same events")
    verified(f"SDK and command line start the same workflow: {len(events[0])} events, one result")


if __name__ == "__main__":
    run(main)
