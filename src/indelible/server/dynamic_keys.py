"""The one table of dynamic configuration keys, under the reference service's names.

Owns what each key sets, which values it takes and how closely it may be constrained. A default is
that of the field in `base.limits`. `docs/reference/dynamic-config.md` is made from this table.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, Generic, NamedTuple, TypeVar

from indelible.base.callback_addresses import AddressRule, AddressRules
from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND, Duration, seconds

Value = bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"] | None
"""What JSON (and YAML) can say."""


class UnfitValueError(Exception):
    """A value is not of the kind that its key takes; the message says what would be."""


class Scope(Enum):
    """How closely a key may be constrained."""

    NODE = "the server"
    NAMESPACE = "namespace"
    TASK_QUEUE = "task queue"


T = TypeVar("T", int, float, AddressRules)
Setting = int | float | AddressRules
"""What a field of `Limits` holds."""


class Kind(NamedTuple, Generic[T]):
    """A kind of values."""

    name: str
    parse: Callable[[Value], T]
    """Raises `UnfitValueError`."""
    show: Callable[[T], str]
    """Returns a value as an operator would write it."""


class Key(NamedTuple):
    """A key that sets a field of `Limits`."""

    name: str
    field: str
    kind: Kind[int] | Kind[float] | Kind[AddressRules]
    about: str
    scope: Scope = Scope.NAMESPACE


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
_SHOWN_UNITS: Final = (("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND))


def _whole_number(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnfitValueError("a whole number, not below zero")
    return value


def _number(value: Value) -> float:
    # NaN is not above zero either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise UnfitValueError("a number, not below zero")
    return value


def _span(value: Value) -> Duration:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return seconds(value)
    parts = _SPAN.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise UnfitValueError('a duration such as "10s" or "1h30m", or a number of seconds')
    return seconds(sum(float(number) * _UNITS[unit] for number, unit in parts))


def _switch(value: Value) -> int:
    if not isinstance(value, bool):
        raise UnfitValueError("true or false")
    return value


def _show_switch(value: float) -> str:
    return "true" if value else "false"


def _show_number(value: float) -> str:
    return f"{value:g}"


def _show_span(value: float) -> str:
    unit, size = next(
        (unit, size) for unit, size in _SHOWN_UNITS if value % size == 0 or size == MILLISECOND
    )
    return f"{value / size:g}{unit}"


def _addresses(value: Value) -> AddressRules:
    # The reference ignores an entry that it cannot read. Whoever allows something wants to know.
    rules = [_address(one) for one in value] if isinstance(value, list) else [None]
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        raise UnfitValueError(
            'a list of entries such as {"Pattern": "*.example.com:443", "AllowInsecure": false}'
        )
    return tuple(known)


def _address(entry: Value) -> AddressRule | None:
    if not isinstance(entry, Mapping):
        return None
    given = {name.casefold(): value for name, value in entry.items()}
    pattern, is_insecure = given.pop("pattern", None), given.pop("allowinsecure", False)
    if not isinstance(pattern, str) or not pattern or not isinstance(is_insecure, bool) or given:
        return None
    return AddressRule(pattern, is_insecure)


def _show_addresses(rules: AddressRules) -> str:
    shown = [{"Pattern": rule.pattern, "AllowInsecure": rule.allows_insecure} for rule in rules]
    return json.dumps(shown)


WHOLE_NUMBER: Final = Kind("whole number", _whole_number, str)
NUMBER: Final = Kind("number", _number, _show_number)
SPAN: Final = Kind("duration", _span, _show_span)
SWITCH: Final = Kind("true or false", _switch, _show_switch)
ADDRESSES: Final = Kind("list of addresses", _addresses, _show_addresses)

_SIZES_AND_COUNTS: Final = (
    Key("limit.blobSize.error", "blob_bytes_max", WHOLE_NUMBER, "bytes of one payload field"),
    Key("limit.memoSize.error", "memo_bytes_max", WHOLE_NUMBER, "bytes of a memo"),
    Key(
        "limit.historyCount.error",
        "history_events_max",
        WHOLE_NUMBER,
        "events of a history; beyond it the run is terminated",
    ),
    Key(
        "limit.historyCount.warn",
        "history_events_warn",
        WHOLE_NUMBER,
        "events of a history; beyond it a warning is logged, once",
    ),
    Key(
        "limit.historyCount.suggestContinueAsNew",
        "history_events_suggest",
        WHOLE_NUMBER,
        "events from which on workflow tasks suggest to continue as new",
    ),
    Key(
        "limit.historySize.error",
        "history_bytes_max",
        WHOLE_NUMBER,
        "bytes of a history; beyond it the run is terminated",
    ),
    Key(
        "limit.historySize.warn",
        "history_bytes_warn",
        WHOLE_NUMBER,
        "bytes of a history; beyond it a warning is logged, once",
    ),
    Key(
        "limit.historySize.suggestContinueAsNew",
        "history_bytes_suggest",
        WHOLE_NUMBER,
        "bytes from which on workflow tasks suggest to continue as new",
    ),
    Key(
        "limit.mutableStateSize.error",
        "state_bytes_max",
        WHOLE_NUMBER,
        "bytes that are stored of a run beside its history; beyond it the run is terminated",
    ),
    Key(
        "limit.mutableStateSize.warn",
        "state_bytes_warn",
        WHOLE_NUMBER,
        "bytes that are stored of a run beside its history; beyond it a warning is logged, once",
    ),
    Key(
        "limit.userMetadataSummarySize",
        "user_metadata_summary_bytes_max",
        WHOLE_NUMBER,
        "bytes of the summary that a start may have",
    ),
    Key(
        "limit.userMetadataDetailsSize",
        "user_metadata_details_bytes_max",
        WHOLE_NUMBER,
        "bytes of the details that a start may have",
    ),
    Key(
        "frontend.maxlinksPerRequest",
        "links_per_request_max",
        WHOLE_NUMBER,
        "links that a request may have",
    ),
    Key("frontend.linkMaxSize", "link_bytes_max", WHOLE_NUMBER, "bytes of one link"),
    Key(
        "limit.numPendingActivities.error",
        "pending_activities_max",
        WHOLE_NUMBER,
        "pending activities of a run",
    ),
    Key(
        "limit.numPendingChildExecutions.error",
        "pending_children_max",
        WHOLE_NUMBER,
        "pending child workflows of a run",
    ),
    Key(
        "limit.numPendingSignals.error",
        "pending_signals_max",
        WHOLE_NUMBER,
        "signals to other workflows that a run has under way",
    ),
    Key(
        "limit.numPendingCancelRequests.error",
        "pending_cancels_max",
        WHOLE_NUMBER,
        "requests to cancel other workflows that a run has under way",
    ),
    Key(
        "component.nexusoperations.limit.operation.concurrency",
        "pending_nexus_operations_max",
        WHOLE_NUMBER,
        "pending Nexus operations of a run",
    ),
    Key(
        "history.maximumSignalsPerExecution",
        "signals_per_execution_max",
        WHOLE_NUMBER,
        "signals that a run may get; 0 for no limit",
    ),
    Key(
        "history.maximumBufferedEventsBatch",
        "buffered_events_max",
        WHOLE_NUMBER,
        "events that may wait for the end of a workflow task",
    ),
    Key(
        "history.maximumBufferedEventsSizeInBytes",
        "buffered_bytes_max",
        WHOLE_NUMBER,
        "bytes of them",
    ),
    Key(
        "history.MaxBufferedQueryCount",
        "buffered_queries_max",
        WHOLE_NUMBER,
        "queries that may wait for a run's workflow task",
    ),
    Key(
        "history.maxInFlightUpdates",
        "updates_in_flight_max",
        WHOLE_NUMBER,
        "updates of a run that are admitted and not completed; 0 for no limit",
    ),
    Key(
        "history.maxInFlightUpdatePayloads",
        "updates_in_flight_bytes_max",
        WHOLE_NUMBER,
        "bytes of their payloads; 0 for no limit",
    ),
    Key(
        "history.maxTotalUpdates",
        "updates_per_execution_max",
        WHOLE_NUMBER,
        "updates that a run may get; 0 for no limit",
    ),
    Key(
        "history.maxTotalUpdates.suggestContinueAsNewThreshold",
        "updates_suggest_fraction",
        NUMBER,
        "share of them from which on workflow tasks suggest to continue as new",
    ),
    Key(
        "frontend.searchAttributesNumberOfKeysLimit",
        "search_attribute_keys_max",
        WHOLE_NUMBER,
        "search attributes of a run",
    ),
    Key(
        "frontend.searchAttributesSizeOfValueLimit",
        "search_attribute_value_bytes_max",
        WHOLE_NUMBER,
        "bytes of one value",
    ),
    Key(
        "frontend.searchAttributesTotalSizeLimit",
        "search_attributes_bytes_max",
        WHOLE_NUMBER,
        "bytes of all of them",
    ),
)

_CALLBACKS: Final = (
    Key(
        "callback.allowedAddresses",
        "callback_addresses",
        ADDRESSES,
        "where completion callbacks may lead: host and port with `*` for anything, and whether "
        "without TLS",
    ),
    Key(
        "callback.maxPerExecution",
        "callbacks_per_execution_max",
        WHOLE_NUMBER,
        "completion callbacks of a run, or of a standalone activity or operation",
    ),
    Key(
        "callback.request.timeout",
        "callback_timeout",
        SPAN,
        "how long one call of a callback may take",
    ),
    Key(
        "callback.retryPolicy.initialInterval",
        "callback_retry_interval_initial",
        SPAN,
        "how long it takes until a callback is called again; doubled each time",
    ),
    Key(
        "callback.retryPolicy.maxInterval",
        "callback_retry_interval_max",
        SPAN,
        "the longest such interval",
    ),
    Key(
        "frontend.callbackURLMaxLength",
        "callback_url_bytes_max",
        WHOLE_NUMBER,
        "bytes of the URL of a callback",
    ),
    Key(
        "frontend.callbackHeaderMaxLength",
        "callback_header_bytes_max",
        WHOLE_NUMBER,
        "bytes of its headers",
    ),
)

_FEATURES: Final = (
    Key(
        "nexusoperation.enableStandalone",
        "standalone_nexus_operations",
        SWITCH,
        "whether clients may call Nexus operations without a workflow",
    ),
    Key(
        "frontend.workflowRulesAPIsEnabled",
        "workflow_rules",
        SWITCH,
        "whether clients may make workflow rules, look at them and delete them",
    ),
    Key(
        "frontend.maxWorkflowRulesPerNamespace",
        "workflow_rules_max",
        WHOLE_NUMBER,
        "workflow rules that a namespace may have",
    ),
    Key(
        "history.enableStandaloneActivityOperatorCommands",
        "standalone_activity_commands",
        SWITCH,
        "whether operators may pause, reset and change activities without a workflow",
    ),
)

_BATCH_OPERATIONS: Final = (
    Key(
        "frontend.enableBatcher",
        "batch_operations",
        SWITCH,
        "whether clients may start batch operations",
    ),
    Key(
        "frontend.enableBatchOperationsForStandaloneActivities",
        "batch_operations_on_activities",
        SWITCH,
        "whether batch operations may cancel, terminate and delete standalone activities",
    ),
    Key(
        "frontend.MaxConcurrentBatchOperationPerNamespace",
        "batch_operations_open_max",
        WHOLE_NUMBER,
        "batch operations that may run at the same time",
    ),
    Key(
        "worker.batcherRPS",
        "batch_targets_per_second",
        NUMBER,
        "executions per second that one batch operation may try",
    ),
    Key(
        "worker.batcherConcurrency",
        "batch_targets_at_once_max",
        WHOLE_NUMBER,
        "executions that it tries at the same time",
    ),
)

_TIMES: Final = (
    Key(
        "history.defaultWorkflowTaskTimeout",
        "workflow_task_timeout_default",
        SPAN,
        "how long a worker may take over a workflow task that names no timeout",
    ),
    Key(
        "history.workflowTaskHeartbeatTimeout",
        "workflow_task_heartbeat_timeout",
        SPAN,
        "how long local activities may keep a workflow task going",
    ),
    Key(
        "history.workflowTaskRetryMaxInterval",
        "workflow_task_retry_backoff_max",
        SPAN,
        "the longest extension of the timeout of a workflow task that keeps failing",
    ),
    Key(
        "history.workflowIdReuseMinimalInterval",
        "continue_as_new_interval_min",
        SPAN,
        "the shortest time between the starts of two runs of a workflow id",
    ),
    Key(
        "system.namespaceMinRetentionLocal",
        "retention_min",
        SPAN,
        "the shortest retention that a namespace may have",
    ),
    Key(
        "matching.wv.VersionDrainageStatusVisibilityGracePeriod",
        "drainage_grace",
        SPAN,
        "how long a worker deployment version drains, at least, before it can be drained",
    ),
    Key(
        "matching.wv.VersionDrainageStatusRefreshInterval",
        "drainage_check_interval",
        SPAN,
        "how long after a look that found open pinned runs a draining version is looked at again",
    ),
    Key(
        "history.longPollExpirationInterval",
        "history_long_poll_span",
        SPAN,
        "how long a request waits for new events, or for the stage of an update",
    ),
    Key(
        "matching.longPollExpirationInterval",
        "long_poll_span",
        SPAN,
        "how long a poll waits for a task",
        Scope.TASK_QUEUE,
    ),
)

_RATES: Final = (
    Key(
        "frontend.rps",
        "node_requests_per_second",
        NUMBER,
        "requests per second to the server, for each of the three families of requests",
        Scope.NODE,
    ),
    Key(
        "frontend.rps.namespaceReplicationInducingAPIs",
        "node_replicating_requests_per_second",
        NUMBER,
        "changes per second of namespaces, routing and task queue settings",
        Scope.NODE,
    ),
    Key(
        "frontend.namespaceRPS",
        "requests_per_second",
        NUMBER,
        "requests per second to a namespace",
    ),
    Key(
        "frontend.namespaceBurstRatio",
        "requests_burst_ratio",
        NUMBER,
        "how many seconds' worth of them may come at once",
    ),
    Key(
        "frontend.namespaceRPS.visibility",
        "visibility_requests_per_second",
        NUMBER,
        "lists and counts per second",
    ),
    Key(
        "frontend.namespaceBurstRatio.visibility",
        "visibility_burst_ratio",
        NUMBER,
        "how many seconds' worth of them may come at once",
    ),
    Key(
        "frontend.namespaceRPS.namespaceReplicationInducingAPIs",
        "replicating_requests_per_second",
        NUMBER,
        "changes per second of the namespace, its routing and its task queue settings",
    ),
    Key(
        "frontend.namespaceBurstRatio.namespaceReplicationInducingAPIs",
        "replicating_burst_ratio",
        NUMBER,
        "how many seconds' worth of them may come at once",
    ),
    Key(
        "frontend.namespaceCount",
        "long_requests_max",
        WHOLE_NUMBER,
        "requests of one kind that may wait for news at the same time",
    ),
    Key(
        "matching.pollerScalingWaitTime",
        "polls_idle_after",
        SPAN,
        "a worker is told to poll less after a poll that waited so long for a new task",
        Scope.TASK_QUEUE,
    ),
    Key(
        "matching.pollerScalingMinimumBacklog",
        "backlog_old_after",
        SPAN,
        "a worker is told to poll more when a task has waited longer than this",
        Scope.TASK_QUEUE,
    ),
    Key(
        "matching.pollerScalingTaskAddToDispatchRatio",
        "add_to_dispatch_ratio",
        NUMBER,
        "a worker is told to poll more when tasks come faster than they go by this factor",
        Scope.TASK_QUEUE,
    ),
    Key(
        "matching.pollerScalingDecisionsPerSecond",
        "scaling_decisions_per_second",
        NUMBER,
        "how often per second and poller such advice is given",
        Scope.TASK_QUEUE,
    ),
)

KEYS: Final = (*_SIZES_AND_COUNTS, *_CALLBACKS, *_FEATURES, *_BATCH_OPERATIONS, *_TIMES, *_RATES)
"""Every key that means something here, once."""

KEYS_BY_NAME: Final[Mapping[str, Key]] = {key.name.casefold(): key for key in KEYS}
"""Names are compared without regard to case."""
