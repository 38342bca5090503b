"""Workers that report themselves, task queues, and what the cluster says about itself."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import TaskQueueKind, WorkerStatus
from temporalio.api.operatorservice import v1 as operator
from temporalio.api.taskqueue.v1 import (
    TaskQueue,
    TaskQueueVersioningInfo,
    TaskQueueVersionSelection,
)
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerHostInfo
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.instants import MINUTE, SECOND, Duration, Instant
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.queue_stats import QueueStats
from indelible.services.frontend.workers import WorkerHandlers
from indelible.services.matching.description import TaskQueueDescription
from tests.services.frontend.world import START, World


def heartbeat(key: str, *, host: str = "h", start: int = 1, status: int = 1) -> WorkerHeartbeat:
    return WorkerHeartbeat(
        worker_instance_key=key,
        worker_identity=f"{key}@{host}",
        host_info=WorkerHostInfo(host_name=host, process_id="7"),
        task_queue="q",
        sdk_name="temporal-python",
        start_time=Timestamp(seconds=start),
        status=WorkerStatus.ValueType(status),
    )


async def beat(world: World, *heartbeats: WorkerHeartbeat, namespace: str = "default") -> None:
    await world.call(
        api.RecordWorkerHeartbeatRequest(namespace=namespace, worker_heartbeat=heartbeats),
        api.RecordWorkerHeartbeatResponse,
    )


async def keys(world: World, query: str = "") -> list[str]:
    answer = await world.call(
        api.ListWorkersRequest(namespace="default", query=query), api.ListWorkersResponse
    )
    listed = [worker.worker_instance_key for worker in answer.workers]
    whole = [worker.worker_heartbeat.worker_instance_key for worker in answer.workers_info]
    assert listed == whole
    return listed


async def test_workers_are_listed_by_key_within_their_namespace(world: World) -> None:
    await beat(world, heartbeat("b"), heartbeat("a"))
    await beat(world, heartbeat("c"), namespace="other")
    assert await keys(world) == ["a", "b"]
    answer = await world.call(
        api.DescribeWorkerRequest(namespace="default", worker_instance_key="a"),
        api.DescribeWorkerResponse,
    )
    assert answer.worker_info.worker_heartbeat == heartbeat("a")
    error = await world.refusal(
        api.DescribeWorkerRequest(namespace="default", worker_instance_key="c")
    )
    assert (error.code, error.message) == (StatusCode.NOT_FOUND, "Worker c not found")


async def test_a_silent_worker_is_forgotten(world: World) -> None:
    await beat(world, heartbeat("a"), heartbeat("b"))
    world.clock.time = Instant(START + 3 * MINUTE)
    await beat(world, heartbeat("a"))
    world.clock.time = Instant(START + 5 * MINUTE + SECOND)
    assert await keys(world) == ["a"]


async def test_only_so_many_workers_are_remembered(world: World) -> None:
    handlers = WorkerHandlers(matching=world.matching, clock=world.clock, workers_max=2)
    for key in ("a", "b", "a", "c"):
        handlers._saw(world.registry.by_name("default").id, heartbeat(key))
    remembered = [key.instance_key for key in handlers._workers]
    assert remembered == ["a", "c"]


async def test_a_worker_that_shuts_down_is_gone(world: World) -> None:
    await beat(world, heartbeat("a"))
    request = api.ShutdownWorkerRequest(
        namespace="default",
        worker_instance_key="a",
        sticky_task_queue="sticky",
        worker_heartbeat=heartbeat("a", status=WorkerStatus.WORKER_STATUS_SHUTDOWN),
    )
    await world.call(request, api.ShutdownWorkerResponse)
    assert await keys(world) == []
    assert world.matching.shutdowns == [request]


@pytest.mark.parametrize(
    ("page_size", "token", "listed", "next_token"),
    [
        (0, b"", "abcd", b""),
        (-1, b"", "abcd", b""),
        (2, b"", "ab", b'{"l":"b"}'),
        (2, b'{"l":"b"}', "cd", b""),
        (0, b'{"l":"b"}', "cd", b""),
        (1, b'{"l":"bb"}', "c", b'{"l":"c"}'),
        (5_000, b'{"l":"d"}', "", b""),
        (3, b"{}", "abc", b'{"l":"c"}'),
        (3, b"null", "abc", b'{"l":"c"}'),
    ],
)
async def test_pages_of_workers(
    world: World, page_size: int, token: bytes, listed: str, next_token: bytes
) -> None:
    await beat(world, *(heartbeat(key) for key in "cabd"))
    page = await world.call(
        api.ListWorkersRequest(namespace="default", page_size=page_size, next_page_token=token),
        api.ListWorkersResponse,
    )
    assert [worker.worker_instance_key for worker in page.workers] == list(listed)
    assert page.next_page_token == next_token


@pytest.mark.parametrize("token", [b"b", b"[]", b'{"l":5}', b'{"l":"\xff"}'], ids=repr)
async def test_a_token_that_is_none_of_ours_is_refused(world: World, token: bytes) -> None:
    error = await world.refusal(api.ListWorkersRequest(namespace="default", next_page_token=token))
    assert (error.code, error.message) == (
        StatusCode.INVALID_ARGUMENT,
        "invalid next_page_token",
    )


async def test_workers_of_the_system_are_listed_on_demand(world: World) -> None:
    of_system = heartbeat("s")
    of_system.task_queue = "temporal-sys-batcher"
    await beat(world, heartbeat("a"), of_system)
    assert await keys(world) == ["a"]
    answer = await world.call(
        api.CountWorkersRequest(namespace="default", include_system_workers=True),
        api.CountWorkersResponse,
    )
    assert answer.count == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["a", "b"]),
        ("HostName = 'h1'", ["a"]),
        ("HostName != 'h1' AND TaskQueue = 'q'", ["b"]),
        ("HostName = 'h1' OR HostName = 'h2'", ["a", "b"]),
        ("WorkerIdentity STARTS_WITH 'a@'", ["a"]),
        ("WorkerIdentity NOT STARTS_WITH 'a@'", ["b"]),
        ("WorkerInstanceKey IN ('b', 'c')", ["b"]),
        ("StartTime > '1970-01-01T00:00:01Z'", ["b"]),
        ("StartTime BETWEEN '1970-01-01T00:00:01Z' AND '1970-01-01T00:00:02Z'", ["a", "b"]),
        ("WorkerStatus = 'Running'", ["a"]),
        ("DeploymentName IS NULL AND HeartbeatTime IS NULL", ["a", "b"]),
        ("BuildId IS NOT NULL", []),
        ("BuildId != 'x' AND DeploymentName NOT STARTS_WITH 'x'", ["a", "b"]),
        ("StartTime = 2000000000", ["b"]),
        ("StartTime NOT BETWEEN 1 AND 1000000000", ["b"]),
        ("Status = 'Running' OR status = 'ShuttingDown'", ["a", "b"]),
        ("NOT (HostName = 'h1' OR TaskQueue IS NULL)", ["b"]),
        ("  ", ["a", "b"]),
    ],
)
async def test_workers_are_found_by_what_they_say(
    world: World, query: str, expected: list[str]
) -> None:
    await beat(
        world,
        heartbeat("a", host="h1", start=1),
        heartbeat("b", host="h2", start=2, status=WorkerStatus.WORKER_STATUS_SHUTTING_DOWN),
    )
    assert await keys(world, query) == expected
    answer = await world.call(
        api.CountWorkersRequest(namespace="default", query=query), api.CountWorkersResponse
    )
    assert answer.count == len(expected)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Foo = 'h'", "invalid expression: 'Foo' is not one of WorkerInstanceKey, WorkerIdentity"),
        ("HostName > 'h'", "operation is not supported: operator '>' on HostName"),
        ("HostName = ''", "invalid expression: HostName cannot be empty"),
        ("HostName = 5", "invalid expression: HostName is a text, not 5"),
        ("StartTime = 'noon'", "invalid expression: unable to parse datetime 'noon'"),
        ("StartTime STARTS_WITH '1970'", "not supported: operator 'STARTS_WITH' on StartTime"),
        ("HostName = ", "syntax error at position 39"),
        ("HostName = 'h' LIMIT 3", "operation is not supported: 'LIMIT' clause"),
        ("HostName = 'h' GROUP BY HostName", "operation is not supported: a clause beside"),
    ],
)
async def test_a_bad_worker_query_is_refused(world: World, query: str, words: str) -> None:
    error = await world.refusal(api.ListWorkersRequest(namespace="default", query=query))
    assert error.code is StatusCode.INVALID_ARGUMENT
    assert words in error.message


async def test_a_task_queue_is_described_with_its_pollers_and_numbers(world: World) -> None:
    stats = QueueStats(backlog_count=3, backlog_age=Duration(2 * SECOND), add_rate=1.5)
    world.matching.description = TaskQueueDescription(
        pollers=[PollerRecord(identity="p", last_access_at=START, rate_per_second=5.0)],
        stats_by_priority={3: stats},
        tasks_per_second_max=5.0,
    )
    answer = await world.call(
        api.DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name="q"),
            report_stats=True,
            include_task_queue_status=True,
        ),
        api.DescribeTaskQueueResponse,
    )
    (poller,) = answer.pollers
    assert (poller.identity, poller.rate_per_second) == ("p", 5.0)
    assert answer.stats.approximate_backlog_count == 3
    assert answer.stats.approximate_backlog_age.seconds == 2
    assert answer.stats_by_priority_key[3] == answer.stats
    assert answer.task_queue_status.backlog_count_hint == 3
    assert answer.effective_rate_limit.requests_per_second == 5.0
    bare = await world.call(
        api.DescribeTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="q")),
        api.DescribeTaskQueueResponse,
    )
    assert not bare.HasField("stats")
    assert not bare.HasField("task_queue_status")
    assert bare.versioning_info == TaskQueueVersioningInfo(current_version="__unversioned__")
    error = await world.refusal(
        api.DescribeTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name="/_sys/q/1"), report_stats=True
        )
    )
    assert error.message == "DescribeTaskQueue stats are only supported for the root partition"


async def test_the_reachability_of_five_build_ids_is_told_at_once(world: World) -> None:
    request = api.DescribeTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name="q"),
        versions=TaskQueueVersionSelection(build_ids=list("abcdef")),
    )
    await world.call(request, api.DescribeTaskQueueResponse)
    request.report_task_reachability = True
    error = await world.refusal(request)
    assert error.message == (
        "Too many build ids queried at once with ReportTaskReachability==true, limit: 5"
    )


async def test_the_enhanced_mode_answers_per_type(world: World) -> None:
    request = api.DescribeTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name="q"),
        api_mode=1,  # pyright: ignore[reportArgumentType]
        report_stats=True,
        report_pollers=True,
    )
    answer = await world.call(request, api.DescribeTaskQueueResponse)
    assert sorted(answer.versions_info[""].types_info) == [1, 2]
    request.task_queue.kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY
    error = await world.refusal(request)
    assert error.message.startswith("Enhanced DescribeTaskQueue is not valid for a sticky queue")


async def test_a_queue_of_no_type_is_refused(world: World) -> None:
    error = await world.refusal(
        api.DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name="q"),
            task_queue_type=9,  # pyright: ignore[reportArgumentType]
        )
    )
    assert (error.code, error.message) == (
        StatusCode.INVALID_ARGUMENT,
        "invalid task queue type: 9",
    )


async def test_a_queue_has_one_partition(world: World) -> None:
    answer = await world.call(
        api.ListTaskQueuePartitionsRequest(namespace="default", task_queue=TaskQueue(name="q")),
        api.ListTaskQueuePartitionsResponse,
    )
    (partition,) = answer.workflow_task_queue_partitions
    assert (partition.key, partition.owner_host_name) == ("q", "127.0.0.1:7233")
    assert answer.activity_task_queue_partitions == answer.workflow_task_queue_partitions


async def test_the_cluster_describes_itself(world: World) -> None:
    system = await world.call(api.GetSystemInfoRequest(), api.GetSystemInfoResponse)
    assert system.server_version == "1.32.0"
    cluster = await world.call(api.GetClusterInfoRequest(), api.GetClusterInfoResponse)
    assert cluster.cluster_id == world.store.describe().cluster_id
    assert cluster.history_shard_count == world.store.describe().shard_count
    clusters = await world.call(operator.ListClustersRequest(), operator.ListClustersResponse)
    (only,) = clusters.clusters
    assert (only.cluster_name, only.cluster_id) == ("active", cluster.cluster_id)
    assert (only.address, only.http_address) == ("127.0.0.1:7233", "127.0.0.1:7243")
