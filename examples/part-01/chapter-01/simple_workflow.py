"""A workflow that greets: the smallest thing that survives a crash."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, verified, working


@workflow.defn
class GreetingWorkflow:
    """Greets whoever it is given."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Return the greeting."""
        return f"Hello, {name}!"


async def main() -> None:
    """Run the workflow twice under one id: an id is free again when its run has closed."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[GreetingWorkflow]):
        workflow_id = new_id("greeting")
        run_ids: list[str | None] = []
        for name in ("World", "again"):
            handle = await client.start_workflow(
                GreetingWorkflow.run, name, id=workflow_id, task_queue=options.task_queue
            )
            result = await handle.result()
            print(f"Workflow result: {result}")
            check(result == f"Hello, {name}!", "the greeting names who is greeted")
            run_ids.append(handle.first_execution_run_id)
    check(run_ids[0] != run_ids[1], "the second start is a run of its own")
    verified("two runs of one workflow id, both greeted")


if __name__ == "__main__":
    run(main)
