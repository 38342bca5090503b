"""What runs on both servers: workflows, activities and a Nexus service, as a user writes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import nexusrpc
import nexusrpc.handler
from temporalio import activity, nexus, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.worker import Worker

from scripts.cli_check.steps import QUEUE

IDENTITY: Final = "cli-check"


@activity.defn
async def greet(name: str) -> str:
    """Say hello."""
    return f"Hello, {name}"


@activity.defn
async def fail(name: str) -> str:
    """Fail with details."""
    raise ApplicationError(f"no luck, {name}", {"some": "details"}, type="Trouble")


@activity.defn
async def fail_for_good(name: str) -> str:
    """Fail, and say that another attempt will not help."""
    raise ApplicationError(f"never, {name}", non_retryable=True, type="Trouble")


@activity.defn
async def wait_for_somebody(name: str) -> str:
    """Leave the completion to somebody else."""
    activity.heartbeat(f"waiting for {name}")
    activity.raise_complete_async()


@workflow.defn
class Greeting:
    """A timer, an activity, a result."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        await workflow.sleep(timedelta(milliseconds=10))
        return await workflow.execute_activity(
            greet, name, start_to_close_timeout=timedelta(seconds=10), summary="says hello"
        )


@workflow.defn
class Failing:
    """Fails at once."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        raise ApplicationError("this one fails", name, type="Expected")


@workflow.defn
class Parent:
    """Has two children: one that ends and one that fails."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        own = workflow.info().workflow_id
        answer = await workflow.execute_child_workflow(Greeting.run, name, id=f"{own}-child")
        try:
            await workflow.execute_child_workflow(Failing.run, name, id=f"{own}-failing")
        except ChildWorkflowError:
            return answer
        return "the child did not fail"


@workflow.defn
class Waiting:
    """Stays open until a note says stop; takes signals, queries and updates."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    @workflow.run
    async def run(self, name: str = "nobody") -> list[str]:
        """Run until it is told to stop."""
        workflow.set_current_details(f"for {name}")
        await workflow.wait_condition(lambda: "stop" in self._notes)
        return self._notes

    @workflow.signal(description="takes a note")
    def note(self, text: str) -> None:
        """Take a note."""
        self._notes.append(text)

    @workflow.query(description="tells the notes")
    def notes(self) -> list[str]:
        """Return the notes."""
        return self._notes

    @workflow.query
    def stumble(self) -> str:
        """Fail."""
        raise ApplicationError("no answer")

    @workflow.update(description="takes a note and counts")
    async def add(self, text: str) -> int:
        """Take a note and count them."""
        if text == "trouble":
            raise ApplicationError("no such note", type="Trouble")
        self._notes.append(text)
        return len(self._notes)

    @add.validator
    def check(self, text: str) -> None:
        """Refuse an empty note."""
        if not text:
            raise ValueError("an empty note")

    @workflow.update
    async def add_later(self, text: str) -> int:
        """Take a note when there is one already."""
        await workflow.wait_condition(lambda: bool(self._notes))
        self._notes.append(text)
        return len(self._notes)


@workflow.defn
class Busy:
    """Has an activity that fails again and again, and one that waits for somebody."""

    @workflow.run
    async def run(self, kind: str) -> str:
        """Run until the activity ends."""
        return await workflow.execute_activity(
            kind,
            "you",
            result_type=str,
            activity_id="work",
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(minutes=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(minutes=5), backoff_coefficient=1),
        )


@workflow.defn
class Continuing:
    """Runs several times."""

    @workflow.run
    async def run(self, times: int) -> int:
        """Continue as new, once less."""
        if times:
            workflow.continue_as_new(times - 1)
        return times


@nexusrpc.service
class Desk:
    """A service with operations that end at once, fail, and take their time."""

    greet: nexusrpc.Operation[str, str]
    refuse: nexusrpc.Operation[str, str]
    wait: nexusrpc.Operation[str, list[str]]


@nexusrpc.handler.service_handler(service=Desk)
class DeskHandler:
    """Answers at the desk."""

    @nexusrpc.handler.sync_operation
    async def greet(self, _context: nexusrpc.handler.StartOperationContext, name: str) -> str:
        """Say hello."""
        return f"Hello, {name}"

    @nexusrpc.handler.sync_operation
    async def refuse(self, _context: nexusrpc.handler.StartOperationContext, name: str) -> str:
        """Refuse."""
        raise nexusrpc.OperationError(f"not for {name}", state=nexusrpc.OperationErrorState.FAILED)

    @nexus.workflow_run_operation
    async def wait(
        self, context: nexus.WorkflowRunOperationContext, name: str
    ) -> nexus.WorkflowHandle[list[str]]:
        """Run a workflow."""
        return await context.start_workflow(Waiting.run, name, id=f"nexus-{name}")


WORKFLOWS: Final = [Greeting, Failing, Parent, Waiting, Busy, Continuing]
ACTIVITIES: Final = [greet, fail, fail_for_good, wait_for_somebody]


@asynccontextmanager
async def workers(client: Client) -> AsyncIterator[None]:
    """Keep the worker of the common task queue running for the time of the context."""
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        activities=ACTIVITIES,
        nexus_service_handlers=[DeskHandler()],
        identity=IDENTITY,
    ):
        yield
