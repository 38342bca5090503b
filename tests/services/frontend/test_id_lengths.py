"""How long ids may be is said per namespace and may change while the server runs."""

import pytest
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.common.v1 import WorkerVersionCapabilities, WorkflowExecution
from temporalio.api.rules.v1 import WorkflowRuleSpec
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Meta, Request
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.limits import Limits
from tests.services.frontend.world import UNHURRIED, World

LONG = "x" * 41
BOUND = 40
NAMED = WorkflowExecution(workflow_id="w")

REQUESTS: list[tuple[Message, str]] = [
    (
        api.SignalWorkflowExecutionRequest(workflow_execution=NAMED, signal_name=LONG),
        "SignalName length exceeds limit.",
    ),
    (
        api.DescribeWorkflowExecutionRequest(execution=WorkflowExecution(workflow_id=LONG)),
        "WorkflowId exceeds maximum allowed length (41/40)",
    ),
    (
        api.PollWorkflowTaskQueueRequest(task_queue=TaskQueue(name=LONG)),
        "taskQueue length exceeds limit",
    ),
    (
        api.RequestCancelWorkflowExecutionRequest(workflow_execution=NAMED, identity=LONG),
        "Identity length exceeds limit.",
    ),
    (
        api.UpdateWorkflowExecutionRequest(
            workflow_execution=NAMED, request=Request(meta=Meta(update_id=LONG))
        ),
        "UpdateId length exceeds limit.",
    ),
    (
        api.PauseWorkflowExecutionRequest(workflow_id="w", reason=LONG),
        "reason is too long.",
    ),
    (
        api.TerminateActivityExecutionRequest(activity_id=LONG),
        "activity ID exceeds length limit. Length=41 Limit=40",
    ),
    (
        api.TerminateNexusOperationExecutionRequest(operation_id=LONG),
        "operation_id exceeds length limit. Length=41 Limit=40",
    ),
    (
        api.DescribeScheduleRequest(schedule_id=LONG),
        "ScheduleId length exceeds limit.",
    ),
    (
        api.CreateWorkflowRuleRequest(spec=WorkflowRuleSpec(id=LONG)),
        "Workflow Rule Id length exceeds limit.",
    ),
    (
        api.UpdateTaskQueueConfigRequest(task_queue="q", identity=LONG),
        "Identity field too long (max 40 characters).",
    ),
    (
        api.PollWorkflowTaskQueueRequest(
            task_queue=TaskQueue(name="q"),
            worker_version_capabilities=WorkerVersionCapabilities(build_id=LONG),
        ),
        "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.",
    ),
    (
        api.UpdateWorkerVersioningRulesRequest(
            task_queue="q",
            commit_build_id=api.UpdateWorkerVersioningRulesRequest.CommitBuildId(
                target_build_id=LONG
            ),
        ),
        "BuildId must be <= 40 characters, was 41",
    ),
]


def named(request: Message, namespace: str) -> Message:
    """Return the request, about a namespace."""
    made = type(request)()
    made.CopyFrom(request)
    setattr(made, "namespace", namespace)  # noqa: B010 - every one of them has the field
    return made


@pytest.mark.parametrize(
    ("request_", "text"), REQUESTS, ids=[f"{one.DESCRIPTOR.name}-{text}" for one, text in REQUESTS]
)
async def test_an_id_is_as_long_as_its_namespace_allows(
    world: World, request_: Message, text: str
) -> None:
    world.limits["default"] = bounded(BOUND)
    error = await world.refusal(named(request_, "default"))
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert await words(world, named(request_, "other")) != text
    world.limits["default"] = bounded(BOUND + 1)
    assert await words(world, named(request_, "default")) != text


def bounded(bytes_max: int) -> Limits:
    return replace(UNHURRIED, id_bytes_max=bytes_max, build_id_bytes_max=bytes_max)


async def words(world: World, request: Message) -> str:
    """Return how a request is refused for other reasons, if it is."""
    try:
        await world.call(request, Message)
    except ServiceError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("name_bytes", "text"),
    [
        (30, "no Worker Deployment found with name"),
        (31, "size of WorkerDeploymentName larger than the maximum allowed"),
    ],
)
async def test_names_of_versions_share_the_bound(world: World, name_bytes: int, text: str) -> None:
    world.limits["default"] = replace(UNHURRIED, id_bytes_max=100)
    request = api.DescribeWorkerDeploymentRequest(
        namespace="default", deployment_name="d" * name_bytes
    )
    assert (await world.refusal(request)).message.startswith(text)


async def test_the_bound_holds_for_the_name_of_the_namespace_as_well(world: World) -> None:
    world.limits["n" * 41] = replace(UNHURRIED, id_bytes_max=BOUND)
    for length, text in (
        (41, "Namespace length exceeds limit."),
        (40, f"Namespace {'n' * 40} is not found."),
    ):
        error = await world.refusal(
            api.DescribeWorkflowExecutionRequest(namespace="n" * length, execution=NAMED)
        )
        assert error.message == text


async def test_the_bound_holds_for_what_the_service_asks_for_itself(world: World) -> None:
    world.limits["default"] = replace(UNHURRIED, id_bytes_max=BOUND)
    namespace = world.registry.by_name("default")
    request = api.SignalWorkflowExecutionRequest(workflow_execution=NAMED, signal_name=LONG)
    with pytest.raises(ServiceError, match="SignalName length exceeds limit"):
        await world.frontend.perform("SignalWorkflowExecution", namespace, request)
