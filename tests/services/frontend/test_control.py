"""What operators may ask for, and in which words a mistake is refused."""

from typing import TypedDict

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, WorkflowExecution
from temporalio.api.workflow.v1 import PostResetOperation, WorkflowExecutionOptions
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from tests.services.frontend.world import World


class Named(TypedDict):
    namespace: str
    execution: WorkflowExecution


class Reset(TypedDict):
    namespace: str
    workflow_execution: WorkflowExecution
    request_id: str


NAMED: Named = {"namespace": "default", "execution": WorkflowExecution(workflow_id="w")}
RESET: Reset = {
    "namespace": "default",
    "workflow_execution": WorkflowExecution(workflow_id="w"),
    "request_id": "r",
}
LONG = "x" * 1_001


def _reset(request_id: str) -> api.ResetWorkflowExecutionRequest:
    request = api.ResetWorkflowExecutionRequest(**RESET)
    request.request_id = request_id
    return request


BAD: list[tuple[Message, str]] = [
    (_reset(""), "RequestId is not set"),
    (_reset(LONG), "RequestId length"),
    (
        api.ResetWorkflowExecutionRequest(namespace="default", request_id="r"),
        "Execution is not set on request.",
    ),
    (
        api.ResetWorkflowExecutionRequest(
            **RESET,
            post_reset_operations=[
                PostResetOperation(
                    signal_workflow=PostResetOperation.SignalWorkflow(signal_name="s")
                )
            ],
        ),
        "unsupported post reset operation: signal_workflow",
    ),
    (
        api.PauseWorkflowExecutionRequest(namespace="default"),
        "Can't load workflow execution.  WorkflowId not set.",
    ),
    (
        api.UnpauseWorkflowExecutionRequest(namespace="default", workflow_id="w", run_id="x"),
        "RunId is not valid UUID.",
    ),
    (
        api.PauseActivityRequest(
            namespace="default", execution=WorkflowExecution(workflow_id="w", run_id="x"), id="a"
        ),
        "RunId is not valid UUID.",
    ),
    (
        api.PauseWorkflowExecutionRequest(namespace="default", workflow_id="w", reason=LONG),
        "reason is too long.",
    ),
    (
        api.UnpauseWorkflowExecutionRequest(namespace="default", workflow_id="w", identity=LONG),
        "identity is too long.",
    ),
    (
        api.UnpauseWorkflowExecutionRequest(namespace="default", workflow_id="w", request_id=LONG),
        "request id is too long.",
    ),
    (
        api.PauseActivityRequest(**NAMED),
        "Either Activity.Id or Activity.Type should be set on request.",
    ),
    (
        api.UnpauseActivityRequest(**NAMED, id=""),
        "Either Activity.Id or Activity.Type should be set on request.",
    ),
    (
        api.ResetActivityRequest(namespace="default", id="a"),
        "WorkflowId is not set on request.",
    ),
    (api.UpdateActivityOptionsRequest(**NAMED, id="a"), "ActivityOptions are not provided"),
    (
        api.UpdateActivityOptionsRequest(**NAMED, id="a", activity_options=ActivityOptions()),
        "UpdateMask is not provided",
    ),
    (
        api.UpdateActivityOptionsRequest(
            **NAMED, id="a", restore_original=True, update_mask=FieldMask(paths=["priority"])
        ),
        "Both UpdateMask and RestoreOriginal are provided",
    ),
    (
        api.UpdateActivityOptionsRequest(
            **NAMED, id="a", activity_options=ActivityOptions(priority=Priority(priority_key=-1))
        ),
        "priority key can't be negative",
    ),
    (
        api.UpdateWorkflowExecutionOptionsRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id="w")
        ),
        "UpdateMask is required",
    ),
    (
        api.UpdateWorkflowExecutionOptionsRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id="w"),
            update_mask=FieldMask(paths=["priority"]),
        ),
        "WorkflowExecutionOptions is required",
    ),
    (
        api.UpdateWorkflowExecutionOptionsRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id="w"),
            workflow_execution_options=WorkflowExecutionOptions(),
            update_mask=FieldMask(paths=["colour"]),
        ),
        "error parsing UpdateMask: colour is unknown",
    ),
    (
        api.UpdateWorkflowExecutionOptionsRequest(namespace="default"),
        "WorkflowId is not set on request.",
    ),
    (
        api.UpdateWorkflowExecutionOptionsRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id="w", run_id="x"),
            workflow_execution_options=WorkflowExecutionOptions(),
            update_mask=FieldMask(paths=["priority"]),
        ),
        "RunId is not valid UUID.",
    ),
]


@pytest.mark.parametrize(("request_", "text"), BAD)
async def test_a_bad_request_is_refused(world: World, request_: Message, text: str) -> None:
    refusal = await world.refusal(request_)
    assert refusal.code is StatusCode.INVALID_ARGUMENT
    assert text in refusal.message
    assert not world.history.calls


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (api.ResetWorkflowExecutionRequest(**RESET), "reset_workflow"),
        (
            api.PauseWorkflowExecutionRequest(namespace="default", workflow_id="w"),
            "pause_workflow",
        ),
        (
            api.UnpauseWorkflowExecutionRequest(namespace="default", workflow_id="w"),
            "unpause_workflow",
        ),
        (api.PauseActivityRequest(**NAMED, type="t"), "pause_activity"),
        (api.UnpauseActivityRequest(**NAMED, unpause_all=True), "unpause_activity"),
        (api.ResetActivityRequest(**NAMED, match_all=True), "reset_activity"),
        (
            api.UpdateActivityOptionsRequest(**NAMED, id="a", restore_original=True),
            "update_activity_options",
        ),
        (
            api.UpdateWorkflowExecutionOptionsRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id="w"),
                workflow_execution_options=WorkflowExecutionOptions(),
                update_mask=FieldMask(paths=["versioning_override"]),
            ),
            "update_workflow_options",
        ),
    ],
)
async def test_a_good_request_reaches_history(world: World, request_: Message, name: str) -> None:
    response_type = getattr(api, type(request_).__name__.replace("Request", "Response"))
    await world.call(request_, response_type)
    assert world.history.calls == [(name, request_)]
