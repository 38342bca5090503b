"""Which requests share a rate, and which of them matter more.

Owns the two tables; the families, the priorities and the requests that wait are the reference's.
What stands in no table is never refused for its number: OperatorService, health, reflection.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum, auto
from typing import Final, NamedTuple

PRIORITIES: Final = 6
"""0 is the most important."""
HISTORY_POLL_PRIORITY: Final = 5
"""Of a request for the history that waits for events: plain ones matter more."""


class Family(IntEnum):
    """Requests that share a rate."""

    EXECUTION = auto()
    VISIBILITY = auto()
    REPLICATING = auto()
    """Changes of a namespace, of its routing and of its task queues' settings."""


class Share(NamedTuple):
    """The rate that a request spends, and how important it is."""

    family: Family
    priority: int


_EXECUTION: Final = (
    """
    GetClusterInfo GetSystemInfo GetSearchAttributes DescribeNamespace ListNamespaces
    DeprecateNamespace
    """,
    """
    SignalWorkflowExecution SignalWithStartWorkflowExecution StartWorkflowExecution
    UpdateWorkflowExecution ExecuteMultiOperation CreateSchedule StartBatchOperation
    StartActivityExecution StartNexusOperationExecution RecordActivityTaskHeartbeat
    RecordActivityTaskHeartbeatById RespondActivityTaskCompleted
    RespondActivityTaskCompletedById RespondWorkflowTaskCompleted RespondQueryTaskCompleted
    RespondNexusTaskCompleted
    """,
    """
    RequestCancelWorkflowExecution TerminateWorkflowExecution ResetWorkflowExecution
    DeleteWorkflowExecution GetWorkflowExecutionHistory UpdateSchedule PatchSchedule
    DeleteSchedule StopBatchOperation UpdateActivityOptions PauseActivity UnpauseActivity
    ResetActivity UpdateActivityExecutionOptions PauseActivityExecution UnpauseActivityExecution
    ResetActivityExecution UpdateWorkflowExecutionOptions SetCurrentDeployment
    CreateWorkerDeployment CreateWorkerDeploymentVersion
    UpdateWorkerDeploymentVersionComputeConfig SetWorkerDeploymentManager DeleteWorkerDeployment
    UpdateWorkerDeploymentVersionMetadata CreateWorkflowRule DescribeWorkflowRule
    DeleteWorkflowRule ListWorkflowRules TriggerWorkflowRule RequestCancelActivityExecution
    TerminateActivityExecution DeleteActivityExecution RequestCancelNexusOperationExecution
    TerminateNexusOperationExecution DeleteNexusOperationExecution PauseWorkflowExecution
    UnpauseWorkflowExecution
    """,
    """
    DescribeWorkflowExecution DescribeActivityExecution DescribeTaskQueue
    GetWorkerBuildIdCompatibility GetWorkerVersioningRules ListTaskQueuePartitions QueryWorkflow
    DescribeSchedule ListScheduleMatchingTimes DescribeBatchOperation DescribeDeployment
    GetCurrentDeployment DescribeWorkerDeploymentVersion DescribeWorkerDeployment
    DescribeNexusOperationExecution ValidateWorkerDeploymentVersionComputeConfig ListWorkers
    DescribeWorker CountWorkers RespondActivityTaskCanceled RespondActivityTaskCanceledById
    RespondActivityTaskFailed RespondActivityTaskFailedById RespondWorkflowTaskFailed
    RespondNexusTaskFailed
    """,
    """
    PollNexusOperationExecution PollActivityExecution PollWorkflowTaskQueue
    PollActivityTaskQueue PollWorkflowExecutionUpdate PollNexusTaskQueue ResetStickyTaskQueue
    ShutdownWorker GetWorkflowExecutionHistoryReverse RecordWorkerHeartbeat FetchWorkerConfig
    UpdateWorkerConfig
    """,
    "PollWorkflowExecutionTimeSkipping",
)
_VISIBILITY: Final = (
    """
    CountWorkflowExecutions ScanWorkflowExecutions ListOpenWorkflowExecutions
    ListClosedWorkflowExecutions ListWorkflowExecutions ListArchivedWorkflowExecutions
    CountActivityExecutions ListActivityExecutions CountNexusOperationExecutions
    ListNexusOperationExecutions GetWorkerTaskReachability ListSchedules CountSchedules
    ListBatchOperations ListDeployments GetDeploymentReachability ListWorkerDeployments
    """,
)
_REPLICATING: Final = (
    "RegisterNamespace UpdateNamespace",
    """
    UpdateWorkerBuildIdCompatibility UpdateWorkerVersioningRules
    SetWorkerDeploymentCurrentVersion SetWorkerDeploymentRampingVersion
    DeleteWorkerDeploymentVersion UpdateTaskQueueConfig
    """,
)
_WAITING: Final = frozenset(
    {
        "DescribeActivityExecution",
        "DescribeNexusOperationExecution",
        "ExecuteMultiOperation",
        "GetWorkflowExecutionHistory",
        "PollActivityExecution",
        "PollActivityTaskQueue",
        "PollNexusOperationExecution",
        "PollNexusTaskQueue",
        "PollWorkflowExecutionTimeSkipping",
        "PollWorkflowExecutionUpdate",
        "PollWorkflowTaskQueue",
        "QueryWorkflow",
        "UpdateWorkflowExecution",
    }
)


def _shares() -> Iterator[tuple[str, Share]]:
    for family, table, most_important in (
        (Family.EXECUTION, _EXECUTION, 0),
        (Family.VISIBILITY, _VISIBILITY, 1),
        (Family.REPLICATING, _REPLICATING, 1),
    ):
        for priority, names in enumerate(table, start=most_important):
            for name in names.split():
                yield name, Share(family, priority)


SHARES: Final[Mapping[str, Share]] = dict(_shares())
"""By the name of the RPC."""


def may_wait_long(method: str) -> bool:
    """Whether a request of this kind may be held back until there is news."""
    return method in _WAITING
