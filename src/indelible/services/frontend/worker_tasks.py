"""What workers ask and report about workflow tasks and queries, and their polls for activities.

Owns the deadline rules of polls (semantics 1.5) and the validation; tasks come from matching,
decisions go to history.
"""

from google.protobuf.message import Message
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import (
    QueryResultType,
    WorkflowTaskFailedCause,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
    RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    RespondWorkflowTaskFailedResponse,
)

from indelible.base.errors import (
    InvalidArgumentError,
)
from indelible.base.ids import QueueKey, QueueType
from indelible.base.queue_kinds import STICKY_QUEUE
from indelible.base.task_token import QueryTaskToken, WorkflowTaskToken
from indelible.base.versions import VERSIONED, version_of_options
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import History, LimitsOf, Matching
from indelible.services.frontend.deployment_names import check_build_id, check_deployment_name
from indelible.services.frontend.failures import too_large_failure
from indelible.services.frontend.poll_heads import is_too_late, poll_deadline, sdk_of
from indelible.services.frontend.routes import Routes, namespace_route, token_route
from indelible.services.frontend.validation import (
    check_identity,
    check_task_queue,
    check_worker_build_id,
)
from indelible.services.worker_deployments import WorkerDeploymentRegistry


class WorkerTaskHandlers:
    """Answers polls, and what comes back from workers about workflow tasks and queries."""

    def __init__(
        self,
        *,
        history: History,
        matching: Matching,
        deployments: WorkerDeploymentRegistry,
        clock: Clock,
        limits_of: LimitsOf,
    ) -> None:
        self._deployments = deployments
        self._history = history
        self._matching = matching
        self._clock = clock
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "PollWorkflowTaskQueue": namespace_route(
                PollWorkflowTaskQueueRequest, self._poll_workflow_task
            ),
            "PollActivityTaskQueue": namespace_route(
                PollActivityTaskQueueRequest, self._poll_activity_task
            ),
            "RespondWorkflowTaskCompleted": token_route(
                RespondWorkflowTaskCompletedRequest, WorkflowTaskToken, self._completed
            ),
            "RespondWorkflowTaskFailed": token_route(
                RespondWorkflowTaskFailedRequest, WorkflowTaskToken, self._failed
            ),
            "RespondQueryTaskCompleted": token_route(
                RespondQueryTaskCompletedRequest, QueryTaskToken, self._query_completed
            ),
        }

    async def _poll_workflow_task(
        self, request: PollWorkflowTaskQueueRequest, namespace: Namespace, call: Call
    ) -> Message:
        deadline = poll_deadline(call, self._clock.now())
        check_identity(request.identity)
        capabilities = request.worker_version_capabilities
        _check_versioning(
            build_id=capabilities.build_id,
            use_versioning=capabilities.use_versioning,
            options=request.deployment_options,
            queue=request.task_queue,
        )
        check_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
        if request.binary_checksum in namespace.bad_binaries:
            raise InvalidArgumentError(
                f"Binary {request.binary_checksum} already marked as bad deployment."
            )
        await self._register(namespace, QueueType.WORKFLOW, request)
        if is_too_late(deadline, self._clock.now()):
            return PollWorkflowTaskQueueResponse()
        return await self._matching.poll_workflow_task_queue(
            QueueKey(namespace.id, QueueType.WORKFLOW, request.task_queue.name),
            request,
            deadline,
            sdk=sdk_of(call),
        )

    async def _poll_activity_task(
        self, request: PollActivityTaskQueueRequest, namespace: Namespace, call: Call
    ) -> Message:
        deadline = poll_deadline(call, self._clock.now())
        check_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
        check_identity(request.identity)
        capabilities = request.worker_version_capabilities
        _check_versioning(
            build_id=capabilities.build_id,
            use_versioning=capabilities.use_versioning,
            options=request.deployment_options,
            queue=request.task_queue,
        )
        await self._register(namespace, QueueType.ACTIVITY, request)
        if is_too_late(deadline, self._clock.now()):
            return PollActivityTaskQueueResponse()
        return await self._matching.poll_activity_task_queue(
            QueueKey(namespace.id, QueueType.ACTIVITY, request.task_queue.name),
            request,
            deadline,
            sdk=sdk_of(call),
        )

    async def _completed(
        self,
        request: RespondWorkflowTaskCompletedRequest,
        namespace: Namespace,
        token: WorkflowTaskToken,
    ) -> Message:
        check_identity(request.identity)
        sticky_queue = request.sticky_attributes.worker_task_queue
        _check_versioning(
            build_id=request.worker_version_stamp.build_id,
            use_versioning=request.worker_version_stamp.use_versioning,
            options=request.deployment_options,
            queue=sticky_queue,
        )
        if sticky_queue.name:
            check_task_queue(sticky_queue, is_set=True)
        return await self._history.respond_workflow_task_completed(namespace, request, token)

    async def _failed(
        self,
        request: RespondWorkflowTaskFailedRequest,
        namespace: Namespace,
        token: WorkflowTaskToken,
    ) -> Message:
        check_identity(request.identity)
        if request.cause not in WorkflowTaskFailedCause.values():
            raise InvalidArgumentError(f"Invalid WorkflowTaskFailedCause: {request.cause}")
        if request.failure.ByteSize() > self._blob_bytes_max(namespace):
            request.failure.CopyFrom(too_large_failure(request.failure))
        await self._history.respond_workflow_task_failed(namespace, request, token)
        return RespondWorkflowTaskFailedResponse()

    async def _query_completed(
        self,
        request: RespondQueryTaskCompletedRequest,
        namespace: Namespace,
        token: QueryTaskToken,
    ) -> Message:
        if not token.queue_name or not token.query_id:
            raise InvalidArgumentError("Invalid TaskToken.")
        if request.query_result.ByteSize() > self._blob_bytes_max(namespace):
            request = RespondQueryTaskCompletedRequest(
                task_token=request.task_token,
                namespace=namespace.name,
                completed_type=QueryResultType.QUERY_RESULT_TYPE_FAILED,
                error_message="Blob data size exceeds limit.",
            )
        self._matching.respond_query_task_completed(token, request)
        return RespondQueryTaskCompletedResponse()

    async def _register(
        self,
        namespace: Namespace,
        queue_type: QueueType,
        request: PollWorkflowTaskQueueRequest | PollActivityTaskQueueRequest,
    ) -> None:
        """Take note of a versioned worker: its first poll makes the version (semantics 10.9)."""
        version = version_of_options(request.deployment_options)
        if version is None or request.task_queue.kind == STICKY_QUEUE:
            return
        await self._deployments.register_worker(
            namespace.id,
            version,
            queue_type,
            request.task_queue.name,
            now=self._clock.now(),
        )

    def _blob_bytes_max(self, namespace: Namespace) -> int:
        return self._limits_of(namespace.name).blob_bytes_max


def _check_versioning(
    *, build_id: str, use_versioning: bool, options: WorkerDeploymentOptions, queue: TaskQueue
) -> None:
    """Refuse a version that cannot be.

    Unversioned workers send their build id, too (trap 70); it is only remembered.
    """
    if use_versioning and not build_id:
        raise InvalidArgumentError(
            "WorkerVersionCapabilities must have BuildId set when UseVersioning is true."
        )
    is_versioned = options.worker_versioning_mode == VERSIONED
    is_sticky = queue.kind == STICKY_QUEUE
    if (is_versioned or use_versioning) and is_sticky and not queue.normal_name:
        raise InvalidArgumentError(
            "NormalName must be set on sticky queue when UseVersioning is true or "
            "DeploymentOptions are set."
        )
    check_worker_build_id(build_id)
    if is_versioned:
        if not (options.deployment_name and options.build_id):
            raise InvalidArgumentError("Deployment name and build id must be set together.")
        check_deployment_name(options.deployment_name)
        check_build_id(options.build_id)
