"""Workflow ids: one open run per id, reuse after the end, and repeated requests that count once."""

import asyncio
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload, Payloads, WorkflowType
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, refused
from tests.sdk.python.programs.basic import Failing, Greeting, Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def test_second_start_of_an_open_id_is_refused(harness: Harness) -> None:
    handle = await harness.start(Waiting.run)
    with pytest.raises(WorkflowAlreadyStartedError) as caught:
        await harness.start(Waiting.run, id=handle.id)
    assert caught.value.run_id == handle.first_execution_run_id
    await handle.terminate()


async def test_refusal_names_the_run_that_is_in_the_way(harness: Harness) -> None:
    request = _start_request(harness, harness.new_id(), "first")
    service = harness.client.workflow_service
    first = await service.start_workflow_execution(request)
    request.request_id = "second"
    text = f"Workflow execution is already running. WorkflowId: {request.workflow_id}"
    async with refused(
        RPCStatusCode.ALREADY_EXISTS, detail="WorkflowExecutionAlreadyStartedFailure", text=text
    ) as refusal:
        await service.start_workflow_execution(request)
    failure = refusal.detail(WorkflowExecutionAlreadyStartedFailure())
    assert failure.run_id == first.run_id
    assert failure.start_request_id.endswith("first")
    await harness.client.get_workflow_handle(request.workflow_id).terminate()


async def test_repeated_start_request_has_one_effect(harness: Harness) -> None:
    request = _start_request(harness, harness.new_id(), "same")
    service = harness.client.workflow_service
    answers = [await service.start_workflow_execution(request) for _ in range(3)]
    assert len({answer.run_id for answer in answers}) == 1
    assert all(answer.started for answer in answers)
    async with harness.worker(Greeting):
        await harness.client.get_workflow_handle(request.workflow_id).result()
    late = await service.start_workflow_execution(request)
    assert late.run_id == answers[0].run_id


def _start_request(harness: Harness, workflow_id: str, request_id: str):
    return StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="Greeting"),
        task_queue=TaskQueue(name=harness.task_queue),
        identity="tester",
        request_id=f"{workflow_id}-{request_id}",
        input=Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'"World"')]),
        workflow_task_timeout=Duration(seconds=10),
    )


async def test_racing_starts_have_one_winner(harness: Harness) -> None:
    workflow_id = harness.new_id()
    outcomes = await asyncio.gather(
        *(harness.start(Waiting.run, id=workflow_id) for _ in range(12)), return_exceptions=True
    )
    winners = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(loser, WorkflowAlreadyStartedError) for loser in losers)
    await winners[0].terminate()


async def test_use_existing_returns_the_open_run(harness: Harness) -> None:
    first = await harness.start(Waiting.run)
    second = await harness.start(
        Waiting.run, id=first.id, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
    )
    assert second.first_execution_run_id == first.first_execution_run_id
    await first.terminate()


async def test_terminate_existing_replaces_the_open_run(harness: Harness) -> None:
    first = await harness.start(Waiting.run)
    second = await harness.start(
        Waiting.run, id=first.id, id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING
    )
    assert second.first_execution_run_id != first.first_execution_run_id
    old = harness.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id)
    assert (await old.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert (await second.describe()).status is WorkflowExecutionStatus.RUNNING
    await second.terminate()


@pytest.mark.parametrize(
    ("failing", "policy", "allowed"),
    [
        (False, WorkflowIDReusePolicy.ALLOW_DUPLICATE, True),
        (True, WorkflowIDReusePolicy.ALLOW_DUPLICATE, True),
        (False, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, False),
        (True, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, True),
        (False, WorkflowIDReusePolicy.REJECT_DUPLICATE, False),
        (True, WorkflowIDReusePolicy.REJECT_DUPLICATE, False),
    ],
)
async def test_reuse_of_a_closed_id(
    harness: Harness, failing: bool, policy: WorkflowIDReusePolicy, allowed: bool
) -> None:
    async with harness.worker(Greeting, Failing):
        handle = await harness.start(Failing.run if failing else Greeting.run, "word")
        await asyncio.gather(handle.result(), return_exceptions=True)
        assert (await handle.describe()).close_time is not None
        try:
            again = await harness.start(Greeting.run, "again", id=handle.id, id_reuse_policy=policy)
        except WorkflowAlreadyStartedError:
            assert not allowed
            return
        assert allowed
        assert await again.result() == "Hello, again!"


async def test_contradicting_policies_are_refused(harness: Harness) -> None:
    async with refused(RPCStatusCode.INVALID_ARGUMENT):
        await harness.start(
            Waiting.run,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )


async def test_ids_are_opaque_unicode(harness: Harness) -> None:
    async with harness.worker(Greeting):
        for odd in ("räksmörgås / 寿司 🍣", "../../etc", "a'b\"c;--%_", " leading and trailing "):
            workflow_id = f"{harness.label}{odd}"
            handle = await harness.start(
                Greeting.run, odd, id=workflow_id, execution_timeout=timedelta(seconds=20)
            )
            assert await handle.result() == f"Hello, {odd}!"
            assert (await handle.describe()).id == workflow_id
