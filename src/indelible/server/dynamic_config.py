"""Dynamic configuration: named values that may differ per namespace.

Owns the keys, under the reference service's names, and what they mean here. The values come from
the command line today. A watched file will bring the same `ConstrainedValue`s; whoever asks must
therefore ask again each time and keep nothing.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND, Duration, seconds
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.server.refusal import StartRefusedError

Value = bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"] | None
"""What JSON (and YAML) can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstrainedValue:
    """A value and where it applies; the more precise one wins."""

    value: Value
    namespace: str | None = None
    """The name of the only namespace that it is for; None for all."""


class UnfitValueError(Exception):
    """A value is not of the kind that its key takes."""


def _whole_number(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnfitValueError("a whole number, not below zero")
    return value


_UNITS: Final[Mapping[str, float]] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": MILLISECOND / SECOND,
    "s": 1,
    "m": MINUTE / SECOND,
    "h": HOUR / SECOND,
    "d": 24 * HOUR / SECOND,
    "": 1,
}
_SPAN: Final = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h|d|$)")


def _span(value: Value) -> Duration:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return seconds(value)
    parts = _SPAN.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise UnfitValueError('a duration such as "10s" or "1h30m", or a number of seconds')
    return seconds(sum(float(number) * _UNITS[unit] for number, unit in parts))


Parse = Callable[[Value], int]


class LimitKey(NamedTuple):
    """A key that sets a field of `Limits`."""

    name: str
    field: str
    parse: Parse


LIMIT_KEYS: Final = (
    LimitKey("limit.blobSize.error", "blob_bytes_max", _whole_number),
    LimitKey("limit.memoSize.error", "memo_bytes_max", _whole_number),
    LimitKey("limit.historyCount.error", "history_events_max", _whole_number),
    LimitKey("limit.historySize.error", "history_bytes_max", _whole_number),
    LimitKey("limit.historyCount.suggestContinueAsNew", "history_events_suggest", _whole_number),
    LimitKey("limit.historySize.suggestContinueAsNew", "history_bytes_suggest", _whole_number),
    LimitKey("limit.numPendingActivities.error", "pending_activities_max", _whole_number),
    LimitKey("limit.numPendingChildExecutions.error", "pending_children_max", _whole_number),
    LimitKey("limit.numPendingSignals.error", "pending_signals_max", _whole_number),
    LimitKey("limit.numPendingCancelRequests.error", "pending_cancels_max", _whole_number),
    LimitKey("history.maximumSignalsPerExecution", "signals_per_execution_max", _whole_number),
    LimitKey("history.maximumBufferedEventsBatch", "buffered_events_max", _whole_number),
    LimitKey("history.maximumBufferedEventsSizeInBytes", "buffered_bytes_max", _whole_number),
    LimitKey("history.MaxBufferedQueryCount", "buffered_queries_max", _whole_number),
    LimitKey("history.maxInFlightUpdates", "updates_in_flight_max", _whole_number),
    LimitKey("history.maxInFlightUpdatePayloads", "updates_in_flight_bytes_max", _whole_number),
    LimitKey("history.maxTotalUpdates", "updates_per_execution_max", _whole_number),
    LimitKey(
        "frontend.searchAttributesNumberOfKeysLimit", "search_attribute_keys_max", _whole_number
    ),
    LimitKey(
        "frontend.searchAttributesSizeOfValueLimit",
        "search_attribute_value_bytes_max",
        _whole_number,
    ),
    LimitKey(
        "frontend.searchAttributesTotalSizeLimit", "search_attributes_bytes_max", _whole_number
    ),
    LimitKey("history.defaultWorkflowTaskTimeout", "workflow_task_timeout_default", _span),
    LimitKey("history.workflowTaskHeartbeatTimeout", "workflow_task_heartbeat_timeout", _span),
    LimitKey("history.workflowTaskRetryMaxInterval", "workflow_task_retry_backoff_max", _span),
    LimitKey("system.namespaceMinRetentionLocal", "retention_min", _span),
)

_LIMIT_KEYS_FOLDED: Final = {key.name.casefold(): key for key in LIMIT_KEYS}


class DynamicConfig:
    """The values that are set, and the limits that follow from them."""

    def __init__(self, values: Mapping[str, Sequence[ConstrainedValue]] | None = None) -> None:
        """Take values by key; keys are compared without regard to case.

        Raises `StartRefusedError` if a known key has a value that does not fit it.
        """
        self._limits: dict[str | None, Limits] = {None: DEFAULT_LIMITS}
        self._unknown_keys: list[str] = []
        limits: dict[str | None, dict[str, int]] = {None: {}}
        for key, constrained in (values or {}).items():
            known = _LIMIT_KEYS_FOLDED.get(key.casefold())
            if known is None:
                self._unknown_keys.append(key)
                continue
            for entry in constrained:
                fields = limits.setdefault(entry.namespace, {})
                fields[known.field] = _parsed(known, entry.value)
        for namespace, fields in limits.items():
            # What holds for all namespaces holds for each, unless its own value says otherwise.
            self._limits[namespace] = replace(DEFAULT_LIMITS, **{**limits[None], **fields})

    @property
    def unknown_keys(self) -> Sequence[str]:
        """Keys that mean nothing here; many of the reference's are about parts we do not have."""
        return self._unknown_keys

    def limits(self, namespace: str) -> Limits:
        """Return the limits of a namespace, by its name."""
        return self._limits.get(namespace) or self._limits[None]


def parse_assignments(words: Iterable[str]) -> Mapping[str, Sequence[ConstrainedValue]]:
    """Return the values of `KEY=JSON` words; the last word for a key wins.

    Raises `StartRefusedError` for a word of another form.
    """
    values: dict[str, Sequence[ConstrainedValue]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not key or not equals:
            raise StartRefusedError(
                f'a dynamic configuration value has the form KEY=JSON, not "{word}"'
            )
        try:
            value: Value = json.loads(text)
        except ValueError as error:
            raise StartRefusedError(
                f"the dynamic configuration value {key} is not JSON: {text} (a string needs"
                f" its quotes: {key}='\"{text}\"')"
            ) from error
        values[key] = [ConstrainedValue(value=value)]
    return values


def _parsed(key: LimitKey, value: Value) -> int:
    try:
        return key.parse(value)
    except UnfitValueError as error:
        raise StartRefusedError(
            f"the dynamic configuration value {key.name} must be {error}, not {value!r}"
        ) from error
