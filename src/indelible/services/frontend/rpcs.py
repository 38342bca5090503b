"""The one table of all RPCs of the public services, built or not.

Owns what a request passes before its handler: whom it is about, who may send it, in which states of
the namespace it is served, whether it may wait. Must not know handlers: a test holds the table
against them, and against the protocol.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from temporalio.api.enums.v1 import NamespaceState

from indelible.engine.namespace.record import DELETED, DEPRECATED, REGISTERED

WORKFLOW_SERVICE: Final = "temporal.api.workflowservice.v1.WorkflowService"
OPERATOR_SERVICE: Final = "temporal.api.operatorservice.v1.OperatorService"


class Access(Enum):
    """What a caller must be allowed to do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Naming(Enum):
    """How a request names its namespace."""

    NONE = "the request is about the cluster"
    NAME = "by its name"
    TOKEN = "by the task token; a name must agree with it"  # noqa: S105 - a description
    OPTIONAL = "by its name, or not at all"
    NAME_OR_ID = "by its name or by its id"
    UNRESOLVED = "the handler looks it up, for it need not exist"


class Wait(Enum):
    """Whether the answer may be held back until there is news."""

    NEVER = "never"
    POSSIBLE = "if the request asks for it"
    ALWAYS = "always"


States = tuple[NamespaceState.ValueType, ...]
LIVING_STATES: Final[States] = (REGISTERED, DEPRECATED)
REGISTERED_ONLY: Final[States] = (REGISTERED,)
ANY_STATE: Final[States] = (REGISTERED, DEPRECATED, DELETED)


class Rpc(msgspec.Struct, frozen=True, kw_only=True):
    """One RPC."""

    name: str
    access: Access
    is_built: bool = False
    """Whether there is a handler; the others answer UNIMPLEMENTED."""
    namespace: Naming = Naming.NAME
    wait: Wait = Wait.NEVER
    states: States = LIVING_STATES
    """The namespace states in which it is served."""


def _read(
    name: str,
    *,
    is_built: bool = False,
    namespace: Naming = Naming.NAME,
    wait: Wait = Wait.NEVER,
) -> Rpc:
    return Rpc(name=name, access=Access.READ, is_built=is_built, namespace=namespace, wait=wait)


def _write(
    name: str,
    *,
    is_built: bool = False,
    namespace: Naming = Naming.NAME,
    wait: Wait = Wait.NEVER,
    states: States = LIVING_STATES,
) -> Rpc:
    return Rpc(
        name=name,
        access=Access.WRITE,
        is_built=is_built,
        namespace=namespace,
        wait=wait,
        states=states,
    )


def _admin(
    name: str,
    *,
    is_built: bool = False,
    namespace: Naming = Naming.NAME,
    states: States = LIVING_STATES,
) -> Rpc:
    return Rpc(
        name=name, access=Access.ADMIN, is_built=is_built, namespace=namespace, states=states
    )


_WORKFLOW_SERVICE_RPCS: Final = (
    _admin("RegisterNamespace", is_built=True, namespace=Naming.UNRESOLVED),
    _read("DescribeNamespace", is_built=True, namespace=Naming.UNRESOLVED),
    _read("ListNamespaces", is_built=True, namespace=Naming.NONE),
    _admin("UpdateNamespace", is_built=True),
    _admin("DeprecateNamespace", is_built=True),
    _write("StartWorkflowExecution", is_built=True, states=REGISTERED_ONLY),
    _write("ExecuteMultiOperation", is_built=True, wait=Wait.POSSIBLE, states=REGISTERED_ONLY),
    _read("GetWorkflowExecutionHistory", is_built=True, wait=Wait.POSSIBLE),
    _read("GetWorkflowExecutionHistoryReverse", is_built=True),
    _write("PollWorkflowTaskQueue", is_built=True, wait=Wait.ALWAYS),
    _write("RespondWorkflowTaskCompleted", is_built=True, namespace=Naming.TOKEN),
    _write("RespondWorkflowTaskFailed", is_built=True, namespace=Naming.TOKEN),
    _write("PollActivityTaskQueue", is_built=True, wait=Wait.ALWAYS),
    _write("RecordActivityTaskHeartbeat", is_built=True, namespace=Naming.TOKEN),
    _write("RecordActivityTaskHeartbeatById", is_built=True),
    _write("RespondActivityTaskCompleted", is_built=True, namespace=Naming.TOKEN),
    _write("RespondActivityTaskCompletedById", is_built=True),
    _write("RespondActivityTaskFailed", is_built=True, namespace=Naming.TOKEN),
    _write("RespondActivityTaskFailedById", is_built=True),
    _write("RespondActivityTaskCanceled", is_built=True, namespace=Naming.TOKEN),
    _write("RespondActivityTaskCanceledById", is_built=True),
    _write("RequestCancelWorkflowExecution", is_built=True),
    _write("SignalWorkflowExecution", is_built=True),
    _write("SignalWithStartWorkflowExecution", is_built=True, states=REGISTERED_ONLY),
    _write("ResetWorkflowExecution", is_built=True),
    _write("TerminateWorkflowExecution", is_built=True),
    _write("DeleteWorkflowExecution", is_built=True),
    _read("ListOpenWorkflowExecutions", is_built=True),
    _read("ListClosedWorkflowExecutions", is_built=True),
    _read("ListWorkflowExecutions", is_built=True),
    _read("ListArchivedWorkflowExecutions", is_built=True),
    _read("ScanWorkflowExecutions", is_built=True),
    _read("CountWorkflowExecutions", is_built=True),
    _read("GetSearchAttributes", is_built=True, namespace=Naming.NONE),
    _write("RespondQueryTaskCompleted", is_built=True, namespace=Naming.TOKEN),
    _write("ResetStickyTaskQueue", is_built=True),
    _write("ShutdownWorker", is_built=True),
    _read("QueryWorkflow", is_built=True),
    _read("DescribeWorkflowExecution", is_built=True),
    _read("DescribeTaskQueue", is_built=True),
    _read("GetClusterInfo", is_built=True, namespace=Naming.NONE),
    _read("GetSystemInfo", is_built=True, namespace=Naming.NONE),
    _read("ListTaskQueuePartitions", is_built=True),
    _write("CreateSchedule", is_built=True),
    _read("DescribeSchedule", is_built=True),
    _write("UpdateSchedule", is_built=True),
    _write("PatchSchedule", is_built=True),
    _read("ListScheduleMatchingTimes", is_built=True),
    _write("DeleteSchedule", is_built=True),
    _read("ListSchedules", is_built=True),
    _read("CountSchedules", is_built=True),
    _write("UpdateWorkerBuildIdCompatibility", is_built=True),
    _read("GetWorkerBuildIdCompatibility", is_built=True),
    _write("UpdateWorkerVersioningRules", is_built=True),
    _read("GetWorkerVersioningRules", is_built=True),
    _read("GetWorkerTaskReachability", is_built=True),
    _read("DescribeDeployment"),
    _read("DescribeWorkerDeploymentVersion", is_built=True),
    _read("ListDeployments"),
    _read("GetDeploymentReachability"),
    _read("GetCurrentDeployment"),
    _write("SetCurrentDeployment"),
    _write("SetWorkerDeploymentCurrentVersion", is_built=True),
    _read("DescribeWorkerDeployment", is_built=True),
    _write("DeleteWorkerDeployment", is_built=True),
    _write("DeleteWorkerDeploymentVersion", is_built=True),
    _write("SetWorkerDeploymentRampingVersion", is_built=True),
    _read("ListWorkerDeployments", is_built=True),
    _write("CreateWorkerDeployment", is_built=True),
    _write("CreateWorkerDeploymentVersion", is_built=True),
    _write("UpdateWorkerDeploymentVersionComputeConfig"),
    _read("ValidateWorkerDeploymentVersionComputeConfig"),
    _write("UpdateWorkerDeploymentVersionMetadata", is_built=True),
    _write("SetWorkerDeploymentManager", is_built=True),
    _write("UpdateWorkflowExecution", is_built=True, wait=Wait.POSSIBLE),
    _read("PollWorkflowExecutionUpdate", is_built=True, wait=Wait.ALWAYS),
    _write("StartBatchOperation", is_built=True),
    _write("StopBatchOperation", is_built=True),
    _read("DescribeBatchOperation", is_built=True),
    _read("ListBatchOperations", is_built=True),
    _write("PollNexusTaskQueue", is_built=True, wait=Wait.ALWAYS),
    _write("RespondNexusTaskCompleted", is_built=True, namespace=Naming.TOKEN),
    _write("RespondNexusTaskFailed", is_built=True, namespace=Naming.TOKEN),
    _write("UpdateActivityOptions", is_built=True),
    _write("UpdateWorkflowExecutionOptions", is_built=True),
    _write("PauseActivity", is_built=True),
    _write("UnpauseActivity", is_built=True),
    _write("ResetActivity", is_built=True),
    _write("CreateWorkflowRule", is_built=True),
    _read("DescribeWorkflowRule", is_built=True),
    _write("DeleteWorkflowRule", is_built=True),
    _read("ListWorkflowRules", is_built=True),
    _write("TriggerWorkflowRule", is_built=True),
    _write("RecordWorkerHeartbeat", is_built=True),
    _read("ListWorkers", is_built=True),
    _read("CountWorkers", is_built=True),
    _write("UpdateTaskQueueConfig", is_built=True),
    _read("FetchWorkerConfig"),
    _write("UpdateWorkerConfig"),
    _read("DescribeWorker", is_built=True),
    _write("PauseWorkflowExecution", is_built=True),
    _write("UnpauseWorkflowExecution", is_built=True),
    _write("StartActivityExecution", is_built=True),
    _write("StartNexusOperationExecution", is_built=True),
    _read("DescribeActivityExecution", is_built=True, wait=Wait.POSSIBLE),
    _read("DescribeNexusOperationExecution", is_built=True, wait=Wait.POSSIBLE),
    _read("PollActivityExecution", is_built=True, wait=Wait.ALWAYS),
    _read("PollNexusOperationExecution", is_built=True, wait=Wait.ALWAYS),
    _read("ListActivityExecutions", is_built=True),
    _read("ListNexusOperationExecutions", is_built=True),
    _read("CountActivityExecutions", is_built=True),
    _read("CountNexusOperationExecutions", is_built=True),
    _write("RequestCancelActivityExecution", is_built=True),
    _write("RequestCancelNexusOperationExecution", is_built=True),
    _write("TerminateActivityExecution", is_built=True),
    _write("DeleteActivityExecution", is_built=True),
    _write("PauseActivityExecution", is_built=True),
    _write("ResetActivityExecution", is_built=True),
    _write("UnpauseActivityExecution", is_built=True),
    _write("UpdateActivityExecutionOptions", is_built=True),
    _write("TerminateNexusOperationExecution", is_built=True),
    _write("DeleteNexusOperationExecution", is_built=True),
    _read("PollWorkflowExecutionTimeSkipping", is_built=True, wait=Wait.ALWAYS),
)

_OPERATOR_SERVICE_RPCS: Final = (
    _admin("AddSearchAttributes", is_built=True, namespace=Naming.OPTIONAL),
    _admin("RemoveSearchAttributes", is_built=True, namespace=Naming.OPTIONAL),
    _read("ListSearchAttributes", is_built=True, namespace=Naming.OPTIONAL),
    _admin("DeleteNamespace", is_built=True, namespace=Naming.NAME_OR_ID, states=ANY_STATE),
    _admin("AddOrUpdateRemoteCluster", namespace=Naming.NONE),
    _admin("RemoveRemoteCluster", namespace=Naming.NONE),
    _admin("ListClusters", is_built=True, namespace=Naming.NONE),
    _admin("GetNexusEndpoint", is_built=True, namespace=Naming.NONE),
    _admin("CreateNexusEndpoint", is_built=True, namespace=Naming.NONE),
    _admin("UpdateNexusEndpoint", is_built=True, namespace=Naming.NONE),
    _admin("DeleteNexusEndpoint", is_built=True, namespace=Naming.NONE),
    _admin("ListNexusEndpoints", is_built=True, namespace=Naming.NONE),
)

RPCS: Final[Mapping[tuple[str, str], Rpc]] = {
    (service, rpc.name): rpc
    for service, rpcs in (
        (WORKFLOW_SERVICE, _WORKFLOW_SERVICE_RPCS),
        (OPERATOR_SERVICE, _OPERATOR_SERVICE_RPCS),
    )
    for rpc in rpcs
}
"""Every RPC by (service, name)."""
