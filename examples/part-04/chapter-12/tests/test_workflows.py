"""Workflows with their real deadlines: three days pass while nobody has anything to do."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from running import new_id
from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from trial import Customer, TrialWorkflow, charge, remind

QUEUE = "chapter-12"
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(scope="module")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """One test server; without Indelible on the path the SDK downloads Temporal's own."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=shutil.which("indelible-test-server"),
        test_server_startup_timeout=timedelta(seconds=30),
    ) as environment:
        yield environment


def worker(environment: WorkflowEnvironment, *activities: Callable[..., Any]) -> Worker:
    return Worker(
        environment.client,
        task_queue=QUEUE,
        workflows=[TrialWorkflow],
        activities=activities or [remind, charge],
    )


async def started(
    environment: WorkflowEnvironment, customer: Customer
) -> WorkflowHandle[TrialWorkflow, str]:
    return await environment.client.start_workflow(
        TrialWorkflow.run, customer, id=new_id("trial"), task_queue=QUEUE
    )


async def test_three_days_later_there_is_a_receipt(environment: WorkflowEnvironment) -> None:
    async with worker(environment):
        before = await environment.get_current_time()
        trial = await started(environment, Customer("ada"))
        assert await trial.result() == "ada-990-1"
        passed = await environment.get_current_time() - before
    assert timedelta(days=3) <= passed < timedelta(days=3) + MINUTE


async def test_time_moves_by_hand(environment: WorkflowEnvironment) -> None:
    async with worker(environment):
        trial = await started(environment, Customer("bob"))
        statuses: list[str] = []
        for _ in range(2):
            await environment.sleep(timedelta(days=1, hours=6))
            statuses.append(await trial.query(TrialWorkflow.current_status))
        await trial.signal(TrialWorkflow.give_up)
        assert await trial.result() == "given up"
    assert statuses == ["trial", "reminded"]


async def test_time_stands_still_when_told_to(environment: WorkflowEnvironment) -> None:
    async with worker(environment):
        before = await environment.get_current_time()
        with environment.auto_time_skipping_disabled():
            trial = await started(environment, Customer("eve"))
            await trial.signal(TrialWorkflow.give_up)
            assert await trial.result() == "given up"
        assert await environment.get_current_time() - before < MINUTE


async def test_a_charge_is_tried_again(environment: WorkflowEnvironment) -> None:
    attempts: list[int] = []

    @activity.defn(name="charge")
    async def unreliable(name: str, cents: int) -> str:
        attempts.append(activity.info().attempt)
        if len(attempts) < 3:
            raise ConnectionError("the bank does not answer")
        return f"{name} paid {cents}"

    async with worker(environment, remind, unreliable):
        trial = await started(environment, Customer("ada"))
        assert await trial.result() == "ada paid 990"
    assert attempts == [1, 2, 3]


async def test_a_declined_card_fails_the_trial(environment: WorkflowEnvironment) -> None:
    async with worker(environment):
        trial = await started(environment, Customer("ada", cents=100_001))
        with pytest.raises(WorkflowFailureError) as caught:
            await trial.result()
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    assert caught.value.cause.cause.type == "Declined"
