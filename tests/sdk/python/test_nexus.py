"""Nexus operations between workflows: answered at once, run by a workflow, failed, canceled."""

import pytest
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import NexusOperationError
from temporalio.worker import Worker

from tests.sdk.python.harness import Harness, events_named
from tests.sdk.python.programs.nexus import (
    Caller,
    Canceling,
    DeskHandler,
    Naming,
    Telling,
    Work,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def endpoint_of(harness: Harness) -> str:
    """Register an endpoint that leads to the test's queue; return its name."""
    spec = EndpointSpec(name=f"endpoint-{harness.new_id()}"[:180])
    spec.target.worker.namespace = harness.client.namespace
    spec.target.worker.task_queue = harness.task_queue
    await harness.client.operator_service.create_nexus_endpoint(
        CreateNexusEndpointRequest(spec=spec)
    )
    return spec.name


def desk(harness: Harness) -> Worker:
    return harness.worker(Caller, Canceling, Naming, Work, nexus_service_handlers=[DeskHandler()])


async def test_an_answer_at_once_leaves_no_started_event(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with desk(harness):
        handle = await harness.start(Caller.run, endpoint, "greet", "you")
        assert await handle.result() == "hello you"
    names = await harness.event_names(handle)
    assert [name for name in names if name.startswith("NEXUS")] == [
        "NEXUS_OPERATION_SCHEDULED",
        "NEXUS_OPERATION_COMPLETED",
    ]


async def test_a_workflow_stands_behind_an_operation(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with desk(harness):
        handle = await harness.start(Caller.run, endpoint, "work", "this")
        assert await handle.result() == "worked on this"
        events = await harness.events(handle)
        (started,) = events_named(events, "NEXUS_OPERATION_STARTED")
        (scheduled,) = events_named(events, "NEXUS_OPERATION_SCHEDULED")
        link = started.links[0].workflow_event
        assert link.workflow_id == f"{harness.task_queue}-work"
        work = harness.client.get_workflow_handle(link.workflow_id, run_id=link.run_id)
        begun = (await harness.events(work))[0].workflow_execution_started_event_attributes
        back = begun.completion_callbacks[0].links[0].workflow_event
        assert (back.workflow_id, back.event_ref.event_id) == (handle.id, scheduled.event_id)
    request = DescribeWorkflowExecutionRequest(namespace=harness.client.namespace)
    request.execution.workflow_id = link.workflow_id
    described = await harness.client.workflow_service.describe_workflow_execution(request)
    (callback,) = described.callbacks
    assert callback.callback.nexus.url == "temporal://system"


async def test_a_refused_operation_fails_its_caller(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with desk(harness):
        handle = await harness.start(Caller.run, endpoint, "refuse", "not today")
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, NexusOperationError)
    assert "NEXUS_OPERATION_FAILED" in await harness.event_names(handle)


async def test_a_canceled_operation_cancels_its_workflow(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with desk(harness):
        handle = await harness.start(Canceling.run, endpoint)
        assert await handle.result() == "CancelledError"
    names = await harness.event_names(handle)
    assert "NEXUS_OPERATION_CANCEL_REQUESTED" in names
    assert "NEXUS_OPERATION_CANCELED" in names


async def test_an_operation_without_a_worker_times_out(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with harness.worker(Naming):
        handle = await harness.start(Naming.run, endpoint)
        assert await handle.result() == "TimeoutError"
    assert "NEXUS_OPERATION_TIMED_OUT" in await harness.event_names(handle)


async def test_a_workflow_signals_and_starts_another_through_the_system_endpoint(
    harness: Harness,
) -> None:
    told = f"{harness.task_queue}-told"
    async with harness.worker(Telling, Work):
        handle = await harness.start(Telling.run, told)
        run_id = await handle.result()
        told_handle = harness.client.get_workflow_handle(told, run_id=run_id)
        assert await told_handle.result() == "worked on wait"
    (completed,) = events_named(await harness.events(handle), "NEXUS_OPERATION_COMPLETED")
    # SDKs contemporary with the reference 1.32 cannot read an answer that is marked.
    result = completed.nexus_operation_completed_event_attributes.result
    assert dict(result.metadata) == {
        "encoding": b"binary/protobuf",
        "messageType": b"temporal.api.workflowservice.v1.SignalWithStartWorkflowExecutionResponse",
    }
    assert completed.links[0].workflow_event.workflow_id == told
