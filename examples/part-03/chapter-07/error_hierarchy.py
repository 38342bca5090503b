"""What reaches the client when something fails: each error, and the chain of causes below it."""

import asyncio
from collections.abc import Awaitable

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    WorkflowFailureError,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    TimeoutError as TemporalTimeoutError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working


@activity.defn
async def misbehave(how: str) -> None:
    """Fail, or take too long."""
    if how == "slow":
        await asyncio.sleep(5)
    raise ApplicationError("disk full", {"path": "/data"}, type="DiskFull")


@workflow.defn
class FailingWorkflow:
    """Fails in the way that it is asked to."""

    @workflow.run
    async def run(self, how: str) -> None:
        """Never return a value."""
        if how == "workflow":
            raise ApplicationError("not today", type="Refused")
        if how == "wait":
            await workflow.wait_condition(lambda: False)
        if how == "child":
            await workflow.execute_child_workflow(
                FailingWorkflow.run, "activity", id=f"{workflow.info().workflow_id}/child"
            )
        await workflow.execute_activity(
            misbehave,
            how,
            start_to_close_timeout=span(0.5 if how == "slow" else 10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    @workflow.query
    def broken_query(self) -> str:
        """A query that fails harms nobody but the caller."""
        raise ValueError("no answer")

    @workflow.update
    async def broken_update(self) -> None:
        """An update that fails does not fail the workflow."""
        raise ApplicationError("not like this", type="BadUpdate")


def chain_of(error: BaseException | None) -> list[str]:
    """The error and its causes, each with what identifies it."""
    names: list[str] = []
    while error is not None:
        name = type(error).__name__
        if isinstance(error, ApplicationError):
            name += f"({error.type})"
        elif isinstance(error, TemporalTimeoutError):
            name += f"({error.type.name if error.type else '?'})"
        names.append(name)
        error = error.cause if isinstance(error, FailureError | WorkflowFailureError) else None
    return names


async def error_of(result: Awaitable[object]) -> BaseException:
    """The error that the call raises."""
    try:
        await result
    except Exception as error:  # noqa: BLE001 - collecting all kinds is the point here
        return error
    raise AssertionError("the call was expected to fail")


async def collect(client: Client, queue: str) -> dict[str, BaseException]:
    """One error of each kind."""
    errors: dict[str, BaseException] = {}
    for how in ("workflow", "activity", "child", "slow"):
        errors[how] = await error_of(
            client.execute_workflow(FailingWorkflow.run, how, id=new_id(how), task_queue=queue)
        )
    errors["too long"] = await error_of(
        client.execute_workflow(
            FailingWorkflow.run, "wait", id=new_id("wait"), task_queue=queue, run_timeout=span(1)
        )
    )
    running, ended = [
        await client.start_workflow(
            FailingWorkflow.run, "wait", id=new_id("wait"), task_queue=queue
        )
        for _ in range(2)
    ]
    errors["query"] = await error_of(running.query(FailingWorkflow.broken_query))
    errors["update"] = await error_of(running.execute_update(FailingWorkflow.broken_update))
    errors["second start"] = await error_of(
        client.start_workflow(FailingWorkflow.run, "wait", id=running.id, task_queue=queue)
    )
    await running.cancel()
    errors["cancelled"] = await error_of(running.result())
    await ended.terminate("enough")
    errors["terminated"] = await error_of(ended.result())
    errors["nobody"] = await error_of(client.get_workflow_handle(new_id("nobody")).describe())
    return errors


async def main() -> None:
    """Compare the chain of each error with what is expected."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[FailingWorkflow], activities=[misbehave]):
        errors = await collect(client, options.task_queue)
    chains = {how: chain_of(error) for how, error in errors.items()}
    for how, chain in chains.items():
        print(f"  {how:<13} {' <- '.join(chain)}")
    below_activity = ["ActivityError", "ApplicationError(DiskFull)"]
    expected = {
        "workflow": ["WorkflowFailureError", "ApplicationError(Refused)"],
        "activity": ["WorkflowFailureError", *below_activity],
        "child": ["WorkflowFailureError", "ChildWorkflowError", *below_activity],
        "slow": ["WorkflowFailureError", "ActivityError", "TimeoutError(START_TO_CLOSE)"],
        "too long": ["WorkflowFailureError", "TimeoutError(START_TO_CLOSE)"],
        "query": ["WorkflowQueryFailedError"],
        "update": ["WorkflowUpdateFailedError"],
        "second start": ["WorkflowAlreadyStartedError"],
        "cancelled": ["WorkflowFailureError", "CancelledError"],
        "terminated": ["WorkflowFailureError", "TerminatedError"],
        "nobody": ["RPCError"],
    }
    check(chains == expected, "each failure arrives as its own chain of errors")
    check_fields(errors)
    verified(f"{len(expected)} kinds of errors, each with its chain of causes")


def check_fields(errors: dict[str, BaseException]) -> None:
    """Each error of the chain says where it comes from."""
    failure = errors["child"]
    while isinstance(failure, WorkflowFailureError | FailureError):
        if isinstance(failure, ChildWorkflowError):
            check(failure.workflow_type == "FailingWorkflow", "the child is named")
        if isinstance(failure, ActivityError):
            check(failure.activity_type == "misbehave", "the activity is named")
        if isinstance(failure, ApplicationError):
            check(failure.message == "disk full", "the message came through")
            check(list(failure.details) == [{"path": "/data"}], "and the details")
        failure = failure.cause
    nobody = errors["nobody"]
    check(isinstance(nobody, RPCError) and nobody.status.name == "NOT_FOUND", "a status code")
    check(isinstance(errors["second start"], WorkflowAlreadyStartedError), "a type of its own")


if __name__ == "__main__":
    run(main)
