"""Histories: read whole, followed live, and the result at their end.

Owns the way along the pages, over continue-as-new, and what one event looks like to people.
"""

import json
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, HistoryEventFilterType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
)

from indelible.cli.output import Color, Output
from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import Json, ValueRefusedError, shown_instant
from indelible.cli.verbs.messages import execution, short_name, when
from indelible.cli.verbs.payloads import failure_text, shown_values
from indelible.testing.timelines import said_of
from indelible.wire.http.api.payload_shorthand import expanded

HEADINGS: Final = ("ID", "Time", "Type")
_ID_WIDTH: Final = 5
_TIME_WIDTH: Final = 20
_NAME_WIDTH: Final = 26
_STATUS: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "COMPLETED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "FAILED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "TIMEOUT",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "CANCELED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "TERMINATED",
}
_COLOR_OF_END: Final = (
    ("Failed", Color.RED),
    ("Terminated", Color.RED),
    ("TimedOut", Color.YELLOW),
    ("Canceled", Color.MAGENTA),
    ("ExecutionCompleted", Color.GREEN),
    ("ExecutionStarted", Color.BLUE),
)
_FAILED: Final = 1


# -------------------------------------------------------------------------------- the commands
async def show(session: Session) -> None:
    """Show a history."""
    options = session.options
    if options.reverse and options.follow:
        raise ValueRefusedError("--reverse and --follow exclude each other")
    wanted = execution(options)
    if not session.output.is_json:
        events = _backward(session, wanted) if options.reverse else _forward(session, wanted)
        close = await _print_events(session.output, events, is_detailed=options.detailed)
        session.output.say()
        if close is not None:
            print_text_result(session.output, close)
        return
    events = _backward(session, wanted) if options.reverse else _forward(session, wanted)
    history = History(events=[event async for event in events])
    # Replayers read this, and do not know short payloads.
    session.output.message(history, is_short=False)


async def result(session: Session) -> int:
    """Wait for a workflow's result. The exit code tells whether it completed."""
    wanted = execution(session.options)
    if not wanted.run_id:
        described = await session.workflows.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(namespace=session.namespace, execution=wanted)
        )
        wanted = described.workflow_execution_info.execution
    close = await close_event(session, wanted)
    document: dict[str, Json] = {
        "workflowId": wanted.workflow_id,
        "runId": wanted.run_id,
        "namespace": session.namespace,
    }
    return print_result(session, close, document)


def fix(options: Namespace, output: Output) -> None:
    """Rewrite a history file: enum names and payloads in the form of today."""
    try:
        raw: Json = json.loads(Path(options.source).read_text(encoding="utf-8"))
        long = expanded(raw, History.DESCRIPTOR, is_short=False)
        history = History()
        ParseDict(long, history, ignore_unknown_fields=True)  # pyright: ignore[reportArgumentType]
    except OSError as error:
        raise ValueRefusedError(f"cannot read {options.source}: {error.strerror}") from None
    except (ParseError, ValueError) as error:
        raise ValueRefusedError(f"{options.source} is no history: {error}") from None
    text = json.dumps(MessageToDict(history), ensure_ascii=False, indent=2) + "\n"
    if options.target:
        Path(options.target).write_text(text, encoding="utf-8")
    else:
        output.stream.write(text)


# -------------------------------------------------------------------------------- for others
async def follow(session: Session, wanted: WorkflowExecution, *, is_detailed: bool) -> HistoryEvent:
    """Print events as they come, over continue-as-new, and return the last one."""
    session.output.title("Progress:")
    events = _forward(session, wanted, is_followed=True)
    close = await _print_events(session.output, events, is_detailed=is_detailed)
    session.output.say()
    if close is None:
        raise CommandFailedError("the history has no end")
    return close


async def close_event(session: Session, wanted: WorkflowExecution) -> HistoryEvent:
    """Return the last event of a chain of runs, when it has come."""
    while True:
        events = run_events(session, wanted, is_waiting=True, is_close_only=True)
        close = [event async for event in events][-1]
        successor = close.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        if not successor:
            return close
        wanted = WorkflowExecution(workflow_id=wanted.workflow_id, run_id=successor)


async def close_event_of_run(session: Session, wanted: WorkflowExecution) -> HistoryEvent:
    """Return the last event of a run that has closed."""
    return [event async for event in run_events(session, wanted, is_close_only=True)][-1]


async def history_json(session: Session, wanted: WorkflowExecution) -> Json:
    """Return the JSON of a run's history, as replayers read it."""
    history = History(events=[event async for event in run_events(session, wanted)])
    return session.output.json_of(history, is_short=False)


def print_result(session: Session, close: HistoryEvent, document: dict[str, Json]) -> int:
    """Print how a workflow ended and return the exit code."""
    output = session.output
    is_completed = close.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
    if output.is_json:
        document["status"] = _STATUS.get(close.event_type, "<unknown>")
        document["closeEvent"] = output.json_of(close)
        if is_completed:
            document["result"] = result_json(output, close)
        output.document(document)
    else:
        print_text_result(output, close)
    return 0 if is_completed else _FAILED


def result_json(output: Output, close: HistoryEvent) -> Json:
    """Return the JSON of a completed workflow's result."""
    payloads = close.workflow_execution_completed_event_attributes.result
    if len(payloads.payloads) == 1:
        return output.json_of(payloads.payloads[0])
    return output.json_of(payloads) if payloads.payloads else None


def event_name(event: HistoryEvent) -> str:
    """Return the short name of an event's type."""
    return short_name(EventType, event.event_type)


def event_color(name: str) -> Color | None:
    """Return the colour that an event's type has."""
    return next((color for end, color in _COLOR_OF_END if name.endswith(end)), None)


# ----------------------------------------------------------------------------- along the pages
async def _forward(
    session: Session, wanted: WorkflowExecution, *, is_followed: bool | None = None
) -> AsyncIterator[HistoryEvent]:
    is_waiting = bool(session.options.follow if is_followed is None else is_followed)
    while True:
        successor = ""
        async for event in run_events(session, wanted, is_waiting=is_waiting):
            attributes = event.workflow_execution_continued_as_new_event_attributes
            successor = attributes.new_execution_run_id
            yield event
        # JSON is one run's history, since replayers read it; people want to see how it goes on.
        if not successor or session.output.is_json:
            return
        wanted = WorkflowExecution(workflow_id=wanted.workflow_id, run_id=successor)


async def run_events(
    session: Session,
    wanted: WorkflowExecution,
    *,
    is_waiting: bool = False,
    is_close_only: bool = False,
) -> AsyncIterator[HistoryEvent]:
    """Yield the events of a run, page after page; `is_waiting` goes on until it closes."""
    filters = HistoryEventFilterType
    request = GetWorkflowExecutionHistoryRequest(
        namespace=session.namespace,
        execution=wanted,
        wait_new_event=is_waiting,
        history_event_filter_type=(
            filters.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
            if is_close_only
            else filters.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT
        ),
    )
    while True:
        answer = await session.workflows.get_workflow_execution_history(request)
        for event in answer.history.events:
            yield event
        if not answer.next_page_token:
            return
        request.next_page_token = answer.next_page_token


async def _backward(session: Session, wanted: WorkflowExecution) -> AsyncIterator[HistoryEvent]:
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=session.namespace, execution=wanted
    )
    while True:
        answer = await session.workflows.get_workflow_execution_history_reverse(request)
        for event in answer.history.events:
            yield event
        if not answer.next_page_token:
            return
        request.next_page_token = answer.next_page_token


# -------------------------------------------------------------------------------- for people
async def _print_events(
    output: Output, events: AsyncIterator[HistoryEvent], *, is_detailed: bool
) -> HistoryEvent | None:
    close: HistoryEvent | None = None
    if not is_detailed:
        output.say(output.colored(_line(*HEADINGS), Color.MAGENTA))
    async for event in events:
        if event.event_type in _STATUS:
            close = event
        for line in _detailed(output, event) if is_detailed else _brief(output, event):
            output.say(line)
        output.flush()
    return close


def _brief(output: Output, event: HistoryEvent) -> Iterator[str]:
    name = event_name(event)
    padding = " " * (_NAME_WIDTH - len(name))
    before = len(_line("", "", f"{name}{padding}  ."))
    said = output.fitting(said_of(event), before)
    shown = f"{output.colored(name, event_color(name))}{padding}  {said}"
    yield _line(str(event.event_id), _time(output, event), shown)


def _detailed(output: Output, event: HistoryEvent) -> Iterator[str]:
    name = event_name(event)
    yield output.colored(f"[{event.event_id}] {name}  {_time(output, event)}", event_color(name))
    value = output.json_of(event)
    fields: dict[str, Json] = {}
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict) and key.endswith("Attributes"):
            fields.update(inner)
        elif key not in {"eventId", "eventType", "eventTime"}:
            fields[key] = inner
    flat = dict(_flat("", fields))
    width = max(map(len, flat), default=0)
    for key in sorted(flat):
        yield f"    {key:<{width}}  {flat[key]}"
    yield ""


def _flat(path: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(f"{path}[{place}]", inner)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _time(output: Output, event: HistoryEvent) -> str:
    time = when(event.event_time)
    # Relative times say nothing about the distance of two events.
    form = "raw" if output.time_format == "raw" else "iso"
    return shown_instant(time, form, output.now) if time else ""


def _line(event_id: str, time: str, name: str) -> str:
    return f"{event_id:>{_ID_WIDTH}}  {time:<{_TIME_WIDTH}}  {name}".rstrip()


def print_text_result(output: Output, close: HistoryEvent) -> None:
    """Print how a workflow ended, for people."""
    output.title("Results:")
    status = _STATUS.get(close.event_type, event_name(close))
    is_completed = status == "COMPLETED"
    failed = close.workflow_execution_failed_event_attributes
    terminated = close.workflow_execution_terminated_event_attributes
    output.card(
        {
            "Status": output.colored(status, Color.GREEN if is_completed else Color.RED),
            "Result": shown_values(close.workflow_execution_completed_event_attributes.result),
            "Failure": failure_text(failed.failure) if failed.HasField("failure") else "",
            "Reason": terminated.reason,
        }
    )
