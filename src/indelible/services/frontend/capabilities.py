"""What the service says that it can do, and the RPCs that each claim hangs on.

Owns the one table of capabilities. A capability is claimed when every RPC that it needs is built,
unless the table says what it lacks (semantics 13.3 and 14). Must not know who asks.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from temporalio.api.namespace.v1 import NamespaceInfo
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse

from indelible.base.limits import Limits
from indelible.services.frontend.rpcs import RPCS, WORKFLOW_SERVICE, Rpc


class Capability(NamedTuple):
    """One flag that clients read."""

    name: str
    rpcs: tuple[str, ...]
    """Of WorkflowService: the flag promises something about each."""
    lacks: str = ""
    """Why it is not claimed although they are built."""


_SCHEDULES: Final = Capability(
    "supports_schedules",
    (
        *("CreateSchedule", "DescribeSchedule", "UpdateSchedule", "PatchSchedule"),
        *("ListScheduleMatchingTimes", "DeleteSchedule", "ListSchedules", "CountSchedules"),
    ),
)
_COMPUTE: Final = (
    "UpdateWorkerDeploymentVersionComputeConfig",
    "ValidateWorkerDeploymentVersionComputeConfig",
)
_COMPLETION: Final = ("RespondWorkflowTaskCompleted",)

SYSTEM_CAPABILITIES: Final = (
    Capability("signal_and_query_header", ("SignalWorkflowExecution", "QueryWorkflow")),
    Capability("internal_error_differentiation", ("GetSystemInfo",)),
    Capability("activity_failure_include_heartbeat", ("RespondActivityTaskFailed",)),
    _SCHEDULES,
    Capability("encoded_failure_attributes", (*_COMPLETION, "RespondActivityTaskFailed")),
    Capability(
        "build_id_based_versioning",
        (
            *("UpdateWorkerBuildIdCompatibility", "GetWorkerBuildIdCompatibility"),
            *("UpdateWorkerVersioningRules", "GetWorkerVersioningRules"),
            "GetWorkerTaskReachability",
        ),
    ),
    Capability("upsert_memo", _COMPLETION),
    Capability("eager_workflow_start", ("StartWorkflowExecution",)),
    Capability("sdk_metadata", (*_COMPLETION, "PollWorkflowTaskQueue")),
    Capability("count_group_by_execution_status", ("CountWorkflowExecutions",)),
    Capability(
        "nexus",
        ("PollNexusTaskQueue", "RespondNexusTaskCompleted", "RespondNexusTaskFailed"),
    ),
    Capability("server_scaled_deployments", _COMPUTE),
    Capability("server_scaled_provider_cloud_run", _COMPUTE, lacks="no provider is known"),
)
"""The flags of GetSystemInfo."""

NAMESPACE_CAPABILITIES: Final = (
    Capability("eager_workflow_start", ("StartWorkflowExecution",)),
    Capability("sync_update", ("UpdateWorkflowExecution",)),
    Capability("async_update", ("UpdateWorkflowExecution", "PollWorkflowExecutionUpdate")),
    Capability("worker_heartbeats", ("RecordWorkerHeartbeat", "ListWorkers", "DescribeWorker")),
    Capability("reported_problems_search_attribute", ("ListWorkflowExecutions",)),
    Capability("workflow_pause", ("PauseWorkflowExecution", "UnpauseWorkflowExecution")),
    Capability(
        "standalone_activities",
        (
            *("StartActivityExecution", "DescribeActivityExecution", "PollActivityExecution"),
            *("ListActivityExecutions", "CountActivityExecutions", "DeleteActivityExecution"),
            *("RequestCancelActivityExecution", "TerminateActivityExecution"),
        ),
    ),
    Capability("worker_poll_complete_on_shutdown", ("ShutdownWorker",)),
    Capability("poller_autoscaling", ("PollWorkflowTaskQueue", "PollActivityTaskQueue")),
    Capability(
        "worker_commands",
        ("RecordWorkerHeartbeat", "PollNexusTaskQueue"),
        lacks="nothing is sent to the control queue of a worker",
    ),
    Capability(
        "standalone_nexus_operation",
        (
            *("StartNexusOperationExecution", "DescribeNexusOperationExecution"),
            *("PollNexusOperationExecution", "ListNexusOperationExecutions"),
            *("CountNexusOperationExecutions", "RequestCancelNexusOperationExecution"),
            *("TerminateNexusOperationExecution", "DeleteNexusOperationExecution"),
        ),
    ),
    Capability("workflow_update_callbacks", ("UpdateWorkflowExecution",)),
    Capability(
        "poller_autoscaling_auto_enroll",
        ("PollWorkflowTaskQueue", "PollActivityTaskQueue"),
        lacks="whether to scale its pollers is a worker's choice, as in the reference service",
    ),
    Capability(
        "workflow_task_completion_pagination",
        _COMPLETION,
        lacks="a completion comes in one request",
    ),
    Capability("standalone_activity_start_delay", ("StartActivityExecution",)),
    Capability(
        "standalone_activity_batch_operations",
        ("StartBatchOperation", "StopBatchOperation"),
    ),
    Capability(
        "standalone_activity_operator_commands",
        (
            *("PauseActivityExecution", "UnpauseActivityExecution"),
            *("ResetActivityExecution", "UpdateActivityExecutionOptions"),
        ),
    ),
)
"""The flags of a namespace's description."""


def works(capability: Capability, rpcs: Mapping[tuple[str, str], Rpc] = RPCS) -> bool:
    """Whether there is all that a capability promises."""
    return not capability.lacks and all(
        rpcs[WORKFLOW_SERVICE, name].is_built for name in capability.rpcs
    )


def system_capabilities() -> GetSystemInfoResponse.Capabilities:
    """Return what the service can do."""
    return GetSystemInfoResponse.Capabilities(
        **{one.name: works(one) for one in SYSTEM_CAPABILITIES}
    )


def namespace_capabilities(limits: Limits) -> NamespaceInfo.Capabilities:
    """Return what can be done in a namespace with these limits."""
    capabilities = NamespaceInfo.Capabilities(
        **{one.name: works(one) for one in NAMESPACE_CAPABILITIES}
    )
    if not limits.standalone_nexus_operations:
        capabilities.standalone_nexus_operation = False
    if not limits.standalone_activity_commands:
        capabilities.standalone_activity_operator_commands = False
    if not (limits.batch_operations and limits.batch_operations_on_activities):
        capabilities.standalone_activity_batch_operations = False
    return capabilities


def supports_schedules() -> bool:
    """Whether there are schedules: a namespace says it beside its capabilities."""
    return works(_SCHEDULES)
