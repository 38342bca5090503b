"""Who does what between a start and a result: five events, each with its author."""

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, verified, working

AUTHORS = {
    "WORKFLOW_EXECUTION_STARTED": "client -> frontend -> history: the run exists, durably",
    "WORKFLOW_TASK_SCHEDULED": "history -> matching: somebody should look at it",
    "WORKFLOW_TASK_STARTED": "matching -> worker: the poll is answered with the history",
    "WORKFLOW_TASK_COMPLETED": "worker -> frontend -> history: what the code decided",
    "WORKFLOW_EXECUTION_COMPLETED": "history: the decision was to be done",
}


@workflow.defn
class InteractionWorkflow:
    """Does nothing but pass through all services."""

    @workflow.run
    async def run(self, text: str) -> str:
        """Return the text, handled by everybody."""
        return f"{text}: seen by frontend, history, matching and a worker"


async def main() -> None:
    """Print the walk through the services as the history tells it."""
    options = parse_options()
    client = await connect()
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    print(f"server {system.server_version}")
    async with working(client, options, workflows=[InteractionWorkflow]):
        handle = await client.start_workflow(
            InteractionWorkflow.run, "request", id=new_id("walk"), task_queue=options.task_queue
        )
        result = await handle.result()
    names: list[str] = []
    for event in (await handle.fetch_history()).events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        names.append(name)
        print(f"{event.event_id:>3} {name:<30} {AUTHORS.get(name, '?')}")
    check(result.endswith("a worker"), "the result came back")
    check(names == list(AUTHORS), "exactly these five events, in this order")
    verified("the run is complete in 5 events")


if __name__ == "__main__":
    run(main)
