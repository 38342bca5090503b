"""Workflows that are not one's children: signalled and cancelled by id alone."""

import asyncio

from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError

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
class MachineWorkflow:
    """A machine that somebody else has started."""

    def __init__(self) -> None:
        """Slow."""
        self.speed = 0
        self.cleaned_up = False

    @workflow.signal
    def set_speed(self, speed: int) -> None:
        """Faster or slower."""
        self.speed = speed

    @workflow.query
    def is_clean(self) -> bool:
        """Whether the machine was left in order."""
        return self.cleaned_up

    @workflow.run
    async def run(self) -> int:
        """Run for a week, unless told otherwise; return the speed."""
        try:
            await workflow.sleep(7 * 24 * 3600)
        except asyncio.CancelledError:
            # A cancellation is a request; after the clean-up it is passed on.
            self.cleaned_up = True
            raise
        return self.speed


@workflow.defn
class OrchestratorWorkflow:
    """Knows machines by their ids."""

    @workflow.run
    async def run(self, machines: list[str]) -> list[str]:
        """Speed all machines up, stop the first one; return what went wrong."""
        problems: list[str] = []
        for machine in machines:
            handle = workflow.get_external_workflow_handle_for(MachineWorkflow.run, machine)
            try:
                await handle.signal(MachineWorkflow.set_speed, 7)
            except ApplicationError as error:
                problems.append(f"{machine}: {error.type}")
        await workflow.get_external_workflow_handle(machines[0]).cancel()
        return problems


async def main() -> None:
    """Two machines that exist and one that does not."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[OrchestratorWorkflow, MachineWorkflow]):
        first, second = [
            await client.start_workflow(
                MachineWorkflow.run, id=new_id("machine"), task_queue=options.task_queue
            )
            for _ in range(2)
        ]
        missing = new_id("machine")
        orchestrator = await client.start_workflow(
            OrchestratorWorkflow.run,
            [first.id, second.id, missing],
            id=new_id("orchestrator"),
            task_queue=options.task_queue,
        )
        problems = await orchestrator.result()
        try:
            await first.result()
        except WorkflowFailureError as error:
            check(isinstance(error.cause, CancelledError), "the first machine was cancelled")
        check(await first.query(MachineWorkflow.is_clean), "after it had cleaned up")
        theirs = await event_names(orchestrator)
        first_events, second_events = await event_names(first), await event_names(second)
        await second.terminate("end of the show")
    print(f"problems: {problems}")
    print("\n".join(f"  orchestrator: {name}" for name in theirs if "EXTERNAL" in name))
    check(problems == [f"{missing}: ExternalWorkflowExecutionNotFound"], "one machine is missing")
    for word, count in (
        ("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED", 3),
        ("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED", 2),
        ("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", 1),
        ("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED", 1),
        ("EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED", 1),
    ):
        check(theirs.count(word) == count, f"{count} times {word}")
    for events in (first_events, second_events):
        check("WORKFLOW_EXECUTION_SIGNALED" in events, "each machine has the signal on record")
    check("WORKFLOW_EXECUTION_CANCEL_REQUESTED" in first_events, "and the first one the request")
    check(first_events[-1] == "WORKFLOW_EXECUTION_CANCELED", "which ended it")
    verified("signals and a cancellation, on record in both histories")


if __name__ == "__main__":
    run(main)
