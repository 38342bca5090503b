"""A chain of runs in memory, stepped by hand, as the shell does.

Every step is rehearsed, taken back and made again, and the invariants of the engine are checked
after it. A history reads as lines "id EventType". Owns no expectations: they are in the tests.
"""

from collections.abc import Callable, Mapping
from itertools import count
from textwrap import dedent
from typing import Any, Final, TypeVar

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Memo, Payload, Payloads, RetryPolicy, WorkflowType
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.errors import ServiceError
from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import NamespaceId, RunId, TaskId, WorkflowId
from indelible.base.instants import (
    DAY,
    HOUR,
    SECOND,
    Duration,
    Instant,
    duration,
    duration_message,
    seconds,
)
from indelible.base.limits import Limits
from indelible.base.task_token import WorkflowTaskToken
from indelible.base.time_zones import UtcOffset, utc_only
from indelible.base.version_routing import UNROUTED, VersionRouting
from indelible.engine.workflow.expirations.firing import fire_due
from indelible.engine.workflow.history_events import WORKFLOW_CLOSINGS, attributes_of
from indelible.engine.workflow.requests.request_cancel_workflow import request_cancel_workflow
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionReply,
    CompletionSources,
    refuse_workflow_task,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.requests.respond_workflow_task_failed import (
    respond_workflow_task_failed,
)
from indelible.engine.workflow.requests.signal_workflow import signal_workflow
from indelible.engine.workflow.requests.start_workflow import Parentage, start_workflow
from indelible.engine.workflow.requests.terminate_workflow import terminate_workflow
from indelible.engine.workflow.rules.time_skipping import skip_time
from indelible.engine.workflow.rules.workflow_tasks import pending, start_workflow_task
from indelible.engine.workflow.state import ExecutionRecord, MutableState
from indelible.engine.workflow.tasks import DispatchTask, TransferTask
from indelible.engine.workflow.timer_sequence import TimerSequence
from indelible.engine.workflow.transition import StepSettings, Transition
from tests.engine.workflow.evented import evented, everything, folded

T = TypeVar("T")

START: Final = Instant(20_000 * DAY)
"""A midnight, so that cron expressions are easy to read."""
WORKER: Final = "worker"
NAMESPACE: Final = NamespaceId("ns-id")


def lines(text: str) -> list[str]:
    """Return the lines of an indented block."""
    return dedent(text).strip().splitlines()


def payloads(text: str) -> Payloads:
    """Return one payload with a text."""
    return Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=text.encode())])


def application_failure(message: str = "failed", **info: Any) -> Failure:
    """Return what workflow code raises."""
    return Failure(message=message, application_failure_info=ApplicationFailureInfo(**info))


def command(kind: str, **attributes: Any) -> Command:
    """Return a command: `command("start_timer", timer_id="t")`."""
    made = Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind.upper()}"))
    field = getattr(made, f"{kind}_command_attributes")
    field.SetInParent()
    for name, value in attributes.items():
        if isinstance(value, str | int | bool):
            setattr(field, name, value)
        else:
            getattr(field, name).CopyFrom(value)
    return made


def timer(timer_id: str = "t", fires_after: float = 60) -> Command:
    """Return the command that starts a timer."""
    return command("start_timer", timer_id=timer_id, start_to_fire_timeout=span(fires_after))


def complete(result: str = "") -> Command:
    """Return the command that completes a run."""
    if not result:
        return command("complete_workflow_execution")
    return command("complete_workflow_execution", result=payloads(result))


def fail(failure: Failure | None = None) -> Command:
    """Return the command that fails a run."""
    return command("fail_workflow_execution", failure=failure or application_failure())


def span(length: float) -> Any:
    """Return so many seconds as a message."""
    return duration_message(seconds(length))


def name_of(event: HistoryEvent) -> str:
    """Return the type of an event, as in `WorkflowTaskScheduled`."""
    name = EventType.Name(event.event_type)
    return name.removeprefix("EVENT_TYPE_").title().replace("_", "")


def again(**attributes: Any) -> Command:
    """Return the command that continues a run as new."""
    return command("continue_as_new_workflow_execution", **attributes)


def memo(**fields: bytes) -> Memo:
    """Return a memo."""
    return Memo(fields={name: Payload(data=value) for name, value in fields.items()})


def policy(**options: Any) -> RetryPolicy:
    """Return a retry policy: 2 s, doubling, 200 s at most."""
    return RetryPolicy(
        initial_interval=options.pop("initial_interval", span(2)),
        maximum_interval=span(200),
        backoff_coefficient=2,
        **options,
    )


def started(chain: "Chain") -> Any:
    """Return what the last run began with."""
    return chain.current.event("WorkflowExecutionStarted")


def backoff(chain: "Chain") -> float:
    """Return how many seconds the last run waits before it begins to work."""
    return duration(started(chain).first_workflow_task_backoff) / SECOND


class Refused(Exception):  # a refusal is no error of ours
    """The worker's completion was refused, and the workflow task failed because of it."""


class ChainRun:
    """One run of a chain."""

    def __init__(self, seed: ExecutionRecord) -> None:
        self.seed = seed
        self.state = MutableState(seed)
        self.timers = TimerSequence(self.state)
        self.history: list[HistoryEvent] = []
        self.queued: dict[TaskId, DispatchTask] = {}
        self.transfers: list[TransferTask] = []

    def lines(self, since: int = 1) -> list[str]:
        """Return the history from an event id on, a line for each event."""
        return [f"{event.event_id} {name_of(event)}" for event in self.history[since - 1 :]]

    def event(self, name: str) -> Any:
        """Return the attributes of the last event of a type."""
        found = [event for event in self.history if name_of(event) == name]
        assert found, f"no {name} in {self.lines()}"
        return attributes_of(found[-1])

    def check(self) -> None:
        """Check the invariants of the engine."""
        ids = [event.event_id for event in self.history]
        assert ids == list(range(1, len(ids) + 1)), "event ids are dense"
        closings = [event for event in self.history if event.event_type in WORKFLOW_CLOSINGS]
        is_open = self.state.execution.is_open
        assert closings == ([] if is_open else self.history[-1:]), "a run ends once"
        held_back = [record.event for _, record in sorted(self.state.buffered_events.items())]
        live = evented(self.state)
        again = evented(folded(self.seed, self.history, held_back))
        if not is_open:
            # What a closing command takes back (see commands.close) has had its effect already.
            for part in ("activities", "activity_ids"):
                assert (part in live) == (part in again)
                live.pop(part)
                again.pop(part)
        assert again == live, "the history stands for the state"
        wanted = [ref.task_id for ref in self._dispatches() if ref is not None]
        assert sorted(self.queued) == sorted(wanted), "tasks lie in queues as the state says"

    def _dispatches(self) -> list[Any]:
        if not self.state.execution.is_open:
            return []
        task = self.state.execution.workflow_task
        activities = [record.dispatch for record in self.state.activities.values()]
        return [*activities, task.dispatch if task else None]


class Chain:
    """All runs of one workflow id, and a worker for them."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        utc_offset: UtcOffset = utc_only,
        routing: VersionRouting = UNROUTED,
        namespaces: Mapping[str, NamespaceId] | None = None,
        workflow_id: str = "wf",
        task_ids: "count[int] | None" = None,
    ) -> None:
        self.now = START
        self.runs: list[ChainRun] = []
        self.workflow_id = WorkflowId(workflow_id)
        self.refused_attribute = ""
        """A search attribute that does not exist."""
        self.token: WorkflowTaskToken | None = None
        self._namespaces = namespaces or {}
        self._settings = StepSettings(
            namespace_name="ns",
            retention=HOUR,
            limits=limits or Limits(),
            utc_offset=utc_offset,
            routing=routing,
        )
        self._task_ids = task_ids or count(1)
        self._seeds = count(1)

    @property
    def current(self) -> ChainRun:
        """The last run."""
        return self.runs[-1]

    def at(self, second: float) -> None:
        """Let it be so many seconds after the start."""
        self.now = Instant(START + seconds(second))

    # -- the shell ---------------------------------------------------------------------------------

    def take(self, decision: Callable[[Transition], T], run: ChainRun | None = None) -> T:
        """Make one step of a run, by default the current one; a refusal leaves no trace."""
        run = run or self.current
        before = everything(run.state)
        seed = next(self._seeds)
        try:
            step = self._begin(run, seed)
            decision(step)
            skip_time(step)
            step.close()
        except ServiceError:
            run.state.rollback()
            assert everything(run.state) == before, "rollback must restore the state exactly"
            raise
        run.state.rollback()
        assert everything(run.state) == before, "rollback must restore the state exactly"
        step = self._begin(run, seed)
        reply = decision(step)
        skip_time(step)
        self._commit(run, step)
        return reply

    def _begin(self, run: ChainRun, seed: int) -> Transition:
        return Transition(
            run.state,
            now=self.now,
            fresh=FreshIds(seed.to_bytes(16, "big")),
            next_task_id=lambda: TaskId(next(self._task_ids)),
            settings=self._settings,
        )

    def _commit(self, run: ChainRun, step: Transition) -> None:
        step.close()
        run.timers.follow(run.state)
        run.state.accept()
        run.history += step.events
        run.queued.update({task.task_id: task for task in step.dispatches})
        for released in step.released:
            run.queued.pop(released.task_id, None)
        run.transfers += step.transfers
        run.check()
        if step.successor is not None:
            assert not run.state.execution.is_open, "a successor follows a closed run"
            assert step.successor.execution.run_id == run.state.execution.successor_run_id
            self._adopt(step.successor)

    def _adopt(self, step: Transition) -> None:
        execution = step.execution
        seed = ExecutionRecord(
            namespace_id=execution.namespace_id,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
        )
        run = ChainRun(seed)
        run.state = step.owned_state
        run.timers = TimerSequence(run.state)
        self.runs.append(run)
        skip_time(step)
        self._commit(run, step)

    # -- clients -----------------------------------------------------------------------------------

    def start(
        self,
        *,
        backoff: int = 0,
        parentage: Parentage | None = None,
        **options: Any,
    ) -> None:
        """Start the first run."""
        request = StartWorkflowExecutionRequest(
            workflow_id=self.workflow_id,
            workflow_type=WorkflowType(name="Workflow"),
            task_queue=TaskQueue(name="main"),
            workflow_task_timeout=duration_message(Duration(10 * SECOND)),
            request_id="start",
            identity="client",
            **options,
        )
        seed = ExecutionRecord(
            namespace_id=NAMESPACE,
            workflow_id=self.workflow_id,
            run_id=RunId(f"{self.workflow_id}-run-1"),
        )
        self.runs.append(ChainRun(seed))
        self.take(
            lambda step: start_workflow(
                step, request, backoff=Duration(backoff), parentage=parentage
            )
        )

    def signal(self, name: str = "signal") -> None:
        """Signal the current run."""
        request = SignalWorkflowExecutionRequest(signal_name=name)
        self.take(lambda step: signal_workflow(step, request))

    def cancel(self) -> None:
        """Ask the current run to stop."""
        self.take(
            lambda step: request_cancel_workflow(step, reason="", identity="client", links=[])
        )

    def terminate(self) -> None:
        """End the current run."""
        self.take(lambda step: terminate_workflow(step, reason="", identity="client", details=None))

    def fire(self) -> bool:
        """Let the current run do whatever is due."""
        run = self.current
        execution = run.state.execution
        needs_start = bool(execution.retry_policy or execution.cron_schedule)
        start_event = (
            run.history[0].workflow_execution_started_event_attributes if needs_start else None
        )
        return self.take(lambda step: fire_due(step, TimerSequence(run.state), start_event))

    def wake(self) -> bool:
        """Go to the next deadline of the current run, and fire it."""
        deadline = self.current.timers.earliest(self.current.state)
        assert deadline is not None, "nothing is ever due"
        self.now = max(self.now, deadline.at)
        return self.fire()

    # -- the worker --------------------------------------------------------------------------------

    def poll(self) -> WorkflowTaskToken:
        """Let a worker have the scheduled workflow task of the current run."""

        def decide(step: Transition) -> None:
            start_workflow_task(step, request_id="poll", identity=WORKER)

        self.take(decide)
        return self.remember_token()

    def remember_token(self) -> WorkflowTaskToken:
        execution = self.current.state.execution
        task = execution.workflow_task
        assert task is not None
        self.token = WorkflowTaskToken(
            namespace_id=execution.namespace_id,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
            attempt=task.attempt,
            started_at=task.started_at,
        )
        return self.token

    def respond(self, *commands: Command, sticky: str = "", **options: Any) -> CompletionReply:
        """Complete the started workflow task, as the shell does; `Refused` if a command was."""
        assert self.token is not None
        token, run = self.token, self.current
        request = RespondWorkflowTaskCompletedRequest(commands=commands, identity=WORKER, **options)
        if sticky:
            request.sticky_attributes.CopyFrom(
                StickyExecutionAttributes(
                    worker_task_queue=TaskQueue(name=sticky),
                    schedule_to_start_timeout=span(5),
                )
            )
        sources = self._sources(run)
        step = self._begin(run, next(self._seeds))
        before = everything(run.state)
        try:
            reply = respond_workflow_task_completed(step, request, token, sources)
        finally:
            run.state.rollback()
            assert everything(run.state) == before, "rollback must restore the state exactly"
        refusal = reply.refusal
        if refusal is not None:
            error = self.take(lambda step: refuse_workflow_task(step, refusal, request))
            raise Refused(error.message)
        reply = self.take(
            lambda step: respond_workflow_task_completed(step, request, token, sources)
        )
        if reply.error is not None:
            raise reply.error
        if reply.is_inline_task_started:
            self.remember_token()
        return reply

    def _sources(self, run: ChainRun) -> CompletionSources:
        execution = run.state.execution
        needs_start = bool(execution.retry_policy or execution.cron_schedule)
        return CompletionSources(
            find_namespace=self._namespaces.get,
            refuse_search_attributes=lambda fields: (
                f"{self.refused_attribute} is not defined"
                if self.refused_attribute in fields
                else None
            ),
            start_event=(
                run.history[0].workflow_execution_started_event_attributes if needs_start else None
            ),
        )

    def work(self, *commands: Command, **options: Any) -> CompletionReply:
        """Let a worker have the workflow task, and complete it."""
        self.poll()
        return self.respond(*commands, **options)

    def fail_task(self, **options: Any) -> None:
        """Fail the started workflow task."""
        assert self.token is not None
        token = self.token
        request = RespondWorkflowTaskFailedRequest(identity=WORKER, **options)
        self.take(lambda step: respond_workflow_task_failed(step, request, token))

    def is_task_pending(self) -> bool:
        """Whether the current run has a workflow task."""
        return self.current.state.execution.workflow_task is not None

    def pending_task(self) -> Any:
        """The workflow task of the current run."""
        return pending(self._begin(self.current, 0))
