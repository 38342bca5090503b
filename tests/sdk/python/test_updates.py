"""Updates: asked, accepted or rejected, answered; with and without a start."""

import asyncio

import pytest
from temporalio.api.update.v1 import Input, Meta, Request, UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    UpdateWorkflowExecutionRequest,
)
from temporalio.client import (
    RPCError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, events_named, execution
from tests.sdk.python.programs.updating import Continuing, Counter

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

ACCEPTED = "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"
COMPLETED = "WORKFLOW_EXECUTION_UPDATE_COMPLETED"


async def test_update_is_accepted_and_completed_in_one_workflow_task(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        await handle.execute_update(Counter.add, 1)
        assert await handle.execute_update(Counter.add, 2) == 3
        events = await harness.events(handle)
        await handle.signal(Counter.finish)
        assert await handle.result() == 3
    accepted = events_named(events, ACCEPTED)
    completed = events_named(events, COMPLETED)
    assert len(accepted) == len(completed) == 2
    for one, other in zip(accepted, completed, strict=True):
        answer = other.workflow_execution_update_completed_event_attributes
        assert answer.accepted_event_id == one.event_id
        asked = one.workflow_execution_update_accepted_event_attributes
        assert asked.accepted_request.input.name == "add"
        assert asked.accepted_request_message_id == f"{asked.protocol_instance_id}/request"


async def test_rejected_update_leaves_no_trace(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        assert await handle.execute_update(Counter.add, 1) == 1
        before = await harness.event_names(handle)
        for _ in range(3):
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await handle.execute_update(Counter.add, -1, id="same")
            assert isinstance(caught.value.cause, ApplicationError)
            assert caught.value.cause.message == "only forward"
        assert await harness.event_names(handle) == before
        assert await handle.execute_update(Counter.add, 4, id="same") == 5
        assert (await harness.event_names(handle))[len(before) :] == [
            "WORKFLOW_TASK_SCHEDULED",
            "WORKFLOW_TASK_STARTED",
            "WORKFLOW_TASK_COMPLETED",
            ACCEPTED,
            COMPLETED,
        ]
        await handle.signal(Counter.finish)
        assert await handle.result() == 5


async def test_known_id_is_the_same_update(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        assert await handle.execute_update(Counter.add, 1, id="once") == 1
        assert await handle.execute_update(Counter.add, 99, id="once") == 1
        await handle.signal(Counter.finish)
        assert await handle.result() == 1
        assert await handle.execute_update(Counter.add, 99, id="once") == 1
        with pytest.raises(RPCError) as caught:
            await handle.execute_update(Counter.add, 1, id="never seen")
        assert caught.value.status is RPCStatusCode.NOT_FOUND


async def test_accepted_update_is_answered_later(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        update = await handle.start_update(
            Counter.add_later, 3, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        known = await harness.client.workflow_service.poll_workflow_execution_update(
            PollWorkflowExecutionUpdateRequest(
                namespace=harness.client.namespace,
                update_ref=UpdateRef(workflow_execution=execution(handle), update_id=update.id),
            )
        )
        assert known.stage == WorkflowUpdateStage.ACCEPTED
        assert not known.HasField("outcome")
        await handle.signal(Counter.go_on)
        assert await update.result() == 3
        await handle.signal(Counter.finish)
        await handle.result()


async def test_updates_wait_for_a_worker_and_come_in_order(harness: Harness) -> None:
    handle = await harness.start(Counter.run)
    updates = []
    for number in range(1, 6):
        updates.append(asyncio.create_task(handle.execute_update(Counter.add, number)))
        await asyncio.sleep(0.1)
    async with harness.worker(Counter):
        assert await asyncio.gather(*updates) == [1, 3, 6, 10, 15]
        await handle.signal(Counter.finish)
        assert await handle.result() == 15


async def test_updates_and_signals_at_once(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        work = [handle.execute_update(Counter.nap_and_add, 1) for _ in range(8)]
        await asyncio.gather(*work, *(handle.signal(Counter.go_on) for _ in range(8)))
        await handle.signal(Counter.finish)
        assert await handle.result() == 8


async def test_too_many_updates_in_flight_are_refused(harness: Harness) -> None:
    handle = await harness.start(Counter.run)

    def send(number: int) -> "asyncio.Task[object]":
        request = UpdateWorkflowExecutionRequest(
            namespace=harness.client.namespace,
            workflow_execution=execution(handle),
            wait_policy=WaitPolicy(),
            request=Request(meta=Meta(update_id=str(number)), input=Input(name="add")),
        )
        service = harness.client.workflow_service
        return asyncio.create_task(service.update_workflow_execution(request))

    waiting = []
    for number in range(10):
        waiting.append(send(number))
        await asyncio.sleep(0.05)
    with pytest.raises(RPCError) as caught:
        await send(10)
    assert caught.value.status is RPCStatusCode.RESOURCE_EXHAUSTED
    await handle.terminate()
    for one in waiting:
        with pytest.raises(RPCError) as aborted:
            await one
        assert aborted.value.status is RPCStatusCode.NOT_FOUND
        assert aborted.value.message == "workflow update was aborted by closing workflow"


async def test_accepted_update_fails_when_the_workflow_ends_first(harness: Harness) -> None:
    async with harness.worker(Counter):
        handle = await harness.start(Counter.run)
        update = await handle.start_update(
            Counter.add_later, 3, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        await handle.terminate()
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await update.result()
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "AcceptedUpdateCompletedWorkflow"


async def test_update_moves_to_the_next_run(harness: Harness) -> None:
    handle = await harness.start(Continuing.run, 1)
    await handle.signal(Continuing.next_run)
    chain = harness.client.get_workflow_handle_for(Continuing.run, handle.id)
    async with harness.worker(Continuing):
        await chain.execute_update(Continuing.finish)
        assert await handle.result() in (1, 2)


async def test_update_with_start(harness: Harness) -> None:
    def operation(
        workflow_id: str, policy: WorkflowIDConflictPolicy
    ) -> WithStartWorkflowOperation[Counter, int]:
        return WithStartWorkflowOperation(
            Counter.run,
            id=workflow_id,
            task_queue=harness.task_queue,
            id_conflict_policy=policy,
        )

    workflow_id = harness.new_id()
    async with harness.worker(Counter):
        for expected in (2, 4):
            start = operation(workflow_id, WorkflowIDConflictPolicy.USE_EXISTING)
            answer = await harness.client.execute_update_with_start_workflow(
                Counter.add, 2, start_workflow_operation=start
            )
            assert answer == expected
        handle = await start.workflow_handle()
        refused = operation(workflow_id, WorkflowIDConflictPolicy.FAIL)
        with pytest.raises(WorkflowAlreadyStartedError):
            await harness.client.execute_update_with_start_workflow(
                Counter.add, 2, start_workflow_operation=refused
            )
        await handle.signal(Counter.finish)
        assert await handle.result() == 4
    names = await harness.event_names(handle)
    assert names[:5] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        ACCEPTED,
    ]
