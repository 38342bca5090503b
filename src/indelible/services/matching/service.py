"""The matching service of a node.

Owns the task queues that are in use, the polls that are open and the queries that wait for an
answer. Tasks come from history after their commit, or from the store; before a worker gets one,
history must agree to its start. Must not know how a start is decided, or how a task is stored.

A task is lost for no reason but one: history says that nobody wants it. A poll that goes away, a
start that fails and a node that stops leave the row where it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
    ShutdownWorkerRequest,
)

from indelible.base.errors import (
    FailedPreconditionError,
    NotFoundError,
    ServiceError,
    UnavailableError,
    resource_exhausted,
)
from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.instants import (
    SECOND,
    Duration,
    Instant,
    after,
    elapsed,
)
from indelible.base.invariants import InvariantError
from indelible.base.limits import (
    LONG_POLL_MARGIN_SECONDS,
    TASK_QUEUE_WINDOW_ROWS_MAX,
    WORKERS_SHUT_DOWN_REMEMBERED_MAX,
)
from indelible.base.task_token import NexusTaskToken, QueryTaskToken
from indelible.engine.matching.matcher import QueryMatch
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.clients import (
    NO_SDK,
    HistoryClient,
    NexusAnswer,
    NexusTask,
    QueryAnswer,
    QueryTask,
    QueuedTask,
    Sdk,
)
from indelible.ports.clock import Clocks
from indelible.ports.dispatch_tasks import AnyDispatch
from indelible.ports.entropy import Entropy
from indelible.ports.stores import StoreError, TaskQueueStore
from indelible.ports.telemetry import Telemetry
from indelible.services.matching.description import (
    TaskQueueDescription,
    describe_loaded,
    describe_rows,
)
from indelible.services.matching.lanes import queues_of_poll
from indelible.services.matching.loaded_queue import POLLER_RECENT, LoadedQueue, Spawn
from indelible.services.matching.loaded_queues import LoadedQueues
from indelible.services.matching.measurements import Measurements
from indelible.services.matching.pending_nexus_tasks import PendingNexusTask, PendingNexusTasks
from indelible.services.matching.pending_queries import PendingQueries, PendingQuery
from indelible.services.matching.poll import Match, Poll, PollRequest, QueueTaskMatch
from indelible.services.matching.scaling import advise_poller
from indelible.services.matching.settings import UNSET, QueueSettings
from indelible.services.matching.shut_down_workers import ShutDownWorkers, WorkerKey
from indelible.services.matching.turns import Turns
from indelible.services.matching.waiting import next_match

PollResponse = (
    PollWorkflowTaskQueueResponse | PollActivityTaskQueueResponse | PollNexusTaskQueueResponse
)
R = TypeVar(
    "R",
    PollWorkflowTaskQueueResponse,
    PollActivityTaskQueueResponse,
    PollNexusTaskQueueResponse,
)
Start = Callable[[Match, Poll, str], Awaitable[R | None]]
"""Makes the response for a match, given a request id; None if the task is obsolete."""

QUERY_POLLER_RECENT: Final = Duration(20 * SECOND)
"""Without a poller for that long, a query that nobody took is refused before its deadline (the
reference's `matching.queryPollerUnavailableWindow`)."""
STOP_GRACE: Final = SECOND
_IDS_PER_SEED: Final = 1_000_000

_log: Final = structlog.get_logger("indelible.matching")


class MatchingService:
    """Answers the polls of workers. Implements `ports.clients.MatchingClient`."""

    def __init__(
        self,
        store: TaskQueueStore,
        *,
        clocks: Clocks,
        entropy: Entropy,
        telemetry: Telemetry,
        spawn: Spawn,
        rows_max: int = TASK_QUEUE_WINDOW_ROWS_MAX,
        settings: QueueSettings = UNSET,
    ) -> None:
        self._store: Final = store
        self._clocks: Final = clocks
        self._clock: Final = clocks.node
        self._entropy: Final = entropy
        self._measurements: Final = Measurements(telemetry)
        self._routing_of: Final = settings.routing_of
        self._limits_of: Final = settings.limits_of
        self._history: HistoryClient | None = None
        self._config_of: Final = settings.config_of
        self._turns: Final = Turns(settings.config_of)
        self._queues: Final = LoadedQueues(
            store,
            clocks=clocks,
            spawn=spawn,
            measurements=self._measurements,
            turns=self._turns,
            rows_max=rows_max,
            settings=settings,
        )
        self._queries: Final = PendingQueries()
        self._nexus_tasks: Final = PendingNexusTasks()
        self._polls_by_worker: dict[WorkerKey, dict[Poll, LoadedQueue]] = {}
        self._shut_down: Final = ShutDownWorkers(workers_max=WORKERS_SHUT_DOWN_REMEMBERED_MAX)
        self._ids = FreshIds(entropy.token(16))
        self._ids_left = _IDS_PER_SEED
        self._open_poll_count = 0
        self._is_stopping = False
        self._drained: asyncio.Future[None] | None = None

    def connect(self, history: HistoryClient) -> None:
        """Name the history service; once, before the first poll."""
        self._history = history

    async def load(self) -> None:
        """Take up where the tasks of all queues stand; once, before the first of them is added."""
        await self._turns.load(self._store)

    async def stop(self) -> None:
        """End all polls and queries; wait up to a second for polls that are being served."""
        self._is_stopping = True
        self._queues.stop_sweeping()
        stopping = UnavailableError("The server is shutting down.")
        self._queries.refuse_all(stopping)
        self._nexus_tasks.refuse_all(stopping)
        for _, queue in self._queues.all():
            queue.dismiss_all()
        if self._open_poll_count:
            drained = self._drained = asyncio.get_running_loop().create_future()
            timer = self._clock.call_at(
                after(self._clock.now(), STOP_GRACE), partial(_settle, drained)
            )
            try:
                await drained
            finally:
                timer.cancel()
        self._queues.unload_all()

    # ------------------------------------------------------------------------------------- polls
    async def poll_workflow_task_queue(
        self,
        key: QueueKey,
        request: PollWorkflowTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollWorkflowTaskQueueResponse:
        """Wait for a workflow task or a query; the empty response if there is none in time.

        The deadline is one of the node's clock.
        """
        poll = self._new_poll(key, request, deadline, sdk)
        response = await self._serve(key, poll, self._start_workflow_task)
        return PollWorkflowTaskQueueResponse() if response is None else response

    async def poll_activity_task_queue(
        self,
        key: QueueKey,
        request: PollActivityTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollActivityTaskQueueResponse:
        """Wait for an activity task; the empty response if there is none in time.

        The deadline is one of the node's clock.
        """
        poll = self._new_poll(key, request, deadline, sdk)
        response = await self._serve(key, poll, self._start_activity_task)
        return PollActivityTaskQueueResponse() if response is None else response

    async def poll_nexus_task_queue(
        self,
        key: QueueKey,
        request: PollNexusTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollNexusTaskQueueResponse:
        """Wait for a Nexus task; the empty response if there is none in time.

        The deadline is one of the node's clock.
        """
        poll = self._new_poll(key, request, deadline, sdk)
        response = await self._serve(key, poll, self._start_nexus_task)
        return PollNexusTaskQueueResponse() if response is None else response

    def cancel_outstanding_polls(self, namespace_id: NamespaceId, worker_instance_key: str) -> int:
        """Answer the open polls of a worker that shuts down, and count them.

        Polls that it may still send are answered at once, too. One that has been given a task
        returns it: the worker waits for its polls to end.
        """
        worker = (namespace_id, worker_instance_key)
        self._shut_down.add(worker, self._clock.now())
        polls = list(self._polls_by_worker.get(worker, {}).items())
        for poll, queue in polls:
            queue.dismiss(poll)
        return len(polls)

    def shutdown_worker(self, namespace_id: NamespaceId, request: ShutdownWorkerRequest) -> None:
        """Let a worker go: no poll of it stays open, its sticky queue has no worker any more."""
        if request.worker_instance_key:
            self.cancel_outstanding_polls(namespace_id, request.worker_instance_key)
        for queue_type in QueueType:
            queue = self._queues.get(QueueKey(namespace_id, queue_type, request.task_queue))
            if queue is not None:
                queue.pollers.remove(request.identity)
        if request.sticky_task_queue:
            self.forget_sticky(namespace_id, request.sticky_task_queue)

    # ------------------------------------------------------------------------------------- tasks
    def assign_pass(self, queue: QueueKey, task: AnyDispatch) -> int:
        """Return the turn of a task that is about to be written."""
        return self._turns.assign(queue, task)

    def offer(self, task: QueuedTask) -> None:
        """Hand over a committed task. If nobody polls its queue, its row is all that is needed."""
        queue = self._queues.get(task.queue)
        if queue is None:
            self._measurements.task_without_poller()
        else:
            queue.offer(task)

    def recheck(self, queue: QueueKey) -> None:
        """Read the rows of a queue again."""
        loaded = self._queues.get(queue)
        if loaded is not None:
            loaded.recheck()

    def reroute(self, namespace_id: NamespaceId) -> None:
        """Match again in a namespace: tasks may go to other workers now."""
        for key, queue in self._queues.all():
            if key.namespace_id == namespace_id:
                queue.end_polls_by_build_id()
                queue.pump()

    def reconfigure(self, namespace_id: NamespaceId) -> None:
        """Follow the configurations of the queues of a namespace as they are now."""
        now = self._clock.now()
        for key, queue in self._queues.all():
            if key.namespace_id == namespace_id:
                queue.rates.configure(now)

    def has_recent_poller(self, queue: QueueKey, within: Duration = POLLER_RECENT) -> bool:
        """Whether somebody polls the queue, or did so in the last ten seconds or another span."""
        loaded = self._queues.get(queue)
        return loaded is not None and loaded.since_last_poll(self._clock.now()) <= within

    def forget_sticky(self, namespace_id: NamespaceId, queue_name: str) -> None:
        """Treat a sticky queue as having no worker any more; its open polls return."""
        key = QueueKey(namespace_id, QueueType.WORKFLOW, queue_name)
        queue = self._queues.get(key)
        if queue is not None:
            queue.dismiss_all()
            if queue.is_quiet():
                self._queues.unload(key)

    # ----------------------------------------------------------------------------------- queries
    async def query(self, task: QueryTask, *, deadline: Instant) -> QueryAnswer | None:
        """Give a query to a worker and wait for its answer; see `ports.clients.MatchingClient`."""
        if self._is_stopping:
            raise UnavailableError("The server is shutting down.")
        queue = self._queues.use(task.queue)
        pending = self._queries.open(self._fresh_id(), task)
        despair_at = Instant(deadline - LONG_POLL_MARGIN_SECONDS * SECOND)
        timers = (
            self._clock.call_at(despair_at, partial(self._despair, queue, pending)),
            self._clock.call_at(deadline, partial(pending.settle, None)),
        )
        try:
            if not queue.add_query(pending):
                raise resource_exhausted(
                    "Too many queries wait for the task queue.",
                    ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                    ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
                )
            return await pending.answer
        finally:
            for timer in timers:
                timer.cancel()
            queue.remove_query(pending)
            self._queries.close(pending)

    def respond_query_task_completed(
        self, token: QueryTaskToken, request: RespondQueryTaskCompletedRequest
    ) -> None:
        """Take a worker's answer to a query; raise `NotFoundError` if nobody waits for it."""
        try:
            self._queries.respond(token, request)
        except NotFoundError:
            self._measurements.query_response_unknown()
            raise

    async def call_nexus(self, task: NexusTask, *, deadline: Instant) -> NexusAnswer | None:
        """Give a Nexus task to a worker and wait; see `ports.clients.MatchingClient`."""
        if self._is_stopping:
            raise UnavailableError("The server is shutting down.")
        queue = self._queues.use(task.queue)
        pending = self._nexus_tasks.open(self._fresh_id(), task, deadline)
        timer = self._clock.call_at(deadline, partial(pending.settle, None))
        try:
            if not queue.add_query(pending):
                raise resource_exhausted(
                    "Too many Nexus tasks wait for the task queue.",
                    ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                    ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
                )
            return await pending.answer
        finally:
            timer.cancel()
            queue.remove_query(pending)
            self._nexus_tasks.close(pending)

    def respond_nexus_task(self, token: NexusTaskToken, answer: NexusAnswer) -> None:
        """Take a worker's answer to a Nexus task; `NotFoundError` if nobody waits for it."""
        self._nexus_tasks.respond(token, answer)

    def _despair(self, queue: LoadedQueue, pending: PendingQuery) -> None:
        if (
            queue.has_query(pending)
            and queue.since_last_poll(self._clock.now()) > QUERY_POLLER_RECENT
        ):
            pending.refuse(
                FailedPreconditionError(
                    "no poller seen for task queue recently, worker may be down"
                )
            )

    # ------------------------------------------------------------------------------- description
    async def describe_task_queue(self, key: QueueKey) -> TaskQueueDescription:
        """Return pollers and statistics of a queue; one that was never used is empty."""
        now = self._clocks.clock_of(key.namespace_id).now()
        queue = self._queues.get(key)
        if queue is None:
            limit = self._config_of(key).tasks_per_second_max
            return await describe_rows(key, self._store, now=now, tasks_per_second_max=limit)
        return await describe_loaded(queue, self._store, now=now, node_now=self._clock.now())

    # ---------------------------------------------------------------------------- serving a poll
    def _new_poll(self, key: QueueKey, request: PollRequest, deadline: Instant, sdk: Sdk) -> Poll:
        now = self._clock.now()
        limits = self._limits_of(request.namespace, key.name, key.queue_type)
        poll = Poll(
            request,
            sdk=sdk,
            started_at=now,
            expires_at=Instant(
                min(now + limits.long_poll_span, deadline - LONG_POLL_MARGIN_SECONDS * SECOND)
            ),
            limits=limits,
        )
        worker = (key.namespace_id, request.worker_instance_key)
        poll.is_over = (
            self._is_stopping
            or poll.expires_at <= now
            or (bool(request.worker_instance_key) and self._shut_down.has(worker, now))
        )
        return poll

    async def _serve(self, key: QueueKey, poll: Poll, start: "Start[R]") -> R | None:
        if poll.is_over:
            return None
        routing = self._routing_of(key)
        queues = [self._queues.use(one) for one in queues_of_poll(key, poll, routing)]
        for queue in queues:
            if not queue.labels:
                queue.labels = self._measurements.labels(
                    key, namespace=poll.request.namespace, is_sticky=poll.is_sticky
                )
        self._open(queues, poll)
        is_alive = False
        try:
            response = await self._served(queues, poll, start)
            is_alive = True
            if response is None:
                self._measurements.poll_expired(queues[-1].labels)
            return response
        finally:
            self._close(queues, poll, is_alive=is_alive)

    async def _served(
        self, queues: Sequence[LoadedQueue], poll: Poll, start: "Start[R]"
    ) -> R | None:
        while (found := await next_match(queues, poll)) is not None:
            queue, match = found
            if isinstance(match, QueryMatch):
                if isinstance(match.query, PendingNexusTask):
                    queue.finish_nexus_task(poll.seen_at)
                return await start(match, poll, "")
            response = await self._started(queue, match, poll, start)
            if response is not None:
                self._add_advice(queue, match, poll, response)
                return response
        return None

    async def _started(
        self, queue: LoadedQueue, match: QueueTaskMatch, poll: Poll, start: "Start[R]"
    ) -> R | None:
        """Ask history to start a task; None if the poll has to wait for another one."""
        request_id = queue.request_id(match, self._fresh_id)
        try:
            response = await start(match, poll, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must not be lost
            poll.seen_at = self._clock.now()
            self._measurements.start_failed(queue.labels)
            failure_count = queue.retry_later(match, request_id)
            is_told = failure_count > 1 or isinstance(error, ServiceError | StoreError)
            _log.warning(
                "task_start_failed",
                queue=queue.key.name,
                workflow_id=match.task.key.workflow_id,
                run_id=match.task.key.run_id,
                failure_count=failure_count,
                error=repr(error),
                exc_info=None if is_told else error,
            )
            return None
        except BaseException:
            queue.retry_now(match, request_id)
            raise
        poll.seen_at = self._clock.now()
        queue.finish(match, poll.seen_at, went_out=response is not None)
        return response

    async def _start_workflow_task(
        self, match: Match, poll: Poll, request_id: str
    ) -> PollWorkflowTaskQueueResponse | None:
        if isinstance(match, QueryMatch):
            if not isinstance(match.query, PendingQuery):
                raise InvariantError("a Nexus task waits in a workflow queue")
            return match.query.task.response
        key, task = match.task.key, match.task.task
        if not isinstance(task, WorkflowTaskDispatch):
            raise InvariantError("an activity task lies in a workflow queue")
        return await self._connected().start_workflow_task(key, task, poll.poller(request_id))

    async def _start_activity_task(
        self, match: Match, poll: Poll, request_id: str
    ) -> PollActivityTaskQueueResponse | None:
        if isinstance(match, QueryMatch):
            raise InvariantError("a query waits in an activity queue")
        key, task = match.task.key, match.task.task
        if isinstance(task, WorkflowTaskDispatch):
            raise InvariantError("a workflow task lies in an activity queue")
        return await self._connected().start_activity_task(key, task, poll.poller(request_id))

    async def _start_nexus_task(
        self, match: Match, _poll: Poll, _request_id: str
    ) -> PollNexusTaskQueueResponse | None:
        if not isinstance(match, QueryMatch) or not isinstance(match.query, PendingNexusTask):
            raise InvariantError("a Nexus queue holds nothing but Nexus tasks")
        return match.query.poll_response(self._clock.now())

    def _add_advice(
        self, queue: LoadedQueue, match: QueueTaskMatch, poll: Poll, response: PollResponse
    ) -> None:
        now = self._clocks.clock_of(queue.key.namespace_id).now()
        latency = elapsed(match.task.created_at, now)
        self._measurements.poll_served(queue.labels, is_sync=match.is_sync, latency=latency)
        if isinstance(response, PollWorkflowTaskQueueResponse):
            response.backlog_count_hint = queue.matcher.backlog.waiting_count
        advice = advise_poller(
            queue,
            waited=elapsed(poll.started_at, poll.seen_at),
            is_sync=match.is_sync,
            now=now,
            node_now=poll.seen_at,
            limits=poll.limits,
        )
        if advice is not None:
            response.poller_scaling_decision.CopyFrom(advice)

    def _open(self, queues: Sequence[LoadedQueue], poll: Poll) -> None:
        self._open_poll_count += 1
        for queue in queues:
            queue.share_rates(queues[-1])
            queue.open_poll(poll)
        if poll.request.worker_instance_key:
            worker = _worker_key(queues[-1], poll)
            self._polls_by_worker.setdefault(worker, {})[poll] = queues[-1]

    def _close(self, queues: Sequence[LoadedQueue], poll: Poll, *, is_alive: bool) -> None:
        self._open_poll_count -= 1
        for queue in queues:
            queue.close_poll(poll, is_alive=is_alive)
        if poll.request.worker_instance_key:
            worker = _worker_key(queues[-1], poll)
            polls = self._polls_by_worker[worker]
            del polls[poll]
            if not polls:
                del self._polls_by_worker[worker]
        if self._drained is not None and not self._open_poll_count:
            _settle(self._drained)

    def _connected(self) -> HistoryClient:
        if self._history is None:
            raise InvariantError("matching is polled before it knows history")
        return self._history

    def _fresh_id(self) -> str:
        if not self._ids_left:
            self._ids = FreshIds(self._entropy.token(16))
            self._ids_left = _IDS_PER_SEED
        self._ids_left -= 1
        return self._ids.uuid()


def _worker_key(queue: LoadedQueue, poll: Poll) -> WorkerKey:
    return (queue.key.namespace_id, poll.request.worker_instance_key)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
