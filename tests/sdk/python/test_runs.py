"""Chains of runs, and the ways a run ends."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import CancelledError, TerminatedError, TimeoutError as TemporalTimeout
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, event_names, events_named, eventually, refused
from tests.sdk.python.programs.basic import SHORT_RETRY, FlakyRun, Greeting, Naps, Waiting
from tests.sdk.python.programs.families import CancelAware, Counting, Cron, Stubborn

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def test_continue_as_new_carries_on(harness: Harness) -> None:
    async with harness.worker(Counting):
        handle = await harness.start(Counting.run, 0, 30)
        outcome = await handle.result()
    assert outcome["total"] == 30
    assert outcome["first"] == handle.first_execution_run_id
    assert outcome["memo"] == {"total": 20}
    runs = [handle.first_execution_run_id, outcome["previous"], outcome["run_id"]]
    assert len(set(runs)) == 3
    statuses = []
    for run_id in runs:
        run = harness.client.get_workflow_handle(handle.id, run_id=run_id)
        statuses.append((await run.describe()).status)
        events = await harness.events(run)
        started = events[0].workflow_execution_started_event_attributes
        assert started.first_execution_run_id == handle.first_execution_run_id
    assert statuses == [
        WorkflowExecutionStatus.CONTINUED_AS_NEW,
        WorkflowExecutionStatus.CONTINUED_AS_NEW,
        WorkflowExecutionStatus.COMPLETED,
    ]


async def test_result_of_one_run_only(harness: Harness) -> None:
    async with harness.worker(Counting):
        handle = await harness.start(Counting.run, 0, 20)
        await handle.result()
    first = harness.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    last = events_named(await harness.events(first), "WORKFLOW_EXECUTION_CONTINUED_AS_NEW")[0]
    attributes = last.workflow_execution_continued_as_new_event_attributes
    assert attributes.new_execution_run_id == (await handle.describe()).run_id


async def test_workflow_retry_makes_new_runs(harness: Harness) -> None:
    async with harness.worker(FlakyRun):
        handle = await harness.start(FlakyRun.run, 3, retry_policy=SHORT_RETRY)
        assert await handle.result() == 3
    last = await handle.describe()
    assert last.run_id != handle.first_execution_run_id
    started = (await harness.events(handle))[0].workflow_execution_started_event_attributes
    assert started.attempt == 3
    assert started.continued_failure.message == "attempt 2"
    first = harness.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    failed = (await harness.events(first))[-1].workflow_execution_failed_event_attributes
    assert failed.new_execution_run_id
    assert (await first.describe()).status is WorkflowExecutionStatus.FAILED


async def test_workflow_retries_are_exhausted(harness: Harness) -> None:
    policy = RetryPolicy(
        initial_interval=SHORT_RETRY.initial_interval, backoff_coefficient=1.0, maximum_attempts=2
    )
    async with harness.worker(FlakyRun):
        handle = await harness.start(FlakyRun.run, 5, retry_policy=policy)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert "attempt 2" in str(caught.value.cause)


async def test_cron_runs_repeatedly_and_passes_its_result_on(harness: Harness) -> None:
    async with harness.worker(Cron):
        handle = await harness.start(Cron.run, cron_schedule="@every 1s")

        async def second_run_waits() -> bool:
            events = (await handle.fetch_history()).events
            result = events[0].workflow_execution_started_event_attributes.last_completion_result
            return bool(result.payloads) and int(result.payloads[0].data) >= 2

        handle = harness.client.get_workflow_handle(handle.id)
        await eventually(second_run_waits)
        await handle.terminate()
    started = (await harness.events(handle))[0].workflow_execution_started_event_attributes
    assert started.cron_schedule == "@every 1s"
    assert started.continued_execution_run_id
    assert started.first_workflow_task_backoff.ToTimedelta() <= timedelta(seconds=1)


async def test_start_delay_holds_the_first_task_back(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "later", start_delay=timedelta(milliseconds=700))
        assert await harness.event_names(handle) == ["WORKFLOW_EXECUTION_STARTED"]
        assert await handle.result() == "Hello, later!"
    events = await harness.events(handle)
    waited = events[1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert waited >= timedelta(milliseconds=700)
    attributes = events[0].workflow_execution_started_event_attributes
    assert attributes.first_workflow_task_backoff.ToTimedelta() == timedelta(milliseconds=700)


async def test_signal_does_not_cut_the_start_delay_short(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run, start_delay=timedelta(milliseconds=700))
        await handle.signal(Waiting.finish)
        assert await harness.event_names(handle) == [
            "WORKFLOW_EXECUTION_STARTED",
            "WORKFLOW_EXECUTION_SIGNALED",
        ]
        assert await handle.result() == []
    events = await harness.events(handle)
    waited = events[2].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert waited >= timedelta(milliseconds=700)


@pytest.mark.parametrize("option", ["run_timeout", "execution_timeout"])
async def test_timeouts_close_the_run(harness: Harness, option: str) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run, **{option: timedelta(milliseconds=600)})
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, TemporalTimeout)
    assert (await handle.describe()).status is WorkflowExecutionStatus.TIMED_OUT
    events = await harness.events(handle)
    assert event_names(events)[-1] == "WORKFLOW_EXECUTION_TIMED_OUT"
    lasted = events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
    assert lasted >= timedelta(milliseconds=600)


async def test_run_timeout_without_any_worker(harness: Harness) -> None:
    handle = await harness.start(Waiting.run, run_timeout=timedelta(milliseconds=500))
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_EXECUTION_TIMED_OUT",
    ]


async def test_cancelled_workflow_may_clean_up(harness: Harness) -> None:
    async with harness.worker(CancelAware):
        handle = await harness.start(CancelAware.run)
        await handle.query("__stack_trace")  # Its first task is done: the timer runs.
        await handle.cancel()
        await handle.cancel()
        assert await handle.result() == "cleaned up"
    names = await harness.event_names(handle)
    assert names.count("WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1
    assert names[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def test_cancelled_workflow_ends_as_cancelled(harness: Harness) -> None:
    async with harness.worker(Stubborn):
        handle = await harness.start(Stubborn.run)
        await handle.query("__stack_trace")
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        await handle.cancel()  # A closed workflow takes it silently.
    assert (await harness.event_names(handle))[-1] == "WORKFLOW_EXECUTION_CANCELED"


async def test_terminate_ends_at_once_and_says_who(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.query(Waiting.noted)
        await handle.terminate("first detail", 2, reason="enough")
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, TerminatedError)
        assert list(caught.value.cause.details) == ["first detail", 2]
    events = await harness.events(handle)
    assert events[-1].workflow_execution_terminated_event_attributes.reason == "enough"
    async with refused(
        RPCStatusCode.NOT_FOUND,
        detail="NotFoundFailure",
        text="workflow execution already completed",
    ):
        await handle.terminate()


async def test_cancel_and_terminate_of_nobody(harness: Harness) -> None:
    handle = harness.client.get_workflow_handle(f"{harness.label}-nobody")
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await handle.cancel()
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await handle.terminate()
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await handle.describe()
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await handle.signal("anything")


async def test_many_at_once_do_not_disturb_each_other(harness: Harness) -> None:
    async with harness.worker(Naps, Greeting):
        results = await asyncio.gather(
            *(harness.execute(Greeting.run, str(number)) for number in range(60)),
            *(harness.execute(Naps.run, [20, 30]) for _ in range(20)),
        )
    assert results[:60] == [f"Hello, {number}!" for number in range(60)]
    assert all(taken[0] >= 20 and taken[1] >= 30 for taken in results[60:])
