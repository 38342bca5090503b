"""A matching service with everything around it that it talks to, on a clock that stands still.

Owns the fakes: a clock that is moved by hand, a history that keeps the promises of `HistoryClient`
and can be told to refuse, fail or hesitate, a store that is the memory store with slow reads.
"""

import asyncio
import itertools
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Hashable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from temporalio.api.common.v1 import WorkerVersionCapabilities, WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import TaskQueueKind, WorkerVersioningMode
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueMetadata
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
)

from indelible.base.fair_shares import UNKEYED, FairShare
from indelible.base.ids import (
    EventId,
    NamespaceId,
    QueueKey,
    QueueType,
    RangeId,
    RunId,
    ShardId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import NO_DURATION, SECOND, Duration, Instant, seconds
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.matching.priority import TaskPlace
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig
from indelible.engine.workflow.tasks import ActivityTaskDispatch, WorkflowTaskDispatch
from indelible.ports.clients import MatchingClient, Poller, QueryTask, QueuedTask, Sdk
from indelible.ports.dispatch_rows import dispatch_row
from indelible.ports.dispatch_tasks import AnyActivityDispatch, AnyDispatch
from indelible.ports.stores import Commit, DispatchBacklog, DispatchRow, WaitingPasses
from indelible.services.matching.service import MatchingService
from indelible.services.matching.settings import QueueSettings
from indelible.store.memory.store import MemoryStore

VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
START = Instant(1_700_000_000 * SECOND)
NAMESPACE = NamespaceId("ns")
SHARD = ShardId(1)
WORKFLOWS = QueueKey(NAMESPACE, QueueType.WORKFLOW, "queue")
ACTIVITIES = QueueKey(NAMESPACE, QueueType.ACTIVITY, "queue")
STICKY = QueueKey(NAMESPACE, QueueType.WORKFLOW, "sticky")
PollTask = asyncio.Task[PollWorkflowTaskQueueResponse] | asyncio.Task[PollActivityTaskQueueResponse]


class _NextTurn:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def settle(turns: int = 20) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(turns):
        await _NextTurn()


@dataclass(eq=False)
class ManualTimer:
    at: Instant
    callback: Callable[[], None]
    is_canceled: bool = False

    def cancel(self) -> None:
        self.is_canceled = True


class ManualClock:
    """Time passes by `advance` alone."""

    def __init__(self) -> None:
        self.time = START
        self.timers: list[ManualTimer] = []

    @property
    def node(self) -> "ManualClock":
        return self

    def clock_of(self, namespace_id: NamespaceId) -> "ManualClock":
        return self

    def now(self) -> Instant:
        return self.time

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> ManualTimer:
        self.timers = [timer for timer in self.timers if not timer.is_canceled]
        self.timers.append(ManualTimer(at, callback))
        return self.timers[-1]

    async def sleep(self, span: Duration) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.call_at(Instant(self.time + span), lambda: woken.set_result(None))
        await woken

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Time passes by hand."""

    @property
    def foresight(self) -> Duration:
        return NO_DURATION

    async def advance(self, count: float) -> None:
        """Let `count` seconds pass, with everything that happens in them, in order."""
        await settle()
        end = Instant(self.time + seconds(count))
        while due := [t for t in self.timers if t.at <= end and not t.is_canceled]:
            timer = min(due, key=lambda timer: timer.at)
            self.timers.remove(timer)
            self.time = max(self.time, timer.at)
            timer.callback()
            await settle()
        self.time = end
        await settle()


class CountingEntropy:
    def __init__(self) -> None:
        self._seeds = itertools.count(1)

    def token(self, count: int) -> bytes:
        return next(self._seeds).to_bytes(count, "big")


class CountingTelemetry:
    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.gauges: dict[str, float] = {}
        self.gauges_seen: set[tuple[str, float]] = set()

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[name] = value
        self.gauges_seen.add((name, value))


class Gate:
    """Whoever passes waits while it is closed, and until `open_one` or `open` lets him."""

    def __init__(self) -> None:
        self.is_closed = False
        self.waiting: list[asyncio.Future[None]] = []

    async def passed(self) -> None:
        if self.is_closed:
            waiter = asyncio.get_running_loop().create_future()
            self.waiting.append(waiter)
            await waiter

    def open_one(self, pick: int = 0) -> None:
        self.waiting = [waiter for waiter in self.waiting if not waiter.done()]
        if self.waiting:
            self.waiting.pop(pick % len(self.waiting)).set_result(None)

    def open(self) -> None:
        self.is_closed = False
        while self.waiting:
            self.open_one()


class SlowReads:
    """A task queue store whose reads take time, before and after they look, and may fail."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.before = Gate()
        self.behind = Gate()
        self.failures = 0
        self.read_count = 0

    async def dispatches(
        self, queue: QueueKey, *, after: TaskPlace, limit: int
    ) -> Sequence[DispatchRow]:
        self.read_count += 1
        await self.before.passed()
        if self.failures:
            self.failures -= 1
            raise OSError("the disk hesitates")
        rows = await self._store.dispatches(queue, after=after, limit=limit)
        await self.behind.passed()
        return rows

    async def waiting_passes(self) -> Sequence[WaitingPasses]:
        return await self._store.waiting_passes()

    async def dispatch_backlogs(
        self, queue: QueueKey, *, after: TaskPlace
    ) -> Mapping[int, DispatchBacklog]:
        return await self._store.dispatch_backlogs(queue, after=after)


@dataclass
class FakeHistory:
    """Starts each task once, as its request id says, and takes its row out of the store.

    With `is_volatile` the row stays, as it does for workflow tasks whose start is not yet saved.
    """

    remove_row: Callable[[TaskId], Awaitable[None]]
    is_volatile: bool = False
    refused: set[TaskId] = field(default_factory=set)
    failures_before: int = 0
    """So many starts fail without effect."""
    failures_after: int = 0
    """So many starts take effect, and say that they failed."""
    started: dict[TaskId, str] = field(default_factory=dict)
    pollers: list[Poller] = field(default_factory=list)
    asked: list[TaskId] = field(default_factory=list)
    unheard: set[TaskId] = field(default_factory=set)
    """Tasks that were started, and nobody could be told."""
    before: Gate = field(default_factory=Gate)
    behind: Gate = field(default_factory=Gate)

    async def start_workflow_task(
        self, key: WorkflowKey, task: WorkflowTaskDispatch, poller: Poller
    ) -> PollWorkflowTaskQueueResponse | None:
        if not await self._start(task, poller):
            return None
        return PollWorkflowTaskQueueResponse(
            task_token=str(task.task_id).encode(),
            workflow_execution=WorkflowExecution(workflow_id=key.workflow_id),
        )

    async def start_activity_task(
        self, key: WorkflowKey, task: AnyActivityDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        if not await self._start(task, poller):
            return None
        return PollActivityTaskQueueResponse(
            task_token=str(task.task_id).encode(),
            workflow_execution=WorkflowExecution(workflow_id=key.workflow_id),
        )

    async def _start(self, task: AnyDispatch, poller: Poller) -> bool:
        await self.before.passed()
        self.asked.append(task.task_id)
        self.pollers.append(poller)
        if self.failures_before:
            self.failures_before -= 1
            raise OSError("nothing was written")
        is_wanted = task.task_id not in self.refused
        if is_wanted:
            is_wanted = self.started.setdefault(task.task_id, poller.request_id) == (
                poller.request_id
            )
        if not (is_wanted and self.is_volatile):
            await self.remove_row(task.task_id)
        if is_wanted:
            self.unheard.add(task.task_id)
        if self.failures_after:
            self.failures_after -= 1
            raise OSError("it was written, but you are told it was not")
        await self.behind.passed()
        self.unheard.discard(task.task_id)
        return is_wanted


class World:
    """The service under test, its surroundings, and what has become of each poll."""

    def __init__(self, group: asyncio.TaskGroup, *, rows_max: int) -> None:
        self.group = group
        self.clock = ManualClock()
        self.telemetry = CountingTelemetry()
        self.disk = MemoryStore()
        self.reads = SlowReads(self.disk)
        self.history = FakeHistory(self._remove)
        self.routings: dict[QueueKey, QueueRouting] = {}
        self.configs: dict[QueueKey, QueueConfig] = {}
        self.rows_max = rows_max
        self.begin()
        self.queue_of: dict[TaskId, QueueKey] = {}
        self.range_id: RangeId | None = None
        self.ids = itertools.count(1)

    def begin(self) -> None:
        """Make a service that knows nothing of what the one before knew."""
        self.service = MatchingService(
            self.reads,
            clocks=self.clock,
            entropy=CountingEntropy(),
            telemetry=self.telemetry,
            spawn=lambda name, work: self.group.create_task(work, name=name),
            rows_max=self.rows_max,
            settings=QueueSettings(
                routing_of=self.routings.get,
                config_of=lambda queue: self.configs.get(queue, UNCONFIGURED),
            ),
        )
        self.client: MatchingClient = self.service
        self.service.connect(self.history)

    def configure(self, queue: QueueKey, config: QueueConfig) -> None:
        """Have an operator configure a queue."""
        self.configs[queue] = config
        self.service.reconfigure(queue.namespace_id)

    async def restart(self) -> None:
        """Stop the service, and begin again with what lies on the disk."""
        await self.service.stop()
        self.begin()
        await self.service.load()

    # ------------------------------------------------------------------------------- tasks
    async def commit(
        self, queue: QueueKey = WORKFLOWS, *, priority: int = 0, share: FairShare = UNKEYED
    ) -> QueuedTask:
        """Write a task's row, and tell nobody."""
        task_id = TaskId(next(self.ids))
        self.queue_of[task_id] = queue
        is_activity = queue.queue_type is QueueType.ACTIVITY
        task = (
            ActivityTaskDispatch
            if is_activity
            else partial(WorkflowTaskDispatch, is_sticky=queue is STICKY)
        )(
            task_id=task_id,
            queue_name=queue.name,
            scheduled_event_id=EventId(2),
            priority=priority,
            share=share,
        )
        queued = QueuedTask(
            queue=queue,
            key=WorkflowKey(NAMESPACE, WorkflowId(f"w{task_id}"), RunId("r")),
            created_at=self.clock.now(),
            task=task,
            pass_number=self.client.assign_pass(queue, task),
        )
        await self._write(added=[dispatch_row(queued)])
        return queued

    async def add(
        self, queue: QueueKey = WORKFLOWS, *, priority: int = 0, share: FairShare = UNKEYED
    ) -> TaskId:
        """Write a task's row and offer it."""
        queued = await self.commit(queue, priority=priority, share=share)
        self.client.offer(queued)
        return queued.task.task_id

    async def _remove(self, task_id: TaskId) -> None:
        await self._write(removed=[(self.queue_of[task_id], task_id)])

    async def _write(
        self,
        *,
        added: Sequence[DispatchRow] = (),
        removed: Sequence[tuple[QueueKey, TaskId]] = (),
    ) -> None:
        if self.range_id is None:
            self.range_id = await self.disk.acquire_shard(SHARD, owner="test")
        await self.disk.commit(
            Commit(
                shard_id=SHARD,
                range_id=self.range_id,
                dispatches_added=added,
                dispatches_removed=removed,
            )
        )

    # ------------------------------------------------------------------------------- polls
    def poll(
        self,
        queue: QueueKey = WORKFLOWS,
        *,
        identity: str = "worker",
        within: float = 61,
        rate: float | None = None,
        instance: str = "",
        version: str = "",
        build_id: str = "",
    ) -> PollTask:
        """Send a poll, of a worker of a version of deployment `d` if it is given."""
        deadline = Instant(self.clock.now() + seconds(within))
        kind = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
        if queue is STICKY:
            kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY
        task_queue = TaskQueue(name=queue.name, kind=kind)
        if queue.queue_type is QueueType.WORKFLOW:
            request = PollWorkflowTaskQueueRequest(
                namespace="default",
                task_queue=task_queue,
                identity=identity,
                worker_instance_key=instance,
                deployment_options=WorkerDeploymentOptions(
                    deployment_name="d", build_id=version, worker_versioning_mode=VERSIONED
                )
                if version
                else None,
                worker_version_capabilities=WorkerVersionCapabilities(
                    build_id=build_id, use_versioning=True
                )
                if build_id
                else None,
            )
            return self.group.create_task(
                self.service.poll_workflow_task_queue(
                    queue, request, deadline, sdk=Sdk("sdk", "1.0")
                )
            )
        metadata = TaskQueueMetadata()
        if rate is not None:
            metadata.max_tasks_per_second.value = rate
        return self.group.create_task(
            self.service.poll_activity_task_queue(
                queue,
                PollActivityTaskQueueRequest(
                    namespace="default",
                    task_queue=task_queue,
                    identity=identity,
                    worker_instance_key=instance,
                    task_queue_metadata=metadata,
                ),
                deadline,
            )
        )

    async def waiting_poll(
        self, queue: QueueKey = WORKFLOWS, *, identity: str = "worker", instance: str = ""
    ) -> PollTask:
        """Send a poll and let it wait."""
        poll = self.poll(queue, identity=identity, instance=instance)
        await settle()
        assert not poll.done()
        return poll

    async def drained(self, queue: QueueKey = WORKFLOWS) -> list[int]:
        """Poll until nothing comes any more, and return the task ids in their order."""
        found: list[int] = []
        while True:
            poll = self.poll(queue)
            await settle()
            if not poll.done():
                await self.clock.advance(60)
            token = poll.result().task_token
            if not token:
                return found
            found.append(int(token))

    # ----------------------------------------------------------------------------- queries
    def query(self, queue: QueueKey = WORKFLOWS) -> QueryTask:
        """Return a query for a worker of a queue."""
        return QueryTask(
            queue=queue,
            key=WorkflowKey(NAMESPACE, WorkflowId("w"), RunId("r")),
            query=WorkflowQuery(query_type="state"),
            response=PollWorkflowTaskQueueResponse(query=WorkflowQuery(query_type="state")),
        )

    def in_seconds(self, count: float) -> Instant:
        """Return the instant so many seconds from now."""
        return Instant(self.clock.now() + seconds(count))


def task_id(poll: PollTask) -> int:
    """Return which task a poll has returned; 0 for an empty response."""
    return int(poll.result().task_token or b"0")


@asynccontextmanager
async def running_world(*, rows_max: int = 1_000) -> AsyncIterator[World]:
    """A world that is stopped at the end, and that must leave no timer and no task behind."""
    async with asyncio.TaskGroup() as group:
        world = World(group, rows_max=rows_max)
        yield world
        world.history.before.open()
        world.history.behind.open()
        world.reads.before.open()
        world.reads.behind.open()
        await world.service.stop()
    assert [timer for timer in world.clock.timers if not timer.is_canceled] == []
