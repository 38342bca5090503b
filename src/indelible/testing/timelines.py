"""A run's history as a page that a person reads beside a failed test.

Owns what is said of each event, one line each. Must not know why a run does not go on.
"""

import json
import string
from collections.abc import Mapping, Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.instants import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Duration,
    duration,
    elapsed,
    in_seconds,
    instant,
)

_VALUE_LENGTH_MAX: Final = 60
_CAUSES_MAX: Final = 3


def timeline(events: Sequence[HistoryEvent]) -> list[str]:
    """Return one line for each event: its id, how long after the start, what it is and of what."""
    if not events:
        return []
    start = instant(events[0].event_time)
    return [
        f"{event.event_id:>5}  {'+' + span_text(elapsed(start, instant(event.event_time))):>12}"
        f"  {event_name(event):<42}  {said_of(event)}".rstrip()
        for event in events
    ]


def event_name(event: HistoryEvent) -> str:
    """Return the event's type as the SDKs write it, such as `TimerStarted`."""
    words = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)


def span_text(span: Duration) -> str:
    """Return a span as a person says it, in its two largest units: `29d 23h`, `1.5s`."""
    if span < MINUTE:
        return f"{in_seconds(span):.3f}".rstrip("0").rstrip(".") + "s"
    parts: list[str] = []
    rest = int(span)
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        count, rest = divmod(rest, unit)
        if count or parts:
            parts.append(f"{count}{letter}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def failure_text(failure: Failure) -> str:
    """Return a failure and what caused it: `ActivityError: ... <- ApplicationError: ...`."""
    said: list[str] = []
    one = failure
    while len(said) < _CAUSES_MAX:
        kind = one.application_failure_info.type or (
            (one.WhichOneof("failure_info") or "").removesuffix("_failure_info")
        )
        said.append(f"{kind}: {one.message}" if kind else one.message)
        if not one.HasField("cause"):
            break
        one = one.cause
    return " <- ".join(said)


def values_text(payloads: Payloads) -> str:
    """Return payloads as a call's arguments; what cannot be read is named by its encoding."""
    return "(" + ", ".join(_value_text(payload) for payload in payloads.payloads) + ")"


def _value_text(payload: Payload) -> str:
    encoding = payload.metadata.get("encoding", b"").decode("ascii", "replace")
    if encoding == "binary/null":
        return "None"
    if encoding != "json/plain":
        return f"<{encoding or 'no encoding'}, {len(payload.data)} bytes>"
    try:
        text = json.dumps(json.loads(payload.data), ensure_ascii=False)
    except ValueError:
        text = payload.data.decode("utf-8", "replace")
    return text if len(text) <= _VALUE_LENGTH_MAX else text[: _VALUE_LENGTH_MAX - 1] + "…"


def said_of(event: HistoryEvent) -> str:
    """Return what there is to say of an event besides its type, in a few words."""
    name = event.WhichOneof("attributes") or ""
    template = _TEMPLATES.get(name.removesuffix("_event_attributes"), "")
    return _FORMATTER.format(template, getattr(event, name)) if template else ""


class _MessageFormatter(string.Formatter):
    """Knows how a person writes the messages that events are made of."""

    def format_field(self, value: object, format_spec: str) -> str:
        match value:
            case Payloads():
                return values_text(value)
            case Payload():
                return _value_text(value)
            case DurationMessage():
                return span_text(duration(value))
            case Failure():
                return failure_text(value)
            case _:
                return str(super().format_field(value, format_spec))


_FORMATTER: Final = _MessageFormatter()
_CHILD: Final = "{0.workflow_execution.workflow_id}"
_SCHEDULED: Final = "of event {0.scheduled_event_id}"
_TEMPLATES: Final[Mapping[str, str]] = {
    "workflow_execution_started": "{0.workflow_type.name} {0.input}",
    "workflow_execution_completed": "{0.result}",
    "workflow_execution_failed": "{0.failure}",
    "workflow_execution_continued_as_new": "{0.workflow_type.name} {0.input}",
    "workflow_execution_signaled": "{0.signal_name} {0.input}",
    "workflow_execution_update_accepted": "{0.accepted_request.input.name}"
    " ({0.protocol_instance_id})",
    "workflow_execution_terminated": "{0.reason}",
    "workflow_task_failed": "{0.failure}",
    "activity_task_scheduled": "{0.activity_type.name} {0.input}",
    "activity_task_started": f"{_SCHEDULED}, attempt {{0.attempt}}",
    "activity_task_completed": f"{_SCHEDULED} {{0.result}}",
    "activity_task_failed": f"{_SCHEDULED} {{0.failure}}",
    "activity_task_timed_out": f"{_SCHEDULED} {{0.failure}}",
    "timer_started": "{0.timer_id}, {0.start_to_fire_timeout}",
    "timer_fired": "{0.timer_id}",
    "timer_canceled": "{0.timer_id}",
    "marker_recorded": "{0.marker_name}",
    "start_child_workflow_execution_initiated": "{0.workflow_type.name} {0.workflow_id}",
    "child_workflow_execution_started": _CHILD,
    "child_workflow_execution_completed": f"{_CHILD} {{0.result}}",
    "child_workflow_execution_failed": f"{_CHILD} {{0.failure}}",
    "child_workflow_execution_canceled": _CHILD,
    "child_workflow_execution_timed_out": _CHILD,
    "child_workflow_execution_terminated": _CHILD,
    "signal_external_workflow_execution_initiated": f"{{0.signal_name}} to {_CHILD}",
    "nexus_operation_scheduled": "{0.service}/{0.operation}",
    "nexus_operation_completed": f"{_SCHEDULED} {{0.result}}",
    "nexus_operation_failed": f"{_SCHEDULED} {{0.failure}}",
}
"""By the name of an event's attributes; the others need no more than their type."""
