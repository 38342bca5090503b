"""Every bound of the service, with its unit in its name.

Owns the numbers; the defaults are the reference service's (semantics section 16). `Limits` holds
those that an operator may change; the rest are constants.
"""

from typing import Final

import msgspec

from indelible.base.callback_addresses import AddressRules
from indelible.base.circuit_breaker import USUAL_BREAKER, BreakerSettings
from indelible.base.instants import HOUR, MILLISECOND, MINUTE, NO_DURATION, SECOND, Duration

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
HISTORY_PAGE_EVENTS_MAX: Final = 256
VISIBILITY_PAGE_ROWS_MAX: Final = 1_000
ARCHIVED_PAGE_ROWS_MAX: Final = 10_000
VISIBILITY_GROUPS_MAX: Final = 1_000
BATCH_GROUP_TARGETS_MAX: Final = 1_000
"""Targets of a batch operation that are read, tried and recorded together."""
ERROR_MESSAGE_BYTES_MAX: Final = 4_000
REQUEST_IDS_KEPT_MAX: Final = 25
RESET_POINTS_KEPT_MAX: Final = 20
REASON_BYTES_MAX: Final = 1_000
"""Of the reason for which a client ends a standalone Nexus operation."""
SCHEDULE_NOTES_BYTES_MAX: Final = 1_000

CALLBACK_ANSWER_BYTES_MAX: Final = 256 * 1024
"""Of what a callback is answered: nothing, or why it was refused."""

POLL_DEADLINE_SECONDS_MIN: Final = 2
LONG_POLL_SECONDS_MAX: Final = 60
LONG_POLL_MARGIN_SECONDS: Final = 1

STARTED_TIMEOUT_MIN: Final = Duration(SECOND)
"""Started work has at least this long, whatever shorter timeout was asked for.

Our clock starts when a task leaves, the worker's when it arrives, and below a second that way is
most of the timeout. The reference service adds no timer closer than the second that it has read
ahead (`history.timerProcessorMaxTimeShift`): with 1.32.0, timeouts of 0.2 to 0.5 s fired after 0.92
to 1.00 s, those of a second on time. The SDKs' own tests count on that.
"""

TASK_QUEUES_LOADED_MAX: Final = 10_000
TASK_QUEUE_WINDOW_ROWS_MAX: Final = 1_000
FAIRNESS_WEIGHTS_SET_MAX: Final = 1_000
"""That one queue may set (the reference's `matching.maxFairnessKeyWeightOverrides`)."""
FAIRNESS_KEYS_LIMITED_MAX: Final = 2_000
"""Keys of one queue whose rates are known (`matching.fairnessKeyRateLimitCacheSize`)."""
QUEUE_CONFIG_REASON_BYTES_MAX: Final = 1_000
FAIRNESS_KEYS_COUNTED_MAX: Final = 50_000
"""Over all queues and priorities; a key that is forgotten is as a new one."""
POLLERS_REMEMBERED_MAX: Final = 1_000
QUERIES_WAITING_MAX: Final = 1_000
WORKERS_SHUT_DOWN_REMEMBERED_MAX: Final = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds that dynamic configuration may change; one value per namespace."""

    id_bytes_max: int = 1_000
    """Of any name that a client or a worker chooses."""
    build_id_bytes_max: int = 255
    """Of a worker that belongs to no deployment."""
    blob_bytes_max: int = 2 * 1024 * 1024
    blob_bytes_warn: int = 512 * 1024
    memo_bytes_max: int = 2 * 1024 * 1024
    memo_bytes_warn: int = 2 * 1024
    history_events_max: int = 51_200
    history_events_warn: int = 10_240
    history_bytes_max: int = 50 * 1024 * 1024
    history_bytes_warn: int = 10 * 1024 * 1024
    state_bytes_max: int = 8 * 1024 * 1024
    """Of what is stored of a run beside its history."""
    state_bytes_warn: int = 1024 * 1024
    last_failure_bytes_max: int = 4_096
    """Of the failure that is kept of the attempt before."""
    history_events_suggest: int = 4_096
    history_bytes_suggest: int = 4 * 1024 * 1024
    pending_activities_max: int = 2_000
    pending_children_max: int = 2_000
    pending_signals_max: int = 2_000
    pending_cancels_max: int = 2_000
    pending_nexus_operations_max: int = 30
    nexus_service_name_bytes_max: int = 1_000
    nexus_operation_name_bytes_max: int = 1_000
    nexus_header_bytes_max: int = 8_192
    nexus_token_bytes_max: int = 4_096
    """Of what a handler names an operation by."""
    nexus_operation_timeout_max: Duration = NO_DURATION
    """Of an operation as a whole; none for no bound."""
    nexus_headers_disallowed: tuple[str, ...] = (
        "request-timeout",
        "xdc-redirection",
        "xdc-redirection-api",
        "xdc-redirection-source-cell",
        "caller-name",
        "caller-type",
        "call-initiation",
        "temporal-principal-type",
        "temporal-principal-name",
    )
    """Only the service may set them."""
    nexus_headers_withheld: tuple[str, ...] = (
        "accept-encoding",
        "x-forwarded-for",
        "xdc-redirection",
        "xdc-redirection-api",
        "temporal-nexus-failure-support",
    )
    """Patterns of headers that no worker sees."""
    nexus_system_callbacks: bool = True
    """Whether workers bring the end of an operation to the service by a URL with no address."""
    nexus_callback_template: str = ""
    """Of the URL to which they bring it else, and whoever is behind a URL; empty for our own."""
    nexus_endpoint_name_bytes_max: int = 200
    nexus_endpoint_url_bytes_max: int = 4_096
    nexus_endpoint_description_bytes_max: int = 20_000
    nexus_endpoint_page_size_default: int = 100
    nexus_endpoint_page_size_max: int = 1_000
    callback_addresses: AddressRules = ()
    """Where completion callbacks may lead besides the service itself."""
    callbacks_per_execution_max: int = 2_000
    callback_url_bytes_max: int = 1_000
    callback_header_bytes_max: int = 8_192
    callback_timeout: Duration = Duration(10 * SECOND)
    """How long one call of a callback may take."""
    callback_retry_interval_initial: Duration = SECOND
    callback_retry_interval_max: Duration = HOUR
    circuit_breaker: BreakerSettings = USUAL_BREAKER
    """Of everybody who is called on behalf of a namespace."""
    signals_per_execution_max: int = 10_000
    user_metadata_summary_bytes_max: int = 400
    user_metadata_details_bytes_max: int = 20_000
    links_per_request_max: int = 10
    links_per_execution_max: int = 2_000
    """Of a standalone activity or operation, however many requests they came with."""
    link_bytes_max: int = 4_000
    buffered_events_max: int = 100
    buffered_bytes_max: int = 2 * 1024 * 1024
    buffered_queries_max: int = 1
    updates_in_flight_max: int = 10
    updates_in_flight_bytes_max: int = 20 * 1024 * 1024
    updates_per_execution_max: int = 2_000
    updates_suggest_fraction: float = 0.9
    """From this share of `updates_per_execution_max` on, a run is told to continue as new."""
    standalone_nexus_operations: bool = True
    """Whether there are any: the reference has a switch for them."""
    standalone_activity_commands: bool = True
    """Whether operators may pause, reset and change them: the reference has a switch for that."""
    workflow_rules: bool = True
    """Whether there are any: off in the reference (1.32.0)."""
    workflow_rules_max: int = 10
    time_skipping: bool = False
    """Whether clients may have the time of single workflows skipped."""
    time_skips_per_session: int = 200
    """How often the time of a run may be skipped until it is configured anew."""
    batch_operations: bool = True
    """Whether there are any: the reference has a switch for them."""
    batch_operations_on_activities: bool = True
    """Whether their targets may be standalone activities; off in the reference (1.32.0)."""
    batch_operations_open_max: int = 1
    batch_targets_per_second: float = 50
    batch_targets_at_once_max: int = 5
    search_attribute_keys_max: int = 100
    search_attribute_value_bytes_max: int = 2 * 1024
    search_attributes_bytes_max: int = 40 * 1024
    workflow_task_timeout_default: Duration = Duration(10 * SECOND)
    workflow_task_timeout_max: Duration = Duration(120 * SECOND)
    workflow_task_heartbeat_timeout: Duration = Duration(30 * MINUTE)
    workflow_task_retry_backoff_max: Duration = Duration(10 * MINUTE)
    continue_as_new_interval_min: Duration = SECOND
    retention_min: Duration = HOUR
    protected_namespaces: tuple[str, ...] = ()
    """Nobody deletes these."""
    namespace_delete_delay: Duration = NO_DURATION
    """How long the record of a deleted namespace stays when its executions are gone."""
    namespace_deletions_per_second: int = 100
    """Executions of a deleted namespace that are removed per second."""
    deletion_despite_nexus_endpoints: bool = False
    """Whether a namespace goes although an endpoint leads to it."""
    drainage_grace: Duration = Duration(3 * MINUTE)
    """A version that gets no more new work counts as used that long, at least."""
    drainage_check_interval: Duration = Duration(3 * MINUTE)
    """A draining version that was in use is looked at no more often."""
    history_page_events_default: int = HISTORY_PAGE_EVENTS_MAX
    """Where a client names no size; none gets more than `HISTORY_PAGE_EVENTS_MAX`."""
    visibility_page_rows_max: int = VISIBILITY_PAGE_ROWS_MAX
    throttled_logs_per_second: float = 20
    node_requests_per_second: float = 2_400
    node_replicating_requests_per_second: float = 20
    requests_per_second: float = 2_400
    requests_burst_ratio: float = 2
    visibility_requests_per_second: float = 10
    visibility_burst_ratio: float = 1
    replicating_requests_per_second: float = 1
    replicating_burst_ratio: float = 10
    long_requests_max: int = 1_200
    """Requests of one namespace and one kind that wait for news at the same time."""
    long_poll_span: Duration = Duration(60 * SECOND)
    """How long a poll waits for a task."""
    history_long_poll_span: Duration = Duration(20 * SECOND)
    """How long a request waits for new events, or for the stage of an update."""
    polls_idle_after: Duration = SECOND
    """A poll that waited so long for a new task was one too many."""
    backlog_old_after: Duration = Duration(200 * MILLISECOND)
    """A worker is told to poll more when a task has waited so long."""
    add_to_dispatch_ratio: float = 1.2
    scaling_decisions_per_second: float = 10


DEFAULT_LIMITS: Final = Limits()
EXECUTIONS_CACHED_MAX: Final = 10_000
"""Runs that a node holds in memory; others are read when they are needed."""
