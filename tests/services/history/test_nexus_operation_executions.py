"""Standalone Nexus operations in their shard: calls, a failing store, a restart, time."""

from collections.abc import Coroutine, Mapping
from random import Random  # noqa: TID251 - a seeded generator is what the faulty store is given
from typing import Final

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from msgspec.structs import replace
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import (
    NexusOperationExecutionStatus,
    NexusOperationIdConflictPolicy,
    NexusOperationIdReusePolicy,
    NexusOperationWaitStage,
    PendingNexusOperationState,
)
from temporalio.api.nexus.v1 import NexusOperationExecutionInfo, Response, StartOperationResponse
from temporalio.api.workflowservice.v1 import (
    DeleteNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionRequest,
    PollNexusOperationExecutionRequest,
    RequestCancelNexusOperationExecutionRequest,
    StartNexusOperationExecutionRequest,
)

from indelible.base.callback_token import decode_callback_token
from indelible.base.errors import NotFoundError, UnavailableError
from indelible.base.ids import Archetype, NamespaceId, RunId, TaskId, WorkflowId, WorkflowKey
from indelible.base.instants import DAY, SECOND, Instant
from indelible.base.limits import Limits
from indelible.base.nexus_operations import OperationStarted, OperationSucceeded
from indelible.base.time_zones import utc_only
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus.endpoint import NexusEndpoint
from indelible.engine.nexus.failures import handler_failure
from indelible.engine.nexus_operation.tasks import OperationCall
from indelible.ports.clients import NexusAnswer, NexusTask, QueryAnswer, QueryTask, QueuedTask
from indelible.ports.rpc import Call
from indelible.ports.telemetry import NoTelemetry
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.services.history.circuit_breakers import CircuitBreakers, CircuitOpenError
from indelible.services.history.execution_codec import decode_transfer
from indelible.services.history.nexus_completions import NexusCompletions
from indelible.services.history.nexus_operation_executions import NexusOperationExecutions
from indelible.services.history.operation_handlers import NexusSurroundings, OperationHandlers
from indelible.services.history.shard import Shard, ShardParts
from indelible.services.history.shards import Shards
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry
from indelible.store.faulty import NO_FAULTS, FaultyStore
from indelible.store.memory import MemoryStore
from tests.services.history.fakes import CountingEntropy, HandClock

NAMESPACE: Final = NamespaceId("namespace")
CALL: Final = Call(service="s", method="m", deadline=Instant(0), metadata={}, peer="")
RESULT: Final = Payload(data=b"result")
SUCCESS: Final = NexusAnswer(
    response=Response(
        start_operation=StartOperationResponse(
            sync_success=StartOperationResponse.Sync(payload=RESULT)
        )
    )
)
ACCEPTED: Final = NexusAnswer(
    response=Response(
        start_operation=StartOperationResponse(
            async_success=StartOperationResponse.Async(operation_token="token")  # noqa: S106
        )
    )
)
HEARD: Final = NexusAnswer(response=Response())
BUSY: Final = NexusAnswer(failure=handler_failure("UNAVAILABLE", "later"))
REFUSED: Final = NexusAnswer(failure=handler_failure("BAD_REQUEST", "never"))


class Handlers:
    """Workers that give prepared answers to Nexus tasks, and remember what they were asked."""

    def __init__(self) -> None:
        self.answers: list[NexusAnswer | None] = []
        self.asked: list[NexusTask] = []

    def assign_pass(self, queue: object, task: object) -> int:
        return 0

    def offer(self, task: QueuedTask) -> None: ...

    def recheck(self, queue: object) -> None: ...

    def has_recent_poller(self, queue: object) -> bool:
        return False

    async def query(self, task: QueryTask, *, deadline: Instant) -> QueryAnswer | None:
        return None

    async def call_nexus(self, task: NexusTask, *, deadline: Instant) -> NexusAnswer | None:
        self.asked.append(task)
        return self.answers.pop(0)

    def forget_sticky(self, namespace_id: NamespaceId, queue_name: str) -> None: ...


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
        self.endpoints = NexusEndpointRegistry(self.store)
        self.limits = Limits()
        self.handlers = Handlers()
        self.spawned: list[str] = []
        self.shards = Shards(
            ShardParts(
                store=self.store,
                clocks=self.clock,
                entropy=CountingEntropy(),
                telemetry=NoTelemetry(),
                namespaces=self.registry,
                limits_of=lambda _: self.limits,
                utc_offset=utc_only,
                matching=self.handlers,
                entries_max=10,
            ),
            shard_count=2,
            owner="test",
            spawn=self._spawn,
        )
        breakers = CircuitBreakers(self.clock, lambda _: Limits(), NoTelemetry())
        self.operations = NexusOperationExecutions(
            self.shards,
            self.clock,
            OperationHandlers(
                NexusSurroundings(
                    endpoints=self.endpoints,
                    namespaces=self.registry,
                    matching=self.handlers,
                    clocks=self.clock,
                    breakers=breakers,
                    limits_of=lambda _: self.limits,
                    callback_url=lambda namespace: f"http://back/{namespace.name}",
                )
            ),
            breakers,
        )
        self.completions = NexusCompletions(self.shards, self.operations)

    def _spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Note what would go on in the background, and leave it."""
        self.spawned.append(name)
        work.close()

    async def begin(self) -> "Node":
        await self.registry.load(now=self.clock.time)
        await self.registry.ensure(
            "default", namespace_id=NAMESPACE, retention=DAY, now=self.clock.time
        )
        await self.endpoints.load()
        if self.endpoints.find("endpoint") is None:
            await self.endpoints.add(
                NexusEndpoint(
                    id="endpoint id",
                    name="endpoint",
                    namespace_id=NAMESPACE,
                    task_queue="queue",
                    created_at=self.clock.time,
                    updated_at=self.clock.time,
                )
            )

        async def nothing(*_: object) -> None:
            raise AssertionError("nothing happens by itself here")

        await self.shards.start(wake=nothing, execute=nothing)
        return self

    @property
    def namespace(self) -> Namespace:
        return self.registry.by_id(NAMESPACE)

    async def start(
        self,
        request_id: str = "request",
        *,
        header: Mapping[str, str] | None = None,
        **timeouts: int,
    ) -> str:
        request = StartNexusOperationExecutionRequest(
            operation_id="o",
            endpoint="endpoint",
            service="service",
            operation="operation",
            request_id=request_id,
            input=Payload(data=b"input"),
            nexus_header=header,
            id_reuse_policy=(
                NexusOperationIdReusePolicy.NEXUS_OPERATION_ID_REUSE_POLICY_ALLOW_DUPLICATE
            ),
            id_conflict_policy=(
                NexusOperationIdConflictPolicy.NEXUS_OPERATION_ID_CONFLICT_POLICY_FAIL
            ),
        )
        for name, value in timeouts.items():
            getattr(request, name).CopyFrom(DurationMessage(seconds=value))
        response = await self.operations.start_nexus_operation(
            self.namespace, request, "endpoint id"
        )
        return response.run_id

    async def described(self, run_id: str = "") -> NexusOperationExecutionInfo:
        described = await self.operations.describe_nexus_operation(
            self.namespace,
            DescribeNexusOperationExecutionRequest(operation_id="o", run_id=run_id),
            CALL,
        )
        return described.info

    async def status(self, run_id: str = "") -> str:
        name = NexusOperationExecutionStatus.Name((await self.described(run_id)).status)
        return name.removeprefix("NEXUS_OPERATION_EXECUTION_STATUS_")

    async def tasks(self) -> list[OperationCall]:
        """Return the calls that the store says are to be made."""
        found: list[AnyTransfer] = []
        for shard in self.shards.all():
            rows = await self.store.transfers(shard.shard_id, after=TaskId(0), limit=10)
            found += [decode_transfer(row.blob) for row in rows]
        return [task for task in found if isinstance(task, OperationCall)]

    def shard(self, run_id: str) -> Shard:
        return self.shards.of(key(run_id).chain)

    async def call(self, run_id: str, *answers: NexusAnswer | None) -> None:
        """Make the newest call; the handler gives these answers."""
        self.handlers.answers += answers
        task = (await self.tasks())[-1]
        await self.operations.execute(self.shard(run_id), key(run_id), task)

    async def wake(self, run_id: str, *, seconds: int) -> None:
        self.clock.time = Instant(self.clock.time + seconds * SECOND)
        await self.operations.wake(self.shard(run_id), key(run_id), may_remove=True)


def key(run_id: str) -> WorkflowKey:
    return WorkflowKey(NAMESPACE, WorkflowId("o"), RunId(run_id), Archetype.NEXUS_OPERATION)


@pytest.fixture
async def node() -> Node:
    return await Node(MemoryStore(shard_count=2)).begin()


async def test_a_handler_is_asked_and_its_answer_kept(node: Node) -> None:
    run_id = await node.start(schedule_to_close_timeout=100)
    await node.call(run_id, SUCCESS)
    (asked,) = node.handlers.asked
    start = asked.request.start_operation
    assert (asked.queue.name, start.service, start.operation) == ("queue", "service", "operation")
    assert (start.payload.data, start.callback) == (b"input", "temporal://system")
    assert asked.request.header["operation-timeout"] == "100000ms"
    assert start.links[0].url == (
        f"temporal:///namespaces/default/nexus-operations/o/{run_id}/details"
    )
    polled = await node.operations.poll_nexus_operation(
        node.namespace, PollNexusOperationExecutionRequest(operation_id="o"), CALL
    )
    assert (await node.status(), polled.result) == ("COMPLETED", RESULT)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(SUCCESS, "COMPLETED"), (REFUSED, "FAILED"), (BUSY, "RUNNING"), (None, "RUNNING")],
)
async def test_what_an_answer_means(node: Node, answer: NexusAnswer | None, status: str) -> None:
    run_id = await node.start()
    await node.call(run_id, answer)
    assert await node.status() == status


async def test_a_call_that_failed_is_made_again(node: Node) -> None:
    run_id = await node.start()
    await node.call(run_id, BUSY)
    await node.wake(run_id, seconds=1)
    await node.call(run_id, SUCCESS)
    assert await node.status() == "COMPLETED"
    first, second = (task.request.start_operation.request_id for task in node.handlers.asked)
    assert first == second != ""


async def test_a_worker_is_told_where_to_complete_an_operation_elsewhere(node: Node) -> None:
    node.limits = Limits(nexus_system_callbacks=False)
    run_id = await node.start()
    await node.call(run_id, SUCCESS)
    (asked,) = node.handlers.asked
    assert asked.request.start_operation.callback == "http://back/default"


async def test_a_worker_does_not_see_all_headers(node: Node) -> None:
    node.limits = Limits(nexus_headers_withheld=("accept-encoding", "hidden-*"))
    run_id = await node.start(header={"accept-encoding": "a", "hidden-b": "b", "shown": "c"})
    await node.call(run_id, ACCEPTED)
    await node.operations.request_cancel_nexus_operation(
        node.namespace,
        RequestCancelNexusOperationExecutionRequest(operation_id="o", request_id="c"),
    )
    await node.call(run_id, HEARD)
    assert [dict(one.request.header) for one in node.handlers.asked] == [{"shown": "c"}] * 2


async def test_a_token_has_a_bound(node: Node) -> None:
    node.limits = Limits(nexus_token_bytes_max=len("token") - 1)
    run_id = await node.start()
    await node.call(run_id, ACCEPTED)
    assert await node.status() == "FAILED"


async def test_an_endpoint_that_is_down_is_called_on_trial_only(node: Node) -> None:
    run_id = await node.start()
    for number in range(6):
        await node.call(run_id, BUSY)
        await node.wake(run_id, seconds=2**number)
    with pytest.raises(CircuitOpenError):
        await node.call(run_id)
    blocked = await node.described()
    assert blocked.state == PendingNexusOperationState.PENDING_NEXUS_OPERATION_STATE_BLOCKED
    assert (blocked.blocked_reason, blocked.attempt) == ("The circuit breaker is open.", 7)
    await node.wake(run_id, seconds=60 - 2**5)
    await node.call(run_id, SUCCESS)
    assert ((await node.described()).blocked_reason, await node.status()) == ("", "COMPLETED")


async def test_without_its_endpoint_an_operation_fails(node: Node) -> None:
    run_id = await node.start()
    await node.endpoints.remove("endpoint id")
    await node.call(run_id)
    assert (await node.status(), node.handlers.asked) == ("FAILED", [])


async def test_no_call_is_made_when_the_time_is_nearly_over(node: Node) -> None:
    run_id = await node.start(schedule_to_start_timeout=1)
    await node.call(run_id)
    assert (await node.status(), node.handlers.asked) == ("TIMED_OUT", [])


async def test_a_token_leads_the_completion_to_the_operation(node: Node) -> None:
    run_id = await node.start()
    await node.call(run_id, ACCEPTED)
    polled = await node.operations.poll_nexus_operation(
        node.namespace,
        PollNexusOperationExecutionRequest(
            operation_id="o",
            wait_stage=NexusOperationWaitStage.NEXUS_OPERATION_WAIT_STAGE_STARTED,
        ),
        CALL,
    )
    assert polled.operation_token == "token"  # noqa: S105
    token = node.handlers.asked[0].request.start_operation.callback_header[
        "temporal-callback-token"
    ]
    assert decode_callback_token(token).key == key(run_id)
    end = OperationSucceeded(result=RESULT)
    await node.completions.complete_nexus_operation(token, OperationStarted(token=""), end)
    assert await node.status() == "COMPLETED"
    with pytest.raises(NotFoundError):
        await node.completions.complete_nexus_operation(token, OperationStarted(token=""), end)


async def test_a_cancellation_is_delivered_to_the_handler(node: Node) -> None:
    run_id = await node.start()
    await node.call(run_id, ACCEPTED)
    await node.operations.request_cancel_nexus_operation(
        node.namespace,
        RequestCancelNexusOperationExecutionRequest(operation_id="o", request_id="c"),
    )
    await node.call(run_id, HEARD)
    canceled = node.handlers.asked[-1].request.cancel_operation
    assert (canceled.operation_token, canceled.operation) == ("token", "operation")
    assert await node.status() == "RUNNING"


async def test_a_call_is_not_lost_when_its_commit_is_in_doubt(node: Node) -> None:
    node.store.rates = replace(NO_FAULTS, write_fails_after=1.0)
    with pytest.raises(UnavailableError):
        await node.start()
    node.store.rates = NO_FAULTS
    assert {"read wake-ups", "read transfer tasks"} <= set(node.spawned)
    run_id = await node.start()
    assert len(await node.tasks()) == 1
    await node.call(run_id, SUCCESS)
    assert await node.status() == "COMPLETED"


async def test_another_process_makes_the_calls_that_are_stored() -> None:
    disk = MemoryStore(shard_count=2)
    first = await Node(disk).begin()
    run_id = await first.start()
    second = await Node(disk).begin()
    await second.call(run_id, SUCCESS)
    assert await second.status(run_id) == "COMPLETED"


async def test_deleting_an_open_one_tells_its_outcome_first(node: Node) -> None:
    run_id = await node.start()
    asked = DeleteNexusOperationExecutionRequest(operation_id="o")
    await node.operations.delete_nexus_operation(node.namespace, asked)
    assert await node.status() == "TERMINATED"
    await node.wake(run_id, seconds=1)
    with pytest.raises(NotFoundError, match="for ID: o"):
        await node.operations.delete_nexus_operation(node.namespace, asked)
    await node.call(run_id)
    assert node.handlers.asked == []


async def test_a_new_run_follows_a_closed_one(node: Node) -> None:
    first = await node.start("one")
    await node.call(first, SUCCESS)
    second = await node.start("two")
    assert first != second
    assert (await node.status(first), await node.status()) == ("COMPLETED", "RUNNING")
