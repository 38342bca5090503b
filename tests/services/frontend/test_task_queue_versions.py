"""DescribeTaskQueue by build id: which are described, and whether tasks can reach them."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from temporalio.api.common.v1 import WorkerVersionCapabilities
from temporalio.api.enums.v1 import BuildIdTaskReachability, DescribeTaskQueueMode
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueVersionSelection
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse

from indelible.base.instants import Instant
from indelible.engine.deployment.versioning_rules import (
    AssignmentRule,
    RedirectRule,
    VersioningRules,
)
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.queue_stats import QueueStats
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.queue_descriptions import QueueDescriptions
from indelible.services.frontend.task_queue_versions import TaskQueueVersions
from indelible.services.matching.description import TaskQueueDescription
from indelible.services.version_routings import VersionRoutings
from indelible.services.versioning_rules import VersioningRuleRegistry
from tests.services.frontend.world import DEFAULT, World
from tests.stores.builders import COMPLETED, RUNNING, key, own, put, visible, write

ENHANCED = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
NOW = Instant(1)
UNREACHABLE = BuildIdTaskReachability.BUILD_ID_TASK_REACHABILITY_UNREACHABLE
CLOSED = BuildIdTaskReachability.BUILD_ID_TASK_REACHABILITY_CLOSED_WORKFLOWS_ONLY
REACHABLE = BuildIdTaskReachability.BUILD_ID_TASK_REACHABILITY_REACHABLE

NO_RULES = VersioningRules()
TO_NEW = VersioningRules(assignments=(AssignmentRule("new", 100, NOW),))
RAMPING = VersioningRules(
    assignments=(
        AssignmentRule("ramp", 10, NOW),
        AssignmentRule("new", 100, NOW),
        AssignmentRule("shadowed", 50, NOW),
    )
)
REDIRECTED = VersioningRules(
    assignments=(AssignmentRule("old", 100, NOW),), redirects=(RedirectRule("old", "new", NOW),)
)


async def described(
    world: World, rules: VersioningRules, selection: TaskQueueVersionSelection | None
) -> DescribeTaskQueueResponse:
    registry = VersioningRuleRegistry(world.store, BuildIdSetRegistry(world.store))
    change: Callable[[VersioningRules], VersioningRules] = lambda _: rules  # noqa: E731
    await registry.change(DEFAULT, "q", change)
    versions = TaskQueueVersions(
        matching=world.matching,
        deployments=world.deployments,
        queues=QueueDescriptions(
            matching=world.matching,
            deployments=world.deployments,
            routings=VersionRoutings(world.deployments, registry),
        ),
        rules=registry,
        visibility=world.store,
    )
    request = DescribeTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name="q"),
        api_mode=ENHANCED,
        versions=selection,
        report_pollers=True,
        report_stats=True,
        report_task_reachability=True,
    )
    return await versions.describe(request, DEFAULT)


async def run_of(world: World, entry: str, *, is_open: bool) -> None:
    of = key(namespace=DEFAULT)
    row = replace(
        visible(of, status=RUNNING if is_open else COMPLETED, close_time=0 if is_open else 9),
        task_queue="q",
        indexed_values={"BuildIds": [entry]} if entry else {},
    )
    await put(world.store, await own(world.store), write(of, is_open=is_open, visibility=row))


@pytest.mark.parametrize(
    ("rules", "build_id", "entry", "open_", "reachability"),
    [
        (NO_RULES, "", "", True, REACHABLE),
        (NO_RULES, "new", "", True, UNREACHABLE),
        (NO_RULES, "new", "assigned:new", True, REACHABLE),
        (NO_RULES, "new", "assigned:other", True, UNREACHABLE),
        (NO_RULES, "new", "versioned:new", False, CLOSED),
        (NO_RULES, "new", "versioned:other", False, UNREACHABLE),
        (TO_NEW, "new", "", True, REACHABLE),
        (TO_NEW, "", "", True, REACHABLE),
        (TO_NEW, "", "", False, CLOSED),
        (TO_NEW, "", "unversioned", False, CLOSED),
        (TO_NEW, "", "versioned:new", False, UNREACHABLE),
        (RAMPING, "ramp", "", True, REACHABLE),
        (RAMPING, "shadowed", "", True, UNREACHABLE),
        (REDIRECTED, "old", "assigned:old", True, UNREACHABLE),
        (REDIRECTED, "new", "", True, REACHABLE),
    ],
)
async def test_what_tasks_can_reach(
    rules: VersioningRules,
    build_id: str,
    entry: str,
    reachability: "BuildIdTaskReachability.ValueType",
    *,
    open_: bool,
) -> None:
    world = await World().load()
    await run_of(world, entry, is_open=open_)
    answer = await described(world, rules, TaskQueueVersionSelection(build_ids=[build_id]))
    assert answer.versions_info[build_id].task_reachability == reachability


async def test_a_backlog_makes_reachable() -> None:
    world = await World().load()
    world.matching.description = TaskQueueDescription(
        stats_by_priority={3: QueueStats(backlog_count=1)}
    )
    answer = await described(world, TO_NEW, TaskQueueVersionSelection(build_ids=["old"]))
    assert answer.versions_info["old"].task_reachability == REACHABLE


def poller(identity: str, build_id: str) -> PollerRecord:
    capabilities = WorkerVersionCapabilities(build_id=build_id, use_versioning=bool(build_id))
    return PollerRecord(identity=identity, version_capabilities=capabilities)


@pytest.mark.parametrize(
    ("rules", "selection", "found"),
    [
        (NO_RULES, None, {"": ["plain"]}),
        (TO_NEW, None, {"new": ["n"]}),
        (TO_NEW, TaskQueueVersionSelection(), {}),
        (TO_NEW, TaskQueueVersionSelection(unversioned=True), {"": ["plain"]}),
        (TO_NEW, TaskQueueVersionSelection(all_active=True), {"new": ["n"], "old": ["o"]}),
        (
            TO_NEW,
            TaskQueueVersionSelection(build_ids=["x", "old"], unversioned=True),
            {"x": [], "old": ["o"], "": ["plain"]},
        ),
    ],
)
async def test_what_is_described(
    rules: VersioningRules,
    selection: TaskQueueVersionSelection | None,
    found: dict[str, list[str]],
) -> None:
    world = await World().load()
    world.matching.description = TaskQueueDescription(
        pollers=[poller("n", "new"), poller("o", "old"), poller("plain", "")]
    )
    answer = await described(world, rules, selection)
    assert {
        build_id: [one.identity for one in info.types_info[1].pollers]
        for build_id, info in answer.versions_info.items()
    } == found


@pytest.mark.parametrize(
    ("rules", "counts"),
    [
        (NO_RULES, {"": 10, "new": 0}),
        (TO_NEW, {"": 0, "new": 10}),
        (RAMPING, {"": 0, "ramp": 1, "new": 9, "shadowed": 0}),
        (REDIRECTED, {"": 0, "old": 0, "new": 10}),
    ],
)
async def test_what_waits_is_told_of_the_build_ids_that_rules_lead_to(
    rules: VersioningRules, counts: dict[str, int]
) -> None:
    world = await World().load()
    world.matching.descriptions = {
        "q": TaskQueueDescription(stats_by_priority={3: QueueStats(backlog_count=10)})
    }
    answer = await described(world, rules, TaskQueueVersionSelection(build_ids=list(counts)))
    assert {
        build_id: info.types_info[1].stats.approximate_backlog_count
        for build_id, info in answer.versions_info.items()
    } == counts
