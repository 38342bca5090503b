"""The interpreter of programs: a history goes in, the commands of the next workflow task come out.

Owns the determinism that a worker owes: the same events give the same commands, and what the
history says was commanded is compared with what the program would command. Must not know the API
calls around it.
"""

from collections.abc import Sequence
from typing import Final

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from simulation.workloads import commands
from simulation.workloads.program import (
    Annotate,
    AnyOp,
    AwaitSignals,
    CallOperation,
    Program,
    RunActivity,
    RunChild,
    RunTimer,
    SendCancel,
    SendSignal,
    Step,
    decode_operation,
    decode_program,
)
from simulation.workloads.protocol import UPDATE_EVENTS
from simulation.world.node import NAMESPACE

_E: Final = EventType

COMMAND_EVENTS: Final = {
    _E.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "activity",
    _E.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: "cancel activity",
    _E.EVENT_TYPE_TIMER_STARTED: "timer",
    _E.EVENT_TYPE_TIMER_CANCELED: "cancel timer",
    _E.EVENT_TYPE_MARKER_RECORDED: "marker",
    _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "child",
    _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "signal",
    _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "cancel external",
    _E.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: "operation",
    _E.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: "cancel operation",
    _E.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
    _E.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: "memo",
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "complete",
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "fail",
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "cancel",
    _E.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continue",
}
"""Events that stand for a command, and its name here."""

ACTIVITY_CLOSINGS: Final = frozenset(
    {
        _E.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        _E.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        _E.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        _E.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    }
)
CHILD_CLOSINGS: Final = frozenset(
    {
        _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
    }
)
OPERATION_CLOSINGS: Final = frozenset(
    {
        _E.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
        _E.EVENT_TYPE_NEXUS_OPERATION_FAILED,
        _E.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
        _E.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
    }
)
EXTERNAL_CLOSINGS: Final = frozenset(
    {
        _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
        _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
        _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
        _E.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
    }
)


HEARTBEAT_MARK: Final = "/heartbeat"
"""Ends the identity of a completion that only prolongs the task: the program has not looked yet."""


class NondeterminismError(Exception):
    """The history does not say what the program would have commanded."""


class Machine:
    """One run of a program, as far as its events have come."""

    def __init__(self) -> None:
        self.signal_count = 0
        self.is_cancel_requested = False
        self.is_over = False
        self._program = Program(steps=[])
        self._workflow_id = ""
        self._task_queue = ""
        self._attempt = 1
        self._at = 0
        self._is_begun = False
        self._names: list[str] = []
        self._done: set[str] = set()
        self._ids: dict[int, str] = {}
        """Scheduled and initiated event ids -> op ids."""
        self._scheduled: dict[str, int] = {}

    # -- events ------------------------------------------------------------------------------------

    def commands_for(self, history: Sequence[HistoryEvent], workflow_id: str) -> list[Command]:
        """Replay a history, which ends with a started workflow task, and return what comes next."""
        self._workflow_id = workflow_id
        for position, event in enumerate(history):
            self._take(event)
            if event.event_type != _E.EVENT_TYPE_WORKFLOW_TASK_STARTED:
                continue
            if position == len(history) - 1:
                return self._advance()
            following = history[position + 1]
            if following.event_type == _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                completed = following.workflow_task_completed_event_attributes
                if not completed.identity.endswith(HEARTBEAT_MARK):
                    self._advance()
                self._compare(history, position + 1)
        return []

    def _compare(self, history: Sequence[HistoryEvent], position: int) -> None:
        """Hold the commands of a completed workflow task against the events that it left."""
        recorded: list[str] = []
        for event in history[position + 1 :]:
            if event.event_type in UPDATE_EVENTS:
                continue  # Said by messages, which are not the program's.
            name = COMMAND_EVENTS.get(event.event_type)
            if name is None:
                break
            recorded.append(name)
        if recorded != self._names:
            raise NondeterminismError(
                f"{self._workflow_id}: event {history[position].event_id} was followed by"
                f" {recorded}, and the program says {self._names}"
            )
        self._names = []

    def _take(self, event: HistoryEvent) -> None:
        kind = event.event_type
        if kind == _E.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            started = event.workflow_execution_started_event_attributes
            self._program = decode_program(started.input)
            self._task_queue = started.task_queue.name
            self._attempt = started.attempt
        elif kind == _E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            self.signal_count += 1
        elif kind == _E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
            self.is_cancel_requested = True
        elif kind == _E.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            activity_id = event.activity_task_scheduled_event_attributes.activity_id
            self._ids[event.event_id] = activity_id
            self._scheduled[activity_id] = event.event_id
        elif kind == _E.EVENT_TYPE_TIMER_FIRED:
            self._done.add(event.timer_fired_event_attributes.timer_id)
        else:
            self._take_closing(event)

    def _take_closing(self, event: HistoryEvent) -> None:
        kind = event.event_type
        if kind == _E.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:
            op_id = decode_operation(event.nexus_operation_scheduled_event_attributes.input).op_id
            self._ids[event.event_id] = op_id
            self._scheduled[op_id] = event.event_id
        elif kind in ACTIVITY_CLOSINGS or kind in OPERATION_CLOSINGS:
            self._done.add(self._ids[_subject(event, "scheduled_event_id")])
        elif kind == _E.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            given = event.start_child_workflow_execution_initiated_event_attributes
            self._ids[event.event_id] = given.workflow_id.rpartition(".")[2]
        elif kind == _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            self._done.add(f"{self._ids[_subject(event, 'initiated_event_id')]} started")
        elif kind in CHILD_CLOSINGS:
            op_id = self._ids[_subject(event, "initiated_event_id")]
            self._done.update((op_id, f"{op_id} started"))
        elif kind == _E.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            signal = event.signal_external_workflow_execution_initiated_event_attributes
            self._ids[event.event_id] = signal.control
        elif kind == _E.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            cancel = event.request_cancel_external_workflow_execution_initiated_event_attributes
            self._ids[event.event_id] = cancel.control
        elif kind in EXTERNAL_CLOSINGS:
            self._done.add(self._ids[_subject(event, "initiated_event_id")])

    # -- commands ----------------------------------------------------------------------------------

    def _advance(self) -> list[Command]:
        """Run the program as far as it gets; return what it commands."""
        out: list[Command] = []
        if self.is_over:
            return out
        if self.is_cancel_requested and self._program.heeds_cancel:
            self._end(out, commands.cancel_workflow(), "cancel")
            return out
        while self._at < len(self._program.steps):
            step = self._program.steps[self._at]
            if not self._is_begun:
                self._is_begun = True
                for op in step.ops:
                    self._begin(op, out)
            if not self._is_satisfied(step):
                return out
            self._leave(step, out)
            self._at += 1
            self._is_begun = False
        self._finish(out)
        return out

    def _say(self, out: list[Command], command: Command, name: str) -> None:
        out.append(command)
        self._names.append(name)

    def _end(self, out: list[Command], command: Command, name: str) -> None:
        self.is_over = True
        self._say(out, command, name)

    def _finish(self, out: list[Command]) -> None:
        program = self._program
        if self._attempt < program.fails_until_attempt:
            self._end(out, commands.fail_workflow(), "fail")
        elif program.continues:
            self._end(out, commands.continue_as_new(program), "continue")
        elif program.ending == "fail":
            self._end(out, commands.fail_workflow(), "fail")
        else:
            self._end(out, commands.complete_workflow(), "complete")

    def _begin(self, op: AnyOp, out: list[Command]) -> None:
        match op:
            case RunActivity():
                self._say(out, commands.schedule_activity(op, self._task_queue), "activity")
            case RunTimer():
                self._say(out, commands.start_timer(op), "timer")
            case RunChild():
                child_id = f"{self._workflow_id}.{op.op_id}"
                self._say(out, commands.start_child(op, child_id, NAMESPACE), "child")
            case SendSignal():
                self._say(out, commands.signal_external(op, NAMESPACE), "signal")
            case SendCancel():
                self._say(out, commands.cancel_external(op, NAMESPACE), "cancel external")
            case CallOperation():
                self._say(out, commands.call_operation(op), "operation")
            case Annotate():
                command, name = commands.annotate(op)
                self._say(out, command, name)
                self._done.add(op.op_id)
            case AwaitSignals():
                pass

    def _is_done(self, op: AnyOp) -> bool:
        if isinstance(op, AwaitSignals):
            return self.signal_count >= op.count
        if isinstance(op, RunChild) and not op.is_awaited:
            return f"{op.op_id} started" in self._done
        return op.op_id in self._done

    def _is_satisfied(self, step: Step) -> bool:
        if step.waits_for == "none":
            return True
        test = all if step.waits_for == "all" else any
        return test(self._is_done(op) for op in step.ops)

    def _leave(self, step: Step, out: list[Command]) -> None:
        """Cancel what is left over of a step."""
        if not step.cancels_rest or step.waits_for == "all":
            return
        for op in step.ops:
            if self._is_done(op):
                continue
            if isinstance(op, RunTimer):
                self._done.add(op.op_id)
                self._say(out, commands.cancel_timer(op), "cancel timer")
            elif isinstance(op, RunActivity) and op.op_id in self._scheduled:
                scheduled = self._scheduled[op.op_id]
                self._say(out, commands.cancel_activity(scheduled), "cancel activity")
            elif isinstance(op, CallOperation) and op.op_id in self._scheduled:
                scheduled = self._scheduled[op.op_id]
                self._say(out, commands.cancel_operation(scheduled), "cancel operation")


def _subject(event: HistoryEvent, field: str) -> int:
    attributes = getattr(event, str(event.WhichOneof("attributes")))
    subject: int = getattr(attributes, field)
    return subject
