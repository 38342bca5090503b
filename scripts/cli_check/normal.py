"""The normal form of what the command line says: what must be equal, nothing that chance decides.

Owns what stands in for ids, times and sizes. A field that is left out by its value still has to be
there, with a value of the same kind.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_STICKY: Final = re.compile(r"\b[0-9a-f]{32}\b")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_AGE: Final = re.compile(r"\b\d+ (second|minute)s? (ago|from now)|\bnow\b")
_SPAN: Final = re.compile(r"\b(\d+m)?\d+(\.\d+)?(ms|µs|s)\b")
_PORT: Final = re.compile(r"127\.0\.0\.1:\d+")
_RENAMED: Final = re.compile(r"-deleted-[0-9a-f]{5}")
_CARET: Final = re.compile(r"\nat column \d+ of the query:\n.*", re.DOTALL)
"""What ours adds to the words of the reference: it points into the text of the query."""
_SIZES: Final = re.compile(r"^(HistorySize) .*")
"""Lines of a text that say what servers count."""
_ORDERED_BY_CHANCE: Final = frozenset({"coreUsedFlags", "langUsedFlags"})
"""Sets of the SDK, which writes them as they come."""
_UNORDERED: Final = frozenset({"groups", "pollers", "stats", "versionSummaries", "points"})
"""Lists whose order nobody promises."""
_STACKS: Final = "Stack for <"
_SCALARS_BY_CHANCE: Final = frozenset(
    {
        # Counted by a server, not meant for anybody else.
        *("taskId", "historySizeBytes", "stateTransitionCount", "stateSizeBytes"),
        # Spans and rates that the clock makes.
        *("executionDuration", "backlogAge", "approximateBacklogAge", "approximate_backlog_age"),
        *("tasksAddRate", "tasksDispatchRate", "currentRetryInterval", "ratePerSecond"),
        *("backlogIncreaseRate", "durationMillis", "firstWorkflowTaskBackoff", "seconds", "nanos"),
        # Bytes that only the server which wrote them can read.
        *("taskToken", "token", "conflictToken", "longPollToken"),
        # The machine and what the worker has done before, not the server.
        *("processId", "currentHostCpuUsage", "currentHostMemUsage", "elapsedSinceLastHeartbeat"),
        *("totalProcessedTasks", "totalFailedTasks", "lastIntervalProcessedTasks"),
        *("lastIntervalFailureTasks", "totalStickyCacheHit", "totalStickyCacheMiss"),
        *("currentStickyCacheSize", "currentAvailableSlots", "currentUsedSlots"),
    }
)


def parsed(output: str) -> Json:
    """Return the JSON of an output: its only value, or a list if there are several.

    Raises ValueError if it is something else.
    """
    decoder = json.JSONDecoder()
    values: list[Json] = []
    rest = output.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        values.append(value)
        rest = rest[end:].lstrip()
    return values[0] if len(values) == 1 else values


def normal(value: Json, known: Mapping[str, str]) -> Json:
    """Return the value with symbols where chance decided. `known` names the ids that have names."""
    match value:
        case dict():
            return {
                normal_text(key, known): _field(key, inner, known) for key, inner in value.items()
            }
        case list():
            return [normal(inner, known) for inner in value]
        case str():
            return normal_text(value, known)
        case _:
            return value


def in_order(value: Json) -> Json:
    """Return a list in an order that depends on nothing but its elements."""
    return sorted(value, key=json.dumps) if isinstance(value, list) else value


def normal_text(text: str, known: Mapping[str, str]) -> str:
    """Return a text with symbols in place of ids, times and addresses."""
    for one, name in known.items():
        text = text.replace(one, f"<{name}>")
    if text.lstrip().startswith(_STACKS):
        text = "\n\n".join(sorted(text.strip().split("\n\n")))
    text = _CARET.sub("", _RENAMED.sub("-deleted-<number>", text))
    text = _STICKY.sub("<number>", _UUID.sub("<id>", text))
    text = _TIME.sub("<time>", text)
    return _PORT.sub("<address>", text)


def normal_lines(output: str, known: Mapping[str, str]) -> list[Json]:
    """Return the lines of a text without what its time and layout are."""
    lines: list[Json] = []
    for line in normal_text(output, known).splitlines():
        bare = _SPAN.sub("<span>", _AGE.sub("<age>", line))
        words = bare.split()
        if words:
            lines.append(_SIZES.sub(r"\1 <number>", " ".join(words)))
    return lines


def at_path(value: Json, path: str) -> str:
    """Return the text at a dotted path. Raises LookupError when nothing is there."""
    for part in path.split("."):
        match value:
            case dict():
                value = value[part]
            case list():
                value = value[int(part)]
            case _:
                raise LookupError(path)
    return str(value)


def _field(key: str, value: Json, known: Mapping[str, str]) -> Json:
    if key in _ORDERED_BY_CHANCE and isinstance(value, list):
        return sorted(value, key=str)
    if key in _UNORDERED and isinstance(value, list):
        return in_order(normal(value, known))
    if key not in _SCALARS_BY_CHANCE or value is None or isinstance(value, (dict, list)):
        return normal(value, known)
    return "<text by chance>" if isinstance(value, str) else "<number by chance>"
