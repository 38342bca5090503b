"""Child workflows, external workflows, and what happens to children when the parent goes."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError, TerminatedError

from tests.sdk.python.harness import Harness, event_names, events_named, eventually
from tests.sdk.python.programs.families import (
    CancelAware,
    Child,
    Meddler,
    Parent,
    ParentOfMany,
    ParentOfTwins,
    ParentThatCancels,
    ParentThatLeaves,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def test_child_completes_and_both_histories_tell(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "grew up", child_id, "", 0)
        assert await handle.result() == f"grew up under {handle.id}"
    names = await harness.event_names(handle)
    assert [name for name in names if "CHILD" in name] == [
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "CHILD_WORKFLOW_EXECUTION_STARTED",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
    ]
    child = harness.client.get_workflow_handle(child_id)
    events = await harness.events(child)
    started = events[0].workflow_execution_started_event_attributes
    assert started.parent_workflow_execution.workflow_id == handle.id
    assert started.parent_workflow_execution.run_id == handle.first_execution_run_id
    assert started.root_workflow_execution.workflow_id == handle.id
    initiated = started.parent_initiated_event_id
    parent_events = await harness.events(handle)
    assert event_names([parent_events[initiated - 1]]) == [
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED"
    ]
    assert (await child.describe()).parent_id == handle.id


async def test_child_failure_reaches_the_parent(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        outcome = await harness.execute(Parent.run, "fail", child_id, "", 0)
    assert outcome == {
        "workflow_id": child_id,
        "workflow_type": "Child",
        "retry_state": "RETRY_POLICY_NOT_SET",
        "cause": "ApplicationError",
        "type": "ChildFailed",
    }


async def test_child_timeout_reaches_the_parent(harness: Harness) -> None:
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "wait", harness.new_id(), "", 0.5)
        outcome = await handle.result()
    assert outcome["cause"] == "TimeoutError"
    assert "CHILD_WORKFLOW_EXECUTION_TIMED_OUT" in await harness.event_names(handle)


async def test_terminated_child_reaches_the_parent(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "wait", child_id, "", 0)
        await _is_open(harness, child_id)
        await harness.client.get_workflow_handle(child_id).terminate()
        outcome = await handle.result()
    assert outcome["cause"] == "TerminatedError"
    assert "CHILD_WORKFLOW_EXECUTION_TERMINATED" in await harness.event_names(handle)


async def test_child_on_its_own_queue(harness: Harness) -> None:
    other = f"{harness.label}-other"
    async with harness.worker(Parent), harness.worker(Child, task_queue=other):
        handle = await harness.start(Parent.run, "apart", harness.new_id(), other, 0)
        assert await handle.result() == f"apart under {handle.id}"


async def test_parent_waits_for_the_last_run_of_its_child(harness: Harness) -> None:
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "continue", harness.new_id(), "", 0)
        assert await handle.result() == f"finish under {handle.id}"
    names = await harness.event_names(handle)
    assert names.count("CHILD_WORKFLOW_EXECUTION_COMPLETED") == 1


async def test_second_child_of_the_same_id_is_refused(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(ParentOfTwins, Child):
        handle = await harness.start(ParentOfTwins.run, child_id)
        assert await handle.result() == f"{child_id} told once"
    names = await harness.event_names(handle)
    assert names.count("START_CHILD_WORKFLOW_EXECUTION_FAILED") == 1


async def test_many_children_in_parallel(harness: Harness) -> None:
    async with harness.worker(ParentOfMany, Child):
        handle = await harness.start(ParentOfMany.run, 25)
        results = await handle.result()
    assert results == [f"child {number} under {handle.id}" for number in range(25)]
    names = await harness.event_names(handle)
    assert names.count("CHILD_WORKFLOW_EXECUTION_COMPLETED") == 25


async def _is_open(harness: Harness, workflow_id: str) -> None:
    async def has_completed_a_task() -> bool:
        try:
            history = await harness.client.get_workflow_handle(workflow_id).fetch_history()
        except Exception:  # noqa: BLE001
            return False  # Not there yet; `eventually` has the deadline.
        return "WORKFLOW_TASK_COMPLETED" in event_names(history.events)

    await eventually(has_completed_a_task)


@pytest.mark.parametrize("leaving", ["complete", "fail", "continue"])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", WorkflowExecutionStatus.TERMINATED),
        ("TERMINATE", WorkflowExecutionStatus.TERMINATED),
        ("REQUEST_CANCEL", WorkflowExecutionStatus.CANCELED),
        ("ABANDON", WorkflowExecutionStatus.RUNNING),
    ],
    ids=["default", "terminate", "request cancel", "abandon"],
)
async def test_parent_close_policy(
    harness: Harness, policy: str, expected: WorkflowExecutionStatus, leaving: str
) -> None:
    child_id = harness.new_id()
    child = harness.client.get_workflow_handle_for(Child.run, child_id)
    async with harness.worker(ParentThatLeaves, Child):
        handle = await harness.start(ParentThatLeaves.run, child_id, policy, leaving)
        if leaving == "fail":
            with pytest.raises(WorkflowFailureError):
                await handle.result()
        else:
            await handle.result()
        if expected is WorkflowExecutionStatus.RUNNING:
            await child.signal(Child.tell, "still here")
            assert await child.result() == "told still here"
        else:
            with pytest.raises(WorkflowFailureError) as caught:
                await child.result()
            cancelled = expected is WorkflowExecutionStatus.CANCELED
            assert isinstance(caught.value.cause, CancelledError if cancelled else TerminatedError)
            assert (await child.describe()).status is expected
    if expected is WorkflowExecutionStatus.TERMINATED:
        last = (await harness.events(child))[-1]
        attributes = last.workflow_execution_terminated_event_attributes
        assert attributes.reason == "by parent close policy"


@pytest.mark.parametrize("mode", ["WAIT_CANCELLATION_COMPLETED", "WAIT_CANCELLATION_REQUESTED"])
async def test_parent_cancels_its_child(harness: Harness, mode: str) -> None:
    child_id = harness.new_id()
    async with harness.worker(ParentThatCancels, Child):
        handle = await harness.start(ParentThatCancels.run, child_id, mode)
        await _is_open(harness, child_id)
        await handle.signal(ParentThatCancels.cancel_child)
        outcome = await handle.result()
        assert outcome["cause"] == "CancelledError"
        child = harness.client.get_workflow_handle(child_id)
        with pytest.raises(WorkflowFailureError):
            await child.result()
        assert (await child.describe()).status is WorkflowExecutionStatus.CANCELED
    names = await harness.event_names(handle)
    assert "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED" in names
    assert "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED" in names


async def test_external_signal_is_in_both_histories(harness: Harness) -> None:
    async with harness.worker(Meddler, Child):
        target = await harness.start(Child.run, "wait")
        meddler = await harness.start(Meddler.run, target.id, "signal")
        assert await meddler.result() == "done"
        assert await target.result() == "told from outside"
    names = await harness.event_names(meddler)
    assert "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED" in names
    assert "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED" in names
    signaled = events_named(await harness.events(target), "WORKFLOW_EXECUTION_SIGNALED")[0]
    sender = signaled.workflow_execution_signaled_event_attributes.external_workflow_execution
    assert sender.workflow_id == meddler.id


async def test_external_cancel(harness: Harness) -> None:
    async with harness.worker(Meddler, CancelAware):
        target = await harness.start(CancelAware.run)
        meddler = await harness.start(Meddler.run, target.id, "cancel")
        assert await meddler.result() == "done"
        assert await target.result() == "cleaned up"
    assert "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED" in await harness.event_names(meddler)


@pytest.mark.parametrize("act", ["signal", "cancel"])
async def test_unknown_external_workflow_is_refused(harness: Harness, act: str) -> None:
    async with harness.worker(Meddler):
        handle = await harness.start(Meddler.run, f"{harness.label}-nobody", act)
        assert (await handle.result()).startswith("refused: ")
    names = await harness.event_names(handle)
    failed = "SIGNAL" if act == "signal" else "REQUEST_CANCEL"
    assert f"{failed}_EXTERNAL_WORKFLOW_EXECUTION_FAILED" in names
