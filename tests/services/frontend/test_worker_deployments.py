"""Worker deployments and build-id sets, as clients see them."""

from typing import Any

import pytest
from msgspec.structs import replace
from temporalio.api.common.v1 import Payload
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import VersionDrainageStatus, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.instants import MINUTE, Duration, Instant
from indelible.services.worker_deployments import WorkerDeploymentRegistry
from tests.services.frontend.world import UNHURRIED, World

VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


@pytest.fixture
async def world() -> World:
    return await World().load()


async def poll(world: World, build_id: str, queue: str = "q") -> None:
    request = api.PollWorkflowTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name=queue),
        deployment_options=WorkerDeploymentOptions(
            deployment_name="d", build_id=build_id, worker_versioning_mode=VERSIONED
        ),
    )
    await world.call(request, api.PollWorkflowTaskQueueResponse)


async def describe(world: World) -> api.DescribeWorkerDeploymentResponse:
    request = api.DescribeWorkerDeploymentRequest(namespace="default", deployment_name="d")
    return await world.call(request, api.DescribeWorkerDeploymentResponse)


async def make_current(world: World, **options: Any) -> bytes:
    request = api.SetWorkerDeploymentCurrentVersionRequest(
        namespace="default", deployment_name="d", **options
    )
    response = await world.call(request, api.SetWorkerDeploymentCurrentVersionResponse)
    return response.conflict_token


async def test_the_first_poll_of_a_worker_makes_its_version(world: World) -> None:
    error = await world.refusal(
        api.DescribeWorkerDeploymentRequest(namespace="default", deployment_name="d")
    )
    assert error.code is StatusCode.NOT_FOUND
    await poll(world, "1")
    await poll(world, "2")
    described = await describe(world)
    summaries = described.worker_deployment_info.version_summaries
    assert [one.version for one in summaries] == ["d.2", "d.1"]
    listed = await world.call(
        api.ListWorkerDeploymentsRequest(namespace="default"), api.ListWorkerDeploymentsResponse
    )
    assert [one.name for one in listed.worker_deployments] == ["d"]


async def test_a_version_is_made_current_in_both_notations(world: World) -> None:
    await poll(world, "1")
    await poll(world, "2")
    token = await make_current(world, version="d.1")
    await make_current(world, build_id="2", conflict_token=token)
    info = (await describe(world)).worker_deployment_info
    assert info.routing_config.current_deployment_version.build_id == "2"
    assert info.routing_config.revision_number == 2
    stale = api.SetWorkerDeploymentCurrentVersionRequest(
        namespace="default", deployment_name="d", build_id="1", conflict_token=token
    )
    assert (await world.refusal(stale)).code is StatusCode.FAILED_PRECONDITION
    queue = await world.call(
        api.DescribeTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="q")),
        api.DescribeTaskQueueResponse,
    )
    assert queue.versioning_info.current_version == "d.2"


async def test_a_ramp_is_set_and_taken_back(world: World) -> None:
    await poll(world, "1")
    ramp = api.SetWorkerDeploymentRampingVersionRequest(
        namespace="default", deployment_name="d", version="d.1", percentage=25
    )
    await world.call(ramp, api.SetWorkerDeploymentRampingVersionResponse)
    config = (await describe(world)).worker_deployment_info.routing_config
    assert (config.ramping_version, config.ramping_version_percentage) == ("d.1", 25)
    ramp = api.SetWorkerDeploymentRampingVersionRequest(namespace="default", deployment_name="d")
    answer = await world.call(ramp, api.SetWorkerDeploymentRampingVersionResponse)
    assert (answer.previous_version, answer.previous_percentage) == ("d.1", 25)
    config = (await describe(world)).worker_deployment_info.routing_config
    assert config.ramping_version == ""


async def test_a_version_that_is_not_there_is_missed(world: World) -> None:
    await poll(world, "1")
    for name in ("d", "unknown"):
        ask = api.DescribeWorkerDeploymentVersionRequest(
            namespace="default",
            deployment_version=WorkerDeploymentVersion(deployment_name=name, build_id="9"),
        )
        refusal = await world.refusal(ask)
        assert refusal.code is StatusCode.NOT_FOUND
        assert refusal.message == "Worker Deployment Version not found"
    refusal = await world.refusal(api.DescribeWorkerDeploymentVersionRequest(namespace="default"))
    assert refusal.message == "deployment version cannot be empty"


async def test_a_version_without_open_runs_is_drained_when_somebody_looks(world: World) -> None:
    await poll(world, "1")
    await make_current(world, build_id="1")
    await make_current(world, build_id="")
    ask = api.DescribeWorkerDeploymentVersionRequest(
        namespace="default",
        deployment_version=WorkerDeploymentVersion(deployment_name="d", build_id="1"),
    )
    names: list[int] = []
    for minute in (0, 2, 3):
        world.clock.time = Instant(world.clock.time + minute * MINUTE)
        answer = await world.call(ask, api.DescribeWorkerDeploymentVersionResponse)
        names.append(answer.worker_deployment_version_info.drainage_info.status)
    assert names == [1, 1, 2]
    await world.call(
        api.DeleteWorkerDeploymentVersionRequest(namespace="default", version="d.1"),
        api.DeleteWorkerDeploymentVersionResponse,
    )
    await world.call(
        api.DeleteWorkerDeploymentRequest(namespace="default", deployment_name="d"),
        api.DeleteWorkerDeploymentResponse,
    )


async def test_a_configured_grace_decides_how_long_a_version_drains() -> None:
    world = await World(limits=replace(UNHURRIED, drainage_grace=Duration(0))).load()
    await poll(world, "1")
    await make_current(world, build_id="1")
    await make_current(world, build_id="")
    info = (await describe(world)).worker_deployment_info
    drained = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED
    assert info.version_summaries[0].drainage_info.status == drained


async def test_deployments_and_versions_may_come_before_workers(world: World) -> None:
    make = api.CreateWorkerDeploymentRequest(
        namespace="default", deployment_name="d", request_id="r"
    )
    for _ in range(2):
        await world.call(make, api.CreateWorkerDeploymentResponse)
    make.request_id = "another"
    assert (await world.refusal(make)).code is StatusCode.ALREADY_EXISTS
    version = WorkerDeploymentVersion(deployment_name="d", build_id="1")
    await world.call(
        api.CreateWorkerDeploymentVersionRequest(namespace="default", deployment_version=version),
        api.CreateWorkerDeploymentVersionResponse,
    )
    change = api.UpdateWorkerDeploymentVersionMetadataRequest(
        namespace="default",
        deployment_version=version,
        upsert_entries={"key": Payload(data=b"1")},
    )
    answer = await world.call(change, api.UpdateWorkerDeploymentVersionMetadataResponse)
    assert answer.metadata.entries["key"].data == b"1"
    owner = api.SetWorkerDeploymentManagerRequest(
        namespace="default", deployment_name="d", manager_identity="boss"
    )
    await world.call(owner, api.SetWorkerDeploymentManagerResponse)
    assert (await describe(world)).worker_deployment_info.manager_identity == "boss"


async def test_deployments_outlive_a_restart(world: World) -> None:
    await poll(world, "1")
    await make_current(world, build_id="1")
    registry = WorkerDeploymentRegistry(world.store)
    await registry.load()
    namespace = world.registry.by_name("default")
    found = registry.require(namespace.id, "d")
    assert found.current_build_id == "1"


async def test_build_id_sets_are_kept(world: World) -> None:
    for build_id in ("1.0", "2.0"):
        await world.call(
            api.UpdateWorkerBuildIdCompatibilityRequest(
                namespace="default", task_queue="q", add_new_build_id_in_new_default_set=build_id
            ),
            api.UpdateWorkerBuildIdCompatibilityResponse,
        )
    answer = await world.call(
        api.GetWorkerBuildIdCompatibilityRequest(namespace="default", task_queue="q"),
        api.GetWorkerBuildIdCompatibilityResponse,
    )
    assert [list(one.build_ids) for one in answer.major_version_sets] == [["1.0"], ["2.0"]]
