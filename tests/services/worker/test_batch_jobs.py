"""Batch operations on shards of their own: groups, retries, a failing store, a restart, a stop."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - a seeded generator is what the faulty store is given

import pytest
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.batch.v1 import BatchOperationSignal
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)

from indelible.base.errors import (
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    ServiceError,
    UnavailableError,
    workflow_not_found,
)
from indelible.base.ids import Archetype, ShardId, WorkflowId, WorkflowKey
from indelible.base.instants import DAY, NEVER, SECOND, Duration, Instant
from indelible.base.limits import Limits
from indelible.base.time_zones import utc_only
from indelible.engine.batch.state import BatchStatus
from indelible.engine.namespace.record import Namespace
from indelible.ports.stores import Commit, ExecutionWrite
from indelible.ports.telemetry import NoTelemetry
from indelible.services.history.batch_operations import BatchOperations
from indelible.services.history.shard import ShardParts
from indelible.services.history.shards import Shards
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.worker.batch_job import BatchSurroundings
from indelible.services.worker.batch_jobs import BatchJobs
from indelible.services.worker.target_calls import ATTEMPTS_MAX
from indelible.store.faulty import NO_FAULTS, FaultyStore
from indelible.store.memory import MemoryStore
from tests.services.frontend.test_visibility import ROWS
from tests.services.frontend.world import DEFAULT
from tests.services.history.fakes import CountingEntropy, HandClock


@dataclass(eq=False)
class PassingClock(HandClock):
    """Goes on by what is slept."""

    time: Instant = field(default=Instant(2_000_000_000 * SECOND))

    async def sleep(self, span: Duration) -> None:
        self.time = Instant(self.time + span)
        await asyncio.sleep(0)  # noqa: TID251 - others get a turn


class Crash(BaseException):
    """Ends a process: nothing catches it."""


class Node:
    """The batch operations of one process; another one may follow on the same store."""

    def __init__(self, disk: MemoryStore, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.clock = PassingClock()
        self.store = FaultyStore(
            disk,
            dice=Random(0),  # noqa: S311
            clock=self.clock,
            rates=NO_FAULTS,
        )
        self.registry = NamespaceRegistry(self.store)
        self.work: list[Coroutine[object, object, None]] = []
        self.refusals: dict[str, list[Exception]] = {}
        self.asked: list[str] = []
        self.dies_after = -1
        self.shards = Shards(
            ShardParts(
                store=self.store,
                clocks=self.clock,
                entropy=CountingEntropy(),
                telemetry=NoTelemetry(),
                namespaces=self.registry,
                limits_of=lambda _: limits,
                utc_offset=utc_only,
                matching=None,  # pyright: ignore[reportArgumentType]  # a job dispatches nothing
                entries_max=10,
            ),
            shard_count=2,
            owner="test",
            spawn=lambda _, work: work.close(),
        )
        self.batches = BatchOperations(self.shards, self.clock, self.store)
        around = BatchSurroundings(
            records=self.batches,
            visibility=self.store,
            namespaces=self.registry,
            clocks=self.clock,
            limits_of=lambda _: limits,
            perform=self._perform,
        )
        self.jobs = BatchJobs(around, spawn=lambda _, work: self.work.append(work))
        self.batches.listen(self.jobs.announce)

    async def _perform(self, rpc: str, _namespace: Namespace, request: Message) -> Message:
        assert rpc == "SignalWorkflowExecution"
        assert isinstance(request, SignalWorkflowExecutionRequest)
        target = request.workflow_execution.workflow_id
        if len(self.asked) == self.dies_after:
            raise Crash
        self.asked.append(target)
        if self.refusals.get(target):
            raise self.refusals[target].pop(0)
        return SignalWorkflowExecutionResponse()

    async def begin(self) -> "Node":
        await self.registry.load(now=self.clock.time)
        await self.registry.ensure(
            "default", namespace_id=DEFAULT, retention=DAY, now=self.clock.time
        )

        async def nothing(*_: object) -> None:
            raise AssertionError("nothing happens by itself here")

        await self.shards.start(wake=nothing, execute=nothing)
        return self

    @property
    def namespace(self) -> Namespace:
        return self.registry.by_id(DEFAULT)

    async def start(self, request: StartBatchOperationRequest, *, open_max: int = 9) -> None:
        await self.batches.start_batch(self.namespace, request, open_max=open_max)

    async def finish(self) -> None:
        """Carry out whatever was announced."""
        while self.work:
            await self.work.pop()

    def abandon(self) -> None:
        """Forget what was announced, as a crash does."""
        for work in self.work:
            work.close()

    async def counts(self) -> tuple[int, int, int]:
        told = await self.batches.describe_batch(self.namespace, "job")
        return (
            told.total_operation_count,
            told.complete_operation_count,
            told.failure_operation_count,
        )


async def show_runs(disk: MemoryStore, count: int) -> list[str]:
    """Make rows of open runs, and return their ids in the order of lists."""
    shard = ShardId(1)
    range_id = await disk.acquire_shard(shard, owner="rows")
    names: list[str] = []
    open_row = next(row for row in ROWS if row.close_time == NEVER)
    for number in range(count):
        names.append(f"run-{number:03}")
        run_id = type(open_row.run_id)(f"{number:032}")
        write = ExecutionWrite(
            key=WorkflowKey(DEFAULT, WorkflowId(names[-1]), run_id),
            expected_version=0,
            version=1,
            is_open=True,
            wake_at=NEVER,
            record=b"",
            visibility=replace(
                open_row,
                workflow_id=names[-1],
                run_id=run_id,
                workflow_type="batched",
                archetype=Archetype.WORKFLOW,
            ),
        )
        await disk.commit(Commit(shard_id=shard, range_id=range_id, executions=[write]))
    return names


def job(*ids: str, job_id: str = "job", query: str = "") -> StartBatchOperationRequest:
    return StartBatchOperationRequest(
        namespace="default",
        job_id=job_id,
        reason="why",
        visibility_query=query,
        executions=[WorkflowExecution(workflow_id=name) for name in ids],
        signal_operation=BatchOperationSignal(signal="s"),
    )


def new_disk() -> MemoryStore:
    return MemoryStore(cluster_id="test", shard_count=2)


QUERY = job(query="WorkflowType = 'batched'")


async def test_all_rows_of_a_query_are_tried_once_in_groups() -> None:
    disk = new_disk()
    names = await show_runs(disk, 120)
    node = await Node(disk).begin()
    await node.start(QUERY)
    began_at = node.clock.time
    await node.finish()
    assert sorted(node.asked) == names
    assert await node.counts() == (120, 120, 0)
    # A burst of one second's worth, then fifty per second.
    assert node.clock.time - began_at >= SECOND


async def test_a_client_may_ask_for_a_slower_pace() -> None:
    node = await Node(new_disk()).begin()
    request = job(*"abcdef")
    request.max_operations_per_second = 2
    began_at = node.clock.time
    await node.start(request)
    await node.finish()
    assert node.clock.time - began_at >= 2 * SECOND


@pytest.mark.parametrize(
    ("refusals", "attempts", "is_failure"),
    [
        ([UnavailableError("later")] * 3, 4, False),
        ([UnavailableError("later")] * ATTEMPTS_MAX, ATTEMPTS_MAX, True),
        ([InvalidArgumentError("never")], 1, True),
        ([workflow_not_found("b")], 1, False),
        ([RuntimeError("a defect")], 1, True),
        ([InternalError("a defect")], 2, False),
    ],
)
async def test_a_refusal_is_met_again_or_counted(
    refusals: list[Exception], attempts: int, is_failure: bool
) -> None:
    node = await Node(new_disk()).begin()
    node.refusals["b"] = list(refusals)
    await node.start(job("a", "b", "c"))
    await node.finish()
    assert node.asked.count("b") == attempts
    assert await node.counts() == (3, 3 - is_failure, int(is_failure))


async def test_a_job_goes_on_after_a_crash_behind_what_was_recorded() -> None:
    disk = new_disk()
    names = await show_runs(disk, 70)
    node = await Node(disk).begin()
    await node.start(QUERY)
    # In the second group: the first is recorded, the second is not.
    node.dies_after = 55
    with pytest.raises(BaseExceptionGroup):
        await node.finish()
    later = await Node(disk).begin()
    await later.jobs.resume()
    await later.finish()
    assert sorted(later.asked) == names[50:]
    assert await later.counts() == (70, 70, 0)


async def test_a_store_that_fails_makes_a_job_wait() -> None:
    node = await Node(new_disk()).begin()
    await node.start(job("a", "b"))
    node.store.rates = replace(NO_FAULTS, write_fails_before=1)

    async def mend() -> None:
        await node.clock.sleep(Duration(SECOND))
        node.store.rates = NO_FAULTS

    await asyncio.gather(node.work.pop(), mend())
    assert set(node.asked) == {"a", "b"}
    assert await node.counts() == (2, 2, 0)


async def test_a_stopped_job_tries_nothing_more() -> None:
    node = await Node(new_disk()).begin()
    await node.start(job("a", "b"))
    await node.batches.stop_batch(
        node.namespace, StopBatchOperationRequest(job_id="job", reason="enough", identity="me")
    )
    await node.finish()
    assert node.asked == []
    with pytest.raises(NotFoundError):
        await node.batches.stop_batch(node.namespace, StopBatchOperationRequest(job_id="job"))


async def test_places_for_jobs_are_counted_and_ids_are_used_up() -> None:
    node = await Node(new_disk()).begin()
    await node.start(job("a"), open_max=1)
    for request in (job("a"), job("a", job_id="other")):
        with pytest.raises(ServiceError) as refused:
            await node.start(request, open_max=1)
        assert refused.value.message == "Max concurrent batch operations is reached"
    await node.finish()
    await node.start(job("a", job_id="other"), open_max=1)
    with pytest.raises(ServiceError) as used:
        await node.start(job("a"))
    assert used.value.code.name == "ALREADY_EXISTS"
    node.abandon()


async def test_a_query_that_means_nothing_any_more_ends_the_job() -> None:
    node = await Node(new_disk()).begin()
    await node.start(job(query="Gone = 1"))
    work = list(node.jobs._running)
    await node.finish()
    state = await node.batches.read(work[0])
    assert state.core.status is BatchStatus.FAILED
    assert "Gone" in state.core.close_reason


async def test_a_closed_job_goes_when_its_retention_has_ended() -> None:
    node = await Node(new_disk()).begin()
    await node.start(job("a"))
    key = next(iter(node.jobs._running))
    await node.finish()
    shard = node.shards.of(key.chain)
    await node.batches.wake(shard, key)
    assert await node.counts() == (1, 1, 0)
    node.clock.time = Instant(node.clock.time + DAY + SECOND)
    await node.batches.wake(shard, key)
    with pytest.raises(NotFoundError):
        await node.counts()
