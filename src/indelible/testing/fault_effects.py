"""What each kind of fault does to the requests and answers of one namespace.

Owns the tasks that workers have there, since a fault is about the type of a task and a report names
only its token. Must not know how a plan was made.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Final, TypeAlias

from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    PendingActivityState,
    PendingWorkflowTaskState,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from indelible.base.errors import NotFoundError, ServiceError
from indelible.base.instants import Instant, after, duration, instant, seconds
from indelible.base.task_token import (
    ActivityTaskToken,
    TaskToken,
    WorkflowTaskToken,
    decode_task_token,
)
from indelible.ports.clock import SkippingClock
from indelible.ports.rpc import Call
from indelible.testing.abandoned import AbandonedTasks
from indelible.testing.faults import Fault, FaultKind, Faults, Occasion

Ask: TypeAlias = Callable[[Message, Call], Awaitable[Message]]
Spawn: TypeAlias = Callable[[Coroutine[object, object, None]], None]

_SIGNAL_PATIENCE_SECONDS: Final = 0.3
"""Real time for which a signal waits for what it is to wait for."""
_IDENTITY: Final = "fault injection"
_FAILURE_TYPE: Final = "InjectedFault"
_NON_DETERMINISM: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
_Report: TypeAlias = (
    RespondActivityTaskCompletedRequest
    | RespondActivityTaskFailedRequest
    | RespondActivityTaskCanceledRequest
)


class FaultEffects:
    """Answers the requests of one namespace, as the plan has it."""

    METHODS: ClassVar = (
        "PollActivityTaskQueue",
        "RecordActivityTaskHeartbeat",
        "RespondActivityTaskCompleted",
        "RespondActivityTaskFailed",
        "RespondActivityTaskCanceled",
        "PollWorkflowTaskQueue",
        "RespondWorkflowTaskCompleted",
        "RespondWorkflowTaskFailed",
        "SignalWorkflowExecution",
        "TerminateWorkflowExecution",
    )

    def __init__(self, faults: Faults, ask: Ask, clock: SkippingClock, spawn: Spawn) -> None:
        self._faults: Final = faults
        self._ask: Final = ask
        self._clock: Final = clock
        self._spawn: Final = spawn
        self._abandoned: Final = AbandonedTasks(clock)
        self._activities: Final[dict[bytes, PollActivityTaskQueueResponse]] = {}
        self._heartbeats: Final[dict[bytes, Instant]] = {}
        self._workflow_tasks: Final[dict[bytes, PollWorkflowTaskQueueResponse]] = {}
        self._dead: Final[set[bytes]] = set()
        """Tokens of tasks that were lost with their worker."""
        self._known_runs: Final[set[str]] = set()
        """Runs that workers may hold in memory."""
        self._forgotten_runs: Final[set[str]] = set()
        """Runs of which a worker must still be told that it holds them no more."""
        self._waiting: Final[dict[tuple[FaultKind, str], list[asyncio.Event]]] = {}

    async def answer(self, request: Message, call: Call) -> Message:
        """Answer one request, of those in `METHODS`."""
        match request:
            case PollActivityTaskQueueRequest():
                answer = self._poll_activity(request, call)
            case RecordActivityTaskHeartbeatRequest():
                answer = self._heartbeat(request, call)
            case RespondActivityTaskCompletedRequest():
                answer = self._completed(request, call)
            case RespondActivityTaskFailedRequest() | RespondActivityTaskCanceledRequest():
                answer = self._reported(request, call)
            case PollWorkflowTaskQueueRequest():
                answer = self._poll_workflow_task(request, call)
            case RespondWorkflowTaskCompletedRequest():
                answer = self._workflow_task_completed(request, call)
            case RespondWorkflowTaskFailedRequest():
                answer = self._workflow_task_failed(request, call)
            case SignalWorkflowExecutionRequest():
                answer = self._signal(request, call)
            case _:
                answer = self._ask_and_recount(request, call)
        return await answer

    async def _reported(
        self,
        request: RespondActivityTaskFailedRequest | RespondActivityTaskCanceledRequest,
        call: Call,
    ) -> Message:
        self._end_activity(request)
        return await self._ask(request, call)

    async def _ask_and_recount(self, request: Message, call: Call) -> Message:
        """Ask; what that ends early is counted again before time can go on."""
        with self._abandoned.standing_still():
            answer = await self._ask(request, call)
            await self._recount(call, request)
        return answer

    async def _poll_activity(self, request: PollActivityTaskQueueRequest, call: Call) -> Message:
        task = await self._ask(request, call)
        if not isinstance(task, PollActivityTaskQueueResponse) or not task.task_token:
            return task
        if await self._reaches_worker(task, request.namespace, call):
            return task
        return PollActivityTaskQueueResponse()  # The worker polls again.

    async def _reaches_worker(
        self, task: PollActivityTaskQueueResponse, namespace: str, call: Call
    ) -> bool:
        self._activities[task.task_token] = task
        if self._faults.occur(Occasion.ATTEMPT, task.activity_type.name) is None:
            return True
        del self._activities[task.task_token]
        await self._ask(_failed(task.task_token, namespace, "before the worker got it"), call)
        return False

    async def _heartbeat(self, request: RecordActivityTaskHeartbeatRequest, call: Call) -> Message:
        token = request.task_token
        task = self._activities.get(token)
        if token in self._dead:
            raise NotFoundError("the worker was killed")
        if task is None:
            return await self._ask(request, call)
        if self._faults.occur(Occasion.HEARTBEAT, task.activity_type.name) is not None:
            return RecordActivityTaskHeartbeatResponse()
        self._heartbeats[token] = self._clock.now()
        return await self._ask(request, call)

    async def _completed(self, request: RespondActivityTaskCompletedRequest, call: Call) -> Message:
        task = self._end_activity(request)
        fault = task and self._faults.occur(Occasion.COMPLETION, task.activity_type.name)
        if task is None or fault is None:
            return await self._ask(request, call)
        token = request.task_token
        match fault.kind:
            case FaultKind.DUPLICATE_COMPLETION:
                answer = await self._ask(request, call)
                with suppress(ServiceError):
                    await self._ask(request, call)
                return answer
            case FaultKind.FAIL_COMPLETION:
                failed = _failed(token, request.namespace, "after its work was done")
                await self._ask(failed, call)
            case FaultKind.DELAY_COMPLETION:
                self._abandoned.add(token, self._times_out_at(task))
                self._spawn(self._complete_late(request, call, fault.span or timedelta()))
            case _:
                self._abandoned.add(token, self._times_out_at(task))
        return RespondActivityTaskCompletedResponse()

    async def _complete_late(
        self, request: RespondActivityTaskCompletedRequest, call: Call, span: timedelta
    ) -> None:
        await self._clock.sleep(seconds(span.total_seconds()))
        self._abandoned.remove(request.task_token)
        with suppress(ServiceError):  # Too late, as results may be.
            await self._ask(request, call)

    def _end_activity(self, request: _Report) -> PollActivityTaskQueueResponse | None:
        """Return the task that is reported. Raises `NotFoundError` if its worker is dead."""
        if request.task_token in self._dead:
            raise NotFoundError("the worker was killed")
        return self._activities.pop(request.task_token, None)

    def _times_out_at(self, task: PollActivityTaskQueueResponse) -> Instant:
        started_at = instant(task.started_time)
        last_sign_at = self._heartbeats.pop(task.task_token, started_at)
        ends = [
            after(since, duration(span))
            for since, span in (
                (started_at, task.start_to_close_timeout),
                (instant(task.scheduled_time), task.schedule_to_close_timeout),
                (last_sign_at, task.heartbeat_timeout),
            )
            if duration(span) > 0
        ]
        return min(ends, default=self._clock.now())

    async def _poll_workflow_task(
        self, request: PollWorkflowTaskQueueRequest, call: Call
    ) -> Message:
        task = await self._ask(request, call)
        self._note(task)
        return task

    def _note(self, task: Message) -> None:
        """Remember a workflow task that goes to a worker."""
        # A query that comes alone is answered by other means, and changes nothing.
        if isinstance(task, PollWorkflowTaskQueueResponse) and _is_one(task):
            self._workflow_tasks[task.task_token] = task
            run_id = task.workflow_execution.run_id
            if run_id in self._forgotten_runs:
                # Its report is refused; then the worker gives up what it holds of the run.
                self._forgotten_runs.discard(run_id)
                self._dead.add(task.task_token)
            self._known_runs.add(run_id)

    async def _workflow_task_completed(
        self, request: RespondWorkflowTaskCompletedRequest, call: Call
    ) -> Message:
        token = request.task_token
        task = self._workflow_tasks.pop(token, None)
        if task is None:
            return await self._ask(request, call)
        if token not in self._dead:
            fault = self._faults.occur(Occasion.WORKFLOW_TASK, task.workflow_type.name)
            if fault is not None:
                self._kill(token)
        if token in self._dead:
            await self._abandon(task, request.namespace, call)
            raise NotFoundError("the worker was killed")
        answer = await self._ask_and_recount(request, call)
        self._release(FaultKind.DELAY_SIGNAL, task.workflow_execution.workflow_id)
        if isinstance(answer, RespondWorkflowTaskCompletedResponse):
            self._note(answer.workflow_task)
            eager = list(answer.activity_tasks)
            del answer.activity_tasks[:]
            answer.activity_tasks.extend(
                [one for one in eager if await self._reaches_worker(one, request.namespace, call)]
            )
        return answer

    def _kill(self, token: bytes) -> None:
        """Lose what workers have: tasks, and runs in memory."""
        self._dead.update({token}, self._workflow_tasks, self._activities)
        for activity in self._activities.values():
            self._abandoned.add(activity.task_token, self._times_out_at(activity))
        self._activities.clear()
        busy = {task.workflow_execution.run_id for task in self._workflow_tasks.values()}
        self._forgotten_runs.update(self._known_runs - busy)
        key = decode_task_token(token)
        if isinstance(key, WorkflowTaskToken):
            self._forgotten_runs.discard(key.run_id)

    async def _abandon(
        self, task: PollWorkflowTaskQueueResponse, namespace: str, call: Call
    ) -> None:
        described = await self._describe(namespace, task.workflow_execution, call)
        key = decode_task_token(task.task_token)
        if described is not None and _is_with_worker(key, described):
            span = duration(described.execution_config.default_workflow_task_timeout)
            started_at = instant(described.pending_workflow_task.started_time)
            self._abandoned.add(task.task_token, after(started_at, span))

    async def _workflow_task_failed(
        self, request: RespondWorkflowTaskFailedRequest, call: Call
    ) -> Message:
        token = request.task_token
        task = self._workflow_tasks.pop(token, None)
        if task is not None and token in self._dead:
            await self._abandon(task, request.namespace, call)
            raise NotFoundError("the worker was killed")
        answer = await self._ask(request, call)
        is_broken = request.cause == _NON_DETERMINISM and self._faults.ends_broken_runs
        if task is not None and is_broken:
            # It would be tried again for ever, and the test would wait.
            self._faults.note_broken(task.workflow_type.name, request.failure.message)
            with suppress(ServiceError):
                await self._ask(_terminate(task, request), call)
        return answer

    async def _signal(self, request: SignalWorkflowExecutionRequest, call: Call) -> Message:
        workflow_id = request.workflow_execution.workflow_id
        fault = self._faults.occur(Occasion.SIGNAL, request.signal_name)
        if fault is not None:
            await self._wait(fault, workflow_id)
        answer = await self._ask(request, call)
        self._release(FaultKind.SWAP_SIGNALS, workflow_id)
        return answer

    async def _wait(self, fault: Fault, workflow_id: str) -> None:
        event = asyncio.Event()
        waiting = self._waiting.setdefault((fault.kind, workflow_id), [])
        waiting.append(event)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SIGNAL_PATIENCE_SECONDS):
                await event.wait()
        if event in waiting:
            waiting.remove(event)

    def _release(self, kind: FaultKind, workflow_id: str) -> None:
        for event in self._waiting.pop((kind, workflow_id), []):
            event.set()

    async def _recount(self, call: Call, request: Message) -> None:
        """Count abandoned tasks again that have ended early, by a cancellation or with their run.

        Only a request that has just been answered can have ended them.
        """
        namespace: str = getattr(request, "namespace", "")
        for token in self._abandoned.tokens:
            key = decode_task_token(token)
            if isinstance(key, ActivityTaskToken | WorkflowTaskToken) and key.workflow_id:
                run = WorkflowExecution(workflow_id=key.workflow_id, run_id=key.run_id)
                described = await self._describe(namespace, run, call)
                if described is None or not _is_with_worker(key, described):
                    self._abandoned.remove(token)

    async def _describe(
        self, namespace: str, run: WorkflowExecution, call: Call
    ) -> DescribeWorkflowExecutionResponse | None:
        with suppress(ServiceError):
            answer = await self._ask(
                DescribeWorkflowExecutionRequest(namespace=namespace, execution=run), call
            )
            if isinstance(answer, DescribeWorkflowExecutionResponse):
                return answer
        return None


def _is_one(task: PollWorkflowTaskQueueResponse) -> bool:
    """Return whether it is a workflow task, and neither nothing nor only a query."""
    return bool(task.task_token) and not task.HasField("query")


def _is_with_worker(key: TaskToken, described: DescribeWorkflowExecutionResponse) -> bool:
    """Return whether, by the server's books, a worker has the task now."""
    if isinstance(key, WorkflowTaskToken):
        task = described.pending_workflow_task
        return (
            task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
            and task.attempt == key.attempt
        )
    return isinstance(key, ActivityTaskToken) and any(
        one.activity_id == key.activity_id
        and one.attempt == key.attempt
        and one.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        for one in described.pending_activities
    )


def _failed(token: bytes, namespace: str, when: str) -> RespondActivityTaskFailedRequest:
    failure = Failure(
        message=f"the test failed this attempt {when}",
        source=_IDENTITY,
        application_failure_info=ApplicationFailureInfo(type=_FAILURE_TYPE),
    )
    return RespondActivityTaskFailedRequest(
        task_token=token, namespace=namespace, identity=_IDENTITY, failure=failure
    )


def _terminate(
    task: PollWorkflowTaskQueueResponse, failed: RespondWorkflowTaskFailedRequest
) -> TerminateWorkflowExecutionRequest:
    return TerminateWorkflowExecutionRequest(
        namespace=failed.namespace,
        workflow_execution=task.workflow_execution,
        reason=f"not deterministic: {failed.failure.message}",
        identity=_IDENTITY,
    )
