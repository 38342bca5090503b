"""Nexus endpoints: names, targets, versions and pages, as operators see them."""

import pytest
from msgspec.structs import replace
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec
from temporalio.api.operatorservice import v1 as api

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from tests.services.frontend.world import UNHURRIED, World


def spec(name: str, *, namespace: str = "default", queue: str = "queue") -> EndpointSpec:
    made = EndpointSpec(name=name)
    made.target.worker.namespace = namespace
    made.target.worker.task_queue = queue
    return made


async def create(world: World, one: EndpointSpec) -> Endpoint:
    answer = await world.call(
        api.CreateNexusEndpointRequest(spec=one), api.CreateNexusEndpointResponse
    )
    return answer.endpoint


async def listed(world: World, **fields: object) -> api.ListNexusEndpointsResponse:
    return await world.call(
        api.ListNexusEndpointsRequest(**fields),  # pyright: ignore[reportArgumentType]
        api.ListNexusEndpointsResponse,
    )


async def test_an_endpoint_is_created_with_version_one_and_can_be_got(world: World) -> None:
    made = await create(world, spec("my-endpoint"))
    assert made.version == 1
    assert made.url_prefix == f"/nexus/endpoints/{made.id}/services"
    assert made.spec == spec("my-endpoint")
    got = await world.call(api.GetNexusEndpointRequest(id=made.id), api.GetNexusEndpointResponse)
    assert got.endpoint == made


async def test_a_name_is_given_once(world: World) -> None:
    await create(world, spec("my-endpoint"))
    with pytest.raises(AlreadyExistsError):
        await create(world, spec("my-endpoint", queue="another"))


@pytest.mark.parametrize("name", ["", "a", "1a", "a-", "a_b", "__temporal_system", "a" * 201])
async def test_a_name_follows_the_rules(world: World, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="endpoint name"):
        await create(world, spec(name))


async def test_a_target_is_a_queue_of_a_namespace_or_a_url(world: World) -> None:
    with pytest.raises(FailedPreconditionError):
        await create(world, spec("my-endpoint", namespace="absent"))
    with pytest.raises(InvalidArgumentError, match="target task queue"):
        await create(world, spec("my-endpoint", queue=""))
    with pytest.raises(InvalidArgumentError, match="empty target variant"):
        await create(world, EndpointSpec(name="my-endpoint"))
    external = EndpointSpec(name="my-endpoint")
    external.target.external.url = "ftp://example.com"
    with pytest.raises(InvalidArgumentError, match="scheme"):
        await create(world, external)
    external.target.external.url = "https://example.com/nexus"
    assert (await create(world, external)).spec == external


async def test_an_update_needs_the_present_version(world: World) -> None:
    made = await create(world, spec("my-endpoint"))
    request = api.UpdateNexusEndpointRequest(id=made.id, version=1, spec=spec("renamed"))
    changed = await world.call(request, api.UpdateNexusEndpointResponse)
    assert (changed.endpoint.version, changed.endpoint.spec.name) == (2, "renamed")
    assert changed.endpoint.HasField("last_modified_time")
    with pytest.raises(FailedPreconditionError, match="version mismatch"):
        await world.call(request, api.UpdateNexusEndpointResponse)
    assert list((await listed(world, name="my-endpoint")).endpoints) == []


async def test_a_deleted_endpoint_is_gone(world: World) -> None:
    made = await create(world, spec("my-endpoint"))
    request = api.DeleteNexusEndpointRequest(id=made.id, version=1)
    await world.call(request, api.DeleteNexusEndpointResponse)
    with pytest.raises(NotFoundError):
        await world.call(request, api.DeleteNexusEndpointResponse)
    await create(world, spec("my-endpoint"))


async def test_the_list_has_pages(world: World) -> None:
    names = {f"endpoint-{number}" for number in range(5)}
    for name in sorted(names):
        await create(world, spec(name))
    found: list[str] = []
    token = b""
    while True:
        page = await listed(world, page_size=2, next_page_token=token)
        found += [endpoint.spec.name for endpoint in page.endpoints]
        token = page.next_page_token
        if not token:
            break
    assert (len(found), set(found)) == (5, names)
    with pytest.raises(InvalidArgumentError):
        await listed(world, page_size=1_001)


async def test_the_namespace_of_a_target_cannot_be_deleted(world: World) -> None:
    await create(world, spec("my-endpoint", namespace="other"))
    with pytest.raises(FailedPreconditionError, match="target of a Nexus endpoint"):
        await world.call(api.DeleteNamespaceRequest(namespace="other"), api.DeleteNamespaceResponse)


async def test_an_operator_sets_the_bounds() -> None:
    limits = replace(
        UNHURRIED,
        nexus_endpoint_name_bytes_max=8,
        nexus_endpoint_page_size_default=1,
        nexus_endpoint_page_size_max=2,
    )
    world = await World(limits=limits).load()
    for name in ("first", "eightish", "third"):
        await create(world, spec(name))
    with pytest.raises(InvalidArgumentError, match="name exceeds length limit of 8"):
        await create(world, spec("ninechars"))
    assert len((await listed(world)).endpoints) == 1
    assert len((await listed(world, page_size=2)).endpoints) == 2
    with pytest.raises(InvalidArgumentError, match="page_size exceeds limit of 2"):
        await listed(world, page_size=3)
