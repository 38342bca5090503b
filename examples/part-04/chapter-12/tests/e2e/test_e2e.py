"""From end to end: client, server and worker as in production, at `TEMPORAL_ADDRESS`.

Time is real here, so a day is short; what depends on long days is tested where time is skipped.
"""

import pytest
from running import connect, new_id, until
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker
from trial import Customer, TrialWorkflow, charge, remind

pytestmark = pytest.mark.e2e


@pytest.fixture
async def client() -> Client:
    return await connect()


@pytest.fixture
def queue() -> str:
    """A queue that no other test polls: they share the server."""
    return new_id("chapter-12-e2e")


def worker(client: Client, queue: str) -> Worker:
    return Worker(client, task_queue=queue, workflows=[TrialWorkflow], activities=[remind, charge])


async def test_a_trial_becomes_a_subscription_and_is_found(client: Client, queue: str) -> None:
    async with worker(client, queue):
        trial = await client.start_workflow(
            TrialWorkflow.run,
            Customer("ada", day_seconds=0.2),
            id=new_id("trial"),
            task_queue=queue,
        )
        assert await trial.result() == "ada-990-1"
    assert (await trial.describe()).status is WorkflowExecutionStatus.COMPLETED
    query = f"WorkflowId = '{trial.id}' AND ExecutionStatus = 'Completed'"

    async def is_found() -> bool:
        return (await client.count_workflows(query)).count == 1

    await until(is_found)


async def test_a_trial_outlives_its_worker(client: Client, queue: str) -> None:
    async with worker(client, queue):
        trial = await client.start_workflow(
            TrialWorkflow.run, Customer("bob"), id=new_id("trial"), task_queue=queue
        )
        assert await trial.query(TrialWorkflow.current_status) == "trial"
    # Nobody works now; what is sent meanwhile is kept.
    await trial.signal(TrialWorkflow.give_up)
    async with worker(client, queue):
        assert await trial.result() == "given up"
