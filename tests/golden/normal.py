"""The normal form of histories: what must be equal, and nothing that chance decides.

Owns what is left out, each with its reason, and the symbols that stand for ids. A new field of the
API is compared by itself: the list below says what is not. Must not know who wrote a history.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue

from tests.golden.enum_names import enum_name

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_LEFT_OUT: Final = frozenset(
    {
        # Who wrote a history and when; counted, not meant.
        *("task_id", "version", "event_time", "history_size_bytes", "identity"),
        # What the worker's build says of itself, and where its code lay.
        *("sdk_metadata", "metering_metadata", "worker_version", "binary_checksum"),
        *("stack_trace", "encoded_attributes"),
        # Bytes that only the server which wrote them can read.
        "task_token",
    }
)
_ROUNDED: Final = frozenset(
    {"first_workflow_task_backoff", "backoff_start_interval", "initial_skipped_duration"}
)
"""Spans that shrink by the time that was spent before."""
_TOKENS: Final = frozenset({"temporal-callback-token"})
"""Keys of texts that only the server which wrote them can read."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(slots=True)
class Names:
    """Symbols for what is drawn anew in every recording."""

    label: str
    """The prefix of everything that the scenario named itself."""
    _symbols: dict[str, str] = field(default_factory=dict[str, str])

    def text(self, text: str) -> str:
        """Return a text with symbols in place of ids."""
        return _UUID.sub(lambda found: self._symbol(found.group()), text.replace(self.label, "~"))

    def _symbol(self, uuid: str) -> str:
        return self._symbols.setdefault(uuid, f"<{len(self._symbols) + 1}>")


def normal_history(events: Iterable[HistoryEvent], names: Names) -> list[Json]:
    """Return a history as data: one entry per event, its type first."""
    return [_event(event, names) for event in events]


def _event(event: HistoryEvent, names: Names) -> Json:
    attributes = str(event.WhichOneof("attributes"))
    around = {
        name: value
        for name, value in _fields(event, names).items()
        if name not in {attributes, "event_type"}
    }
    body = _message(getattr(event, attributes), names)
    kind = enum_name(HistoryEvent.DESCRIPTOR.fields_by_name["event_type"], event.event_type)
    return {"type": kind, **around, "attributes": body}


def _message(message: Message, names: Names) -> Json:
    match message:
        case Timestamp():
            return "<time>"
        case Duration():
            return message.ToTimedelta().total_seconds()
        case Payload():
            return _payload(message, names)
        case TaskQueue(kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY):
            normal = names.text(message.normal_name)
            return {"name": "<sticky>", "kind": "STICKY", "normal_name": normal}
        case _:
            return dict(_fields(message, names))


def _payload(payload: Payload, names: Names) -> Json:
    text = names.text(payload.data.decode(errors="replace"))
    if payload.metadata.get("encoding") != b"json/plain":
        return text
    try:
        decoded: Json = json.loads(text)
    except ValueError:
        return text
    return _without_times(decoded)


def _without_times(decoded: Json) -> Json:
    """Markers of local activities carry instants in the JSON form of their message."""
    if isinstance(decoded, dict):
        if set(decoded) == {"seconds", "nanos"}:
            return "<time>"
        return {key: _without_times(value) for key, value in decoded.items()}
    return decoded


def _fields(message: Message, names: Names) -> Mapping[str, Json]:
    found: dict[str, Json] = {}
    for described, value in message.ListFields():
        if described.name in _LEFT_OUT:
            continue
        if described.message_type is not None and described.message_type.GetOptions().map_entry:
            found[described.name] = {
                names.text(str(key)): "<token>" if key in _TOKENS else _value(value[key], names)
                for key in sorted(value)
            }
        elif described.name == "request_id":
            # Who asked is not meant; whether the scenario itself did is.
            found[described.name] = names.text(value) if names.label in value else "<request>"
        elif described.name in _ROUNDED:
            span = value.ToTimedelta().total_seconds()
            found[described.name] = "<= 1" if span <= 1 else math.ceil(span)
        elif described.enum_type is not None:
            numbers: Sequence[int] = value if described.is_repeated else [value]
            spoken: list[Json] = [enum_name(described, number) for number in numbers]
            found[described.name] = spoken if described.is_repeated else spoken[0]
        elif described.is_repeated:
            found[described.name] = [_value(one, names) for one in value]
        else:
            found[described.name] = _value(value, names)
    return found


def _value(value: object, names: Names) -> Json:
    if isinstance(value, Message):
        return _message(value, names)
    if isinstance(value, bytes):
        return "<bytes>"
    if isinstance(value, str):
        return names.text(value)
    if isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"no normal form for {value!r}")
