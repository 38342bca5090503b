"""Namespaces: made, described, changed, and closed to each other."""

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    ListNamespacesRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from tests.sdk.python.harness import Harness, eventually, refused
from tests.sdk.python.programs.basic import Greeting, Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

DAY = Duration(seconds=86_400)


async def _register(harness: Harness, **fields: Any) -> str:
    name = harness.new_id()
    await harness.client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=DAY, **fields)
    )
    return name


async def _client_of(harness: Harness, namespace: str) -> Client:
    """A client of a new namespace, once the server lets it in (the reference needs a while)."""
    client = Client(harness.client.service_client, namespace=namespace)

    async def known() -> bool:
        try:
            await client.count_workflows()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    await eventually(known, seconds_max=30)
    return client


async def test_register_describe_and_list(harness: Harness) -> None:
    service = harness.client.workflow_service
    name = await _register(
        harness, description="for a test", owner_email="owner@example.com", data={"team": "one"}
    )
    answer = await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    assert answer.namespace_info.name == name
    assert answer.namespace_info.description == "for a test"
    assert answer.namespace_info.owner_email == "owner@example.com"
    assert dict(answer.namespace_info.data) == {"team": "one"}
    assert answer.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=1)
    by_id = await service.describe_namespace(DescribeNamespaceRequest(id=answer.namespace_info.id))
    assert by_id.namespace_info.name == name
    listed = await service.list_namespaces(ListNamespacesRequest(page_size=1000))
    assert {name, "default"} <= {entry.namespace_info.name for entry in listed.namespaces}


async def test_default_namespace_is_there(harness: Harness) -> None:
    answer = await harness.client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert answer.config.workflow_execution_retention_ttl.seconds > 0
    limits = answer.namespace_info.limits
    assert limits.blob_size_limit_error == 2 * 1024 * 1024


async def test_register_twice_is_refused(harness: Harness) -> None:
    name = await _register(harness)
    async with refused(RPCStatusCode.ALREADY_EXISTS, detail="NamespaceAlreadyExistsFailure"):
        await harness.client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=DAY)
        )


@pytest.mark.parametrize(
    ("name", "retention"),
    [("", DAY), ("x" * 1001, DAY), ("fine", None), ("fine", Duration(seconds=-1))],
    ids=["no name", "long name", "no retention", "negative retention"],
)
async def test_bad_registrations_are_refused(
    harness: Harness, name: str, retention: Duration | None
) -> None:
    async with refused(RPCStatusCode.INVALID_ARGUMENT):
        await harness.client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=name and f"{harness.label}-{name}",
                workflow_execution_retention_period=retention,
            )
        )


async def test_update_changes_what_it_names(harness: Harness) -> None:
    service = harness.client.workflow_service
    name = await _register(harness, description="before", data={"kept": "1", "changed": "1"})
    await service.update_namespace(
        UpdateNamespaceRequest(
            namespace=name,
            update_info=UpdateNamespaceInfo(description="after", data={"changed": "2"}),
            config=NamespaceConfig(workflow_execution_retention_ttl=Duration(seconds=172_800)),
        )
    )
    answer = await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    assert answer.namespace_info.description == "after"
    assert dict(answer.namespace_info.data) == {"kept": "1", "changed": "2"}
    assert answer.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=2)


async def test_unknown_namespace(harness: Harness) -> None:
    stranger = Client(harness.client.service_client, namespace=f"{harness.label}-nowhere")
    text = f"Namespace {stranger.namespace} is not found"
    async with refused(
        RPCStatusCode.NOT_FOUND, detail="NamespaceNotFoundFailure", text=text
    ) as refusal:
        await stranger.start_workflow(
            Greeting.run, "World", id=harness.new_id(), task_queue=harness.task_queue
        )
    assert refusal.detail(NamespaceNotFoundFailure()).namespace == stranger.namespace
    async with refused(RPCStatusCode.NOT_FOUND, detail="NamespaceNotFoundFailure"):
        await harness.client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=stranger.namespace)
        )


async def test_namespaces_do_not_see_each_other(harness: Harness) -> None:
    other = await _client_of(harness, await _register(harness))
    workflow_id = harness.new_id()
    here = await harness.start(Waiting.run, id=workflow_id)
    there = await other.start_workflow(Waiting.run, id=workflow_id, task_queue=harness.task_queue)
    with pytest.raises(WorkflowAlreadyStartedError):
        await harness.start(Waiting.run, id=workflow_id)
    await there.signal(Waiting.note, "only there")
    await there.signal(Waiting.finish)
    # A worker of one namespace never sees the tasks of the same queue name in another.
    async with harness.worker(Waiting):
        assert await here.query(Waiting.noted) == []
        assert (await there.describe()).status is WorkflowExecutionStatus.RUNNING
    stranger = Client(harness.client.service_client, namespace=other.namespace)
    with pytest.raises(RPCError):
        await stranger.get_workflow_handle(
            workflow_id, run_id=here.first_execution_run_id
        ).describe()
    await here.terminate()
    await there.terminate()
