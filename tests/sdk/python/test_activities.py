"""Activities: retries, timeouts, heartbeats, cancellation, completion from outside, local ones."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError, RPCStatusCode

from tests.sdk.python.harness import Harness, event_names, events_named, eventually
from tests.sdk.python.programs.activities import (
    ATTEMPTS,
    Call,
    CallActivity,
    CancelActivity,
    CleanUpOnCancel,
    DefaultRetry,
    LocalCalls,
    SlowLocalCall,
    beat_then_hang,
    beat_until_cancelled,
    blocking,
    count_with_checkpoints,
    fail_for_ever,
    fail_until,
    fail_with_own_delay,
    hang,
    wait_for_completion_by_others,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

ACTIVITIES = [
    beat_then_hang,
    beat_until_cancelled,
    count_with_checkpoints,
    fail_for_ever,
    fail_until,
    fail_with_own_delay,
    hang,
    wait_for_completion_by_others,
]


async def test_failing_activity_is_retried_and_history_tells_once(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        handle = await harness.start(CallActivity.run, Call("fail_until", [4], activity_id="a"))
        assert await handle.result() == 4
    assert ATTEMPTS[f"{handle.id}/a"] == 4
    events = await harness.events(handle)
    assert event_names(events)[4:7] == [
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
    ]
    started = events_named(events, "ACTIVITY_TASK_STARTED")[0]
    attributes = started.activity_task_started_event_attributes
    assert attributes.attempt == 4
    assert attributes.last_failure.message == "attempt 3"


async def test_attempts_exhausted(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("fail_for_ever", [False], maximum_attempts=3, activity_id="a")
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["retry_state"] == "MAXIMUM_ATTEMPTS_REACHED"
    assert outcome["type"] == "Hopeless"
    assert ATTEMPTS[f"{handle.id}/a"] == 3


@pytest.mark.parametrize(
    "call",
    [
        Call("fail_for_ever", [True], activity_id="a"),
        Call("fail_for_ever", [False], activity_id="a", non_retryable=["Hopeless"]),
    ],
    ids=["by the failure", "by the policy"],
)
async def test_non_retryable_failures_end_at_once(harness: Harness, call: Call) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["retry_state"] == "NON_RETRYABLE_FAILURE"
    assert ATTEMPTS[f"{handle.id}/a"] == 1


async def test_failure_may_ask_for_its_own_delay(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        pause = await harness.execute(CallActivity.run, Call("fail_with_own_delay", [700]))
    assert 0.7 <= pause < 3


async def test_server_fills_in_the_default_retry_policy(harness: Harness) -> None:
    async with harness.worker(DefaultRetry, activities=ACTIVITIES):
        handle = await harness.start(DefaultRetry.run)
        assert await handle.result() == 2
    scheduled = events_named(await harness.events(handle), "ACTIVITY_TASK_SCHEDULED")[0]
    policy = scheduled.activity_task_scheduled_event_attributes.retry_policy
    assert policy.initial_interval.ToTimedelta() == timedelta(seconds=1)
    assert policy.backoff_coefficient == 2.0
    assert policy.maximum_interval.ToTimedelta() == timedelta(seconds=100)
    assert policy.maximum_attempts == 0


async def test_timeouts_are_normalised_in_the_event(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("fail_until", [1], start_to_close=60, schedule_to_close=20, heartbeat=90)
        handle = await harness.start(CallActivity.run, call)
        await handle.result()
    scheduled = events_named(await harness.events(handle), "ACTIVITY_TASK_SCHEDULED")[0]
    attributes = scheduled.activity_task_scheduled_event_attributes
    assert attributes.schedule_to_close_timeout.ToTimedelta() == timedelta(seconds=20)
    assert attributes.schedule_to_start_timeout.ToTimedelta() == timedelta(seconds=20)
    assert attributes.start_to_close_timeout.ToTimedelta() == timedelta(seconds=20)
    assert attributes.heartbeat_timeout.ToTimedelta() == timedelta(seconds=20)


async def test_start_to_close_timeout_is_retried(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("hang", [30.0], start_to_close=0.3, maximum_attempts=2, activity_id="a")
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["timeout"] == "START_TO_CLOSE"
    assert outcome["retry_state"] == "MAXIMUM_ATTEMPTS_REACHED"
    assert ATTEMPTS[f"{handle.id}/a"] == 2


async def test_heartbeat_timeout_is_retried_and_keeps_details(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("beat_then_hang", ["here"], heartbeat=0.4, maximum_attempts=2, activity_id="a")
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["timeout"] == "HEARTBEAT"
    assert outcome["heartbeat"] == ["here"]
    assert outcome["retry_state"] == "MAXIMUM_ATTEMPTS_REACHED"
    assert ATTEMPTS[f"{handle.id}/a"] == 2


async def test_schedule_to_start_timeout_is_not_retried(harness: Harness) -> None:
    async with harness.worker(CallActivity):
        call = Call("hang", [1.0], schedule_to_start=0.3, task_queue=f"{harness.label}-deserted")
        outcome = await harness.execute(CallActivity.run, call)
    assert outcome["timeout"] == "SCHEDULE_TO_START"
    assert outcome["retry_state"] == "TIMEOUT"


async def test_schedule_to_close_timeout_spans_all_attempts(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("hang", [30.0], start_to_close=0, schedule_to_close=0.5, activity_id="a")
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["timeout"] == "SCHEDULE_TO_CLOSE"
    assert outcome["retry_state"] == "TIMEOUT"
    assert ATTEMPTS[f"{handle.id}/a"] == 1


async def test_no_time_left_for_a_retry(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("fail_for_ever", [False], schedule_to_close=5, retry_interval=10)
        handle = await harness.start(CallActivity.run, call)
        outcome = await handle.result()
    assert outcome["cause"] == "ApplicationError"
    assert outcome["retry_state"] == "TIMEOUT"
    assert "ACTIVITY_TASK_FAILED" in await harness.event_names(handle)


async def test_next_attempt_resumes_at_the_last_heartbeat(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("count_with_checkpoints", [10], heartbeat=5)
        done = await harness.execute(CallActivity.run, call)
    assert done == [6, 7, 8, 9]


async def test_pending_activity_is_described(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        call = Call("beat_then_hang", ["shown"], heartbeat=20, activity_id="a")
        handle = await harness.start(CallActivity.run, call)

        async def started() -> bool:
            description = await handle.describe()
            return bool(
                description.raw_description.pending_activities
                and description.raw_description.pending_activities[0].last_started_time.seconds
            )

        await eventually(started)
        pending = (await handle.describe()).raw_description.pending_activities[0]
        assert pending.activity_id == "a"
        assert pending.activity_type.name == "beat_then_hang"
        assert pending.attempt == 1
        assert pending.last_worker_identity
        await handle.terminate()


@pytest.mark.parametrize(
    ("answer", "mode", "expected"),
    [
        ("confirm", "WAIT_CANCELLATION_COMPLETED", {"cause": "CancelledError"}),
        ("refuse", "WAIT_CANCELLATION_COMPLETED", "finished anyway"),
        ("confirm", "TRY_CANCEL", {"cause": "CancelledError"}),
        ("confirm", "ABANDON", {"cause": "CancelledError"}),
    ],
)
async def test_workflow_cancels_its_running_activity(
    harness: Harness, answer: str, mode: str, expected: object
) -> None:
    async with harness.worker(
        CancelActivity,
        activities=ACTIVITIES,
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        default_heartbeat_throttle_interval=timedelta(milliseconds=100),
    ):
        handle = await harness.start(CancelActivity.run, answer, mode, False)

        async def started() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return bool(pending and pending[0].last_started_time.seconds)

        await eventually(started)
        await handle.signal(CancelActivity.cancel_it)
        outcome = await handle.result()
    if isinstance(expected, dict):
        assert outcome["cause"] == expected["cause"]
    else:
        assert outcome == expected
    names = await harness.event_names(handle)
    assert ("ACTIVITY_TASK_CANCEL_REQUESTED" in names) == (mode != "ABANDON")


async def test_activity_that_nobody_started_is_cancelled_at_once(harness: Harness) -> None:
    async with harness.worker(CancelActivity):
        handle = await harness.start(
            CancelActivity.run, "confirm", "WAIT_CANCELLATION_COMPLETED", True
        )
        outcome = await handle.result()
    assert outcome["cause"] == "CancelledError"
    events = await harness.events(handle)
    names = event_names(events)
    at = names.index("ACTIVITY_TASK_CANCEL_REQUESTED")
    assert names[at + 1] == "ACTIVITY_TASK_CANCELED"
    assert "ACTIVITY_TASK_STARTED" not in names


async def test_cancelled_workflow_cleans_up(harness: Harness) -> None:
    async with harness.worker(
        CleanUpOnCancel,
        activities=ACTIVITIES,
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        default_heartbeat_throttle_interval=timedelta(milliseconds=100),
    ):
        handle = await harness.start(CleanUpOnCancel.run)

        async def started() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return bool(pending and pending[0].last_started_time.seconds)

        await eventually(started)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    names = await harness.event_names(handle)
    assert [name for name in names if "CANCEL" in name] == [
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "ACTIVITY_TASK_CANCELED",
        "WORKFLOW_EXECUTION_CANCELED",
    ]
    assert names.count("ACTIVITY_TASK_COMPLETED") == 1


async def _async_activity(harness: Harness, activity_id: str):
    call = Call("wait_for_completion_by_others", activity_id=activity_id, maximum_attempts=1)
    handle = await harness.start(CallActivity.run, call)

    async def started() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return bool(pending and pending[0].last_started_time.seconds)

    await eventually(started)
    return handle, harness.client.get_async_activity_handle(
        workflow_id=handle.id, run_id=handle.first_execution_run_id, activity_id=activity_id
    )


async def test_completion_by_id(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        handle, remote = await _async_activity(harness, "a")
        await remote.heartbeat("from afar")
        await remote.complete("done elsewhere")
        assert await handle.result() == "done elsewhere"
        with pytest.raises(RPCError) as caught:
            await remote.complete("again")
    assert caught.value.status is RPCStatusCode.NOT_FOUND
    await harness.events(handle)


async def test_failure_by_id(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=ACTIVITIES):
        handle, remote = await _async_activity(harness, "a")
        await remote.fail(RuntimeError("broken elsewhere"))
        outcome = await handle.result()
    assert outcome["message"] == "broken elsewhere"
    assert outcome["type"] == "RuntimeError"


async def test_completion_by_id_before_any_worker_started_it(harness: Harness) -> None:
    async with harness.worker(CallActivity):
        call = Call("hang", [1.0], activity_id="a", task_queue=f"{harness.label}-deserted")
        handle = await harness.start(CallActivity.run, call)

        async def scheduled() -> bool:
            return bool((await handle.describe()).raw_description.pending_activities)

        await eventually(scheduled)
        remote = harness.client.get_async_activity_handle(
            workflow_id=handle.id, run_id=None, activity_id="a"
        )
        await remote.complete("unasked")
        assert await handle.result() == "unasked"
    names = await harness.event_names(handle)
    at = names.index("ACTIVITY_TASK_STARTED")
    assert names[at + 1] == "ACTIVITY_TASK_COMPLETED"


async def test_synchronous_activity_in_a_thread(harness: Harness) -> None:
    with ThreadPoolExecutor(2) as pool:
        async with harness.worker(
            CallActivity, activities=[blocking], activity_executor=pool, max_concurrent_activities=2
        ):
            assert await harness.execute(CallActivity.run, Call("blocking", ["abc"])) == "cba"


async def test_local_activities_are_markers(harness: Harness) -> None:
    async with harness.worker(LocalCalls, activities=[fail_until, fail_for_ever]):
        handle = await harness.start(LocalCalls.run)
        assert await handle.result() == {
            "retried": 3,
            "plain": [1, 1, 1],
            "failure": "Hopeless",
        }
    names = await harness.event_names(handle)
    assert names.count("MARKER_RECORDED") == 5
    assert "ACTIVITY_TASK_SCHEDULED" not in names


async def test_long_local_activity_keeps_its_workflow_task_alive(harness: Harness) -> None:
    async with harness.worker(SlowLocalCall, activities=[hang]):
        handle = await harness.start(SlowLocalCall.run, 2.5, task_timeout=timedelta(seconds=1))
        assert await handle.result() == "patient"
    names = await harness.event_names(handle)
    assert "WORKFLOW_TASK_TIMED_OUT" not in names
    assert names.count("WORKFLOW_TASK_COMPLETED") > 2
