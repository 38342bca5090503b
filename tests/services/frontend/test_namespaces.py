"""Requests about namespaces and search attributes, and the registry under them."""

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.errordetails.v1 import (
    NamespaceAlreadyExistsFailure,
    NamespaceNotFoundFailure,
)
from temporalio.api.namespace.v1 import UpdateNamespaceInfo
from temporalio.api.operatorservice import v1 as operator
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.ids import NamespaceId
from indelible.base.instants import DAY
from indelible.engine.namespace.record import SYSTEM_NAMESPACE_ID, SYSTEM_NAMESPACE_NAME
from indelible.services.namespaces import NamespaceRegistry
from indelible.store.memory import MemoryStore
from tests.services.frontend.world import DEFAULT, OTHER, START, World

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
INT = IndexedValueType.INDEXED_VALUE_TYPE_INT
HOUR = DurationMessage(seconds=3_600)


class FlakyStore(MemoryStore):
    """Says that a write failed, whether it was done or not; counts the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.puts = 0
        self.lie: Exception | None = None
        self.is_done_anyway = False

    async def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        self.puts += 1
        if self.lie is None or self.is_done_anyway:
            await super().put_namespace(namespace_id, name, record)
        if self.lie is not None:
            raise self.lie


async def describe(
    world: World,
    *,
    namespace: str = "",
    id: str = "",  # noqa: A002 - the field's name
) -> api.DescribeNamespaceResponse:
    return await world.call(
        api.DescribeNamespaceRequest(namespace=namespace, id=id), api.DescribeNamespaceResponse
    )


async def listed(world: World, **how: object) -> list[str]:
    request = api.ListNamespacesRequest(**how)  # pyright: ignore[reportArgumentType]
    answer = await world.call(request, api.ListNamespacesResponse)
    return [one.namespace_info.name for one in answer.namespaces]


async def test_a_registered_namespace_is_usable_at_once(world: World) -> None:
    await world.call(
        api.RegisterNamespaceRequest(
            namespace="fresh", workflow_execution_retention_period=HOUR, data={"k": "v"}
        ),
        api.RegisterNamespaceResponse,
    )
    await world.call(
        api.CountWorkflowExecutionsRequest(namespace="fresh"), api.CountWorkflowExecutionsResponse
    )
    answer = await describe(world, namespace="fresh")
    assert answer.namespace_info.data == {"k": "v"}
    assert answer.config.workflow_execution_retention_ttl == HOUR
    assert answer.config.HasField("bad_binaries")
    assert answer.replication_config.active_cluster_name == "active"
    again = await describe(world, id=answer.namespace_info.id)
    assert again == answer


async def test_a_namespace_tells_what_works_in_it_and_its_limits(world: World) -> None:
    shown = (await describe(world, namespace="default")).namespace_info
    claimed = {field.name for field, _ in shown.capabilities.ListFields()}
    assert claimed == {
        *("eager_workflow_start", "worker_heartbeats", "sync_update", "async_update"),
        *("worker_poll_complete_on_shutdown", "poller_autoscaling", "workflow_pause"),
        *("reported_problems_search_attribute", "standalone_activities"),
        *("standalone_activity_start_delay", "standalone_nexus_operation"),
        *("workflow_update_callbacks", "standalone_activity_batch_operations"),
        "standalone_activity_operator_commands",
    }
    assert shown.limits.blob_size_limit_error == 2 * 1024 * 1024
    assert shown.limits.memo_size_limit_error == 2 * 1024 * 1024
    assert shown.limits.workflow_task_completion_size_limit_error == 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (
            api.DescribeNamespaceRequest(),
            StatusCode.INVALID_ARGUMENT,
            "Namespace not set on request.",
        ),
        (
            api.DescribeNamespaceRequest(namespace="default", id=DEFAULT),
            StatusCode.INVALID_ARGUMENT,
            "GetNamespace operation failed. Both ID and Name specified in request.",
        ),
        (
            api.DescribeNamespaceRequest(id="nope"),
            StatusCode.NOT_FOUND,
            "Namespace nope is not found.",
        ),
        (
            api.RegisterNamespaceRequest(),
            StatusCode.INVALID_ARGUMENT,
            "Namespace not set on request.",
        ),
        (
            api.RegisterNamespaceRequest(namespace="n" * 1001),
            StatusCode.INVALID_ARGUMENT,
            "Namespace length exceeds limit.",
        ),
        (
            api.RegisterNamespaceRequest(namespace="n"),
            StatusCode.INVALID_ARGUMENT,
            "A valid retention period is not set on request.",
        ),
        (
            api.RegisterNamespaceRequest(
                namespace="default", workflow_execution_retention_period=HOUR
            ),
            StatusCode.ALREADY_EXISTS,
            'Namespace "default" already exists',
        ),
        (
            api.UpdateNamespaceRequest(namespace="nope"),
            StatusCode.NOT_FOUND,
            "Namespace nope is not found.",
        ),
        (
            operator.DeleteNamespaceRequest(namespace="temporal-system"),
            StatusCode.FAILED_PRECONDITION,
            "unable to delete system namespace",
        ),
        (
            operator.AddSearchAttributesRequest(namespace="default"),
            StatusCode.INVALID_ARGUMENT,
            "SearchAttributes are not set on request.",
        ),
        (
            operator.AddSearchAttributesRequest(
                namespace="default", search_attributes={"WorkflowId": KEYWORD}
            ),
            StatusCode.INVALID_ARGUMENT,
            "Search attribute WorkflowId is reserved by system.",
        ),
        (
            operator.AddSearchAttributesRequest(
                namespace="default", search_attributes={"TemporalMine": KEYWORD}
            ),
            StatusCode.INVALID_ARGUMENT,
            "Search attribute TemporalMine is reserved by system.",
        ),
        (
            operator.AddSearchAttributesRequest(
                namespace="default",
                search_attributes={"A": 99},  # pyright: ignore[reportArgumentType]
            ),
            StatusCode.INVALID_ARGUMENT,
            "Unknown search attribute type: 99.",
        ),
        (
            operator.AddSearchAttributesRequest(
                namespace="default", search_attributes={str(n): INT for n in range(4)}
            ),
            StatusCode.INVALID_ARGUMENT,
            (
                "Unable to create search attributes: cannot have more than 3 search attribute of "
                "type Int."
            ),
        ),
        (
            operator.RemoveSearchAttributesRequest(
                namespace="default", search_attributes=["BuildIds"]
            ),
            StatusCode.INVALID_ARGUMENT,
            "Unable to remove non-custom search attributes: BuildIds.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_request_is_refused(
    world: World, request_: Message, code: StatusCode, text: str
) -> None:
    error = await world.refusal(request_)
    assert (error.code, error.message) == (code, text)


async def test_refusals_tell_clients_why_in_their_details(world: World) -> None:
    error = await world.refusal(api.DescribeNamespaceRequest(namespace="nope"))
    assert error.details == (NamespaceNotFoundFailure(namespace="nope"),)
    error = await world.refusal(
        api.RegisterNamespaceRequest(namespace="default", workflow_execution_retention_period=HOUR)
    )
    assert error.details == (NamespaceAlreadyExistsFailure(),)


async def test_namespaces_are_listed_by_id_in_pages(world: World) -> None:
    assert await listed(world) == ["default", "other", SYSTEM_NAMESPACE_NAME]
    first = await world.call(api.ListNamespacesRequest(page_size=2), api.ListNamespacesResponse)
    assert first.next_page_token
    second = await world.call(
        api.ListNamespacesRequest(page_size=2, next_page_token=first.next_page_token),
        api.ListNamespacesResponse,
    )
    assert [one.namespace_info.name for one in second.namespaces] == [SYSTEM_NAMESPACE_NAME]
    assert not second.next_page_token
    assert await listed(world, next_page_token=b"\xff\xfe") == []


async def test_a_deleted_namespace_frees_its_name(world: World) -> None:
    answer = await world.call(
        operator.DeleteNamespaceRequest(namespace_id=DEFAULT), operator.DeleteNamespaceResponse
    )
    assert answer.deleted_namespace == "default-deleted-11111"
    assert await listed(world) == ["other", SYSTEM_NAMESPACE_NAME]
    everything = await listed(world, namespace_filter={"include_deleted": True})
    assert everything == ["default-deleted-11111", "other", SYSTEM_NAMESPACE_NAME]
    await world.call(
        api.RegisterNamespaceRequest(namespace="default", workflow_execution_retention_period=HOUR),
        api.RegisterNamespaceResponse,
    )
    assert world.registry.by_name("default").id != DEFAULT


async def test_an_update_is_answered_with_the_new_state(world: World) -> None:
    answer = await world.call(
        api.UpdateNamespaceRequest(
            namespace="default", update_info=UpdateNamespaceInfo(description="new")
        ),
        api.UpdateNamespaceResponse,
    )
    assert answer.namespace_info.description == "new"
    assert world.registry.by_name("default").description == "new"


async def test_search_attributes_are_visible_at_once(world: World) -> None:
    await world.call(
        operator.AddSearchAttributesRequest(
            namespace="default", search_attributes={"A": KEYWORD, "N": INT}
        ),
        operator.AddSearchAttributesResponse,
    )
    shown = await world.call(
        operator.ListSearchAttributesRequest(namespace="default"),
        operator.ListSearchAttributesResponse,
    )
    assert shown.custom_attributes == {"A": KEYWORD, "N": INT}
    assert shown.system_attributes["WorkflowId"] == KEYWORD
    assert shown.system_attributes["TemporalScheduledById"] == KEYWORD
    config = (await describe(world, namespace="default")).config
    assert config.custom_search_attribute_aliases == {"Keyword01": "A", "Int01": "N"}
    other = await describe(world, namespace="other")
    assert other.config.custom_search_attribute_aliases == {}
    await world.call(
        operator.RemoveSearchAttributesRequest(
            namespace="default", search_attributes=["A", "unknown"]
        ),
        operator.RemoveSearchAttributesResponse,
    )
    assert world.registry.by_name("default").search_attributes == {"N": INT}
    every = await world.call(api.GetSearchAttributesRequest(), api.GetSearchAttributesResponse)
    assert every.keys["CloseTime"] == IndexedValueType.INDEXED_VALUE_TYPE_DATETIME


async def test_what_was_registered_is_there_after_a_restart(world: World) -> None:
    await world.call(
        operator.AddSearchAttributesRequest(namespace="other", search_attributes={"A": KEYWORD}),
        operator.AddSearchAttributesResponse,
    )
    registry = NamespaceRegistry(world.store)
    await registry.load(now=START)
    assert registry.in_order() == world.registry.in_order()
    assert registry.by_id(SYSTEM_NAMESPACE_ID).name == SYSTEM_NAMESPACE_NAME


async def test_only_a_change_is_written() -> None:
    store = FlakyStore()
    registry = NamespaceRegistry(store)
    await registry.load(now=START)
    assert store.puts == 1
    await registry.load(now=START)
    for _ in range(2):
        await registry.ensure("n", namespace_id=OTHER, retention=DAY, now=START)
    assert store.puts == 2
    await registry.change(OTHER, lambda same: same)
    assert store.puts == 2


@pytest.mark.parametrize("is_done_anyway", [True, False])
async def test_after_a_failed_write_the_store_decides_what_is_true(is_done_anyway: bool) -> None:
    store = FlakyStore()
    registry = NamespaceRegistry(store)
    await registry.load(now=START)
    store.lie, store.is_done_anyway = OSError("lost"), is_done_anyway
    with pytest.raises(OSError, match="lost"):
        await registry.ensure("n", namespace_id=OTHER, retention=DAY, now=START)
    assert (registry.find("n") is not None) is is_done_anyway


async def test_a_removed_namespace_is_gone_for_good(world: World) -> None:
    for _ in range(2):
        await world.registry.remove(OTHER)
    assert world.registry.find("other") is None
    registry = NamespaceRegistry(world.store)
    await registry.load(now=START)
    assert registry.find("other") is None
