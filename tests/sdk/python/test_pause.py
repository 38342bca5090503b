"""Operators stop runs and activities for a while, begin attempts anew, and change options."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, RetryPolicy
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
    PauseActivityExecutionRequest,
    PauseActivityRequest,
    PauseWorkflowExecutionRequest,
    QueryWorkflowRequest,
    ResetActivityExecutionRequest,
    ResetActivityRequest,
    UnpauseActivityExecutionRequest,
    UnpauseActivityRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import WorkflowHandle, WorkflowHistoryEventFilterType
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import (
    Harness,
    event_names,
    events_named,
    eventually,
    execution,
    refused,
)
from tests.sdk.python.programs.activities import (
    Call,
    CallActivity,
    beat_until_cancelled,
    fail_until,
)
from tests.sdk.python.programs.basic import Naps, Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

Handle = WorkflowHandle[Any, Any]
_State = PendingActivityState


async def describe(harness: Harness, handle: Handle) -> DescribeWorkflowExecutionResponse:
    return await harness.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=harness.client.namespace, execution=execution(handle)
        )
    )


async def pause(harness: Harness, handle: Handle, **fields: Any) -> None:
    await harness.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=harness.client.namespace,
            workflow_id=handle.id,
            identity="operator",
            reason="lunch",
            **fields,
        )
    )


async def unpause(harness: Harness, handle: Handle) -> None:
    await harness.client.workflow_service.unpause_workflow_execution(
        UnpauseWorkflowExecutionRequest(
            namespace=harness.client.namespace, workflow_id=handle.id, identity="operator"
        )
    )


async def pending(harness: Harness, handle: Handle) -> PendingActivityInfo:
    activities = (await describe(harness, handle)).pending_activities
    assert len(activities) == 1
    return activities[0]


async def until_pending(harness: Harness, handle: Handle, state: "_State.ValueType") -> None:
    async def is_so() -> bool:
        activities = (await describe(harness, handle)).pending_activities
        return [activity.state for activity in activities] == [state]

    await eventually(is_so)


def pause_values(described: DescribeWorkflowExecutionResponse) -> Sequence[str]:
    fields = described.workflow_execution_info.search_attributes.indexed_fields
    if "TemporalPauseInfo" not in fields:
        return []
    return json.loads(fields["TemporalPauseInfo"].data) or []


@asynccontextmanager
async def paused_activity(harness: Harness, handle: Handle) -> AsyncIterator[None]:
    service, namespace = harness.client.workflow_service, harness.client.namespace
    await service.pause_activity(
        PauseActivityRequest(
            namespace=namespace,
            execution=execution(handle),
            id="it",
            identity="operator",
            reason="lunch",
        )
    )
    yield
    await service.unpause_activity(
        UnpauseActivityRequest(namespace=namespace, execution=execution(handle), id="it")
    )


# -- runs ------------------------------------------------------------------------------------------


async def test_a_paused_run_waits_and_goes_on(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.query(Waiting.noted)
        await pause(harness, handle)
        described = await describe(harness, handle)
        info = described.workflow_execution_info
        assert info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
        assert described.workflow_extended_info.pause_info.identity == "operator"
        assert described.workflow_extended_info.pause_info.reason == "lunch"
        assert pause_values(described) == [f"Workflow:{handle.id}", "Reason:lunch"]
        # The official command line asks for the close event of whatever is not running.
        shown = await handle.fetch_history(
            event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT
        )
        assert event_names(shown.events) == ["WORKFLOW_EXECUTION_PAUSED"]
        query = f"TemporalPauseInfo = 'Workflow:{handle.id}' AND ExecutionStatus = 'Paused'"

        async def is_found() -> bool:
            found = await harness.client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(namespace=harness.client.namespace, query=query)
            )
            return [one.execution.workflow_id for one in found.executions] == [handle.id]

        await eventually(is_found)
        await handle.signal(Waiting.finish)
        names = await harness.event_names(handle)
        assert names[-2:] == ["WORKFLOW_EXECUTION_PAUSED", "WORKFLOW_EXECUTION_SIGNALED"]
        answer = await harness.client.workflow_service.query_workflow(
            QueryWorkflowRequest(
                namespace=harness.client.namespace,
                execution=execution(handle),
                query=WorkflowQuery(query_type="noted"),
            )
        )
        assert answer.query_rejected.status == info.status
        await unpause(harness, handle)
        assert await handle.result() == []
    events = await harness.events(handle)
    assert event_names(events)[-6:] == [
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UNPAUSED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
    attributes = events_named(events, "WORKFLOW_EXECUTION_PAUSED")[0]
    assert attributes.workflow_execution_paused_event_attributes.reason == "lunch"
    assert not pause_values(await describe(harness, handle))


async def test_a_task_that_nobody_has_is_failed_by_the_pause(harness: Harness) -> None:
    handle = await harness.start(Naps.run, [1])
    await pause(harness, handle)
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_PAUSED",
    ]
    await unpause(harness, handle)
    async with harness.worker(Naps):
        await handle.result()


async def test_timers_fire_while_a_run_is_paused(harness: Harness) -> None:
    async with harness.worker(Naps):
        handle = await harness.start(Naps.run, [300])

        async def is_napping() -> bool:
            return "TIMER_STARTED" in await harness.event_names(handle)

        await eventually(is_napping)
        await pause(harness, handle)

        async def is_awake() -> bool:
            return "TIMER_FIRED" in await harness.event_names(handle)

        await eventually(is_awake)
        assert (await harness.event_names(handle))[-1] == "TIMER_FIRED"
        await unpause(harness, handle)
        await handle.result()


async def test_activities_of_a_paused_run_wait(harness: Harness) -> None:
    async with harness.worker(CallActivity):
        handle = await harness.start(CallActivity.run, Call("fail_until", [1], activity_id="it"))
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        await pause(harness, handle)
        async with harness.worker(activities=[fail_until]):
            await asyncio.sleep(0.3)
            assert not (await pending(harness, handle)).HasField("last_started_time")
            await unpause(harness, handle)
            assert await handle.result() == 1


async def test_who_may_pause_and_unpause(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        async with refused(RPCStatusCode.FAILED_PRECONDITION, text="workflow is not paused."):
            await unpause(harness, handle)
        await pause(harness, handle, request_id="once")
        await pause(harness, handle, request_id="once")
        async with refused(RPCStatusCode.FAILED_PRECONDITION, text="workflow is already paused."):
            await pause(harness, handle, request_id="twice")
        await unpause(harness, handle)
        await handle.terminate()
        async with refused(
            RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text="already completed"
        ):
            await pause(harness, handle)


# -- activities ------------------------------------------------------------------------------------


async def test_a_paused_activity_begins_no_attempt(harness: Harness) -> None:
    async with harness.worker(CallActivity):
        handle = await harness.start(CallActivity.run, Call("fail_until", [1], activity_id="it"))
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        async with paused_activity(harness, handle), harness.worker(activities=[fail_until]):
            described = await describe(harness, handle)
            assert pause_values(described) == ["property:activityType=fail_until"]
            activity = described.pending_activities[0]
            assert activity.state == _State.PENDING_ACTIVITY_STATE_PAUSED
            assert activity.paused
            assert activity.pause_info.manual.identity == "operator"
            assert activity.pause_info.manual.reason == "lunch"
            await asyncio.sleep(0.3)
            assert not (await pending(harness, handle)).HasField("last_started_time")
        async with harness.worker(activities=[fail_until]):
            assert await handle.result() == 1


async def test_a_worker_hears_of_the_pause_and_the_next_attempt_waits(harness: Harness) -> None:
    async with harness.worker(
        CallActivity,
        activities=[beat_until_cancelled],
        max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        default_heartbeat_throttle_interval=timedelta(milliseconds=100),
    ):
        call = Call("beat_until_cancelled", ["confirm"], activity_id="it", heartbeat=5)
        handle = await harness.start(CallActivity.run, call)
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_STARTED)
        async with paused_activity(harness, handle):
            await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_PAUSED)
            assert (await pending(harness, handle)).attempt == 2
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_STARTED)
        await handle.terminate()


async def test_a_reset_activity_begins_with_its_first_attempt(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=[fail_until]):
        call = Call("fail_until", [9], activity_id="it", retry_interval=60)
        handle = await harness.start(CallActivity.run, call)

        async def has_failed() -> bool:
            activities = (await describe(harness, handle)).pending_activities
            return [activity.attempt for activity in activities] == [2]

        await eventually(has_failed)
        before = await pending(harness, handle)
        assert before.HasField("next_attempt_schedule_time")
        await harness.client.workflow_service.reset_activity(
            ResetActivityRequest(
                namespace=harness.client.namespace, execution=execution(handle), type="fail_until"
            )
        )

        async def has_failed_again() -> bool:
            after = await pending(harness, handle)
            return (
                after.attempt == 2
                and after.last_attempt_complete_time != before.last_attempt_complete_time
            )

        await eventually(has_failed_again)
        await handle.terminate()


async def test_options_of_an_activity_can_be_changed_and_restored(harness: Harness) -> None:
    service, namespace = harness.client.workflow_service, harness.client.namespace
    async with harness.worker(CallActivity):
        handle = await harness.start(CallActivity.run, Call("fail_until", [1], activity_id="it"))
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        other = harness.new_id()
        answer = await service.update_activity_options(
            UpdateActivityOptionsRequest(
                namespace=namespace,
                execution=execution(handle),
                id="it",
                activity_options=ActivityOptions(
                    task_queue=TaskQueue(name=other),
                    retry_policy=RetryPolicy(maximum_attempts=7),
                    priority=Priority(priority_key=2),
                ),
                update_mask=FieldMask(
                    paths=["task_queue.name", "retry_policy.maximum_attempts", "priority"]
                ),
            )
        )
        assert answer.activity_options.task_queue.name == other
        assert answer.activity_options.retry_policy.maximum_attempts == 7
        assert answer.activity_options.retry_policy.backoff_coefficient == 1
        changed = (await pending(harness, handle)).activity_options
        assert changed.task_queue.name == other
        assert changed.priority.priority_key == 2
        async with harness.worker(activities=[fail_until], task_queue=other):
            assert await handle.result() == 1
        second = await harness.start(CallActivity.run, Call("fail_until", [1], activity_id="it"))
        await until_pending(harness, second, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        moved = UpdateActivityOptionsRequest(
            namespace=namespace,
            execution=execution(second),
            match_all=True,
            activity_options=ActivityOptions(task_queue=TaskQueue(name=other)),
            update_mask=FieldMask(paths=["task_queue.name"]),
        )
        await service.update_activity_options(moved)
        restored = UpdateActivityOptionsRequest(
            namespace=namespace, execution=execution(second), id="it", restore_original=True
        )
        answer = await service.update_activity_options(restored)
        assert answer.activity_options.task_queue.name == harness.task_queue
        async with harness.worker(activities=[fail_until]):
            assert await second.result() == 1


async def test_one_activity_is_commanded_by_its_id(harness: Harness) -> None:
    """The newer requests, which name the workflow and the activity by their ids."""
    service = harness.client.workflow_service
    async with harness.worker(CallActivity):
        handle = await harness.start(CallActivity.run, Call("fail_until", [1], activity_id="it"))
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        named: dict[str, Any] = {
            "namespace": harness.client.namespace,
            "workflow_id": handle.id,
            "activity_id": "it",
            "identity": "operator",
        }
        await service.pause_activity_execution(
            PauseActivityExecutionRequest(**named, reason="lunch")
        )
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_PAUSED)
        assert (await pending(harness, handle)).pause_info.manual.reason == "lunch"
        await service.reset_activity_execution(
            ResetActivityExecutionRequest(**named, keep_paused=True)
        )
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_PAUSED)
        answer = await service.update_activity_execution_options(
            UpdateActivityExecutionOptionsRequest(
                **named,
                activity_options=ActivityOptions(priority=Priority(priority_key=2)),
                update_mask=FieldMask(paths=["priority"]),
            )
        )
        assert answer.activity_options.priority.priority_key == 2
        await service.unpause_activity_execution(UnpauseActivityExecutionRequest(**named))
        await until_pending(harness, handle, _State.PENDING_ACTIVITY_STATE_SCHEDULED)
        async with harness.worker(activities=[fail_until]):
            assert await handle.result() == 1


async def test_operators_must_mean_an_activity_that_is_there(harness: Harness) -> None:
    service, namespace = harness.client.workflow_service, harness.client.namespace
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.query(Waiting.noted)
        for request in (
            PauseActivityRequest(namespace=namespace, execution=execution(handle), id="none"),
            PauseActivityRequest(namespace=namespace, execution=execution(handle), type="none"),
        ):
            text = "Can't find pending activity with such ID"
            async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text=text):
                await service.pause_activity(request)
        async with refused(RPCStatusCode.INVALID_ARGUMENT, text="Activity"):
            await service.pause_activity(
                PauseActivityRequest(namespace=namespace, execution=execution(handle))
            )
        await handle.terminate()


async def test_a_description_tells_what_worked_on_the_run(
    harness: Harness,
) -> None:
    handle = await harness.start(Waiting.run)
    info = (await describe(harness, handle)).workflow_execution_info
    assert info.HasField("auto_reset_points")
    assert not info.HasField("most_recent_worker_version_stamp")
    async with harness.worker(Waiting, build_id="that one"):
        await handle.query(Waiting.noted)
        info = (await describe(harness, handle)).workflow_execution_info
        assert [one.build_id for one in info.auto_reset_points.points] == ["that one"]
        assert info.most_recent_worker_version_stamp.build_id == "that one"
        await handle.terminate()


# -- options of runs -------------------------------------------------------------------------------


async def test_the_priority_of_a_run_can_be_changed(harness: Harness) -> None:
    service, namespace = harness.client.workflow_service, harness.client.namespace
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.query(Waiting.noted)
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=namespace,
            workflow_execution=execution(handle),
            identity="operator",
            workflow_execution_options=WorkflowExecutionOptions(
                priority=Priority(priority_key=4, fairness_key="ignored")
            ),
            update_mask=FieldMask(paths=["priority.priority_key"]),
        )
        for _ in range(2):
            answer = await service.update_workflow_execution_options(request)
            assert answer.workflow_execution_options.priority == Priority(priority_key=4)
        info = (await describe(harness, handle)).workflow_execution_info
        assert info.priority.priority_key == 4
        events = await harness.events(handle)
        updated = events_named(events, "WORKFLOW_EXECUTION_OPTIONS_UPDATED")
        assert len(updated) == 1
        attributes = updated[0].workflow_execution_options_updated_event_attributes
        assert attributes.priority.priority_key == 4
        assert attributes.identity == "operator"
        request.ClearField("update_mask")
        async with refused(RPCStatusCode.INVALID_ARGUMENT, text="UpdateMask is required"):
            await service.update_workflow_execution_options(request)
        await handle.signal(Waiting.finish)
        await handle.result()
