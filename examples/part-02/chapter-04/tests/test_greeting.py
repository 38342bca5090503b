"""The workflow with another activity in the place of the real one."""

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


async def test_a_greeting_comes_at_the_third_attempt(environment: WorkflowEnvironment) -> None:
    async with Worker(
        environment.client,
        task_queue="greetings",
        workflows=[GreetingWorkflow],
        activities=[greet_late],
    ):
        greeting = await environment.client.execute_workflow(
            GreetingWorkflow.run, "Ada", id="greeting", task_queue="greetings"
        )
    assert greeting == "Good evening, Ada."
