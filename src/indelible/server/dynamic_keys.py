"""The one table of dynamic configuration keys, under the reference service's names.

Owns what each key sets, which values it takes and how closely it may be constrained. A default is
that of the field in `base.limits`. `docs/reference/dynamic-config.md` is made from this table.
"""

from collections.abc import Mapping
from typing import Final

from indelible.base.limits import HISTORY_PAGE_EVENTS_MAX
from indelible.server.dynamic_kinds import (
    NAMES,
    NUMBER,
    SPAN,
    SWITCH,
    WHOLE_NUMBER,
    Key,
    Scope,
)
from indelible.server.dynamic_nexus_keys import CALLBACK_KEYS, NEXUS_KEYS

_SIZES_AND_COUNTS: Final = (
    Key(
        "limit.maxIDLength",
        "id_bytes_max",
        WHOLE_NUMBER,
        "bytes of an id or name: of a namespace, task queue, workflow, activity, timer, signal, "
        "marker, type, identity or request",
    ),
    Key(
        "limit.workerBuildIdSize",
        "build_id_bytes_max",
        WHOLE_NUMBER,
        "bytes of a build id that versions a worker without a deployment",
    ),
    Key(
        "limit.mutableStateActivityFailureSize.error",
        "last_failure_bytes_max",
        WHOLE_NUMBER,
        "bytes that are kept of the failure of an attempt before the next one",
    ),
    Key("limit.blobSize.error", "blob_bytes_max", WHOLE_NUMBER, "bytes of one payload field"),
    Key(
        "limit.blobSize.warn",
        "blob_bytes_warn",
        WHOLE_NUMBER,
        "bytes of one payload field; a request with more is logged",
    ),
    Key("limit.memoSize.error", "memo_bytes_max", WHOLE_NUMBER, "bytes of a memo"),
    Key(
        "limit.memoSize.warn",
        "memo_bytes_warn",
        WHOLE_NUMBER,
        "bytes of a memo; a request with more is logged",
    ),
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
    Key(
        "chasm.maxLinksPerComponent",
        "links_per_execution_max",
        WHOLE_NUMBER,
        "links of a standalone activity or operation, however many requests they came with",
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

_DELETION: Final = (
    Key(
        "worker.protectedNamespaces",
        "protected_namespaces",
        NAMES,
        "namespaces that nobody deletes",
        Scope.NODE,
    ),
    Key(
        "frontend.deleteNamespaceNamespaceDeleteDelay",
        "namespace_delete_delay",
        SPAN,
        "how long the record of a deleted namespace stays when its executions are gone",
        Scope.NODE,
    ),
    Key(
        "frontend.deleteNamespaceDeleteActivityRPS",
        "namespace_deletions_per_second",
        WHOLE_NUMBER,
        "executions of a deleted namespace that are removed per second",
        Scope.NODE,
    ),
    Key(
        "frontend.allowDeleteNamespaceIfNexusEndpointTarget",
        "deletion_despite_nexus_endpoints",
        SWITCH,
        "whether a namespace may be deleted although a Nexus endpoint leads to it",
        Scope.NODE,
    ),
)

_PAGES: Final = (
    Key(
        "frontend.historyMaxPageSize",
        "history_page_events_default",
        WHOLE_NUMBER,
        f"events of a page for clients that name no number; {HISTORY_PAGE_EVENTS_MAX} at most",
    ),
    Key(
        "frontend.visibilityMaxPageSize",
        "visibility_page_rows_max",
        WHOLE_NUMBER,
        "executions in a page of a list",
    ),
    Key(
        "frontend.throttledLogRPS",
        "throttled_logs_per_second",
        NUMBER,
        "log lines per second about large payloads and memos",
        Scope.NODE,
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
        "frontend.WorkflowTimeSkippingEnabled",
        "time_skipping",
        SWITCH,
        "whether clients may have the time of single workflows skipped; `start-dev` and "
        "`test-server` allow it",
    ),
    Key(
        "frontend.WorkflowTimeSkippingMaxSkipPerSession",
        "time_skips_per_session",
        WHOLE_NUMBER,
        "how often the time of a run is skipped until it is configured anew, unless the client "
        "says another number",
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

KEYS: Final = (
    *_SIZES_AND_COUNTS,
    *NEXUS_KEYS,
    *_DELETION,
    *_PAGES,
    *CALLBACK_KEYS,
    *_FEATURES,
    *_BATCH_OPERATIONS,
    *_TIMES,
    *_RATES,
)
"""Every key that means something here, once."""

KEYS_BY_NAME: Final[Mapping[str, Key]] = {key.name.casefold(): key for key in KEYS}
"""Names are compared without regard to case."""
