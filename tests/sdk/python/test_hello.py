"""First light: a workflow, its exact history, and what a client learns about it."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from tests.sdk.python.harness import Harness, events_named, eventually
from tests.sdk.python.programs.basic import (
    Broken,
    Failing,
    Fanout,
    ForgottenTimer,
    Greeting,
    Naps,
    Pipeline,
    Repaired,
    SelfPortrait,
    exclaim,
    to_upper,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

ONE_TASK = ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]
ONE_ACTIVITY = ["ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"]


async def test_sdk_starts_the_server_and_runs_a_workflow(server_path: Path) -> None:
    began = time.monotonic()
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(server_path)
    ) as environment:
        # The SDK gives up after 5 s by default; far less is the point of a dev server.
        assert time.monotonic() - began < 5
        harness = Harness(environment.client, "start-local")
        async with harness.worker(Greeting):
            assert await harness.execute(Greeting.run, "World") == "Hello, World!"


async def test_workflow_without_activity_has_five_events(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "World")
        assert await handle.result() == "Hello, World!"
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        *ONE_TASK,
        "WORKFLOW_EXECUTION_COMPLETED",
    ]


async def test_workflow_with_two_activities_has_seventeen_events(harness: Harness) -> None:
    async with harness.worker(Pipeline, activities=[to_upper, exclaim]):
        handle = await harness.start(Pipeline.run, "hello")
        assert await handle.result() == "HELLO!"
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        *ONE_TASK,
        *ONE_ACTIVITY,
        *ONE_TASK,
        *ONE_ACTIVITY,
        *ONE_TASK,
        "WORKFLOW_EXECUTION_COMPLETED",
    ]


async def test_parallel_activities_keep_their_results_apart(harness: Harness) -> None:
    words = [f"word{number}" for number in range(20)]
    async with harness.worker(Fanout, activities=[to_upper]):
        handle = await harness.start(Fanout.run, words)
        assert await handle.result() == [word.upper() for word in words]
    names = await harness.event_names(handle)
    assert names[4:24] == ["ACTIVITY_TASK_SCHEDULED"] * 20
    assert names.count("ACTIVITY_TASK_COMPLETED") == 20


async def test_events_carry_the_normalised_start(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(
            Greeting.run,
            "World",
            execution_timeout=timedelta(seconds=30),
            run_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
        await handle.result()
    started = (await harness.events(handle))[0].workflow_execution_started_event_attributes
    assert started.workflow_type.name == "Greeting"
    assert started.task_queue.name == harness.task_queue
    assert started.workflow_id == handle.id
    assert started.first_execution_run_id == handle.first_execution_run_id
    assert started.original_execution_run_id == handle.first_execution_run_id
    assert started.attempt == 1
    assert started.workflow_execution_timeout.ToTimedelta() == timedelta(seconds=30)
    assert started.workflow_run_timeout.ToTimedelta() == timedelta(seconds=30)
    assert started.workflow_task_timeout.ToTimedelta() == timedelta(seconds=10)
    assert started.retry_policy.maximum_attempts == 3
    assert started.retry_policy.initial_interval.ToTimedelta() == timedelta(seconds=1)
    assert started.retry_policy.maximum_interval.ToTimedelta() == timedelta(seconds=100)
    assert started.HasField("workflow_execution_expiration_time")


async def test_the_workflow_knows_who_it_is(harness: Harness) -> None:
    async with harness.worker(SelfPortrait):
        handle = await harness.start(SelfPortrait.run, run_timeout=timedelta(seconds=40))
        portrait = await handle.result()
    assert portrait == {
        "workflow_id": handle.id,
        "run_id": handle.first_execution_run_id,
        "first_execution_run_id": handle.first_execution_run_id,
        "namespace": "default",
        "task_queue": harness.task_queue,
        "workflow_type": "SelfPortrait",
        "attempt": 1,
        "parent": None,
        "task_timeout_seconds": 10.0,
        "run_timeout_seconds": 40.0,
        "execution_timeout_seconds": None,
        "history_length": 3,
        "suggested": False,
        "maximum_attempts": None,
    }


async def test_failure_reaches_the_client_whole(harness: Harness) -> None:
    async with harness.worker(Failing):
        handle = await harness.start(Failing.run, "broken")
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.type, cause.details) == ("broken", "OnPurpose", ("one", 2))
    assert cause.non_retryable
    description = await handle.describe()
    assert description.status is WorkflowExecutionStatus.FAILED
    assert (await harness.event_names(handle))[-1] == "WORKFLOW_EXECUTION_FAILED"


async def test_timers_do_not_fire_early_and_are_events(harness: Harness) -> None:
    async with harness.worker(Naps):
        handle = await harness.start(Naps.run, [30, 120])
        taken = await handle.result()
    assert taken[0] >= 30
    assert taken[1] >= 120
    events = await harness.events(handle)
    for started, fired in zip(
        events_named(events, "TIMER_STARTED"), events_named(events, "TIMER_FIRED"), strict=True
    ):
        attributes = started.timer_started_event_attributes
        span = attributes.start_to_fire_timeout.ToTimedelta()
        assert fired.timer_fired_event_attributes.started_event_id == started.event_id
        assert fired.timer_fired_event_attributes.timer_id == attributes.timer_id
        assert fired.event_time.ToDatetime() - started.event_time.ToDatetime() >= span


async def test_cancelled_timer_never_fires(harness: Harness) -> None:
    async with harness.worker(ForgottenTimer):
        handle = await harness.start(ForgottenTimer.run)
        assert await handle.result() == "done"
    names = await harness.event_names(handle)
    assert names.count("TIMER_STARTED") == 3
    assert names.count("TIMER_FIRED") == 2
    assert names.count("TIMER_CANCELED") == 1


async def test_defect_fails_the_task_and_a_repaired_worker_goes_on(harness: Harness) -> None:
    async with harness.worker(Broken):
        handle = await harness.start(Broken.run, task_timeout=timedelta(seconds=1))

        async def task_failed() -> bool:
            history = await handle.fetch_history()
            return bool(events_named(history.events, "WORKFLOW_TASK_FAILED"))

        await eventually(task_failed)
        pending = (await handle.describe()).raw_description.pending_workflow_task
        assert pending.attempt >= 1
    async with harness.worker(Repaired):
        assert await handle.result() == "repaired"
    names = await harness.event_names(handle)
    assert names[:4] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
    ]
    # Repeated failures are not written: the history does not grow while the code is broken.
    assert names.count("WORKFLOW_TASK_FAILED") == 1
    assert names[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def test_workflow_started_before_its_worker_waits_for_it(harness: Harness) -> None:
    handle = await harness.start(Greeting.run, "World")
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    async with harness.worker(Greeting):
        assert await handle.result() == "Hello, World!"


async def test_cold_worker_replays_from_the_start(harness: Harness) -> None:
    async with harness.worker(Pipeline, activities=[to_upper, exclaim], max_cached_workflows=0):
        handle = await harness.start(Pipeline.run, "again")
        assert await handle.result() == "AGAIN!"
    assert len(await harness.events(handle)) == 17
