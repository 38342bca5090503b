"""Reset: a new run goes on from the middle of an old one."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    ResetReapplyExcludeType,
    ResetReapplyType,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from tests.sdk.python.harness import (
    Harness,
    event_names,
    events_named,
    eventually,
    execution,
    refused,
)
from tests.sdk.python.programs.activities import Call, CallActivity, wait_for_completion_by_others
from tests.sdk.python.programs.basic import Greeting, Waiting
from tests.sdk.python.programs.families import Child, Parent

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

FIRST_COMPLETION = 4
"""The id of the first WORKFLOW_TASK_COMPLETED: the earliest point to which most runs reset."""


async def reset(
    harness: Harness,
    handle: WorkflowHandle[Any, Any],
    event_id: int,
    *,
    run_id: str = "",
    request_id: str = "",
    excluded: Sequence[ResetReapplyExcludeType.ValueType] = (),
    reapplied: ResetReapplyType.ValueType = ResetReapplyType.RESET_REAPPLY_TYPE_UNSPECIFIED,
) -> WorkflowHandle[Any, Any]:
    answer = await harness.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=harness.client.namespace,
            workflow_execution=execution(handle, run_id),
            reason="once more",
            workflow_task_finish_event_id=event_id,
            request_id=request_id or str(uuid.uuid4()),
            reset_reapply_type=reapplied,
            reset_reapply_exclude_types=excluded,
        )
    )
    return harness.client.get_workflow_handle(handle.id, run_id=answer.run_id)


async def describe(
    harness: Harness, handle: WorkflowHandle[Any, Any], run_id: str | None = ""
) -> DescribeWorkflowExecutionResponse:
    return await harness.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=harness.client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id, run_id=run_id or ""),
        )
    )


def texts(events: Sequence[HistoryEvent]) -> list[str]:
    return [
        event.workflow_execution_signaled_event_attributes.input.payloads[0].data.decode()
        for event in events_named(events, "WORKFLOW_EXECUTION_SIGNALED")
        if event.workflow_execution_signaled_event_attributes.input.payloads
    ]


async def waiting_with_notes(harness: Harness, *notes: str) -> WorkflowHandle[Any, Any]:
    """A run whose first workflow task is done and that has had some signals since."""
    handle = await harness.start(Waiting.run)
    await handle.query(Waiting.noted)
    for note in notes:
        await handle.signal(Waiting.note, note)
        await handle.query(Waiting.noted)
    return handle


async def test_a_closed_run_is_done_again(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "twice")
        assert await handle.result() == "Hello, twice!"
        again = await reset(harness, handle, FIRST_COMPLETION)
        assert again.run_id != handle.result_run_id
        assert await again.result() == "Hello, twice!"
    events = await harness.events(again)
    assert event_names(events) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
    failed = events[3].workflow_task_failed_event_attributes
    assert failed.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    assert failed.failure.message == "once more"
    assert failed.failure.HasField("reset_workflow_failure_info")
    assert failed.identity == "history-service"
    assert (failed.base_run_id, failed.new_run_id) == (handle.result_run_id, again.run_id)
    started = events[0].workflow_execution_started_event_attributes
    assert started.original_execution_run_id == handle.result_run_id
    assert started.first_execution_run_id == handle.result_run_id
    assert events[4].workflow_task_scheduled_event_attributes.attempt == 1


async def test_the_open_run_ends_and_its_signals_go_on(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness, "one", "two")
        again = await reset(harness, handle, FIRST_COMPLETION)
        ended = harness.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
        description = await ended.describe()
        assert description.status is WorkflowExecutionStatus.TERMINATED
        terminated = (await harness.events(ended))[
            -1
        ].workflow_execution_terminated_event_attributes
        assert (terminated.reason, terminated.identity) == ("once more", "history-resetter")
        await handle.signal(Waiting.note, "three")
        await handle.signal(Waiting.finish)
        assert await again.result() == ["one", "two", "three"]
    names = await harness.event_names(again)
    assert names[:7] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


@pytest.mark.parametrize(
    ("excluded", "reapplied", "expected"),
    [
        ([ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL], 0, []),
        ([ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE], 0, ['"one"']),
        ([], ResetReapplyType.RESET_REAPPLY_TYPE_NONE, []),
        ([], ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL, ['"one"']),
        ([], ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE, ['"one"']),
    ],
)
async def test_signals_can_be_left_behind(
    harness: Harness,
    excluded: list[ResetReapplyExcludeType.ValueType],
    reapplied: ResetReapplyType.ValueType,
    expected: list[str],
) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness, "one")
        again = await reset(
            harness, handle, FIRST_COMPLETION, excluded=excluded, reapplied=reapplied
        )
        assert texts(await harness.events(again)) == expected
        await again.signal(Waiting.finish)
        await again.result()


async def test_the_point_may_lie_before_the_task_was_started(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "early")
        await handle.result()
        again = await reset(harness, handle, 3)
        assert await again.result() == "Hello, early!"
    events = await harness.events(again)
    assert event_names(events)[:5] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert events[2].workflow_task_started_event_attributes.identity == "history-service"


@pytest.mark.parametrize(
    ("event_id", "text"),
    [
        (1, "Workflow task finish ID must be > 1 && <= workflow last event ID."),
        (99, "Workflow task finish ID must be > 1 && <= workflow last event ID."),
        (2, "Can only reset workflow to event ID in range|must be at the boundary"),
        (5, "Can only reset workflow to event ID in range|must be at the boundary"),
    ],
)
async def test_some_points_are_refused(harness: Harness, event_id: int, text: str) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "not here")
        await handle.result()
        async with refused(RPCStatusCode.INVALID_ARGUMENT, text=text):
            await reset(harness, handle, event_id)


async def test_a_repeated_request_gets_the_same_run(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness)
        request_id = str(uuid.uuid4())
        first = await reset(harness, handle, FIRST_COMPLETION, request_id=request_id)
        second = await reset(
            harness,
            handle,
            FIRST_COMPLETION,
            run_id=handle.result_run_id or "",
            request_id=request_id,
        )
        assert second.run_id == first.run_id
        await first.signal(Waiting.finish)
        await first.result()


async def test_the_description_tells_of_the_reset(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness)
        before = await describe(harness, handle)
        again = await reset(harness, handle, FIRST_COMPLETION)
        base = await describe(harness, handle, handle.result_run_id)
        assert base.workflow_extended_info.reset_run_id == again.run_id
        new = await describe(harness, handle)
        assert new.workflow_execution_info.execution.run_id == again.run_id
        assert new.workflow_execution_info.first_run_id == handle.result_run_id
        extended = new.workflow_extended_info
        assert extended.original_start_time == before.workflow_execution_info.start_time
        assert extended.last_reset_time == new.workflow_execution_info.start_time
        assert (
            new.workflow_execution_info.start_time.ToNanoseconds()
            > before.workflow_execution_info.start_time.ToNanoseconds()
        )
        points = new.workflow_execution_info.auto_reset_points.points
        await again.signal(Waiting.finish)
        await again.result()
        after = await describe(harness, handle)
        points = after.workflow_execution_info.auto_reset_points.points
        assert [point.run_id for point in points] == [again.run_id]
        assert points[0].resettable


async def test_a_reset_run_can_be_reset(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness, "one")
        second = await reset(harness, handle, FIRST_COMPLETION)
        await second.signal(Waiting.note, "two")
        await second.query(Waiting.noted)
        third = await reset(harness, second, FIRST_COMPLETION)
        await third.signal(Waiting.finish)
        assert await third.result() == ["one", "two"]
        await harness.events(third)


async def test_runs_that_share_events_are_deleted_one_by_one(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness, "one")
        again = await reset(harness, handle, FIRST_COMPLETION)
        await harness.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=harness.client.namespace,
                workflow_execution=execution(handle, handle.result_run_id or ""),
            )
        )
        old = harness.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)

        async def is_gone() -> bool:
            try:
                await old.describe()
            except RPCError as error:
                return error.status is RPCStatusCode.NOT_FOUND
            return False

        await eventually(is_gone, seconds_max=40)
        await again.signal(Waiting.finish)
        assert await again.result() == ["one"]
    assert (await harness.event_names(again))[:3] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
    ]


async def test_an_activity_is_called_again(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=[wait_for_completion_by_others]):
        call = Call("wait_for_completion_by_others", activity_id="other")
        handle = await harness.start(CallActivity.run, call)
        pending = harness.client.get_async_activity_handle(
            workflow_id=handle.id, run_id=None, activity_id="other"
        )

        async def is_started() -> bool:
            described = await describe(harness, handle)
            return any(one.HasField("last_started_time") for one in described.pending_activities)

        await eventually(is_started)
        again = await reset(harness, handle, FIRST_COMPLETION)
        await eventually(is_started)
        await pending.complete("done")
        assert await again.result() == "done"
    names = await harness.event_names(again)
    assert names.count("ACTIVITY_TASK_SCHEDULED") == 1


async def test_a_child_reports_to_the_run_that_goes_on(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "wait", child_id, harness.task_queue, 0)
        child = harness.client.get_workflow_handle(child_id)

        async def is_known() -> bool:
            return (await harness.event_names(handle)).count("WORKFLOW_TASK_COMPLETED") == 2

        await eventually(is_known)
        again = await reset(harness, handle, 9)
        assert (await child.describe()).status is WorkflowExecutionStatus.RUNNING
        await child.signal(Child.tell, "again")
        assert await again.result() == "told again"
    names = await harness.event_names(again)
    assert names.count("CHILD_WORKFLOW_EXECUTION_STARTED") == 1
    assert names[8:10] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]


async def test_the_end_of_a_child_is_taken_over(harness: Harness) -> None:
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "finish", child_id, harness.task_queue, 0)
        first = await handle.result()
        names = await harness.event_names(handle)
        point = names.index("CHILD_WORKFLOW_EXECUTION_STARTED") + 4
        again = await reset(harness, handle, point)
        assert await again.result() == first
    assert "CHILD_WORKFLOW_EXECUTION_COMPLETED" in await harness.event_names(again)


async def test_a_child_that_ended_after_its_parent_is_asked_how(harness: Harness) -> None:
    """The reference does not ask: there the new run waits for ever."""
    child_id = harness.new_id()
    async with harness.worker(Parent, Child):
        handle = await harness.start(Parent.run, "wait", child_id, harness.task_queue, 0)
        child = harness.client.get_workflow_handle(child_id)

        async def is_known() -> bool:
            return (await harness.event_names(handle)).count("WORKFLOW_TASK_COMPLETED") == 2

        async def has_ended() -> bool:
            return (await child.describe()).status is WorkflowExecutionStatus.TERMINATED

        await eventually(is_known)
        await handle.terminate()
        await eventually(has_ended)
        again = await reset(harness, handle, 9)
        assert (await again.result())["cause"] == "TerminatedError"
    assert "CHILD_WORKFLOW_EXECUTION_TERMINATED" in await harness.event_names(again)


async def test_signals_that_a_worker_has_not_seen_go_on(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await waiting_with_notes(harness)
    await handle.signal(Waiting.note, "unseen")
    again = await reset(harness, handle, FIRST_COMPLETION)
    assert texts(await harness.events(again)) == ['"unseen"']
    await again.signal(Waiting.finish)
    async with harness.worker(Waiting):
        assert await again.result() == ["unseen"]


@workflow.defn
class Updated:
    """Keeps what it is told by signals and updates, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "end" in self.told)
        return self.told

    @workflow.signal
    def note(self, text: str) -> None:
        self.told.append(text)

    @workflow.update
    def tell(self, text: str) -> str:
        self.told.append(text)
        return f"heard {text}"


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ([], ["one", "two", "three", "end"]),
        ([ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE], ["two", "end"]),
    ],
)
async def test_updates_are_answered_again_in_their_order(
    harness: Harness,
    excluded: list[ResetReapplyExcludeType.ValueType],
    expected: list[str],
) -> None:
    async with harness.worker(Updated):
        handle = await harness.start(Updated.run)
        assert await handle.execute_update(Updated.tell, "one") == "heard one"
        await handle.signal(Updated.note, "two")
        assert await handle.execute_update(Updated.tell, "three") == "heard three"
        again = await reset(harness, handle, FIRST_COMPLETION, excluded=excluded)
        await again.signal(Updated.note, "end")
        assert await again.result() == expected
    events = await harness.events(again)
    admitted = events_named(events, "WORKFLOW_EXECUTION_UPDATE_ADMITTED")
    assert len(admitted) == (0 if excluded else 2)
    assert len(events_named(events, "WORKFLOW_EXECUTION_UPDATE_COMPLETED")) == len(admitted)
