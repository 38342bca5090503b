"""The service claims exactly what works: the table of capabilities agrees with that of the RPCs."""

import pytest
from google.protobuf.descriptor import Descriptor
from msgspec.structs import replace
from temporalio.api.namespace.v1 import NamespaceInfo
from temporalio.api.workflowservice import v1 as api

from indelible.base.limits import Limits
from indelible.services.frontend.capabilities import (
    NAMESPACE_CAPABILITIES,
    SYSTEM_CAPABILITIES,
    Capability,
    works,
)
from indelible.services.frontend.rpcs import RPCS, WORKFLOW_SERVICE
from tests.services.frontend.world import World

TABLES = (
    (SYSTEM_CAPABILITIES, api.GetSystemInfoResponse.Capabilities.DESCRIPTOR),
    (NAMESPACE_CAPABILITIES, NamespaceInfo.Capabilities.DESCRIPTOR),
)
EVERY_CAPABILITY = [*SYSTEM_CAPABILITIES, *NAMESPACE_CAPABILITIES]
NOT_CLAIMED = {
    "poller_autoscaling_auto_enroll",
    "server_scaled_deployments",
    "server_scaled_provider_cloud_run",
    "worker_commands",
    "workflow_task_completion_pagination",
}


@pytest.mark.parametrize(("table", "message"), TABLES)
def test_every_flag_of_the_protocol_is_in_the_table(
    table: tuple[Capability, ...], message: Descriptor
) -> None:
    assert [one.name for one in table] == [field.name for field in message.fields]


@pytest.mark.parametrize("capability", EVERY_CAPABILITY, ids=lambda one: one.name)
def test_a_capability_is_claimed_if_and_only_if_its_rpcs_are_built(capability: Capability) -> None:
    assert capability.rpcs
    built = dict(RPCS)
    for name in capability.rpcs:
        key = WORKFLOW_SERVICE, name
        built[key] = replace(RPCS[key], is_built=True)
    assert works(capability, built) == (not capability.lacks)
    for name in capability.rpcs:
        key = WORKFLOW_SERVICE, name
        assert not works(capability, {**built, key: replace(RPCS[key], is_built=False)})


def test_what_is_not_claimed_is_known() -> None:
    """Whoever builds the last RPC of a capability looks at it again."""
    assert {one.name for one in EVERY_CAPABILITY if not works(one)} == NOT_CLAIMED


def _claimed(
    message: NamespaceInfo.Capabilities | api.GetSystemInfoResponse.Capabilities,
) -> set[str]:
    return {field.name for field, _ in message.ListFields()}


async def test_clients_are_told_what_the_tables_say() -> None:
    world = await World().load()
    system = await world.call(api.GetSystemInfoRequest(), api.GetSystemInfoResponse)
    assert _claimed(system.capabilities) == {one.name for one in SYSTEM_CAPABILITIES if works(one)}
    described = await world.call(
        api.DescribeNamespaceRequest(namespace="default"), api.DescribeNamespaceResponse
    )
    claimed = _claimed(described.namespace_info.capabilities)
    assert claimed == {one.name for one in NAMESPACE_CAPABILITIES if works(one)}
    assert described.namespace_info.supports_schedules == system.capabilities.supports_schedules


async def test_what_is_switched_off_is_not_claimed() -> None:
    world = await World(
        limits=Limits(
            standalone_nexus_operations=False,
            batch_operations=False,
            standalone_activity_commands=False,
        )
    ).load()
    described = await world.call(
        api.DescribeNamespaceRequest(namespace="default"), api.DescribeNamespaceResponse
    )
    claimed = _claimed(described.namespace_info.capabilities)
    assert "standalone_nexus_operation" not in claimed
    assert "standalone_activity_batch_operations" not in claimed
    assert "standalone_activity_operator_commands" not in claimed
    assert "standalone_activities" in claimed
