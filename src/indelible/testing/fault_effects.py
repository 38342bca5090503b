"""What each kind of fault does to the requests and answers of one namespace.

Owns the tasks that workers have there, since a fault is about the type of a task and a report names
only its token. Must not know how a plan was made.
"""

from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Final, TypeAlias

from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    CommandType,
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
    PollNexusTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondNexusTaskCompletedRequest,
    RespondNexusTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    SignalWithStartWorkflowExecutionRequest,
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
from indelible.ports.rpc import Call, Handler
from indelible.testing.abandoned import AbandonedTasks
from indelible.testing.faults import FAILURE_TYPE, IDENTITY, FaultKind, Faults, Occasion
from indelible.testing.held_signals import HeldSignals
from indelible.testing.local_activities import recorded_local_activities
from indelible.testing.new_events import NewEvents
from indelible.testing.nexus_faults import NexusFaults
from indelible.testing.timelines import event_name

Spawn: TypeAlias = Callable[[Coroutine[object, object, None]], None]

_NON_DETERMINISM: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
_SIGNAL_COMMAND: Final = CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION
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
        "PollNexusTaskQueue",
        "RespondNexusTaskCompleted",
        "RespondNexusTaskFailed",
        "SignalWorkflowExecution",
        "SignalWithStartWorkflowExecution",
        "TerminateWorkflowExecution",
    )

    def __init__(self, faults: Faults, ask: Handler, clock: SkippingClock, spawn: Spawn) -> None:
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
        self._signals: Final = HeldSignals(faults)
        self._nexus: Final = NexusFaults(faults, ask)
        self._events: Final = NewEvents(ask)

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
            case (
                PollNexusTaskQueueRequest()
                | RespondNexusTaskCompletedRequest()
                | RespondNexusTaskFailedRequest()
            ):
                answer = self._nexus.answer(request, call)
            case SignalWorkflowExecutionRequest() | SignalWithStartWorkflowExecutionRequest():
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
        if (
            isinstance(task, PollWorkflowTaskQueueResponse)
            and _is_one(task)
            and await self._dies_of_event(task, request.namespace, call)
        ):
            self._kill(self._held())
        return task

    def _note(self, task: Message) -> None:
        """Remember a workflow task that goes to a worker."""
        # A query that comes alone is answered by other means, and changes nothing.
        if isinstance(task, PollWorkflowTaskQueueResponse) and _is_one(task):
            self._workflow_tasks[task.task_token] = task
            self._note_arrivals(task)
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
        task = self._workflow_tasks.get(token)
        if task is None:
            return await self._ask(request, call)
        if token not in self._dead and self._dies_reporting(task, request):
            self._kill(self._held())
        if token not in self._dead:
            await self._hold_signals(request)
        self._workflow_tasks.pop(token, None)
        if token in self._dead:
            await self._abandon(task, request.namespace, call)
            raise NotFoundError("the worker was killed")
        held = self._held()
        with self._abandoned.standing_still():  # Else more events could come before these are seen.
            answer = await self._ask_and_recount(request, call)
            self._signals.go_on(task.workflow_execution.workflow_id)
            dies = await self._dies_of_event(task, request.namespace, call)
            if dies:
                self._kill(held)
            if isinstance(answer, RespondWorkflowTaskCompletedResponse):
                self._note(answer.workflow_task)
                await self._hand_out_eagerly(answer, request.namespace, call, is_lost=dies)
        return answer

    async def _hand_out_eagerly(
        self,
        answer: RespondWorkflowTaskCompletedResponse,
        namespace: str,
        call: Call,
        *,
        is_lost: bool,
    ) -> None:
        """Treat activities that come with the answer to a report as those that are polled for."""
        eager = list(answer.activity_tasks)
        del answer.activity_tasks[:]
        for one in eager:
            if is_lost:
                self._abandoned.add(one.task_token, self._times_out_at(one))
            elif await self._reaches_worker(one, namespace, call):
                answer.activity_tasks.append(one)

    def _dies_reporting(
        self, task: PollWorkflowTaskQueueResponse, request: RespondWorkflowTaskCompletedRequest
    ) -> bool:
        """Count what a report is and brings; return whether the worker dies instead."""
        faults = [
            self._faults.occur(Occasion.WORKFLOW_TASK, task.workflow_type.name),
            *(
                self._faults.occur(Occasion.LOCAL_RECORD, activity_type)
                for activity_type in recorded_local_activities(request)
            ),
        ]
        return any(fault is not None for fault in faults)

    async def _dies_of_event(
        self, task: PollWorkflowTaskQueueResponse, namespace: str, call: Call
    ) -> bool:
        """Count the new events of a task's run; return whether the workers die after one."""
        events = await self._events.of(namespace, task.workflow_execution, call)
        workflow = task.workflow_type.name
        faults = [self._faults.occur(Occasion.EVENT, workflow, event_name(one)) for one in events]
        return any(fault is not None for fault in faults)

    def _held(self) -> Collection[bytes]:
        """Return the tokens of the tasks that workers have now."""
        return [*self._workflow_tasks, *self._activities]

    def _kill(self, tokens: Collection[bytes]) -> None:
        """Lose what workers have: these tasks, Nexus tasks, and runs in memory."""
        self._dead.update(tokens)
        for token in tokens:
            activity = self._activities.pop(token, None)
            if activity is not None:
                self._abandoned.add(token, self._times_out_at(activity))
        self._nexus.kill()
        busy = {task.workflow_execution.run_id for task in self._workflow_tasks.values()}
        self._forgotten_runs.update(self._known_runs - busy)

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

    async def _signal(
        self,
        request: SignalWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest,
        call: Call,
    ) -> Message:
        if isinstance(request, SignalWorkflowExecutionRequest):
            workflow_id = request.workflow_execution.workflow_id
        else:
            workflow_id = request.workflow_id
        await self._signals.hold(request.signal_name, workflow_id)
        answer = await self._ask(request, call)
        self._signals.overtake(workflow_id)
        return answer

    async def _hold_signals(self, request: RespondWorkflowTaskCompletedRequest) -> None:
        """Let signals to other workflows wait, and the report that sends them with them."""
        for command in request.commands:
            if command.command_type == _SIGNAL_COMMAND:
                given = command.signal_external_workflow_execution_command_attributes
                await self._signals.hold(given.signal_name, given.execution.workflow_id)

    def _note_arrivals(self, task: PollWorkflowTaskQueueResponse) -> None:
        """Note which signals to other workflows have arrived there, as their sender hears now."""
        for event in task.history.events:
            if event.HasField("external_workflow_execution_signaled_event_attributes"):
                given = event.external_workflow_execution_signaled_event_attributes
                if event.event_id > task.previous_started_event_id:
                    self._signals.overtake(given.workflow_execution.workflow_id)

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
    if described.workflow_execution_info.HasField("close_time"):
        return False  # What was pending then is told on.
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
        source=IDENTITY,
        application_failure_info=ApplicationFailureInfo(type=FAILURE_TYPE),
    )
    return RespondActivityTaskFailedRequest(
        task_token=token, namespace=namespace, identity=IDENTITY, failure=failure
    )


def _terminate(
    task: PollWorkflowTaskQueueResponse, failed: RespondWorkflowTaskFailedRequest
) -> TerminateWorkflowExecutionRequest:
    return TerminateWorkflowExecutionRequest(
        namespace=failed.namespace,
        workflow_execution=task.workflow_execution,
        reason=f"not deterministic: {failed.failure.message}",
        identity=IDENTITY,
    )
