"""Polls and what comes back about workflow tasks and queries."""

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads, WorkerVersionCapabilities
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import QueryResultType, TaskQueueKind, WorkerVersioningMode
from temporalio.api.failure.v1 import Failure
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.ids import QueueKey, QueueType
from indelible.base.instants import SECOND
from indelible.base.limits import Limits
from indelible.ports.clients import NO_SDK, Sdk
from tests.services.frontend.world import DEFAULT, START, World, query_token, workflow_token

BAD = StatusCode.INVALID_ARGUMENT
QUEUE = TaskQueue(name="q")
VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
STICKY = TaskQueueKind.TASK_QUEUE_KIND_STICKY


def poll(**fields: object) -> api.PollWorkflowTaskQueueRequest:
    given = {"namespace": "default", "task_queue": QUEUE, **fields}
    return api.PollWorkflowTaskQueueRequest(**given)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("patience", "code", "text"),
    [
        (None, BAD, "Context timeout is not set."),
        (1.9, StatusCode.FAILED_PRECONDITION, "Context timeout is too short."),
        (-1, StatusCode.FAILED_PRECONDITION, "Context timeout is too short."),
    ],
)
async def test_a_poll_needs_time_to_wait(
    world: World, patience: float | None, code: StatusCode, text: str
) -> None:
    activity_poll = api.PollActivityTaskQueueRequest(namespace="default", task_queue=QUEUE)
    for request in (poll(), activity_poll):
        error = await world.refusal(request, patience=patience)
        assert (error.code, error.message) == (code, text)


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (poll(task_queue=None), BAD, "taskQueue is not set"),
        (poll(task_queue=TaskQueue()), BAD, "missing task queue name"),
        (
            poll(task_queue=TaskQueue(name="/_sys/q/1")),
            BAD,
            "task queue name cannot start with reserved prefix /_sys/",
        ),
        (poll(identity="i" * 1001), BAD, "Identity length exceeds limit."),
        (poll(binary_checksum="bad"), BAD, "Binary bad already marked as bad deployment."),
        (
            poll(worker_version_capabilities=WorkerVersionCapabilities(build_id="b" * 256)),
            BAD,
            "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.",
        ),
        (
            poll(worker_version_capabilities=WorkerVersionCapabilities(use_versioning=True)),
            BAD,
            "WorkerVersionCapabilities must have BuildId set when UseVersioning is true.",
        ),
        (
            poll(deployment_options=WorkerDeploymentOptions(worker_versioning_mode=VERSIONED)),
            BAD,
            "Deployment name and build id must be set together.",
        ),
        (
            poll(
                deployment_options=WorkerDeploymentOptions(
                    worker_versioning_mode=VERSIONED, deployment_name="d.e", build_id="b"
                )
            ),
            BAD,
            "worker deployment name cannot contain '.'",
        ),
        (
            poll(
                task_queue=TaskQueue(name="q", kind=STICKY),
                deployment_options=WorkerDeploymentOptions(worker_versioning_mode=VERSIONED),
            ),
            BAD,
            (
                "NormalName must be set on sticky queue when UseVersioning is true or "
                "DeploymentOptions are set."
            ),
        ),
        (
            api.PollActivityTaskQueueRequest(namespace="default"),
            BAD,
            "taskQueue is not set",
        ),
        (
            api.RespondWorkflowTaskFailedRequest(
                task_token=workflow_token(),
                cause=999,  # pyright: ignore[reportArgumentType]
            ),
            BAD,
            "Invalid WorkflowTaskFailedCause: 999",
        ),
        (
            api.RespondWorkflowTaskCompletedRequest(
                task_token=workflow_token(),
                sticky_attributes=StickyExecutionAttributes(
                    worker_task_queue=TaskQueue(name="q" * 1001)
                ),
            ),
            BAD,
            "taskQueue length exceeds limit",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_request_is_refused(
    world: World, request_: Message, code: StatusCode, text: str
) -> None:
    mark = api.UpdateNamespaceRequest(namespace="default")
    mark.config.bad_binaries.binaries["bad"].reason = "crashes"
    await world.call(mark, api.UpdateNamespaceResponse)
    error = await world.refusal(request_)
    assert (error.code, error.message) == (code, text)
    assert world.history.calls == []
    assert world.matching.polls == []


async def test_a_poll_reaches_matching_with_its_deadline_and_client(world: World) -> None:
    unversioned = WorkerDeploymentOptions(build_id="b")  # Sent by every worker (trap 70).
    await world.call(
        poll(deployment_options=unversioned),
        api.PollWorkflowTaskQueueResponse,
        metadata={"client-name": "temporal-python", "client-version": "1.35.0"},
    )
    await world.call(
        api.PollActivityTaskQueueRequest(namespace="default", task_queue=QUEUE),
        api.PollActivityTaskQueueResponse,
        patience=2,
    )
    assert world.matching.polls == [
        (
            QueueKey(DEFAULT, QueueType.WORKFLOW, "q"),
            START + 70 * SECOND,
            Sdk("temporal-python", "1.35.0"),
        ),
        (QueueKey(DEFAULT, QueueType.ACTIVITY, "q"), START + 2 * SECOND, NO_SDK),
    ]


async def test_a_failure_that_is_too_large_is_replaced() -> None:
    world = await World(limits=Limits(blob_bytes_max=100)).load()
    await world.call(
        api.RespondWorkflowTaskFailedRequest(
            task_token=workflow_token(), failure=Failure(message="m" * 200)
        ),
        api.RespondWorkflowTaskFailedResponse,
    )
    _, request = world.history.calls[-1]
    assert isinstance(request, api.RespondWorkflowTaskFailedRequest)
    assert request.failure.message == "Failure exceeds size limit."
    assert request.failure.cause.message == "m" * 200


async def test_a_query_result_that_is_too_large_is_a_failed_query() -> None:
    world = await World(limits=Limits(blob_bytes_max=100)).load()
    answered = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
    for size in (1, 200):
        await world.call(
            api.RespondQueryTaskCompletedRequest(
                task_token=query_token(),
                completed_type=answered,
                query_result=Payloads(payloads=[Payload(data=b"x" * size)]),
            ),
            api.RespondQueryTaskCompletedResponse,
        )
    small, large = world.matching.answers
    assert small.completed_type == answered
    assert large.completed_type == QueryResultType.QUERY_RESULT_TYPE_FAILED
    assert large.error_message == "Blob data size exceeds limit."
    assert not large.HasField("query_result")
