"""What work can reach a build id of the first generation of versioning."""

import pytest
from msgspec.structs import replace
from temporalio.api.enums.v1 import TaskReachability
from temporalio.api.workflowservice import v1 as api

from indelible.services.frontend.build_id_sets import QUEUES_LOOKED_AT_MAX
from tests.services.frontend.world import DEFAULT, World
from tests.stores.builders import COMPLETED, RUNNING, key, own, put, visible, write

ANY = TaskReachability.TASK_REACHABILITY_UNSPECIFIED
NEW = TaskReachability.TASK_REACHABILITY_NEW_WORKFLOWS
EXISTING = TaskReachability.TASK_REACHABILITY_EXISTING_WORKFLOWS
OPEN = TaskReachability.TASK_REACHABILITY_OPEN_WORKFLOWS
CLOSED = TaskReachability.TASK_REACHABILITY_CLOSED_WORKFLOWS
OLD_SET = "1.0", "1.1"
"""1.1 is the default of the old set, 2.0 that of the queue."""


@pytest.fixture
async def world() -> World:
    world = await World().load()
    added: list[dict[str, object]] = [
        {"add_new_build_id_in_new_default_set": "1.0"},
        {
            "add_new_compatible_build_id": {
                "new_build_id": "1.1",
                "existing_compatible_build_id": "1.0",
            }
        },
        {"add_new_build_id_in_new_default_set": "2.0"},
    ]
    for operation in added:
        await world.call(
            api.UpdateWorkerBuildIdCompatibilityRequest(
                namespace="default",
                task_queue="q",
                **operation,  # pyright: ignore[reportArgumentType]
            ),
            api.UpdateWorkerBuildIdCompatibilityResponse,
        )
    return world


async def run_of(world: World, entry: str, *, is_open: bool) -> None:
    of = key(namespace=DEFAULT)
    row = replace(
        visible(of, status=RUNNING if is_open else COMPLETED, close_time=0 if is_open else 9),
        task_queue="q",
        indexed_values={"BuildIds": [entry]} if entry else {},
    )
    await put(world.store, await own(world.store), write(of, is_open=is_open, visibility=row))


async def reachability(
    world: World, build_id: str, asked: "TaskReachability.ValueType", queue: str = "q"
) -> list["TaskReachability.ValueType"]:
    answer = await world.call(
        api.GetWorkerTaskReachabilityRequest(
            namespace="default", build_ids=[build_id], task_queues=[queue], reachability=asked
        ),
        api.GetWorkerTaskReachabilityResponse,
    )
    (of_build,) = answer.build_id_reachability
    (of_queue,) = of_build.task_queue_reachability
    return list(of_queue.reachability)


@pytest.mark.parametrize(
    ("build_id", "asked", "entry", "is_open", "found"),
    [
        ("2.0", ANY, "none", True, [NEW]),
        ("2.0", ANY, "", True, [NEW, EXISTING]),
        ("2.0", OPEN, "", True, [NEW, OPEN]),
        ("2.0", CLOSED, "", False, [NEW]),
        ("2.0", CLOSED, "versioned:2.0", False, [NEW, CLOSED]),
        ("2.0", OPEN, "versioned:2.0", False, [NEW]),
        ("2.0", NEW, "versioned:2.0", True, [NEW]),
        # The default of a set gets what any of its members has worked on.
        ("1.1", ANY, "versioned:1.0", False, [EXISTING]),
        ("1.1", EXISTING, "versioned:1.1", True, [EXISTING]),
        ("1.1", OPEN, "versioned:2.0", True, []),
        ("1.1", ANY, "", True, []),
        ("1.0", ANY, "versioned:1.0", True, []),
        ("9.9", ANY, "versioned:9.9", True, []),
        ("", ANY, "unversioned", True, [EXISTING]),
        ("", ANY, "", True, []),
    ],
)
async def test_what_reaches_a_build_id(
    world: World,
    build_id: str,
    asked: "TaskReachability.ValueType",
    entry: str,
    found: list["TaskReachability.ValueType"],
    *,
    is_open: bool,
) -> None:
    await run_of(world, entry, is_open=is_open)
    assert await reachability(world, build_id, asked) == found


async def test_a_queue_without_sets_is_for_unversioned_workers() -> None:
    world = await World().load()
    await run_of(world, "", is_open=False)
    assert await reachability(world, "", ANY) == [NEW, EXISTING]
    assert await reachability(world, "", CLOSED) == [NEW]


async def test_only_so_many_queues_are_looked_at(world: World) -> None:
    asked = ["q", *(f"q{number}" for number in range(QUEUES_LOOKED_AT_MAX))]
    answer = await world.call(
        api.GetWorkerTaskReachabilityRequest(
            namespace="default", build_ids=["2.0"], task_queues=asked
        ),
        api.GetWorkerTaskReachabilityResponse,
    )
    queues = answer.build_id_reachability[0].task_queue_reachability
    assert [one.task_queue for one in queues] == asked
    assert [list(one.reachability) for one in queues] == [
        [NEW],
        *([] for _ in range(QUEUES_LOOKED_AT_MAX - 1)),
        [ANY],
    ]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            api.GetWorkerTaskReachabilityRequest(),
            "Must query at least one build ID (or empty string for unversioned worker)",
        ),
        (
            api.GetWorkerTaskReachabilityRequest(build_ids=list("abcdef")),
            "Too many build ids queried at once, limit: 5",
        ),
        (
            api.GetWorkerTaskReachabilityRequest(build_ids=["b" * 256]),
            "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.",
        ),
        (
            api.GetWorkerTaskReachabilityRequest(build_ids=["a"], task_queues=[""]),
            "missing task queue name",
        ),
        (
            api.GetWorkerTaskReachabilityRequest(
                build_ids=["a"],
                reachability=9,  # pyright: ignore[reportArgumentType]
            ),
            "Unsupported reachability type: 9",
        ),
    ],
    ids=["none", "too many", "too long", "no queue", "no type"],
)
async def test_a_bad_question_is_refused(
    world: World, request_: api.GetWorkerTaskReachabilityRequest, message: str
) -> None:
    request_.namespace = "default"
    assert (await world.refusal(request_)).message == message
