"""What is told of a queue whose workers have versions: as a whole, and of each version."""

import pytest
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import DescribeTaskQueueMode, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueVersionSelection
from temporalio.api.workflowservice import v1 as api

from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.queue_stats import QueueStats
from indelible.services.matching.description import TaskQueueDescription
from tests.services.frontend.world import World

VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


def of_build(build_id: str) -> WorkerDeploymentOptions:
    return WorkerDeploymentOptions(
        deployment_name="d", build_id=build_id, worker_versioning_mode=VERSIONED
    )


def poller(build_id: str) -> PollerRecord:
    options = of_build(build_id) if build_id else None
    return PollerRecord(identity=f"worker {build_id}", deployment_options=options)


@pytest.fixture
async def world() -> World:
    """Return one where d:1 is current, d:2 takes a quarter, and d:3 has pinned work only."""
    world = await World().load()
    for build_id in "123":
        await world.call(
            api.PollWorkflowTaskQueueRequest(
                namespace="default",
                task_queue=TaskQueue(name="q"),
                deployment_options=of_build(build_id),
            ),
            api.PollWorkflowTaskQueueResponse,
        )
    await world.call(
        api.SetWorkerDeploymentCurrentVersionRequest(
            namespace="default", deployment_name="d", build_id="1"
        ),
        api.SetWorkerDeploymentCurrentVersionResponse,
    )
    await world.call(
        api.SetWorkerDeploymentRampingVersionRequest(
            namespace="default", deployment_name="d", build_id="2", percentage=25
        ),
        api.SetWorkerDeploymentRampingVersionResponse,
    )
    everybody = [poller("1"), poller("2"), poller("3"), poller("")]
    world.matching.descriptions = {
        "q": TaskQueueDescription(
            pollers=everybody,
            stats_by_priority={1: QueueStats(backlog_count=8), 3: QueueStats(backlog_count=4)},
        ),
        "/_sys/q/vd:1": TaskQueueDescription(pollers=[poller("1")]),
        "/_sys/q/vd:3": TaskQueueDescription(
            pollers=[poller("3")], stats_by_priority={3: QueueStats(backlog_count=5)}
        ),
    }
    return world


async def test_the_whole_queue_has_the_pinned_tasks_of_all_versions(world: World) -> None:
    whole = await world.call(
        api.DescribeTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name="q"), report_stats=True
        ),
        api.DescribeTaskQueueResponse,
    )
    assert whole.stats.approximate_backlog_count == 17
    by_priority = whole.stats_by_priority_key
    assert {key: by_priority[key].approximate_backlog_count for key in by_priority} == {1: 8, 3: 9}
    assert len(whole.pollers) == 4


@pytest.mark.parametrize(
    ("asked", "shown", "count", "pollers"),
    [
        ("", "", 0, ["worker "]),
        ("d:1", "d:1", 9, ["worker 1"]),
        ("d.1", "d:1", 9, ["worker 1"]),
        ("d:2", "d:2", 3, []),
        ("d:3", "d:3", 5, ["worker 3"]),
        ("d.4", "d.4", 0, []),
    ],
)
async def test_a_version_has_its_share_and_its_pinned_tasks(
    world: World, asked: str, shown: str, count: int, pollers: list[str]
) -> None:
    answer = await world.call(
        api.DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name="q"),
            api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
            versions=TaskQueueVersionSelection(build_ids=[asked]),
            report_stats=True,
            report_pollers=True,
        ),
        api.DescribeTaskQueueResponse,
    )
    assert list(answer.versions_info) == [shown]
    told = answer.versions_info[shown].types_info[1]
    assert told.stats.approximate_backlog_count == count
    assert [one.identity for one in told.pollers] == pollers


async def test_active_versions_are_those_of_the_pollers(world: World) -> None:
    answer = await world.call(
        api.DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name="q"),
            api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
            versions=TaskQueueVersionSelection(all_active=True),
        ),
        api.DescribeTaskQueueResponse,
    )
    assert sorted(answer.versions_info) == ["d:1", "d:2", "d:3"]


@pytest.mark.parametrize(("build_id", "counts"), [("1", {1: 6, 3: 3}), ("3", {1: 0, 3: 5})])
async def test_a_version_tells_the_numbers_of_its_queues_on_demand(
    world: World, build_id: str, counts: dict[int, int]
) -> None:
    request = api.DescribeWorkerDeploymentVersionRequest(
        namespace="default",
        deployment_version=WorkerDeploymentVersion(deployment_name="d", build_id=build_id),
    )
    bare = await world.call(request, api.DescribeWorkerDeploymentVersionResponse)
    assert not bare.version_task_queues[0].HasField("stats")
    request.report_task_queue_stats = True
    full = await world.call(request, api.DescribeWorkerDeploymentVersionResponse)
    (queue,) = full.version_task_queues
    told = queue.stats_by_priority_key
    assert {key: told[key].approximate_backlog_count for key in told} == counts
    assert queue.stats.approximate_backlog_count == sum(counts.values())
