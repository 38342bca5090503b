"""One run in memory, stepped by hand: the shell without store, clock or workers.

Every step is rehearsed and taken back before it counts, and afterwards the invariants of the
engine are checked, so whatever a test does is a test of them, too.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, WorkflowType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.errors import ServiceError
from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import EventId, NamespaceId, RunId, TaskId, WorkflowId
from indelible.base.instants import (
    DAY,
    HOUR,
    NO_DURATION,
    Duration,
    Instant,
    duration_message,
    seconds,
)
from indelible.base.limits import Limits
from indelible.base.task_token import ActivityTaskToken, WorkflowTaskToken
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.workflow.commands.outcome import Refusal, TerminalRefusal
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
from indelible.engine.workflow.requests.start_activity_task import start_activity_task
from indelible.engine.workflow.requests.start_workflow import start_workflow
from indelible.engine.workflow.requests.start_workflow_task import TaskStart, start_workflow_task
from indelible.engine.workflow.requests.terminate_workflow import terminate_workflow
from indelible.engine.workflow.rules.buffering import bound_buffer
from indelible.engine.workflow.rules.time_skipping import skip_time
from indelible.engine.workflow.rules.workflow_tasks import pending
from indelible.engine.workflow.state import (
    RECORD_TYPES,
    ActivityRecord,
    DispatchRef,
    ExecutionRecord,
    MutableState,
)
from indelible.engine.workflow.tasks import (
    ActivityTaskDispatch,
    DispatchTask,
    TransferTask,
    WorkflowTaskDispatch,
)
from indelible.engine.workflow.timer_sequence import TimerSequence
from indelible.engine.workflow.transition import StepSettings, Transition
from tests.engine.workflow.evented import earliest_of_all, evented, everything, folded

T = TypeVar("T")

START: Final = Instant(50 * 365 * DAY)
WORKER: Final = "worker"
SEED: Final = ExecutionRecord(
    namespace_id=NamespaceId("ns"), workflow_id=WorkflowId("wf"), run_id=RunId("run")
)


def at_second(second: float) -> Instant:
    """Return the instant so many seconds after the start of all tests."""
    return Instant(START + seconds(second))


class Run:
    """A run, and what has become of its steps."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.now = START
        self.state = MutableState(SEED)
        self.timers = TimerSequence(self.state)
        self.history: list[HistoryEvent] = []
        self.queued: dict[TaskId, DispatchTask] = {}
        self.dispatched: list[DispatchTask] = []
        """All dispatch tasks there have ever been."""
        self.transfers: list[TransferTask] = []
        self.eager: list[ActivityRecord] = []
        """Activities that the last completed workflow task started."""
        self.last_step: Transition | None = None
        self._settings = StepSettings(
            namespace_name="namespace", retention=HOUR, limits=limits or Limits()
        )
        self._task_ids = count(1)
        self._seeds = count(1)
        self.unknown_attributes: Sequence[str] = ()
        self.workflow_rules: Sequence[WorkflowRule] = ()

    # -- the shell ---------------------------------------------------------------------------------

    def begin(self) -> Transition:
        """Return a new step."""
        return Transition(
            self.state,
            now=self.now,
            fresh=FreshIds(next(self._seeds).to_bytes(16, "big")),
            next_task_id=lambda: TaskId(next(self._task_ids)),
            settings=replace(self._settings, workflow_rules=self.workflow_rules),
        )

    def take(self, decision: Callable[[Transition], T]) -> T:
        """Make one step: rehearse it, take that back, then do it for good."""
        self._rehearse(decision)
        before = everything(self.state)
        step = self.begin()
        try:
            reply = decision(step)
        except ServiceError:
            assert everything(self.state) == before, "a refused request must not change anything"
            raise
        bound_buffer(step)
        skip_time(step)
        self._commit(step)
        return reply

    def _rehearse(self, decision: Callable[[Transition], object]) -> None:
        before = everything(self.state)
        try:
            step = self.begin()
            decision(step)
            bound_buffer(step)
            skip_time(step)
            step.close()
        except ServiceError:
            pass
        self.state.rollback()
        assert everything(self.state) == before, "rollback must restore the state exactly"

    def _commit(self, step: Transition) -> None:
        step.close()
        self.timers.follow(self.state)
        self._check_touched()
        self.state.accept()
        check_round_trip(self.state.execution, ExecutionRecord)
        self.history += step.events
        self.transfers += step.transfers
        for task in step.dispatches:
            self.queued[task.task_id] = task
            self.dispatched.append(task)
        for released in step.released:
            self.queued.pop(released.task_id, None)
        self.last_step = step
        self.check()

    def _check_touched(self) -> None:
        """What the step has touched can be stored."""
        for table in self.state.tables():
            touched = set(table.before)
            for key, record in table.items():
                if key in touched:
                    check_round_trip(record, RECORD_TYPES[table.kind])

    # -- what is always true -----------------------------------------------------------------------

    def check(self) -> None:
        """Check the invariants of the engine."""
        assert [event.event_id for event in self.history] == [
            number + 1 for number in range(len(self.history))
        ], "event ids are dense"
        closings = [event for event in self.history if event.event_type in WORKFLOW_CLOSINGS]
        assert len(closings) == (0 if self.state.execution.is_open else 1)
        assert not closings or closings == self.history[-1:], "nothing follows the end of a run"
        held_back = self.state.buffered_events
        again = evented(
            folded(SEED, self.history, [held_back[key].event for key in sorted(held_back)])
        )
        live = evented(self.state)
        if closings:
            # What the closing command has taken back had its effect: see `commands.close`.
            del again["activities"], live["activities"], again["activity_ids"], live["activity_ids"]
        assert again == live, "the history stands for the state"
        assert self.timers.earliest(self.state) == earliest_of_all(self.state)
        self._check_references()
        self._check_queues()

    def _check_references(self) -> None:
        """Events point at events that are there; a timer does not fire early."""
        for event in self.history:
            attributes = attributes_of(event)
            for name in (
                "scheduled_event_id",
                "started_event_id",
                "latest_cancel_requested_event_id",
            ):
                reference = getattr(attributes, name, 0)
                assert 0 <= reference < event.event_id
                if name == "started_event_id" and reference:
                    self._check_started(event, self.history[reference - 1])

    def _check_started(self, event: HistoryEvent, started: HistoryEvent) -> None:
        attributes, start = attributes_of(event), attributes_of(started)
        if event.HasField("timer_fired_event_attributes"):
            runs_for = started.timer_started_event_attributes.start_to_fire_timeout
            due = started.event_time.ToNanoseconds() + runs_for.ToNanoseconds()
            assert event.event_time.ToNanoseconds() >= due
        for name in ("scheduled_event_id", "initiated_event_id"):
            assert getattr(attributes, name, None) == getattr(start, name, None)

    def _check_queues(self) -> None:
        """A task lies in its queue exactly as long as the state says so."""
        wanted: dict[TaskId, DispatchRef] = {}
        if self.state.execution.is_open:
            for record in self.state.activities.values():
                if record.dispatch is not None:
                    wanted[record.dispatch.task_id] = record.dispatch
                    assert record.dispatch.task_id == record.dispatch_task_id
                    assert not record.is_started
                else:
                    is_held = record.pause or self.state.execution.pause
                    assert record.is_started or record.is_backing_off or is_held
        task = self.state.execution.workflow_task
        if task is not None and task.dispatch is not None:
            wanted[task.dispatch.task_id] = task.dispatch
        assert sorted(self.queued) == sorted(wanted)
        for task_id, ref in wanted.items():
            assert self.queued[task_id].queue_name == ref.queue_name

    # -- what happens to a run ---------------------------------------------------------------------

    def start(self, run_timeout: Duration = NO_DURATION) -> None:
        """Start the run, with a first workflow task."""
        request = StartWorkflowExecutionRequest(
            workflow_type=WorkflowType(name="Workflow"),
            task_queue=TaskQueue(name="main"),
            workflow_run_timeout=duration_message(run_timeout),
            workflow_task_timeout=duration_message(seconds(10)),
            request_id="start",
        )
        self.take(lambda step: start_workflow(step, request, backoff=NO_DURATION))

    def start_task(self) -> TaskStart:
        """Let a worker have the workflow task."""
        task = self.queued[pending(self.begin()).dispatch_task_id]
        assert isinstance(task, WorkflowTaskDispatch)
        return self.take(
            lambda step: start_workflow_task(
                step, task, request_id="delivery", identity=WORKER, build_id=""
            )
        )

    def complete_task(self, commands: Sequence[Command] = ()) -> Refusal | TerminalRefusal | None:
        """Complete the workflow task; a refused command fails it instead."""
        request = RespondWorkflowTaskCompletedRequest(identity=WORKER, commands=commands)
        token = self.workflow_task_token()
        sources = CompletionSources(
            find_namespace=lambda _name: None,
            refuse_search_attributes=self._refuse_search_attributes,
            start_event=None,
        )
        before = everything(self.state)

        def decide(step: Transition) -> CompletionReply:
            return respond_workflow_task_completed(step, request, token, sources)

        refusal = decide(self.begin()).refusal
        self.state.rollback()
        assert everything(self.state) == before, "rollback must restore the state exactly"
        if refusal is not None:
            self.take(lambda step: refuse_workflow_task(step, refusal, request))
            return refusal
        reply = self.take(decide)
        self.eager = [self.state.activities[key] for key in reply.eager_activities]
        return None

    def workflow_task_token(self) -> WorkflowTaskToken:
        """Return the token of the pending workflow task."""
        task = pending(self.begin())
        return WorkflowTaskToken(
            *self.state.execution.key[:3],
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
            attempt=task.attempt,
            started_at=task.started_at,
        )

    def _refuse_search_attributes(self, given: Mapping[str, Payload]) -> str | None:
        unknown = [name for name in sorted(given) if name in self.unknown_attributes]
        return f"search attribute {unknown[0]} is not defined" if unknown else None

    def fail_task(self) -> None:
        """Let the worker fail the workflow task."""
        token = self.workflow_task_token()
        request = RespondWorkflowTaskFailedRequest(identity=WORKER)
        self.take(lambda step: respond_workflow_task_failed(step, request, token))

    def poll(self, task: ActivityTaskDispatch, request_id: str = "poll") -> ActivityRecord | None:
        """Let a worker have an activity task."""
        return self.take(
            lambda step: start_activity_task(step, task, identity=WORKER, request_id=request_id)
        )

    def signal(self, name: str) -> None:
        """Signal the run."""
        request = SignalWorkflowExecutionRequest(signal_name=name)
        self.take(lambda step: signal_workflow(step, request))

    def request_cancel(self) -> None:
        """Ask the run to stop."""
        self.take(lambda step: request_cancel_workflow(step, reason="", identity="", links=[]))

    def terminate(self) -> None:
        """End the run from outside."""
        self.take(lambda step: terminate_workflow(step, reason="", identity="client", details=None))

    def fire(self) -> bool:
        """Fire what is due."""
        rehearsal = TimerSequence(self.state)
        self._rehearse(lambda step: fire_due(step, rehearsal))
        step = self.begin()
        has_fired = fire_due(step, self.timers)
        bound_buffer(step)
        skip_time(step)
        self._commit(step)
        return has_fired

    def token(self, record: ActivityRecord) -> ActivityTaskToken:
        """Return the token of a started attempt."""
        return ActivityTaskToken(
            *self.state.execution.key[:3],
            scheduled_event_id=EventId(record.scheduled_event_id),
            attempt=record.attempt,
            activity_id=record.activity_id,
        )


def check_round_trip(record: msgspec.Struct, kind: type[msgspec.Struct]) -> None:
    """A record can be stored and read again."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=kind) == record
