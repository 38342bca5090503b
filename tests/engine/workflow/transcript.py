"""Transcripts: a run as a text that reads like the protocol.

A line that begins with a time (seconds since the start) is an input. Lines that begin with `*` are
the commands of the workflow task completed above them. Indented lines are what came of it (a line
that is indented twice goes on with the one before), and `check` compares them:

    7 ActivityTaskScheduled a ...   an event with its id
    ~ TimerFired t                  an event that is held back
    > main activity 5               a task put into a queue; `<` one taken out of it
    = attempt 1                     the answer
    ! NOT_FOUND: words              the refusal

Owns the language; what a run does is in `run`. Inputs and commands are listed in `INPUTS` and
`COMMANDS`.
"""

import shlex
from collections.abc import Callable, Iterator
from difflib import unified_diff
from textwrap import dedent
from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from msgspec import structs
from temporalio.api.command.v1 import (
    CancelTimerCommandAttributes,
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ModifyWorkflowPropertiesCommandAttributes,
    RecordMarkerCommandAttributes,
    RequestCancelActivityTaskCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
    StartTimerCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Memo,
    Payload,
    Payloads,
    Priority,
    RetryPolicy,
    SearchAttributes,
)
from temporalio.api.enums.v1 import CommandType, EventType, RetryState, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.failures import TIMEOUT_TYPE_NAMES
from indelible.base.ids import RunId, WorkflowId
from indelible.base.instants import SECOND, duration, duration_message, instant, seconds
from indelible.base.limits import Limits
from indelible.base.task_token import ActivityById
from indelible.engine.workflow.commands.outcome import TerminalRefusal
from indelible.engine.workflow.history_events import attributes_of
from indelible.engine.workflow.requests.record_activity_heartbeat import (
    record_activity_heartbeat,
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
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch, DispatchTask
from tests.engine.workflow.run import START, WORKER, Run, at_second

Arguments = dict[str, str]


def check(transcript: str, limits: Limits | None = None) -> Run:
    """Play the inputs of a transcript; what comes of them must be what it says."""
    expected = _unwrapped(transcript)
    script = Script(limits)
    written = list(script.lines([line for line in expected if not line.startswith(" ")]))
    if written != expected:
        pytest.fail("\n".join(unified_diff(expected, written, "expected", "what came", n=99)))
    return script.run


def played(inputs: str) -> Run:
    """Play inputs whose outcome is looked at in another way."""
    script = Script()
    for _ in script.lines(_unwrapped(inputs)):
        pass
    return script.run


def _unwrapped(transcript: str) -> list[str]:
    """Return the lines of a transcript; one that is indented twice goes on with the one before."""
    lines: list[str] = []
    for line in dedent(transcript).splitlines():
        if line.startswith("    "):
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line)
    return lines


class Script:
    """Plays the inputs of one transcript."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.run = Run(limits)
        self._started: dict[str, ActivityRecord] = {}
        """The last started attempt of each activity, as its worker knows it."""

    def lines(self, inputs: list[str]) -> Iterator[str]:
        """Play inputs; yield them with what came of each."""
        while inputs:
            line = inputs.pop(0)
            commands: list[str] = []
            while inputs and inputs[0].startswith("*"):
                commands.append(inputs.pop(0))
            yield from (line, *commands)
            yield from (f"  {output}" for output in self.play(line, *commands))

    def play(self, line: str, *command_lines: str) -> list[str]:
        """Play one input and return what came of it."""
        second, verb, *words = shlex.split(line)
        self.run.now = at_second(float(second))
        self.run.last_step = None
        held_back = dict(self.run.state.buffered_events)
        commands = [_command(text) for text in command_lines]
        try:
            answer = INPUTS[verb](self, _arguments(words), commands)
        except ServiceError as error:
            return [f"! {StatusCode(error.code).name}: {error.message}"]
        outputs = self._outputs(held_back)
        return outputs + ([answer] if answer else [])

    def _outputs(self, held_back: dict[int, Any]) -> list[str]:
        step = self.run.last_step
        if step is None:
            return []
        outputs = [_event_line(event) for event in step.events]
        for sequence, record in self.run.state.buffered_events.items():
            if sequence not in held_back:
                outputs.append(_event_line(HistoryEvent.FromString(record.event)))
        outputs += [f"> {_task_text(task)}" for task in step.dispatches]
        outputs += [f"< {ref.queue_name} {self._kind(ref.task_id)}" for ref in step.released]
        return outputs

    def _kind(self, task_id: int) -> str:
        task = next(task for task in self.run.dispatched if task.task_id == task_id)
        return _task_text(task).split(" ", 1)[1]

    # -- inputs ------------------------------------------------------------------------------------

    def begin(self, given: Arguments, commands: list[Command]) -> None:
        """Start and work, as every run begins; not worth showing each time."""
        self.start(given, commands)
        self.run.start_task()
        self.run.last_step = None

    def start(self, given: Arguments, _commands: list[Command]) -> None:
        self.run.start(seconds(float(given.get("run", "0"))))

    def work(self, _given: Arguments, _commands: list[Command]) -> None:
        self.run.start_task()

    def complete(self, _given: Arguments, commands: list[Command]) -> str | None:
        refusal = self.run.complete_task(commands)
        if refusal is not None:
            end = " and terminate" if isinstance(refusal, TerminalRefusal) else ""
            return f"! {_cause_name(refusal.cause)}{end}: {refusal.message}"
        for record in self.run.eager:
            self._started[record.activity_id] = record
        eager = " ".join(record.activity_id for record in self.run.eager)
        return f"= eager {eager}" if eager else None

    def abandon(self, _given: Arguments, _commands: list[Command]) -> None:
        self.run.fail_task()

    def poll(self, given: Arguments, _commands: list[Command]) -> str:
        tasks = [
            task
            for task in self.run.dispatched
            if isinstance(task, ActivityTaskDispatch)
            and self._activity_id(task.scheduled_event_id) == given["0"]
        ]
        task = tasks[int(given.get("task", "0")) - 1]
        record = self.run.poll(task, given.get("request", f"poll {len(self.run.history)}"))
        if record is None:
            return "= obsolete"
        self._started[record.activity_id] = record
        details = _payloads_text(Payloads.FromString(record.heartbeat_details))
        return f"= attempt {record.attempt}" + (f" after {details}" if details else "")

    def _activity_id(self, scheduled_event_id: int) -> str:
        event = self.run.history[scheduled_event_id - 1]
        return event.activity_task_scheduled_event_attributes.activity_id

    def result(self, given: Arguments, _commands: list[Command]) -> None:
        request = RespondActivityTaskCompletedRequest(
            result=_payloads(given["1"]) if "1" in given else None, identity=WORKER
        )
        self.run.take(
            lambda step: respond_activity_task_completed(step, request, self._target(given))
        )

    def fail(self, given: Arguments, _commands: list[Command]) -> str | None:
        info = ApplicationFailureInfo(
            type=given.get("type", ""), non_retryable="non-retryable" in given.values()
        )
        if "delay" in given:
            info.next_retry_delay.CopyFrom(duration_message(seconds(float(given["delay"]))))
        request = RespondActivityTaskFailedRequest(
            failure=Failure(message=given["1"], application_failure_info=info), identity=WORKER
        )
        if "details" in given:
            request.last_heartbeat_details.CopyFrom(_payloads(given["details"]))
        self.run.take(lambda step: respond_activity_task_failed(step, request, self._target(given)))
        record = self.run.state.activities.get(self._started[given["0"]].scheduled_event_id)
        if record is None:
            return None
        return f"= attempt {record.attempt} at {(record.scheduled_at - START) / SECOND:g}"

    def canceled(self, given: Arguments, _commands: list[Command]) -> None:
        request = RespondActivityTaskCanceledRequest(
            details=_payloads(given["1"]) if "1" in given else None, identity=WORKER
        )
        self.run.take(
            lambda step: respond_activity_task_canceled(step, request, self._target(given))
        )

    def beat(self, given: Arguments, _commands: list[Command]) -> str | None:
        request = RecordActivityTaskHeartbeatRequest(
            details=_payloads(given["1"]) if "1" in given else None
        )
        reply = self.run.take(
            lambda step: record_activity_heartbeat(step, request, self._target(given))
        )
        return "= cancel requested" if reply.cancel_requested else None

    def _target(self, given: Arguments) -> ActivityTarget:
        activity_id = given["0"]
        if "by-id" in given.values():
            return ActivityById(WorkflowId("wf"), RunId(""), activity_id)
        token = self.run.token(self._started[activity_id])
        return structs.replace(token, attempt=int(given.get("attempt", token.attempt)))

    def fire(self, _given: Arguments, _commands: list[Command]) -> str | None:
        return None if self.run.fire() else "= nothing is due"

    def signal(self, given: Arguments, _commands: list[Command]) -> None:
        self.run.signal(given["0"])

    def cancel(self, _given: Arguments, _commands: list[Command]) -> None:
        self.run.request_cancel()

    def terminate(self, _given: Arguments, _commands: list[Command]) -> None:
        self.run.terminate()

    def wake(self, _given: Arguments, _commands: list[Command]) -> str:
        deadline = self.run.timers.earliest(self.run.state)
        if deadline is None:
            return "= never"
        return f"= {deadline.kind.name} {deadline.subject} at {(deadline.at - START) / SECOND:g}"


INPUTS: Final[dict[str, Callable[[Script, Arguments, list[Command]], str | None]]] = {
    "begin": Script.begin,
    "start": Script.start,
    "work": Script.work,
    "complete": Script.complete,
    "abandon": Script.abandon,
    "poll": Script.poll,
    "result": Script.result,
    "fail": Script.fail,
    "canceled": Script.canceled,
    "beat": Script.beat,
    "fire": Script.fire,
    "signal": Script.signal,
    "cancel": Script.cancel,
    "terminate": Script.terminate,
    "wake": Script.wake,
}


# -- commands ------------------------------------------------------------------------------------


def _arguments(words: list[str]) -> Arguments:
    """`a b key=value` -> {"0": "a", "1": "b", "key": "value"}."""
    named = [word.split("=", 1) for word in words if "=" in word]
    plain = [word for word in words if "=" not in word]
    return {key: value for key, value in named} | {  # noqa: C416
        str(index): word for index, word in enumerate(plain)
    }


def _command(text: str) -> Command:
    verb, *words = shlex.split(text.removeprefix("*"))
    return COMMANDS[verb](_arguments(words))


def _timeout(given: Arguments, name: str) -> DurationMessage | None:
    return duration_message(seconds(float(given[name]))) if name in given else None


def schedule_command(given: Arguments) -> Command:
    attributes = ScheduleActivityTaskCommandAttributes(
        activity_id=given.get("0", ""),
        activity_type=ActivityType(name=given.get("type", "Work")),
        task_queue=TaskQueue(name=given.get("queue", "main")),
        input=_payloads(given["input"]) if "input" in given else None,
        schedule_to_close_timeout=_timeout(given, "s2c"),
        schedule_to_start_timeout=_timeout(given, "s2s"),
        start_to_close_timeout=_timeout(given, "stc"),
        heartbeat_timeout=_timeout(given, "hb"),
        request_eager_execution="eager" in given.values(),
        priority=Priority(priority_key=int(given["priority"])) if "priority" in given else None,
    )
    policy = RetryPolicy(
        initial_interval=_timeout(given, "initial"),
        maximum_interval=_timeout(given, "maximum"),
        maximum_attempts=int(given.get("attempts", "0")),
        backoff_coefficient=float(given.get("coefficient", "0")),
        non_retryable_error_types=given["except"].split(",") if "except" in given else [],
    )
    if policy.ByteSize():
        attributes.retry_policy.CopyFrom(policy)
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=attributes,
    )


def cancel_activity_command(given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
        request_cancel_activity_task_command_attributes=(
            RequestCancelActivityTaskCommandAttributes(scheduled_event_id=int(given["0"]))
        ),
    )


def timer_command(given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id=given["0"], start_to_fire_timeout=duration_message(seconds(float(given["1"])))
        ),
    )


def cancel_timer_command(given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER,
        cancel_timer_command_attributes=CancelTimerCommandAttributes(timer_id=given["0"]),
    )


def marker_command(given: Arguments) -> Command:
    details = {name: _payloads(value) for name, value in given.items() if not name.isdigit()}
    return Command(
        command_type=CommandType.COMMAND_TYPE_RECORD_MARKER,
        record_marker_command_attributes=RecordMarkerCommandAttributes(
            marker_name=given.get("0", ""), details=details
        ),
    )


def upsert_command(given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        upsert_workflow_search_attributes_command_attributes=(
            UpsertWorkflowSearchAttributesCommandAttributes(
                search_attributes=SearchAttributes(indexed_fields=_fields(given))
            )
        ),
    )


def memo_command(given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
        modify_workflow_properties_command_attributes=ModifyWorkflowPropertiesCommandAttributes(
            upserted_memo=Memo(fields=_fields(given))
        ),
    )


def close_command(_given: Arguments) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
    )


def _fields(given: Arguments) -> dict[str, Payload]:
    return {name: payload(value) for name, value in given.items()}


def payload(text: str) -> Payload:
    """Return a JSON payload of a plain text."""
    return Payload(metadata={"encoding": b"json/plain"}, data=text.encode())


def _payloads(text: str) -> Payloads:
    return Payloads(payloads=[payload(text)])


COMMANDS: Final[dict[str, Callable[[Arguments], Command]]] = {
    "schedule": schedule_command,
    "cancel-activity": cancel_activity_command,
    "timer": timer_command,
    "close": close_command,
    "cancel-timer": cancel_timer_command,
    "marker": marker_command,
    "search-attributes": upsert_command,
    "memo": memo_command,
}


# -- outputs -------------------------------------------------------------------------------------

SHOWN: Final[dict[str, str]] = {
    "WorkflowTaskFailed": "cause failure",
    "ActivityTaskScheduled": (
        "activity_id schedule_to_close_timeout:s2c schedule_to_start_timeout:s2s "
        "start_to_close_timeout:stc heartbeat_timeout:hb"
    ),
    "ActivityTaskStarted": "scheduled_event_id:of attempt last_failure:after",
    "ActivityTaskCompleted": "scheduled_event_id:of started_event_id:started result",
    "ActivityTaskFailed": "scheduled_event_id:of started_event_id:started retry_state failure",
    "ActivityTaskTimedOut": "scheduled_event_id:of started_event_id:started retry_state failure",
    "ActivityTaskCancelRequested": "scheduled_event_id:of",
    "ActivityTaskCanceled": (
        "scheduled_event_id:of started_event_id:started latest_cancel_requested_event_id:requested "
        "details"
    ),
    "TimerStarted": "timer_id start_to_fire_timeout:for",
    "TimerFired": "timer_id started_event_id:started",
    "TimerCanceled": "timer_id started_event_id:started",
    "MarkerRecorded": "marker_name",
    "WorkflowExecutionSignaled": "signal_name",
}
"""Which attributes of an event are worth showing, and under which name."""


def _event_line(event: HistoryEvent) -> str:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")
    parts = [str(event.event_id or "~"), name, *_attribute_texts(name, event)]
    if name == "ActivityTaskStarted":
        parts.append(f"at={(instant(event.event_time) - START) / SECOND:g}")
    return " ".join(parts)


def _attribute_texts(name: str, event: HistoryEvent) -> Iterator[str]:
    attributes = attributes_of(event)
    for shown in SHOWN.get(name, "").split():
        field, _, label = shown.partition(":")
        text = _text(field, getattr(attributes, field))
        if text:
            is_name = field.endswith("_id") and not field.endswith("_event_id")
            yield text if is_name or field.endswith("_name") else f"{label or field}={text}"


def _text(field: str, value: Any) -> str:
    if isinstance(value, DurationMessage):
        return f"{duration(value) / SECOND:g}"
    if isinstance(value, Failure):
        return _failure_text(value)
    if isinstance(value, Payloads):
        return _payloads_text(value)
    if field == "retry_state":
        return RetryState.Name(value).removeprefix("RETRY_STATE_")
    if field == "cause":
        return _cause_name(value)
    return str(value) if value else ""


def _cause_name(cause: int) -> str:
    name = WorkflowTaskFailedCause.DESCRIPTOR.values_by_number[cause].name
    return name.removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")


def _failure_text(failure: Failure) -> str:
    """`Type: message [heartbeat details] <- cause`."""
    if not failure.ByteSize():
        return ""
    match failure.WhichOneof("failure_info"):
        case "timeout_failure_info":
            info = failure.timeout_failure_info
            kind = TIMEOUT_TYPE_NAMES[info.timeout_type]
            details = _payloads_text(info.last_heartbeat_details)
        case "application_failure_info":
            kind, details = failure.application_failure_info.type or "Application", ""
        case "server_failure_info":
            kind, details = "Server", ""
        case other:
            kind, details = str(other), ""
    text = f"({kind}: {failure.message}" + (f" [{details}]" if details else "")
    cause = _failure_text(failure.cause) if failure.HasField("cause") else ""
    return text + (f" <- {cause})" if cause else ")")


def _payloads_text(payloads: Payloads) -> str:
    return ",".join(one.data.decode() for one in payloads.payloads)


def _task_text(task: DispatchTask) -> str:
    kind = "activity" if isinstance(task, ActivityTaskDispatch) else "workflow"
    priority = f" priority={task.priority}" if task.priority else ""
    return f"{task.queue_name} {kind} {task.scheduled_event_id}{priority}"
