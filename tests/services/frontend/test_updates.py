"""Requests about updates: what is refused, in which words, and what is filled in."""

from collections.abc import Callable

import pytest
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.errordetails.v1 import MultiOperationExecutionFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, UpdateRef, WaitPolicy
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import InvalidArgumentError, ServiceError, StatusCode
from indelible.base.instants import SECOND, Duration, duration_message
from tests.services.frontend.world import World

Stage = UpdateWorkflowExecutionLifecycleStage
Multi = api.ExecuteMultiOperationRequest
RUN_ID = "0190c2d0-0000-7000-8000-000000000000"


def update(wait_policy: WaitPolicy | None = None) -> api.UpdateWorkflowExecutionRequest:
    """Return a request that is accepted."""
    return api.UpdateWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id="wf"),
        request=Request(meta=Meta(), input=Input(name="do")),
        wait_policy=wait_policy,
    )


def start() -> api.StartWorkflowExecutionRequest:
    """Return a request that is accepted."""
    return api.StartWorkflowExecutionRequest(
        workflow_id="wf",
        workflow_type=WorkflowType(name="Workflow"),
        task_queue=TaskQueue(name="queue"),
        namespace="default",
    )


def multi(*operations: Multi.Operation) -> Multi:
    """Return several operations in one request."""
    return Multi(namespace="default", operations=operations)


def both(
    change: Callable[
        [api.StartWorkflowExecutionRequest, api.UpdateWorkflowExecutionRequest], object
    ] = lambda _start, _update: None,
) -> Multi:
    """Return an update-with-start, changed."""
    first, second = start(), update()
    change(first, second)
    return multi(Multi.Operation(start_workflow=first), Multi.Operation(update_workflow=second))


async def refusal(world: World, request: Multi) -> tuple[ServiceError, list[int]]:
    """Return the refusal of an update-with-start, and the code of each operation."""
    with pytest.raises(ServiceError) as caught:
        await world.call(request, api.ExecuteMultiOperationResponse)
    (detail,) = caught.value.details
    assert isinstance(detail, MultiOperationExecutionFailure)
    return caught.value, [status.code for status in detail.statuses]


async def test_what_an_update_leaves_out_is_filled_in(world: World) -> None:
    await world.call(update(), api.UpdateWorkflowExecutionResponse)
    ((name, sent),) = world.history.calls
    assert name == "update"
    assert isinstance(sent, api.UpdateWorkflowExecutionRequest)
    assert len(sent.request.meta.update_id) == len(RUN_ID)
    assert (
        sent.wait_policy.lifecycle_stage
        == Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    )


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("meta", "Update meta is not set on request."),
        ("input", "Update input is not set on request."),
    ],
)
async def test_an_incomplete_update_is_refused(world: World, field: str, words: str) -> None:
    request = update()
    request.request.ClearField(field)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ServiceError, match=words) as caught:
        await world.call(request, api.UpdateWorkflowExecutionResponse)
    assert caught.value.code is StatusCode.INVALID_ARGUMENT


async def test_an_update_without_a_name_is_refused(world: World) -> None:
    request = update()
    request.request.input.name = ""
    with pytest.raises(ServiceError, match=r"Update name is not set on request\."):
        await world.call(request, api.UpdateWorkflowExecutionResponse)


async def test_nobody_waits_for_admission_alone(world: World) -> None:
    stage = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
    request = update(wait_policy=WaitPolicy(lifecycle_stage=stage))
    with pytest.raises(ServiceError) as caught:
        await world.call(request, api.UpdateWorkflowExecutionResponse)
    assert caught.value.code is StatusCode.PERMISSION_DENIED


async def test_a_poll_names_its_update(world: World) -> None:
    request = api.PollWorkflowExecutionUpdateRequest(namespace="default")
    with pytest.raises(ServiceError, match=r"UpdateRef is not set on request\."):
        await world.call(request, api.PollWorkflowExecutionUpdateResponse)
    for run, text in (
        (WorkflowExecution(run_id="x"), r"Can't load workflow execution\.  WorkflowId not set\."),
        (WorkflowExecution(workflow_id="wf", run_id="x"), r"RunId is not valid UUID\."),
    ):
        request.update_ref.CopyFrom(UpdateRef(workflow_execution=run, update_id="u"))
        with pytest.raises(InvalidArgumentError, match=text):
            await world.call(request, api.PollWorkflowExecutionUpdateResponse)
    assert world.history.calls == []
    request.update_ref.CopyFrom(
        UpdateRef(workflow_execution=WorkflowExecution(workflow_id="wf"), update_id="u")
    )
    await world.call(request, api.PollWorkflowExecutionUpdateResponse)
    assert [name for name, _ in world.history.calls] == ["poll_update"]


async def test_a_start_and_an_update_reach_history_together(world: World) -> None:
    await world.call(both(), api.ExecuteMultiOperationResponse)
    assert [name for name, _ in world.history.calls] == ["multi_start", "multi_update"]


@pytest.mark.parametrize(
    "request_",
    [
        multi(),
        multi(Multi.Operation(start_workflow=start())),
        multi(Multi.Operation(update_workflow=update()), Multi.Operation(start_workflow=start())),
    ],
)
async def test_other_lists_of_operations_are_refused(world: World, request_: Multi) -> None:
    with pytest.raises(ServiceError, match="exactly") as caught:
        await world.call(request_, api.ExecuteMultiOperationResponse)
    assert caught.value.code is StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("request_", "codes"),
    [
        pytest.param(
            both(lambda first, _: first.ClearField("workflow_type")),
            [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED],
            id="bad start",
        ),
        pytest.param(
            both(lambda first, _: setattr(first, "cron_schedule", "* * * * *")),
            [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED],
            id="cron",
        ),
        pytest.param(
            both(lambda first, _: setattr(first, "request_eager_execution", True)),
            [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED],
            id="eager",
        ),
        pytest.param(
            both(
                lambda first, _: first.workflow_start_delay.CopyFrom(
                    duration_message(Duration(SECOND))
                )
            ),
            [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED],
            id="delay",
        ),
        pytest.param(
            both(lambda _, second: setattr(second.workflow_execution, "run_id", RUN_ID)),
            [StatusCode.ABORTED, StatusCode.INVALID_ARGUMENT],
            id="update of a certain run",
        ),
        pytest.param(
            both(lambda _, second: setattr(second, "first_execution_run_id", RUN_ID)),
            [StatusCode.ABORTED, StatusCode.INVALID_ARGUMENT],
            id="update of a certain chain",
        ),
        pytest.param(
            both(lambda _, second: setattr(second.workflow_execution, "workflow_id", "other")),
            [StatusCode.ABORTED, StatusCode.INVALID_ARGUMENT],
            id="two workflows",
        ),
        pytest.param(
            both(lambda first, _: setattr(first, "namespace", "other")),
            [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED],
            id="two namespaces",
        ),
    ],
)
async def test_each_operation_has_its_own_status(
    world: World, request_: Multi, codes: list[StatusCode]
) -> None:
    error, statuses = await refusal(world, request_)
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert error.message == "Update-with-Start could not be executed."
    assert statuses == codes
    assert not world.history.calls
