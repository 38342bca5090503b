"""Anything may happen to a run, in any order: the invariants of the engine hold (see `run.check`).

Owns the moves. Workers answer late, twice or never; clocks jump; commands may be nonsense. A
request may be refused, but only with an error that is meant for callers.
"""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from temporalio.api.command.v1 import (
    Command,
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
    StartChildWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    CommandType,
    EventType,
    SignalExternalWorkflowExecutionFailedCause,
    StartChildWorkflowExecutionFailedCause,
)
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionCompletedEventAttributes
from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from indelible.base.errors import (
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import HOUR, NO_DURATION, Instant, duration_message, seconds
from indelible.base.task_token import ActivityById, ActivityTaskToken
from indelible.engine.workflow.history_events import build_event
from indelible.engine.workflow.requests.record_activity_heartbeat import (
    record_activity_heartbeat,
)
from indelible.engine.workflow.requests.record_child_closed import record_child_closed
from indelible.engine.workflow.requests.record_child_start_failed import (
    record_child_start_failed,
)
from indelible.engine.workflow.requests.record_child_started import record_child_started
from indelible.engine.workflow.requests.record_external_result import (
    record_external_cancel,
    record_external_signal,
)
from indelible.engine.workflow.requests.respond_activity_task_canceled import (
    respond_activity_task_canceled,
)
from indelible.engine.workflow.requests.respond_activity_task_completed import (
    respond_activity_task_completed,
)
from indelible.engine.workflow.requests.respond_activity_task_failed import (
    respond_activity_task_failed,
)
from indelible.engine.workflow.rules.activities import ActivityTarget
from indelible.engine.workflow.state import ExecutionRecord, ParentRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from tests.engine.workflow.evented import everything
from tests.engine.workflow.run import Run
from tests.engine.workflow.transcript import COMMANDS

NAMES = st.sampled_from(["a", "b", "c"])
SPANS = st.sampled_from(["0", "1", "2.5", "7", "60"])
EVENT_IDS = st.integers(0, 30)


def _written(verb: str, *plain: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]) -> Any:
    """Draw a command in the words of transcripts; named arguments but the first may be left out."""
    required = {str(index): strategy for index, strategy in enumerate(plain)}
    first = next(iter(named), None)
    if first is not None:
        required[first] = named.pop(first)
    return st.fixed_dictionaries(required, optional=named).map(COMMANDS[verb])


def _child_command(name: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        start_child_workflow_execution_command_attributes=(
            StartChildWorkflowExecutionCommandAttributes(
                workflow_id=name, workflow_type=WorkflowType(name="Child")
            )
        ),
    )


def _cancel_external_command(name: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
        request_cancel_external_workflow_execution_command_attributes=(
            RequestCancelExternalWorkflowExecutionCommandAttributes(workflow_id=name)
        ),
    )


def _signal_external_command(name: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
        signal_external_workflow_execution_command_attributes=(
            SignalExternalWorkflowExecutionCommandAttributes(
                execution=WorkflowExecution(workflow_id=name), signal_name="hello"
            )
        ),
    )


SCHEDULE = _written(
    "schedule",
    NAMES,
    stc=st.sampled_from(["2.5", "7", "60"]),
    s2c=st.sampled_from(["5", "12", "60"]),
    s2s=SPANS,
    hb=SPANS,
    initial=SPANS,
    attempts=st.sampled_from(["0", "2", "3"]),
    eagerness=st.just("eager"),
)
FREE_COMMAND = st.one_of(
    SCHEDULE,
    _written("timer", NAMES, SPANS),
    NAMES.map(_child_command),
    NAMES.map(_cancel_external_command),
    NAMES.map(_signal_external_command),
    _written("marker", NAMES),
    _written("memo", b=st.sampled_from(["1", "null"])),
    _written("search-attributes", b=st.sampled_from(["2", "[]"])),
)
WILD_COMMAND = st.one_of(
    _written("cancel-timer", NAMES), _written("cancel-activity", st.integers(-1, 40)), FREE_COMMAND
)
CLOSE = COMMANDS["close"]({})

NO_CHILD = StartChildWorkflowExecutionFailedCause.Value(
    "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS"
)
NO_CANCEL = CancelExternalWorkflowExecutionFailedCause.Value(
    "CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
)
NO_SIGNAL = SignalExternalWorkflowExecutionFailedCause.Value(
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
)


class AnyOrder(RuleBasedStateMachine):
    """A run and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.run = Run()
        self.tokens: list[ActivityTaskToken] = []

    @property
    def _task_state(self) -> str:
        task = self.run.state.execution.workflow_task
        return "none" if task is None else "started" if task.is_started else "scheduled"

    @initialize(run_timeout=st.sampled_from([NO_DURATION, NO_DURATION, seconds(90), HOUR]))
    def start(self, run_timeout: Any) -> None:
        self.run.start(run_timeout)
        self.run.start_task()
        self.run.complete_task(
            [
                COMMANDS["schedule"]({"0": "a", "stc": "5", "hb": "2"}),
                COMMANDS["schedule"]({"0": "b", "s2c": "20", "s2s": "12"}),
                COMMANDS["timer"]({"0": "a", "1": "4"}),
                _child_command("child"),
            ]
        )

    @rule(step=st.sampled_from([-3, 0.25, 1, 2, 5, 12]))
    def pass_time(self, step: float) -> None:
        self.run.now = Instant(self.run.now + seconds(step))
        # Though a clock may go back, the time of a run does not.
        now = max(self.run.now, self.run.state.execution.last_event_at)
        was_due = self.run.timers.due(self.run.state, now) is not None
        was_open = self.run.state.execution.is_open
        assert self.run.fire() == (was_due and was_open)

    @rule()
    def wait_for_the_next_deadline(self) -> None:
        deadline = self.run.timers.earliest(self.run.state)
        if deadline is not None and self.run.state.execution.is_open:
            self.run.now = max(self.run.now, deadline.at)
            assert self.run.fire()

    # -- workflow tasks ----------------------------------------------------------------------------

    @precondition(lambda self: self.run.state.execution.is_open)
    @rule()
    def start_task(self) -> None:
        """Have a worker at work, whatever it takes."""
        if self._task_state == "none":
            self.run.signal("wake up")
        if self._task_state == "scheduled":
            self.run.start_task()

    @precondition(lambda self: self.run.state.execution.is_open)
    @rule(
        commands=st.lists(FREE_COMMAND, max_size=4),
        last=st.sampled_from(["", "", "activity", "activity", "timer", "wild"]),
        data=st.data(),
    )
    def turn(self, commands: list[Command], last: str, data: st.DataObject) -> None:
        """Have a worker complete a task, and cancel something or do something wild."""
        self.start_task()
        state = self.run.state
        wild: list[Command] = []
        if last == "wild":
            wild = [data.draw(WILD_COMMAND)]
        elif last == "activity" and state.activities:
            wild = [COMMANDS["cancel-activity"]({"0": str(next(iter(state.activities)))})]
        elif last == "timer" and state.timers:
            wild = [COMMANDS["cancel-timer"]({"0": next(iter(state.timers))})]
        self._complete(commands, wild)

    @precondition(lambda self: self._task_state == "started")
    @rule(commands=st.lists(FREE_COMMAND, max_size=2))
    def complete_task(self, commands: list[Command]) -> None:
        self._complete(commands, [])

    def _complete(self, commands: list[Command], wild: list[Command]) -> None:
        """Most commands fit the state: names that are in use make way first."""
        fitting: list[Command] = []
        names: set[str] = set()
        for command in commands:
            fitting += self._that_make_way(command, names)
            fitting.append(command)
        self.run.complete_task([*fitting, *wild])
        self.tokens += [self.run.token(record) for record in self.run.eager]

    def _that_make_way(self, command: Command, names: set[str]) -> list[Command]:
        """Return the cancellations without which the command would be a duplicate."""
        state = self.run.state
        timer_id = command.start_timer_command_attributes.timer_id
        activity_id = command.schedule_activity_task_command_attributes.activity_id
        if (timer_id and timer_id in names) or (activity_id and f"activity {activity_id}" in names):
            return []
        names |= {timer_id, f"activity {activity_id}"}
        if timer_id in state.timers:
            return [COMMANDS["cancel-timer"]({"0": timer_id})]
        scheduled = state.activity_ids.get(activity_id)
        if scheduled is None or state.activities[scheduled].is_cancel_requested:
            return []
        return [COMMANDS["cancel-activity"]({"0": str(scheduled)})]

    @precondition(lambda self: self._task_state == "started" and len(self.run.history) > 40)
    @rule(commands=st.lists(WILD_COMMAND, max_size=1))
    def close(self, commands: list[Command]) -> None:
        self.run.complete_task([*commands, CLOSE])

    @precondition(lambda self: self._task_state == "started")
    @rule()
    def fail_task(self) -> None:
        self.run.fail_task()

    @rule(kind=st.sampled_from(["signal", "signal", "cancel"]))
    def interrupt(self, kind: str) -> None:
        if kind == "signal":
            self._attempt(lambda: self.run.signal("s"))
        else:
            self.run.request_cancel()

    @precondition(lambda self: len(self.run.history) > 100)
    @rule()
    def terminate(self) -> None:
        self._attempt(self.run.terminate)

    def _attempt(self, move: Any) -> None:
        with suppress(NotFoundError, InvalidArgumentError, ResourceExhaustedError):
            move()

    # -- activities --------------------------------------------------------------------------------

    @rule(stale=st.integers(1, 6))
    def poll(self, stale: int) -> None:
        """Any task there has ever been may be delivered, and delivered again."""
        tasks = [task for task in self.run.dispatched if isinstance(task, ActivityTaskDispatch)]
        waiting = [task for task in tasks if task.task_id in self.run.queued]
        for task in [*tasks[-stale:][:1], *waiting[:1]]:
            record = self.run.poll(task, "delivery")
            if record is not None:
                self.tokens.append(self.run.token(record))

    @rule(data=st.data(), name=NAMES)
    def answer(self, data: st.DataObject, name: str) -> None:
        """Any token there has ever been may come back, or an id without one."""
        by_id = ActivityById(WorkflowId("wf"), RunId(""), name)
        targets: list[ActivityTarget] = [*self.tokens[-4:], by_id]
        target = data.draw(st.sampled_from(targets))
        move = data.draw(st.sampled_from([self._result, self._failure, self._cancel, self._beat]))
        is_stale = isinstance(target, ActivityTaskToken) and self._is_stale(target)
        before = everything(self.run.state)
        self._attempt(lambda: self.run.take(lambda step: move(step, target)))
        assert not is_stale or everything(self.run.state) == before

    def _is_stale(self, token: ActivityTaskToken) -> bool:
        record = self.run.state.activities.get(token.scheduled_event_id)
        return record is None or not record.is_started or record.attempt != token.attempt

    def _result(self, step: Any, target: ActivityTarget) -> None:
        respond_activity_task_completed(step, RespondActivityTaskCompletedRequest(), target)

    def _failure(self, step: Any, target: ActivityTarget) -> None:
        info = ApplicationFailureInfo()
        if len(self.tokens) % 3 == 0:
            info.next_retry_delay.CopyFrom(duration_message(NO_DURATION))
        failure = Failure(message="boom", application_failure_info=info)
        request = RespondActivityTaskFailedRequest(failure=failure)
        respond_activity_task_failed(step, request, target)

    def _cancel(self, step: Any, target: ActivityTarget) -> None:
        respond_activity_task_canceled(step, RespondActivityTaskCanceledRequest(), target)

    def _beat(self, step: Any, target: ActivityTarget) -> None:
        record_activity_heartbeat(step, RecordActivityTaskHeartbeatRequest(), target)

    # -- other executions --------------------------------------------------------------------------

    @rule(is_success=st.booleans())
    def hear_of_others(self, is_success: bool) -> None:
        """What was sent to others is answered, one of each kind, perhaps again."""
        self._answer_child_start(is_success)
        self._answer_external_cancel(is_success)
        self._answer_external_signal(is_success)

    def _initiated(self, kind: str) -> HistoryEvent | None:
        event_type = EventType.Value(f"EVENT_TYPE_{kind}_INITIATED")
        events = [event for event in self.run.history if event.event_type == event_type]
        return events[len(self.run.history) % len(events)] if events else None

    def _answer_child_start(self, is_success: bool) -> None:
        initiated = self._initiated("START_CHILD_WORKFLOW_EXECUTION")
        if initiated is None:
            return
        if is_success:
            self.run.take(lambda step: record_child_started(step, initiated, RunId("child")))
        else:
            self.run.take(lambda step: record_child_start_failed(step, initiated, NO_CHILD))

    def _answer_external_cancel(self, is_success: bool) -> None:
        initiated = self._initiated("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION")
        cause = None if is_success else NO_CANCEL
        if initiated is not None:
            self.run.take(lambda step: record_external_cancel(step, initiated, cause))

    def _answer_external_signal(self, is_success: bool) -> None:
        initiated = self._initiated("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
        cause = None if is_success else NO_SIGNAL
        if initiated is not None:
            self.run.take(lambda step: record_external_signal(step, initiated, cause))

    @rule()
    def close_child(self) -> None:
        initiated = self._initiated("START_CHILD_WORKFLOW_EXECUTION")
        if initiated is None:
            return
        given = initiated.start_child_workflow_execution_initiated_event_attributes
        child = ExecutionRecord(
            namespace_id=NamespaceId("ns"),
            workflow_id=WorkflowId(given.workflow_id),
            run_id=RunId("child"),
            first_run_id=RunId("child"),
            parent=ParentRecord(
                namespace_id=NamespaceId("ns"),
                namespace_name="namespace",
                workflow_id=WorkflowId("wf"),
                run_id=RunId("run"),
                initiated_event_id=EventId(initiated.event_id),
            ),
        )
        closing = build_event(WorkflowExecutionCompletedEventAttributes(), at=self.run.now)
        self.run.take(lambda step: record_child_closed(step, child, closing))


TestAnyOrder = pytest.mark.slow(AnyOrder.TestCase)
TestAnyOrder.settings = settings(stateful_step_count=50)
