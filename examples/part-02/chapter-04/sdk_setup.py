"""The first minute with the SDK: connect, ask the server what it can do, run one workflow."""

import temporalio
from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

# What this chapter's programs, and those of the chapters after it, rely on.
NEEDED = (
    "encoded_failure_attributes",
    "internal_error_differentiation",
    "sdk_metadata",
    "signal_and_query_header",
    "supports_schedules",
)


@activity.defn
async def greet(name: str) -> str:
    """The part that may touch the world."""
    return f"Hello, {name}!"


@workflow.defn
class GreetingWorkflow:
    """The part that is remembered."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Return the greeting."""
        return await workflow.execute_activity(greet, name, start_to_close_timeout=span(10))


async def main() -> None:
    """Connect, look around, run."""
    options = parse_options()
    client = await connect()
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    able = sorted(field.name for field, value in info.capabilities.ListFields() if value)
    print(f"SDK {temporalio.__version__}, server {info.server_version}")
    print(f"namespace {client.namespace}, identity {client.identity}")
    print(f"the server can: {', '.join(able)}")
    async with working(client, options, workflows=[GreetingWorkflow], activities=[greet]):
        greeting = await client.execute_workflow(
            GreetingWorkflow.run, "Ada", id=new_id("greeting"), task_queue=options.task_queue
        )
    print(greeting)
    check(bool(info.server_version), "the server says which version it is")
    check(set(NEEDED) <= set(able), f"the server can do what is needed: {', '.join(NEEDED)}")
    check(greeting == "Hello, Ada!", "the workflow ran")
    verified("connected, capabilities present, one workflow run")


if __name__ == "__main__":
    run(main)
