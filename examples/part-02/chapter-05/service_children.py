"""Child workflows as services: inventory and shipping, each with its own queue and worker."""

from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, span, verified


@activity.defn
async def take_from_shelf(sku: str) -> str:
    """Known to the inventory's worker only."""
    return f"{sku} taken from shelf {len(sku)}"


@activity.defn
async def call_carrier(sku: str) -> str:
    """Known to the shipping's worker only."""
    return f"{sku} handed to the carrier"


@workflow.defn
class InventoryWorkflow:
    """Owned by the inventory team."""

    @workflow.run
    async def run(self, sku: str) -> str:
        """Return where the piece was; activities stay on the queue of their workflow."""
        return await workflow.execute_activity(
            take_from_shelf, sku, start_to_close_timeout=span(10)
        )


@workflow.defn
class ShippingWorkflow:
    """Owned by the shipping team."""

    @workflow.run
    async def run(self, sku: str) -> str:
        """Return who has the parcel."""
        return await workflow.execute_activity(call_carrier, sku, start_to_close_timeout=span(10))


@workflow.defn
class OrderWorkflow:
    """Knows the names of the services and their queues, and none of their activities."""

    @workflow.run
    async def run(self, sku: str, queues: dict[str, str]) -> list[str]:
        """Return what the services answered."""
        me = workflow.info().workflow_id
        taken = await workflow.execute_child_workflow(
            InventoryWorkflow.run, sku, id=f"{me}/inventory", task_queue=queues["inventory"]
        )
        sent = await workflow.execute_child_workflow(
            ShippingWorkflow.run, sku, id=f"{me}/shipping", task_queue=queues["shipping"]
        )
        return [taken, sent]


async def who_worked(client: Client, workflow_id: str) -> tuple[str, set[str]]:
    """The queue of a run, and the workers that had its tasks."""
    handle: Any = client.get_workflow_handle(workflow_id)
    description = await handle.describe()
    history = await handle.fetch_history()
    return description.task_queue, {
        event.workflow_task_started_event_attributes.identity
        or event.activity_task_started_event_attributes.identity
        for event in history.events
        if event.HasField("workflow_task_started_event_attributes")
        or event.HasField("activity_task_started_event_attributes")
    }


async def main() -> None:
    """Three workers, three queues, one order."""
    client = await connect()
    names = ("orders", "inventory", "shipping")
    queues = {name: new_id(name) for name in names}
    code: dict[str, dict[str, Any]] = {
        "orders": {"workflows": [OrderWorkflow]},
        "inventory": {"workflows": [InventoryWorkflow], "activities": [take_from_shelf]},
        "shipping": {"workflows": [ShippingWorkflow], "activities": [call_carrier]},
    }
    orders, inventory, shipping = (
        Worker(client, task_queue=queues[name], identity=f"{name} worker", **code[name])
        for name in names
    )
    async with orders, inventory, shipping:
        handle = await client.start_workflow(
            OrderWorkflow.run,
            args=["kettle", queues],
            id=new_id("order"),
            task_queue=queues["orders"],
        )
        answers = await handle.result()
    ids = {
        "orders": handle.id,
        "inventory": f"{handle.id}/inventory",
        "shipping": f"{handle.id}/shipping",
    }
    for name in names:
        queue, workers = await who_worked(client, ids[name])
        print(f"  {name:<10} queue {queue}, done by {', '.join(workers)}")
        check(queue == queues[name], f"{name}: the run is on its queue")
        check(workers == {f"{name} worker"}, f"{name}: only its own worker touched it")
    expected = ["kettle taken from shelf 6", "kettle handed to the carrier"]
    check(answers == expected, "both services answered")
    verified("each child ran on the queue of its service")


if __name__ == "__main__":
    run(main)
