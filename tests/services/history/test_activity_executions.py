"""Standalone activities in their shard: what a failing store, a restart and time make of them."""

from collections.abc import Coroutine
from random import Random  # noqa: TID251 - a seeded generator is what the faulty store is given
from typing import Final

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from msgspec.structs import replace
from temporalio.api.common.v1 import ActivityType, Callback, Payload, Payloads, RetryPolicy
from temporalio.api.enums.v1 import ActivityExecutionStatus, CallbackState
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DescribeActivityExecutionRequest,
    PollActivityExecutionRequest,
    RespondActivityTaskCompletedRequest,
    StartActivityExecutionRequest,
)

from indelible.base.errors import NotFoundError, UnavailableError
from indelible.base.failures import server_failure
from indelible.base.ids import (
    Archetype,
    NamespaceId,
    QueueKey,
    QueueType,
    RunId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import DAY, SECOND, Instant
from indelible.base.limits import Limits
from indelible.base.nexus_operations import Completion, OperationSucceeded
from indelible.base.task_token import ActivityById
from indelible.base.time_zones import utc_only
from indelible.engine.activity.tasks import ActivityExecutionDispatch, CallActivityCallback
from indelible.engine.namespace.record import Namespace
from indelible.ports.clients import Poller
from indelible.ports.dispatch_rows import queued_task
from indelible.ports.rpc import Call
from indelible.ports.telemetry import NoTelemetry
from indelible.services.history.activity_executions import ActivityExecutions
from indelible.services.history.circuit_breakers import CircuitBreakers, callback_destination
from indelible.services.history.execution_codec import decode_transfer
from indelible.services.history.operation_calls import CallResult
from indelible.services.history.shard import ShardParts
from indelible.services.history.shards import Shards
from indelible.services.matching.service import MatchingService
from indelible.services.namespaces import NamespaceRegistry
from indelible.store.faulty import NO_FAULTS, FaultyStore
from indelible.store.memory import MemoryStore
from tests.services.history.fakes import CountingEntropy, HandClock

NAMESPACE: Final = NamespaceId("namespace")
QUEUE: Final = QueueKey(NAMESPACE, QueueType.ACTIVITY, "queue")
RESULT: Final = Payload(data=b"result")
POLLER: Final = Poller(identity="worker", request_id="delivery")


class Node:
    """The shards of one process; another one may follow on the same store."""

    def __init__(self, disk: MemoryStore) -> None:
        self.clock = HandClock()
        self.store = FaultyStore(
            disk,
            dice=Random(0),  # noqa: S311
            clock=self.clock,
            rates=NO_FAULTS,
        )
        self.registry = NamespaceRegistry(self.store)
        self.spawned: list[str] = []
        entropy = CountingEntropy()
        matching = MatchingService(
            self.store,
            clocks=self.clock,
            entropy=entropy,
            telemetry=NoTelemetry(),
            spawn=self._spawn,
        )
        self.shards = Shards(
            ShardParts(
                store=self.store,
                clocks=self.clock,
                entropy=entropy,
                telemetry=NoTelemetry(),
                namespaces=self.registry,
                limits_of=lambda _: Limits(),
                utc_offset=utc_only,
                matching=matching,
                entries_max=10,
            ),
            shard_count=2,
            owner="test",
            spawn=self._spawn,
        )
        self.delivered: list[tuple[str, Callback.Nexus, Completion]] = []
        self.results: list[CallResult] = []
        self.breakers = CircuitBreakers(self.clock, lambda _: Limits(), NoTelemetry())
        self.activities = ActivityExecutions(self.shards, self.clock, self._deliver, self.breakers)

    async def _deliver(
        self, namespace: Namespace, callback: Callback.Nexus, completion: Completion
    ) -> CallResult:
        self.delivered.append((namespace.name, callback, completion))
        return self.results.pop(0)

    async def have_down(self, url: str) -> None:
        """Have calls of a URL fail until it is not called for now."""
        destination = callback_destination(self.namespace, url)
        failed = CallResult(is_retryable=True)

        async def call() -> CallResult:
            return failed

        while not self.breakers.is_blocked(destination):
            await self.breakers.call(
                destination, call, is_down=lambda told: told.is_retryable, otherwise=failed
            )

    def _spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Note what would go on in the background, and leave it."""
        self.spawned.append(name)
        work.close()

    async def begin(self) -> "Node":
        await self.registry.load(now=self.clock.time)
        await self.registry.ensure(
            "default", namespace_id=NAMESPACE, retention=DAY, now=self.clock.time
        )

        async def nothing(*_: object) -> None:
            raise AssertionError("nothing happens by itself here")

        await self.shards.start(wake=nothing, execute=nothing)
        return self

    @property
    def namespace(self) -> Namespace:
        return self.registry.by_id(NAMESPACE)

    async def start(self, request_id: str = "request", *, callback: str = "") -> str:
        response = await self.activities.start_activity(
            self.namespace,
            StartActivityExecutionRequest(
                activity_id="a",
                activity_type=ActivityType(name="type"),
                task_queue=TaskQueue(name="queue"),
                request_id=request_id,
                start_to_close_timeout=DurationMessage(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=1),
                completion_callbacks=[waiting_for(callback)] if callback else (),
            ),
        )
        return response.run_id

    async def status(self, run_id: str = "") -> str:
        described = await self.activities.describe_activity(
            self.namespace,
            DescribeActivityExecutionRequest(activity_id="a", run_id=run_id),
            CALL,
        )
        name = ActivityExecutionStatus.Name(described.info.status)
        return name.removeprefix("ACTIVITY_EXECUTION_STATUS_")

    async def callback_states(self) -> list[str]:
        described = await self.activities.describe_activity(
            self.namespace, DescribeActivityExecutionRequest(activity_id="a"), CALL
        )
        return [
            CallbackState.Name(each.info.state).removeprefix("CALLBACK_STATE_")
            for each in described.callbacks
        ]

    async def tasks(self) -> list[ActivityExecutionDispatch]:
        rows = await self.store.dispatches(QUEUE, after=(-1, 0, TaskId(0)), limit=10)
        tasks = [queued_task(row).task for row in rows]
        return [task for task in tasks if isinstance(task, ActivityExecutionDispatch)]

    async def wake(self, run_id: str) -> None:
        of = key(run_id)
        await self.activities.wake(self.shards.of(of.chain), of, may_remove=True)

    async def calls(self) -> list[CallActivityCallback]:
        found: list[CallActivityCallback] = []
        for shard in self.shards.all():
            rows = await self.store.transfers(shard.shard_id, after=TaskId(0), limit=10)
            tasks = [decode_transfer(row.blob) for row in rows]
            found += [task for task in tasks if isinstance(task, CallActivityCallback)]
        return found

    async def call_back(self, run_id: str, result: CallResult) -> None:
        """Make the newest call to one who waits; it is met with this result."""
        self.results.append(result)
        of = key(run_id)
        task = max(await self.calls(), key=lambda each: each.attempt)
        await self.activities.call_back(self.shards.of(of.chain), of, task)

    async def complete(self) -> None:
        await self.activities.respond_completed(
            self.namespace,
            RespondActivityTaskCompletedRequest(result=Payloads(payloads=[RESULT, RESULT])),
            ActivityById(WorkflowId(""), RunId(""), "a"),
        )


def waiting_for(token: str) -> Callback:
    header = {"nexus-operation-token": token}
    return Callback(nexus=Callback.Nexus(url="temporal://system", header=header))


CALL: Final = Call(service="s", method="m", deadline=Instant(0), metadata={}, peer="")


def key(run_id: str) -> WorkflowKey:
    return WorkflowKey(NAMESPACE, WorkflowId("a"), RunId(run_id), Archetype.ACTIVITY)


@pytest.fixture
async def node() -> Node:
    return await Node(MemoryStore(shard_count=2)).begin()


async def test_a_start_that_fails_before_the_write_leaves_nothing(node: Node) -> None:
    node.store.rates = replace(NO_FAULTS, write_fails_before=1.0)
    with pytest.raises(UnavailableError):
        await node.start()
    node.store.rates = NO_FAULTS
    with pytest.raises(NotFoundError):
        await node.status()
    assert await node.tasks() == []
    assert await node.start()


async def test_a_start_of_unknown_outcome_is_found_by_its_request_id(node: Node) -> None:
    node.store.rates = replace(NO_FAULTS, write_fails_after=1.0)
    with pytest.raises(UnavailableError):
        await node.start()
    node.store.rates = NO_FAULTS
    # A wake-up may be in the store that nobody noted.
    assert "read wake-ups" in node.spawned
    run_id = await node.start()
    assert len(await node.tasks()) == 1
    assert await node.start() == run_id


async def test_a_report_that_was_not_written_changes_nothing(node: Node) -> None:
    await node.start()
    node.store.rates = replace(NO_FAULTS, write_fails_before=1.0)
    with pytest.raises(UnavailableError):
        await node.complete()
    node.store.rates = NO_FAULTS
    assert await node.status() == "RUNNING"
    await node.complete()
    assert await node.status() == "COMPLETED"


async def test_another_process_goes_on_with_what_is_stored() -> None:
    disk = MemoryStore(shard_count=2)
    first = await Node(disk).begin()
    run_id = await first.start()
    (task,) = await first.tasks()
    second = await Node(disk).begin()
    assert await second.status(run_id) == "RUNNING"
    given = await second.activities.start_attempt(key(run_id), task, POLLER)
    assert given is not None
    assert (given.activity_id, given.activity_run_id, given.attempt) == ("a", run_id, 1)
    assert await second.tasks() == []
    with pytest.raises(UnavailableError):
        await first.complete()  # Its shard belongs to another one now.


async def test_an_obsolete_task_leaves_its_queue(node: Node) -> None:
    run_id = await node.start()
    (task,) = await node.tasks()
    stale = ActivityExecutionDispatch(task_id=TaskId(task.task_id + 1), queue_name="queue")
    assert await node.activities.start_attempt(key(run_id), stale, POLLER) is None
    assert await node.tasks() == [task]
    assert await node.activities.start_attempt(key("other"), task, POLLER) is None
    assert await node.tasks() == []


async def test_a_timeout_fires_when_it_is_due_and_not_before(node: Node) -> None:
    run_id = await node.start()
    (task,) = await node.tasks()
    await node.activities.start_attempt(key(run_id), task, POLLER)
    node.clock.time = Instant(node.clock.time + 9 * SECOND)
    await node.wake(run_id)
    assert await node.status() == "RUNNING"
    node.clock.time = Instant(node.clock.time + SECOND)
    await node.wake(run_id)
    assert await node.status() == "TIMED_OUT"


async def test_a_closed_activity_goes_when_its_retention_ends(node: Node) -> None:
    run_id = await node.start()
    await node.complete()
    await node.wake(run_id)
    assert await node.status() == "COMPLETED"
    node.clock.time = Instant(node.clock.time + DAY)
    await node.wake(run_id)
    with pytest.raises(NotFoundError):
        await node.status()
    assert await node.store.load_execution(key(run_id)) is None


async def test_deleting_an_open_one_tells_its_outcome_first(node: Node) -> None:
    run_id = await node.start()
    asked = DeleteActivityExecutionRequest(activity_id="a")
    await node.activities.delete_activity(node.namespace, asked)
    polled = await node.activities.poll_activity(
        node.namespace, PollActivityExecutionRequest(activity_id="a"), CALL
    )
    assert polled.outcome.failure.message == "Delete activity execution"
    node.clock.time = Instant(node.clock.time + SECOND)
    await node.wake(run_id)
    with pytest.raises(NotFoundError):
        await node.activities.delete_activity(node.namespace, asked)


async def test_a_new_run_follows_a_closed_one(node: Node) -> None:
    first = await node.start("one")
    await node.complete()
    second = await node.start("two")
    assert first != second
    assert await node.status(first) == "COMPLETED"
    assert await node.status() == "RUNNING"


async def test_who_waits_is_told_the_first_payload_when_it_has_ended(node: Node) -> None:
    run_id = await node.start(callback="token")
    assert await node.calls() == []
    await node.complete()
    await node.call_back(run_id, CallResult())
    ((namespace, callback, completion),) = node.delivered
    started, end = completion.started, completion.end
    assert namespace == "default"
    assert callback.header["nexus-operation-token"] == started.token == "token"
    assert started.links[0].activity.run_id == run_id
    assert end == OperationSucceeded(result=RESULT)
    assert await node.callback_states() == ["SUCCEEDED"]


async def test_a_callback_that_is_not_called_since_its_url_is_down_says_so(node: Node) -> None:
    await node.start(callback="token")
    await node.complete()
    assert await node.callback_states() == ["SCHEDULED"]
    await node.have_down("temporal://system")
    assert await node.callback_states() == ["BLOCKED"]


async def test_a_delivery_that_failed_is_repeated_and_survives_a_restart() -> None:
    disk = MemoryStore(shard_count=2)
    node = await Node(disk).begin()
    run_id = await node.start(callback="token")
    await node.complete()
    later = CallResult(failure=server_failure("x", is_non_retryable=False), is_retryable=True)
    await node.call_back(run_id, later)
    assert await node.callback_states() == ["BACKING_OFF"]
    second = await Node(disk).begin()
    second.clock.time = Instant(second.clock.time + SECOND)
    await second.wake(run_id)
    await second.call_back(
        run_id, CallResult(failure=server_failure("never", is_non_retryable=True))
    )
    assert await second.callback_states() == ["FAILED"]
    assert {task.attempt for task in await second.calls()} == {1, 2}


async def test_the_callbacks_of_one_request_are_attached_once(node: Node) -> None:
    run_id = await node.start(callback="token")
    assert await node.start(callback="token") == run_id
    assert await node.callback_states() == ["STANDBY"]
