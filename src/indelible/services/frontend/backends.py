"""What the frontend asks of the services below it.

Owns the interfaces, as their caller sees them: requests that come this way are complete and
valid, and `namespace` is the one that the caller may use. What cannot be done is a `ServiceError`.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ExecuteMultiOperationResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    GetWorkflowExecutionHistoryReverseResponse,
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RequestCancelWorkflowExecutionRequest,
    ResetStickyTaskQueueRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
    ShutdownWorkerRequest,
    SignalWithStartWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from indelible.base.ids import NamespaceId, QueueKey
from indelible.base.instants import Duration, Instant
from indelible.base.limits import Limits
from indelible.base.task_token import (
    ActivityById,
    ActivityTaskToken,
    NexusTaskToken,
    QueryTaskToken,
    WorkflowTaskToken,
)
from indelible.engine.namespace.record import Namespace
from indelible.ports.clients import NO_SDK, NexusAnswer, Sdk
from indelible.ports.rpc import Call
from indelible.ports.stores import StoreDescription, VisibilityStore
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.activity_control import StandaloneControl
from indelible.services.frontend.activity_executions import StandaloneActivities
from indelible.services.frontend.batch_operations import Batches
from indelible.services.frontend.control import Control
from indelible.services.frontend.nexus_operation_executions import StandaloneNexusOperations
from indelible.services.frontend.schedules import ScheduleBackend
from indelible.services.frontend.time_skipping import TimeSkippingWaits
from indelible.services.frontend.workflow_rules import RuleTriggers
from indelible.services.matching.description import TaskQueueDescription
from indelible.services.nexus_endpoints import NexusEndpointRegistry
from indelible.services.task_queue_configs import TaskQueueConfigRegistry
from indelible.services.versioning_rules import VersioningRuleRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry

LimitsOf = Callable[[str], Limits]
"""The limits of a namespace, by its name."""
ActivityTarget = ActivityTaskToken | ActivityById
"""An activity: the attempt that a worker has, or whatever attempt there is under an id."""


class History(
    Control,
    StandaloneActivities,
    StandaloneControl,
    StandaloneNexusOperations,
    ScheduleBackend,
    Batches,
    RuleTriggers,
    TimeSkippingWaits,
    Protocol,
):
    """Executions: each method is durable when it returns, or reads."""

    async def start_workflow(
        self, namespace: Namespace, request: StartWorkflowExecutionRequest
    ) -> StartWorkflowExecutionResponse:
        """Create a run, or resolve the conflict with the one there is."""
        ...

    async def signal_with_start(
        self, namespace: Namespace, request: SignalWithStartWorkflowExecutionRequest
    ) -> SignalWithStartWorkflowExecutionResponse:
        """Signal the open run, or start one that begins with the signal."""
        ...

    async def update_workflow(
        self, namespace: Namespace, request: UpdateWorkflowExecutionRequest
    ) -> UpdateWorkflowExecutionResponse:
        """Give a run an update, and wait for the stage that the request names."""
        ...

    async def poll_update(
        self, namespace: Namespace, request: PollWorkflowExecutionUpdateRequest
    ) -> PollWorkflowExecutionUpdateResponse:
        """Wait for a stage of an update that a run has."""
        ...

    async def execute_multi_operation(
        self,
        namespace: Namespace,
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> ExecuteMultiOperationResponse:
        """Start a run with an update, or update the open one."""
        ...

    async def signal_workflow(
        self, namespace: Namespace, request: SignalWorkflowExecutionRequest
    ) -> SignalWorkflowExecutionResponse:
        """Record a signal."""
        ...

    async def request_cancel(
        self, namespace: Namespace, request: RequestCancelWorkflowExecutionRequest
    ) -> None:
        """Record that a run should cancel itself."""
        ...

    async def terminate_workflow(
        self, namespace: Namespace, request: TerminateWorkflowExecutionRequest
    ) -> None:
        """Close a run at once."""
        ...

    async def delete_workflow(
        self, namespace: Namespace, request: DeleteWorkflowExecutionRequest
    ) -> None:
        """Remove a run with everything that belongs to it; an open one is terminated first."""
        ...

    async def describe_workflow(
        self, namespace: Namespace, request: DescribeWorkflowExecutionRequest
    ) -> DescribeWorkflowExecutionResponse:
        """Return what is known of a run."""
        ...

    async def get_history(
        self, namespace: Namespace, request: GetWorkflowExecutionHistoryRequest, call: Call
    ) -> GetWorkflowExecutionHistoryResponse:
        """Return a page of a run's events; wait for the next one if asked to."""
        ...

    async def get_history_reverse(
        self, namespace: Namespace, request: GetWorkflowExecutionHistoryReverseRequest
    ) -> GetWorkflowExecutionHistoryReverseResponse:
        """Return a page of a run's events, newest first."""
        ...

    async def query_workflow(
        self, namespace: Namespace, request: QueryWorkflowRequest, deadline: Instant
    ) -> QueryWorkflowResponse:
        """Let a worker answer a query; `DeadlineExceededError` if none did in time."""
        ...

    async def reset_sticky(
        self, namespace: Namespace, request: ResetStickyTaskQueueRequest
    ) -> None:
        """Forget which worker has the run in its cache."""
        ...

    async def respond_workflow_task_completed(
        self,
        namespace: Namespace,
        request: RespondWorkflowTaskCompletedRequest,
        token: WorkflowTaskToken,
    ) -> RespondWorkflowTaskCompletedResponse:
        """Apply what a worker decided."""
        ...

    async def respond_workflow_task_failed(
        self,
        namespace: Namespace,
        request: RespondWorkflowTaskFailedRequest,
        token: WorkflowTaskToken,
    ) -> None:
        """Record that a worker could not process a workflow task."""
        ...

    async def respond_activity_completed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity with its result."""
        ...

    async def respond_activity_failed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> None:
        """Fail an attempt of an activity: it is retried, or closed."""
        ...

    async def respond_activity_canceled(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity whose cancellation was requested."""
        ...

    async def record_activity_heartbeat(
        self,
        namespace: Namespace,
        request: RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> RecordActivityTaskHeartbeatResponse:
        """Note that an attempt is alive, and tell its worker what is wanted of it."""
        ...


class Matching(Protocol):
    """Task queues and the workers that poll them. Deadlines are of the node's clock."""

    async def poll_workflow_task_queue(
        self,
        key: QueueKey,
        request: PollWorkflowTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollWorkflowTaskQueueResponse:
        """Wait for a workflow task or a query; the empty response if there is none in time."""
        ...

    async def poll_activity_task_queue(
        self,
        key: QueueKey,
        request: PollActivityTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollActivityTaskQueueResponse:
        """Wait for an activity task; the empty response if there is none in time."""
        ...

    async def poll_nexus_task_queue(
        self,
        key: QueueKey,
        request: PollNexusTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> PollNexusTaskQueueResponse:
        """Wait for a Nexus task; the empty response if there is none in time."""
        ...

    def respond_nexus_task(self, token: NexusTaskToken, answer: NexusAnswer) -> None:
        """Take a worker's answer to a Nexus task."""
        ...

    def respond_query_task_completed(
        self, token: QueryTaskToken, request: RespondQueryTaskCompletedRequest
    ) -> None:
        """Take a worker's answer to a query."""
        ...

    def shutdown_worker(self, namespace_id: NamespaceId, request: ShutdownWorkerRequest) -> None:
        """Let a worker go."""
        ...

    def has_recent_poller(self, queue: QueueKey, within: Duration) -> bool:
        """Whether somebody polls a queue, or did so within a span before now."""
        ...

    async def describe_task_queue(self, key: QueueKey) -> TaskQueueDescription:
        """Return the pollers and the statistics of a queue."""
        ...


class Backends(msgspec.Struct, frozen=True, kw_only=True):
    """What lies below the frontend."""

    history: History
    matching: Matching
    visibility: VisibilityStore
    store: StoreDescription
    endpoints: NexusEndpointRegistry
    deployments: WorkerDeploymentRegistry
    build_id_sets: BuildIdSetRegistry
    versioning_rules: VersioningRuleRegistry
    queue_configs: TaskQueueConfigRegistry
