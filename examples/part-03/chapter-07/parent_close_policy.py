"""What becomes of the children when their parent ends: terminated, cancelled, or left alone."""

import asyncio
from contextlib import suppress

from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working

POLICIES = {
    "terminate": ParentClosePolicy.TERMINATE,
    "request cancel": ParentClosePolicy.REQUEST_CANCEL,
    "abandon": ParentClosePolicy.ABANDON,
}
EXPECTED = {
    "default": WorkflowExecutionStatus.TERMINATED,
    "terminate": WorkflowExecutionStatus.TERMINATED,
    "request cancel": WorkflowExecutionStatus.CANCELED,
    "abandon": WorkflowExecutionStatus.RUNNING,
}


@workflow.defn
class ChildWorkflow:
    """Would go on for a week."""

    def __init__(self) -> None:
        """Go on."""
        self.is_released = False

    @workflow.signal
    def release(self) -> None:
        """Enough."""
        self.is_released = True

    @workflow.run
    async def run(self) -> str:
        """Return when it is released. A cancellation may be answered; a termination is silent."""
        await workflow.wait_condition(lambda: self.is_released)
        return "released"


@workflow.defn
class ParentWorkflow:
    """Starts its children and ends before them."""

    @workflow.run
    async def run(self) -> None:
        """Wait until the children have started; a child that never started would not survive."""
        me = workflow.info().workflow_id
        await workflow.start_child_workflow(ChildWorkflow.run, id=f"{me}/default")
        await asyncio.gather(
            *(
                workflow.start_child_workflow(
                    ChildWorkflow.run, id=f"{me}/{name}", parent_close_policy=policy
                )
                for name, policy in POLICIES.items()
            )
        )


async def main() -> None:
    """Let the parent end, then look at the children."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ParentWorkflow, ChildWorkflow]):
        parent_id = new_id("parent")
        await client.execute_workflow(
            ParentWorkflow.run, id=parent_id, task_queue=options.task_queue
        )
        children = {
            name: client.get_workflow_handle_for(ChildWorkflow.run, f"{parent_id}/{name}")
            for name in EXPECTED
        }
        found: dict[str, WorkflowExecutionStatus | None] = {}

        async def all_settled() -> bool:
            for name, child in children.items():
                found[name] = (await child.describe()).status
            return found == EXPECTED

        with suppress(TimeoutError):  # The check below says what is missing.
            await until(all_settled, seconds_max=10)
        for name, status in found.items():
            print(f"  {name:<15} {status.name if status else '?'}")
        check(found == EXPECTED, "each child met the fate of its policy")
        await children["abandon"].signal(ChildWorkflow.release)
        check(await children["abandon"].result() == "released", "the abandoned child went on")
    verified("terminate (the default), request cancel, abandon")


if __name__ == "__main__":
    run(main)
