"""Simulated workers: they poll, validate what they get, replay, and answer, now and then wrongly.

Owns what a worker must be able to rely on (dense ids, its own started event last, the previous one
named rightly), and the worker's mischief. Must not know the server's state.
"""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from random import Random
from typing import Final

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import (
    CommandType,
    EventType,
    QueryResultType,
    TaskQueueKind,
    VersioningBehavior,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
    RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    RespondWorkflowTaskFailedResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.checkers.promises import Kind, Promise, Promises, SeenHistory
from simulation.workloads.activities import ActivityWorker
from simulation.workloads.commands import cancel_timer, deployment_of, span
from simulation.workloads.machine import (
    HEARTBEAT_MARK,
    Machine,
    NondeterminismError,
)
from simulation.workloads.operations import OperationWorker
from simulation.workloads.program import RunTimer
from simulation.workloads.protocol import answers, as_command
from simulation.world.network import Caller, RpcError
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_E: Final = EventType
_CLOSING: Final = {
    CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
}
_UNHANDLED_FAILURE: Final = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
)
_BEHAVIORS: Final = (
    VersioningBehavior.VERSIONING_BEHAVIOR_PINNED,
    VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE,
)
CALL_TIMEOUT: Final = Duration(3 * SECOND)
_TASK_ENDS: Final = {
    _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    _E.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    _E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
}


def event_digest(event: HistoryEvent) -> tuple[int, int, bytes]:
    """Return what tells an event from another one.

    A start that was forgotten in a crash and repeated at the very same instant has the same ids and
    the same token, so its worker may complete the other one's task; only the names differ.
    """
    if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_STARTED:
        shown = HistoryEvent()
        shown.CopyFrom(event)
        shown.workflow_task_started_event_attributes.ClearField("request_id")
        shown.workflow_task_started_event_attributes.ClearField("identity")
        event = shown
    body = event.SerializeToString(deterministic=True)
    return (event.event_id, event.event_type, blake2b(body, digest_size=8).digest())


class Worker:
    """One worker process: it knows runs by heart until it dies."""

    def __init__(
        self, world: World, promises: Promises, name: str, queue: str, build: str = ""
    ) -> None:
        self.name = name
        self.build = build
        self._deployment = deployment_of(build)
        self.queue = queue
        self.sticky_queue = f"sticky-{name}"
        self.process = world.process(name)
        self._world = world
        self._promises = promises
        self._caller = Caller(name)
        self._chance: Random = world.stream(f"worker/{name}")
        self._cache: dict[str, list[HistoryEvent]] = {}
        self._activities = ActivityWorker(world, promises, name, queue, self.process, build)
        self._operations = OperationWorker(world, name, queue, self.process, build)

    def start(self) -> None:
        """Begin to poll."""
        self.process.spawn("normal poller", self._poll(is_sticky=False))
        if self._world.character.is_sticky:
            self.process.spawn("sticky poller", self._poll(is_sticky=True))
        self._activities.start()
        self._operations.start()

    # -- polling -----------------------------------------------------------------------------------

    async def _poll(self, *, is_sticky: bool) -> None:
        queue = TaskQueue(
            name=self.sticky_queue if is_sticky else self.queue,
            kind=(
                TaskQueueKind.TASK_QUEUE_KIND_STICKY
                if is_sticky
                else TaskQueueKind.TASK_QUEUE_KIND_NORMAL
            ),
            normal_name=self.queue if is_sticky else "",
        )
        while True:
            request = PollWorkflowTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=queue,
                identity=self.name,
                deployment_options=self._deployment,
            )
            task = await self.patient_poll(request)
            if task is not None and task.task_token:
                await self.work_on(task)

    async def patient_poll(
        self, request: PollWorkflowTaskQueueRequest
    ) -> PollWorkflowTaskQueueResponse | None:
        """Poll once, and perhaps hang up before the answer comes."""
        patience = Duration(self._chance.choice((5, 20, 60)) * SECOND)
        call = self._world.call(
            self._caller,
            "PollWorkflowTaskQueue",
            request,
            PollWorkflowTaskQueueResponse,
            patience=patience,
        )
        try:
            if self._chance.random() < self._world.mischief.drop_poll:
                hangs_up_after = self._chance.choice((0.0, 0.05, 1.0))
                return await asyncio.wait_for(call, hangs_up_after)
            return await call
        except TimeoutError:
            self._world.note(self.name, "hangs up")
        except RpcError:
            await self._world.pause(Duration(200 * MILLISECOND))
        return None

    # -- workflow tasks ----------------------------------------------------------------------------

    async def work_on(self, task: PollWorkflowTaskQueueResponse) -> None:
        """Answer a task, and those that come with the answer."""
        following: PollWorkflowTaskQueueResponse | None = task
        while following is not None and following.task_token:
            following = await self._answer(following)

    async def _answer(
        self, task: PollWorkflowTaskQueueResponse
    ) -> PollWorkflowTaskQueueResponse | None:
        mischief, chance = self._world.mischief, self._chance
        if chance.random() < mischief.lose_cache:
            self._cache.clear()
        history = await self._history(task)
        if history is None:
            return None
        if task.HasField("query"):
            await self._answer_query(task, history)
            return None
        if chance.random() < mischief.forget:
            self._world.note(self.name, f"forgets {task.workflow_execution.workflow_id}")
            return None
        if chance.random() < mischief.late:
            await self._world.pause(Duration(chance.choice((1, 3, 12)) * SECOND))
        if chance.random() < mischief.fail:
            await self._fail(task)
            return None
        return await self._complete(task, history)

    def _run_machine(
        self, task: PollWorkflowTaskQueueResponse, history: Sequence[HistoryEvent]
    ) -> tuple[Machine, list[Command]]:
        machine = Machine()
        try:
            return machine, machine.commands_for(history, task.workflow_execution.workflow_id)
        except NondeterminismError as error:
            self._world.accuse("replay is deterministic", str(error))
            return machine, []

    async def _complete(
        self, task: PollWorkflowTaskQueueResponse, history: list[HistoryEvent]
    ) -> PollWorkflowTaskQueueResponse | None:
        mischief, chance = self._world.mischief, self._chance
        machine, commands = self._run_machine(task, history)
        said = answers(task.messages, history)
        promise = self._promises.ask(
            Kind.WORKFLOW_TASK,
            task.workflow_execution.workflow_id,
            who=self.name,
            run_id=task.workflow_execution.run_id,
        )
        promise.started_event_id = task.started_event_id
        request = RespondWorkflowTaskCompletedRequest(
            task_token=task.task_token,
            namespace=NAMESPACE,
            identity=promise.mark,
            commands=[*(as_command(message) for message in said), *commands],
            messages=said,
            return_new_workflow_task=chance.random() < 0.5,
            query_results=_query_results(task, machine),
            deployment_options=self._deployment,
        )
        if self.build:
            request.versioning_behavior = chance.choice(_BEHAVIORS)
        if self._world.character.is_sticky and chance.random() < 0.9:
            request.sticky_attributes.CopyFrom(
                StickyExecutionAttributes(
                    worker_task_queue=TaskQueue(name=self.sticky_queue),
                    schedule_to_start_timeout=span(chance.choice((300, 2_000))),
                )
            )
        if chance.random() < mischief.heartbeat:
            self._make_heartbeat(request, promise)
        elif chance.random() < mischief.bad_command:
            request.commands.insert(0, cancel_timer(RunTimer(op_id="unknown", span_ms=1)))
        if request.commands and request.commands[-1].command_type in _CLOSING:
            promise.close_command = CommandType.Name(request.commands[-1].command_type)
        response = await self._send_completion(request, promise)
        if chance.random() < mischief.twice:
            await self._send_completion(request, promise)
        if response is None:
            return None
        if response.reset_history_event_id:
            # The task was speculative, and leaves nothing behind.
            self._cache[task.workflow_execution.run_id] = history[: response.reset_history_event_id]
        else:
            self._remember(task, history)
        for activity in response.activity_tasks:
            self.process.spawn("eager activity", self._activities.work_on(activity))
        return response.workflow_task

    def _make_heartbeat(
        self, request: RespondWorkflowTaskCompletedRequest, promise: Promise
    ) -> None:
        """Prolong the task instead of completing it."""
        del request.commands[:]
        del request.messages[:]
        request.force_create_new_workflow_task = True
        old = promise.mark
        promise.mark += HEARTBEAT_MARK
        self._promises.by_mark[promise.mark] = self._promises.by_mark.pop(old)
        request.identity = promise.mark

    async def _send_completion(
        self, request: RespondWorkflowTaskCompletedRequest, promise: Promise
    ) -> RespondWorkflowTaskCompletedResponse | None:
        for _ in range(4):
            try:
                response = await self._world.call(
                    self._caller,
                    "RespondWorkflowTaskCompleted",
                    request,
                    RespondWorkflowTaskCompletedResponse,
                    patience=CALL_TIMEOUT,
                )
            except RpcError as error:
                if not self._take_error(error, promise):
                    return None
                await self._world.pause(Duration(100 * MILLISECOND))
                continue
            promise.ok_count += 1
            promise.ok_at = self._world.now
            promise.is_traceless = bool(response.reset_history_event_id)
            return response
        return None

    def _take_error(self, error: RpcError, promise: Promise) -> bool:
        """Note an error; return whether the request is to be repeated."""
        if error.is_vague:
            promise.vague_count += 1
            return True
        promise.refused_count += 1
        ordinary = {StatusCode.NOT_FOUND, StatusCode.INVALID_ARGUMENT}
        if promise.mark.endswith(HEARTBEAT_MARK):
            ordinary.add(StatusCode.FAILED_PRECONDITION)  # A paused run prolongs nothing.
        if error.code not in ordinary:
            self._world.accuse("tokens", f"{promise.mark}: a completion was answered {error}")
        return False

    async def _fail(self, task: PollWorkflowTaskQueueResponse) -> None:
        request = RespondWorkflowTaskFailedRequest(
            task_token=task.task_token,
            namespace=NAMESPACE,
            identity=self.name,
            cause=_UNHANDLED_FAILURE,
        )
        try:
            await self._world.call(
                self._caller,
                "RespondWorkflowTaskFailed",
                request,
                RespondWorkflowTaskFailedResponse,
                patience=CALL_TIMEOUT,
            )
        except RpcError as error:
            if not error.is_vague and error.code is not StatusCode.NOT_FOUND:
                self._world.accuse("tokens", f"a failed workflow task was answered {error}")

    # -- queries -----------------------------------------------------------------------------------

    async def _answer_query(
        self, task: PollWorkflowTaskQueueResponse, history: Sequence[HistoryEvent]
    ) -> None:
        request = RespondQueryTaskCompletedRequest(
            task_token=task.task_token,
            namespace=NAMESPACE,
            completed_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED,
            query_result=_number(_signal_count(history)),
        )
        try:
            await self._world.call(
                self._caller,
                "RespondQueryTaskCompleted",
                request,
                RespondQueryTaskCompletedResponse,
                patience=CALL_TIMEOUT,
            )
        except RpcError as error:
            if not error.is_vague and error.code is not StatusCode.NOT_FOUND:
                self._world.accuse("queries", f"an answer to a query was answered {error}")

    # -- histories ---------------------------------------------------------------------------------

    async def _history(self, task: PollWorkflowTaskQueueResponse) -> list[HistoryEvent] | None:
        """Return the whole history of a task; None if it cannot be had."""
        events: list[HistoryEvent] | None = list(task.history.events)
        if task.next_page_token:
            rest = await self._pages(task.workflow_execution, task.next_page_token)
            events = events + rest if rest is not None else None
        if task.HasField("query") and not task.history.events:
            known = self._cache.get(task.workflow_execution.run_id, [])
            if len(known) == task.previous_started_event_id:
                return known
            events = await self._pages(task.workflow_execution, b"")
        elif events and events[0].event_id > 1:
            events = await self._completed_history(task, events)
        if events is None or not self._is_valid(task, events):
            return None
        return events

    async def _completed_history(
        self, task: PollWorkflowTaskQueueResponse, events: list[HistoryEvent]
    ) -> list[HistoryEvent] | None:
        """Put what the worker knows, or can read, before the latest events."""
        before = self._cache.get(task.workflow_execution.run_id)
        if before is None or len(before) + 1 != events[0].event_id:
            older = await self._pages(task.workflow_execution, b"")
            if older is None:
                return None
            before = older[: events[0].event_id - 1]
        return before + events

    async def _pages(self, execution: WorkflowExecution, token: bytes) -> list[HistoryEvent] | None:
        events: list[HistoryEvent] = []
        while True:
            request = GetWorkflowExecutionHistoryRequest(
                namespace=NAMESPACE, execution=execution, next_page_token=token
            )
            try:
                page = await self._world.call(
                    self._caller,
                    "GetWorkflowExecutionHistory",
                    request,
                    GetWorkflowExecutionHistoryResponse,
                    patience=CALL_TIMEOUT,
                )
            except RpcError:
                return None
            events += page.history.events
            token = page.next_page_token
            if not token:
                return events

    def _is_valid(
        self, task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]
    ) -> bool:
        """Check what a worker relies on."""
        ids = [event.event_id for event in events]
        if ids != list(range(1, len(ids) + 1)):
            # A node that has lost its shards may give a part of the history that is out of date.
            if not self._world.may_reads_be_stale:
                self._world.accuse("dense ids", f"{self.name} was given the events {ids}")
            return False
        if task.HasField("query"):
            return True
        faults = list(_task_faults(task, events))
        for fault in faults:
            key = f"{task.workflow_execution.workflow_id} {task.workflow_execution.run_id[-6:]}"
            self._world.accuse("workflow tasks are complete", f"{key}: {fault}")
        return not faults

    def _remember(self, task: PollWorkflowTaskQueueResponse, events: list[HistoryEvent]) -> None:
        """Keep what an acknowledged completion has seen; from here on it is a promise."""
        self._cache[task.workflow_execution.run_id] = events[: task.started_event_id]
        self._promises.seen.append(
            SeenHistory(
                who=self.name,
                run_id=task.workflow_execution.run_id,
                events=[event_digest(event) for event in events[: task.started_event_id]],
            )
        )


def _task_faults(
    task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]
) -> Sequence[str]:
    faults: list[str] = []
    last = events[-1]
    if last.event_type != _E.EVENT_TYPE_WORKFLOW_TASK_STARTED:
        faults.append(f"the last event is {EventType.Name(last.event_type)}")
    if last.event_id != task.started_event_id:
        faults.append(f"started_event_id is {task.started_event_id}, not {last.event_id}")
    completed = [
        event.workflow_task_completed_event_attributes.started_event_id
        for event in events
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    previous = completed[-1] if completed else 0
    if task.previous_started_event_id != previous:
        faults.append(
            f"previous_started_event_id is {task.previous_started_event_id}, not {previous}"
        )
    for before, event in pairwise(events):
        if (
            before.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_STARTED
            and event.event_type not in _TASK_ENDS
        ):
            faults.append(f"event {event.event_id} came within a workflow task")
    return faults


def _signal_count(history: Sequence[HistoryEvent]) -> int:
    return sum(event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history)


def _number(count: int) -> Payloads:
    return Payloads(
        payloads=[Payload(metadata={"encoding": b"json/plain"}, data=str(count).encode())]
    )


def _query_results(
    task: PollWorkflowTaskQueueResponse, machine: Machine
) -> dict[str, WorkflowQueryResult]:
    return {
        query_id: WorkflowQueryResult(
            result_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED,
            answer=_number(machine.signal_count),
        )
        for query_id in sorted(task.queries)
    }
