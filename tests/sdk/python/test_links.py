"""Where the answers to clients point to: the event that a request has caused."""

import pytest
from temporalio.api.common.v1 import Link, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import OnConflictOptions
from temporalio.api.workflowservice import v1 as api

from tests.sdk.python.harness import Harness

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

_Event = Link.WorkflowEvent
STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
OPTIONS_UPDATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING


def _start(
    harness: Harness, workflow_id: str, request_id: str
) -> api.StartWorkflowExecutionRequest:
    return api.StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="Linked"),
        task_queue=TaskQueue(name=harness.task_queue),
        request_id=request_id,
    )


def _link(workflow_id: str, run_id: str, **reference: object) -> Link:
    return Link(
        workflow_event=_Event(
            namespace="default",
            workflow_id=workflow_id,
            run_id=run_id,
            **reference,  # pyright: ignore[reportArgumentType]
        )
    )


def _by_request(request_id: str, event_type: EventType.ValueType) -> _Event.RequestIdReference:
    return _Event.RequestIdReference(request_id=request_id, event_type=event_type)


async def test_a_start_points_to_the_first_event_and_an_attached_one_to_itself(
    harness: Harness,
) -> None:
    service, workflow_id = harness.client.workflow_service, harness.new_id()
    started = await service.start_workflow_execution(_start(harness, workflow_id, "first"))
    first = _link(
        workflow_id,
        started.run_id,
        event_ref=_Event.EventReference(event_id=1, event_type=STARTED),
    )
    assert started.link == first
    repeated = await service.start_workflow_execution(_start(harness, workflow_id, "first"))
    assert repeated.link == first
    other = _start(harness, workflow_id, "second")
    other.workflow_id_conflict_policy = USE_EXISTING
    assert (await service.start_workflow_execution(other)).link == first
    other.on_conflict_options.CopyFrom(OnConflictOptions(attach_request_id=True))
    by_request = _by_request("second", OPTIONS_UPDATED)
    attached = _link(workflow_id, started.run_id, request_id_ref=by_request)
    assert (await service.start_workflow_execution(other)).link == attached
    assert (await service.start_workflow_execution(other)).link == attached


@pytest.mark.parametrize("request_id", ["", "told-once"])
async def test_a_signal_points_to_itself(harness: Harness, request_id: str) -> None:
    service, workflow_id = harness.client.workflow_service, harness.new_id()
    started = await service.start_workflow_execution(_start(harness, workflow_id, "start"))
    expected = _link(workflow_id, started.run_id, request_id_ref=_by_request(request_id, SIGNALED))
    for _ in range(2):
        signaled = await service.signal_workflow_execution(
            api.SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                signal_name="news",
                request_id=request_id,
            )
        )
        assert signaled.link == expected


async def test_metadata_that_nobody_gave_is_not_described(harness: Harness) -> None:
    service, workflow_id = harness.client.workflow_service, harness.new_id()
    await service.start_workflow_execution(_start(harness, workflow_id, "start"))
    described = await service.describe_workflow_execution(
        api.DescribeWorkflowExecutionRequest(
            namespace="default", execution=WorkflowExecution(workflow_id=workflow_id)
        )
    )
    assert not described.execution_config.HasField("user_metadata")
