"""Batch operations: one thing is done to many executions."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.api.batch.v1 import (
    BatchOperationCancellation,
    BatchOperationDeletion,
    BatchOperationReset,
    BatchOperationSignal,
    BatchOperationTerminateActivities,
    BatchOperationTermination,
)
from temporalio.api.common.v1 import ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    DescribeBatchOperationResponse,
    ListBatchOperationsRequest,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)
from temporalio.client import (
    ActivityExecutionStatus,
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from tests.sdk.python.harness import Harness, eventually
from tests.sdk.python.programs.basic import Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]
_RUNNING = BatchOperationState.BATCH_OPERATION_STATE_RUNNING


def batch(client: Client, *ids: str, query: str = "") -> StartBatchOperationRequest:
    """A request that lacks its operation."""
    return StartBatchOperationRequest(
        namespace=client.namespace,
        job_id=f"job-{uuid.uuid4()}",
        reason="spring cleaning",
        visibility_query=query,
        executions=[WorkflowExecution(workflow_id=name) for name in ids],
    )


async def described(client: Client, job_id: str) -> DescribeBatchOperationResponse:
    # As clients do: a connection of five minutes is told to leave, and a request may be too late.
    return await client.workflow_service.describe_batch_operation(
        DescribeBatchOperationRequest(namespace=client.namespace, job_id=job_id), retry=True
    )


async def carried_out(
    client: Client, request: StartBatchOperationRequest
) -> DescribeBatchOperationResponse:
    """Start a job, wait for its end, and return what is told of it."""
    await client.workflow_service.start_batch_operation(request)
    told: list[DescribeBatchOperationResponse] = []

    async def has_ended() -> bool:
        told.append(await described(client, request.job_id))
        return told[-1].state != _RUNNING

    await eventually(has_ended)
    return told[-1]


def counts(told: DescribeBatchOperationResponse) -> tuple[int, int, int]:
    return (
        told.total_operation_count,
        told.complete_operation_count,
        told.failure_operation_count,
    )


async def open_runs(harness: Harness, count: int) -> Sequence[WorkflowHandle[object, object]]:
    """Runs whose first workflow task is done."""
    handles = [await harness.start(Waiting.run) for _ in range(count)]
    for handle in handles:
        await handle.query(Waiting.noted)
    return handles


async def visible(harness: Harness, query: str, count: int) -> None:
    """Wait until a list knows all runs: at once here, later in the reference."""

    async def is_known() -> bool:
        return (await harness.client.count_workflows(query)).count == count

    await eventually(is_known)


async def test_all_that_a_query_finds_are_signaled(harness: Harness) -> None:
    query = f"TaskQueue = '{harness.task_queue}'"
    async with harness.worker(Waiting):
        handles = await open_runs(harness, 3)
        await visible(harness, query, 3)
        request = batch(harness.client, query=query)
        request.signal_operation.CopyFrom(BatchOperationSignal(signal="finish", identity="me"))
        told = await carried_out(harness.client, request)
        for handle in handles:
            assert await handle.result() == []
    assert told.state == BatchOperationState.BATCH_OPERATION_STATE_COMPLETED
    assert told.operation_type == BatchOperationType.BATCH_OPERATION_TYPE_SIGNAL_WORKFLOW
    assert counts(told) == (3, 3, 0)
    assert (told.identity, told.reason, told.query) == ("me", "spring cleaning", query)
    assert told.close_time.seconds >= told.start_time.seconds > 0


async def test_those_on_a_list_are_terminated_and_a_missing_one_is_no_failure(
    harness: Harness,
) -> None:
    async with harness.worker(Waiting):
        handles = await open_runs(harness, 2)
        ids = [handle.id for handle in handles]
        request = batch(harness.client, *ids, "nobody")
        request.termination_operation.CopyFrom(BatchOperationTermination(identity="me"))
        told = await carried_out(harness.client, request)
    assert counts(told) == (3, 3, 0)
    assert [execution.business_id for execution in told.executions] == [*ids, "nobody"]
    for handle in handles:
        assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED
        last = (await harness.events(handle))[-1].workflow_execution_terminated_event_attributes
        assert last.reason == "spring cleaning"


async def test_runs_are_canceled_and_then_deleted(harness: Harness) -> None:
    query = f"TaskQueue = '{harness.task_queue}'"
    async with harness.worker(Waiting):
        handles = await open_runs(harness, 2)
        await visible(harness, query, 2)
        request = batch(harness.client, query=query)
        request.cancellation_operation.CopyFrom(BatchOperationCancellation())
        assert counts(await carried_out(harness.client, request)) == (2, 2, 0)
        for handle in handles:

            async def is_canceled(one: WorkflowHandle[object, object] = handle) -> bool:
                return (await one.describe()).status is WorkflowExecutionStatus.CANCELED

            await eventually(is_canceled)
    await visible(harness, f"{query} AND ExecutionStatus = 'Canceled'", 2)
    request = batch(harness.client, query=query)
    request.deletion_operation.CopyFrom(BatchOperationDeletion())
    assert counts(await carried_out(harness.client, request)) == (2, 2, 0)
    await visible(harness, query, 0)


async def test_each_run_is_reset_once(harness: Harness) -> None:
    query = f"TaskQueue = '{harness.task_queue}'"
    async with harness.worker(Waiting):
        handles = await open_runs(harness, 3)
        await visible(harness, query, 3)
        request = batch(harness.client, query=query)
        request.reset_operation.CopyFrom(BatchOperationReset(options=ResetOptions()))
        request.reset_operation.options.first_workflow_task.SetInParent()
        # So few at a time that the runs which the reset ends are found again by the query.
        request.max_operations_per_second = 2
        assert counts(await carried_out(harness.client, request)) == (3, 3, 0)
        for handle in handles:
            again = harness.client.get_workflow_handle(handle.id)
            assert (await again.describe()).run_id != handle.result_run_id
            await again.signal(Waiting.finish)
            assert await again.result() == []
    await visible(harness, query, 6)


async def test_standalone_activities_are_terminated(harness: Harness) -> None:
    handles = [
        await harness.client.start_activity(
            "nobody_runs_it",
            id=harness.new_id(),
            task_queue=harness.task_queue,
            start_to_close_timeout=timedelta(minutes=1),
        )
        for _ in range(2)
    ]
    request = batch(harness.client, query=f"TaskQueue = '{harness.task_queue}'")
    request.terminate_activities_operation.CopyFrom(
        BatchOperationTerminateActivities(identity="me", reason="enough")
    )
    told = await carried_out(harness.client, request)
    assert told.operation_type == BatchOperationType.BATCH_OPERATION_TYPE_TERMINATE_ACTIVITY
    assert counts(told) == (2, 2, 0)
    for handle in handles:
        assert (await handle.describe()).status is ActivityExecutionStatus.TERMINATED


async def test_a_job_is_stopped_and_its_id_is_used_up(harness: Harness) -> None:
    service = harness.client.workflow_service
    handles = [await harness.start(Waiting.run) for _ in range(8)]
    request = batch(harness.client, *(handle.id for handle in handles))
    request.termination_operation.SetInParent()
    request.max_operations_per_second = 1
    await service.start_batch_operation(request)
    other = batch(harness.client, handles[0].id)
    other.termination_operation.SetInParent()
    with pytest.raises(RPCError) as crowded:
        await service.start_batch_operation(other)
    assert crowded.value.status is RPCStatusCode.RESOURCE_EXHAUSTED
    stop = StopBatchOperationRequest(
        namespace=harness.client.namespace, job_id=request.job_id, reason="enough"
    )
    await service.stop_batch_operation(stop)
    told = await described(harness.client, request.job_id)
    assert told.state == BatchOperationState.BATCH_OPERATION_STATE_FAILED
    with pytest.raises(RPCError) as ended:
        await service.stop_batch_operation(stop)
    assert ended.value.status is RPCStatusCode.NOT_FOUND
    with pytest.raises(RPCError) as used:
        await service.start_batch_operation(request)
    assert used.value.status is RPCStatusCode.ALREADY_EXISTS
    listed = await service.list_batch_operations(
        ListBatchOperationsRequest(namespace=harness.client.namespace)
    )
    assert request.job_id in [one.job_id for one in listed.operation_info]
    for handle in handles:
        if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await handle.terminate()


async def test_what_cannot_be_a_job_is_refused(harness: Harness) -> None:
    service = harness.client.workflow_service
    incomplete = batch(harness.client, query="WorkflowType = 'x'")
    unreadable = batch(harness.client, query="WorkflowType =")
    unreadable.termination_operation.SetInParent()
    for request in (incomplete, unreadable):
        with pytest.raises(RPCError) as refused:
            await service.start_batch_operation(request)
        assert refused.value.status is RPCStatusCode.INVALID_ARGUMENT
    with pytest.raises(RPCError) as unknown:
        await described(harness.client, "nobody")
    assert unknown.value.status is RPCStatusCode.NOT_FOUND
