"""What an event costs does not depend on how many there were before it.

Costs are counted, not timed: bytes written, reads of the store, calls of functions. The same input
gives the same numbers on any machine. `make long-run` measures a million events by time.
"""

import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Final, NamedTuple

import pytest
from temporalio.api.command.v1 import (
    Command,
    RecordMarkerCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api

from indelible.base.ids import (
    EventId,
    NamespaceId,
    QueueKey,
    QueueType,
    TaskId,
    WorkflowKey,
)
from indelible.base.instants import DAY, SECOND, Duration, duration_message
from indelible.base.limits import Limits
from indelible.base.task_token import WorkflowTaskToken, decode_task_token
from indelible.base.time_zones import utc_only
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.clients import Poller
from indelible.ports.dispatch_rows import queued_task
from indelible.ports.stores import Commit, HistoryBatch, StoredExecution
from indelible.ports.telemetry import NoTelemetry
from indelible.services.history.completing import CompletionOperations
from indelible.services.history.messaging import MessageOperations
from indelible.services.history.shard import ShardParts
from indelible.services.history.shards import Shards
from indelible.services.history.starting import StartOperations
from indelible.services.history.system_operations import NexusTargets, SystemOperations
from indelible.services.history.workflow_tasks import WorkflowTaskOperations
from indelible.services.matching.service import MatchingService
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry
from indelible.store.memory import MemoryStore
from tests.services.history.fakes import CountingEntropy, HandClock

pytestmark = pytest.mark.slow

NAMESPACE: Final = NamespaceId("namespace")
QUEUE: Final = QueueKey(NAMESPACE, QueueType.WORKFLOW, "queue")
EVENTS_MAX: Final = 20_000
COMMANDS_PER_TASK: Final = 500
SIGNALS_PER_TASK: Final = 3
CALLS_RATIO_MAX: Final = 1.05
BYTES_RATIO_MAX: Final = 1.1
"""An event names two others at most; their ids grow from two bytes to three."""
UNLIMITED: Final = Limits(
    history_events_max=10**9,
    history_events_warn=10**9,
    history_bytes_max=10**12,
    history_bytes_warn=10**12,
    signals_per_execution_max=0,
)


class Cost(NamedTuple):
    """What one workflow task with all its events has cost."""

    events: int
    written_bytes: int
    reads: int
    calls: int


class CountingStore(MemoryStore):
    """Counts what is asked of it."""

    written_bytes = 0
    reads = 0

    async def commit(self, *commits: Commit) -> None:
        """Count the bytes, and write them."""
        for write in (write for commit in commits for write in commit.executions):
            self.written_bytes += len(write.record)
            self.written_bytes += sum(len(batch.blob) for batch in write.history)
            self.written_bytes += sum(len(record.blob) for record in write.put)
        await super().commit(*commits)

    async def load_execution(self, key: WorkflowKey) -> StoredExecution | None:
        """Count a read of a run."""
        self.reads += 1
        return await super().load_execution(key)

    async def read_history(
        self, key: WorkflowKey, *, first: EventId, end: EventId, bytes_max: int
    ) -> "list[HistoryBatch]":
        """Count a read of a history."""
        self.reads += 1
        return list(await super().read_history(key, first=first, end=end, bytes_max=bytes_max))


class LongRun:
    """One run in a shard of its own, and the worker that makes it long."""

    def __init__(self) -> None:
        self.store = CountingStore(shard_count=1)
        self.clock = HandClock()
        self.registry = NamespaceRegistry(self.store)
        self.shards = self._shards()
        self.tasks = WorkflowTaskOperations(self.shards)
        self.starts = StartOperations(self.shards, self.tasks)
        self.messages = MessageOperations(self.shards)
        system = SystemOperations(self.starts, _nothing)
        self.completions = CompletionOperations(
            self.shards,
            self.tasks,
            self.registry,
            NexusTargets(NexusEndpointRegistry(self.store), system),
        )
        self.event_count = 0
        self.task_count = 0

    def _shards(self) -> Shards:
        entropy = CountingEntropy()
        matching = MatchingService(
            self.store,
            clocks=self.clock,
            entropy=entropy,
            telemetry=NoTelemetry(),
            spawn=_leave,
        )
        parts = ShardParts(
            store=self.store,
            clocks=self.clock,
            entropy=entropy,
            telemetry=NoTelemetry(),
            namespaces=self.registry,
            limits_of=lambda _: UNLIMITED,
            utc_offset=utc_only,
            matching=matching,
            entries_max=10,
        )
        return Shards(parts, shard_count=1, owner="test", spawn=_leave)

    @property
    def namespace(self) -> Namespace:
        return self.registry.by_id(NAMESPACE)

    async def start(self) -> None:
        now = self.clock.time
        await self.registry.load(now=now)
        await self.registry.ensure("default", namespace_id=NAMESPACE, retention=DAY, now=now)
        await self.shards.start(wake=_never, execute=_never)
        await self.starts.start_workflow(
            self.namespace,
            api.StartWorkflowExecutionRequest(
                workflow_id="long",
                workflow_type=WorkflowType(name="Long"),
                task_queue=TaskQueue(name="queue"),
                request_id="start",
            ),
        )

    async def grow(self) -> Cost:
        """Take and complete one workflow task; signals come while the worker has it."""
        counter = _Calls()
        before = self.event_count, self.store.written_bytes, self.store.reads
        with counter:
            await self._work()
        return Cost(
            events=self.event_count - before[0],
            written_bytes=self.store.written_bytes - before[1],
            reads=self.store.reads - before[2],
            calls=counter.count,
        )

    async def _work(self) -> None:
        self.clock.time = type(self.clock.time)(self.clock.time + SECOND)
        (row,) = await self.store.dispatches(QUEUE, after=(-1, 0, TaskId(0)), limit=2)
        queued = queued_task(row)
        assert isinstance(queued.task, WorkflowTaskDispatch)
        self.task_count += 1
        poller = Poller(identity="worker", request_id=f"delivery-{self.task_count:06}")
        task = await self.tasks.start_workflow_task(queued.key, queued.task, poller)
        assert task is not None
        self.event_count = task.started_event_id
        for _ in range(SIGNALS_PER_TASK):
            await self.messages.signal_workflow(
                self.namespace,
                api.SignalWorkflowExecutionRequest(
                    workflow_execution=WorkflowExecution(workflow_id="long"), signal_name="go on"
                ),
            )
        token = decode_task_token(task.task_token)
        assert isinstance(token, WorkflowTaskToken)
        await self.completions.respond_workflow_task_completed(
            self.namespace,
            api.RespondWorkflowTaskCompletedRequest(
                task_token=task.task_token,
                commands=_commands(),
                force_create_new_workflow_task=True,
            ),
            token,
        )


class _Calls:
    """Counts the calls of functions, Python's and C's, made within."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        sys.setprofile(self._count)

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)

    def _count(self, _frame: FrameType, event: str, _argument: object) -> None:
        self.count += event in {"call", "c_call"}


def _nothing(*_arguments: object) -> None:
    """Complete no request: none is made."""


def _leave(_name: str, work: Coroutine[object, object, None]) -> None:
    """Do not do what would go on in the background."""
    work.close()


async def _never(*_arguments: object) -> None:
    raise AssertionError("nothing happens by itself here")


def _commands() -> list[Command]:
    marker = Command(
        command_type=CommandType.COMMAND_TYPE_RECORD_MARKER,
        record_marker_command_attributes=RecordMarkerCommandAttributes(marker_name="step"),
    )
    timer = Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id="timer", start_to_fire_timeout=duration_message(Duration(100 * SECOND))
        ),
    )
    cancellation = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
    cancellation.cancel_timer_command_attributes.timer_id = "timer"
    return [timer, cancellation, *[marker] * (COMMANDS_PER_TASK - 2)]


async def test_the_cost_of_an_event_does_not_grow_with_the_history() -> None:
    run = LongRun()
    await run.start()
    # The first tasks fill what is kept in memory.
    costs = [await run.grow() for _ in range(3)]
    while run.event_count < EVENTS_MAX:
        costs.append(await run.grow())
    early, late = costs[2], costs[-1]
    assert late.events == early.events >= COMMANDS_PER_TASK
    assert late.reads == early.reads
    assert late.written_bytes <= BYTES_RATIO_MAX * early.written_bytes
    assert late.calls <= CALLS_RATIO_MAX * early.calls
