"""What a request passes before its handler, and in which order."""

import pytest
from google.protobuf.message import Message
from temporalio.api.errordetails.v1 import (
    NamespaceInvalidStateFailure,
    NamespaceNotFoundFailure,
    PermissionDeniedFailure,
)
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import ServiceError, StatusCode, permission_denied
from indelible.engine.namespace.record import DELETED, DEPRECATED
from indelible.engine.namespace.registration import delete_namespace, deprecate_namespace
from indelible.ports.rpc import Call
from indelible.ports.stores import StoreUnavailableError
from tests.services.frontend.world import (
    DEFAULT,
    OTHER,
    START,
    World,
    activity_token,
    query_token,
    workflow_token,
)

BAD = StatusCode.INVALID_ARGUMENT


class NobodyMay:
    async def authorize(self, call: Call, *, namespace: str, access: str) -> str:
        raise permission_denied(f"{call.method} {namespace} {access}")


def describe(namespace: str) -> api.DescribeWorkflowExecutionRequest:
    return api.DescribeWorkflowExecutionRequest(namespace=namespace)


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (describe(""), BAD, "Namespace not set on request."),
        (describe("n" * 1001), BAD, "Namespace length exceeds limit."),
        (describe("ü" * 501), BAD, "Namespace length exceeds limit."),
        (describe("nope"), StatusCode.NOT_FOUND, "Namespace nope is not found."),
        (
            api.RespondWorkflowTaskCompletedRequest(namespace="default"),
            BAD,
            "Task token not set on request.",
        ),
        (api.RespondWorkflowTaskFailedRequest(), BAD, "Task token not set on request."),
        (
            api.RespondWorkflowTaskCompletedRequest(namespace="default", task_token=b"\x00junk"),
            BAD,
            "Error deserializing task token.",
        ),
        (
            api.RespondWorkflowTaskCompletedRequest(namespace="other", task_token=workflow_token()),
            BAD,
            "Operation requested with a token from a different namespace.",
        ),
        (
            api.RespondWorkflowTaskCompletedRequest(namespace="nope", task_token=workflow_token()),
            StatusCode.NOT_FOUND,
            "Namespace nope is not found.",
        ),
        (
            api.RespondWorkflowTaskCompletedRequest(task_token=activity_token()),
            BAD,
            "Error deserializing task token.",
        ),
        (
            api.RespondActivityTaskCompletedRequest(task_token=query_token()),
            BAD,
            "Error deserializing task token.",
        ),
        (
            DeleteNamespaceRequest(namespace="default", namespace_id=DEFAULT),
            BAD,
            "Only one of namespace name or Id should be set on request.",
        ),
        (DeleteNamespaceRequest(), BAD, "Namespace not set on request."),
        (ListSearchAttributesRequest(), BAD, "Namespace is not set on request."),
    ],
    ids=lambda value: value.DESCRIPTOR.name if isinstance(value, Message) else None,
)
async def test_a_bad_identity_is_refused(
    world: World, request_: Message, code: StatusCode, text: str
) -> None:
    error = await world.refusal(request_)
    assert (error.code, error.message) == (code, text)


async def test_an_unknown_namespace_is_named_in_the_details(world: World) -> None:
    error = await world.refusal(describe("nope"))
    assert error.details == (NamespaceNotFoundFailure(namespace="nope"),)


async def test_a_token_alone_names_the_namespace(world: World) -> None:
    for name in ("", "default"):
        request = api.RespondWorkflowTaskCompletedRequest(
            namespace=name, task_token=workflow_token()
        )
        await world.call(request, api.RespondWorkflowTaskCompletedResponse)
    assert [name for name, _ in world.history.calls] == ["completed", "completed"]


async def test_permission_comes_before_existence_and_length_before_permission() -> None:
    world = await World(authorizer=NobodyMay()).load()
    error = await world.refusal(describe("nope"))
    assert error.code is StatusCode.PERMISSION_DENIED
    assert error.details == (PermissionDeniedFailure(reason="DescribeWorkflowExecution nope read"),)
    error = await world.refusal(describe("n" * 1001))
    assert error.code is BAD
    error = await world.refusal(
        api.RespondWorkflowTaskCompletedRequest(task_token=workflow_token(OTHER))
    )
    assert error.details == (
        PermissionDeniedFailure(reason="RespondWorkflowTaskCompleted other write"),
    )
    error = await world.refusal(api.GetClusterInfoRequest())
    assert error.details == (PermissionDeniedFailure(reason="GetClusterInfo  read"),)


async def test_a_deprecated_namespace_takes_no_new_execution_but_lets_old_ones_work(
    world: World,
) -> None:
    await world.registry.change(DEFAULT, lambda it: deprecate_namespace(it, now=START))
    error = await world.refusal(api.StartWorkflowExecutionRequest(namespace="default"))
    assert error.code is StatusCode.FAILED_PRECONDITION
    assert error.message == "Namespace has invalid state: Deprecated. Must be Registered."
    (detail,) = error.details
    assert isinstance(detail, NamespaceInvalidStateFailure)
    assert (detail.namespace, detail.state) == ("default", DEPRECATED)
    request = api.RespondWorkflowTaskCompletedRequest(task_token=workflow_token())
    await world.call(request, api.RespondWorkflowTaskCompletedResponse)


async def test_a_deleted_namespace_serves_nothing_but_its_deletion(world: World) -> None:
    deleted = await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    assert (await world.refusal(describe("default"))).code is StatusCode.NOT_FOUND
    error = await world.refusal(describe(deleted.name))
    (detail,) = error.details
    assert isinstance(detail, NamespaceInvalidStateFailure)
    assert detail.state == DELETED
    assert error.message.endswith("Deleted. Must be Registered or Deprecated.")
    error = await world.refusal(
        api.RespondWorkflowTaskCompletedRequest(task_token=workflow_token())
    )
    assert error.code is StatusCode.FAILED_PRECONDITION


async def test_operations_and_their_errors_are_counted(world: World) -> None:
    await world.call(api.GetSystemInfoRequest(), api.GetSystemInfoResponse)
    await world.refusal(describe("default"))
    await world.refusal(describe("nope"))
    counted = [(name, dict(labels)) for name, labels in world.telemetry.counts]
    label = {"operation": "DescribeWorkflowExecution", "namespace": "default"}
    assert ("service_requests", label) in counted
    assert ("service_latency", label) in counted
    assert ("service_error_with_type", {**label, "error_type": "INVALID_ARGUMENT"}) in counted
    # A name that does not exist is no label, or clients could make as many as they like.
    assert {labels["namespace"] for _, labels in counted} == {"default", "_unknown_"}


async def test_a_store_that_is_out_of_order_is_unavailable(world: World) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StoreUnavailableError("disk full")

    world.store.put_namespace = broken
    request = api.DeprecateNamespaceRequest(namespace="default")
    error = await world.refusal(request)
    assert isinstance(error, ServiceError)
    assert (error.code, error.message) == (StatusCode.UNAVAILABLE, "disk full")
    assert world.registry.by_name("default").state != DEPRECATED
