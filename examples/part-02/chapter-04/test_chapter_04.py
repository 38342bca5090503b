"""The workflow with another activity in the place of the real one."""

import shutil
from datetime import timedelta

from sdk_setup import GreetingWorkflow
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker


@activity.defn(name="greet")
async def greet_late(name: str) -> str:
    """Fail twice; a worker knows an activity by its name only."""
    if activity.info().attempt < 3:
        raise ConnectionError("nobody is there yet")
    return f"Good evening, {name}."


async def test_a_greeting_comes_at_the_third_attempt() -> None:
    async with (
        # Without Indelible on the path the SDK downloads Temporal's own test server.
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=shutil.which("indelible-test-server"),
            test_server_startup_timeout=timedelta(seconds=30),
        ) as environment,
        Worker(
            environment.client,
            task_queue="chapter-04",
            workflows=[GreetingWorkflow],
            activities=[greet_late],
        ),
    ):
        greeting = await environment.client.execute_workflow(
            GreetingWorkflow.run, "Ada", id="greeting", task_queue="chapter-04"
        )
    assert greeting == "Good evening, Ada."
