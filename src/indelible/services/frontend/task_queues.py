"""Requests about task queues.

Owns how matching's description of a queue becomes DescribeTaskQueue's answer, in its present and
its two older forms (semantics 10.3).
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import (
    DescribeTaskQueueMode,
    RateLimitSource,
    TaskQueueKind,
)
from temporalio.api.taskqueue.v1 import (
    PollerInfo,
    TaskQueuePartitionMetadata,
    TaskQueueStats,
    TaskQueueStatus,
    TaskQueueTypeInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ListTaskQueuePartitionsRequest,
    ListTaskQueuePartitionsResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.instants import duration_message, timestamp
from indelible.engine.deployment.description import queue_versioning
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.task_queue_configs import queue_type_of
from indelible.services.frontend.validation import check_task_queue
from indelible.services.matching.description import QueueStats, TaskQueueDescription
from indelible.services.task_queue_configs import TaskQueueConfigRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry

DEFAULT_RATE_PER_SECOND: Final = 100_000.0
"""What is shown where nobody set a limit; the reference's system default."""
_RESERVED_PREFIX: Final = "/_sys/"
_ENHANCED: Final = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED


class TaskQueueHandlers:
    """Answers the requests about task queues."""

    def __init__(
        self,
        *,
        matching: Matching,
        deployments: WorkerDeploymentRegistry,
        configs: TaskQueueConfigRegistry,
        address: str,
    ) -> None:
        self._matching = matching
        self._deployments = deployments
        self._configs = configs
        self._address = address

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "DescribeTaskQueue": namespace_route(DescribeTaskQueueRequest, self._describe),
            "ListTaskQueuePartitions": namespace_route(
                ListTaskQueuePartitionsRequest, self._list_partitions
            ),
        }

    async def _describe(
        self, request: DescribeTaskQueueRequest, namespace: Namespace, _call: Call
    ) -> Message:
        queue = request.task_queue
        is_enhanced = request.api_mode == _ENHANCED
        check_task_queue(queue, is_set=request.HasField("task_queue"), is_partition=not is_enhanced)
        if is_enhanced:
            if queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY:
                raise InvalidArgumentError(
                    "Enhanced DescribeTaskQueue is not valid for a sticky queue, use "
                    "api_mode=UNSPECIFIED or a normal queue."
                )
            return await self._enhanced(request, namespace.id)
        # A queue has one partition, its root; whoever asks for another one finds it idle.
        key = QueueKey(namespace.id, queue_type_of(request.task_queue_type), queue.name)
        description = await self._matching.describe_task_queue(key)
        response = DescribeTaskQueueResponse(pollers=_pollers(description))
        if request.report_stats and not queue.name.startswith(_RESERVED_PREFIX):
            response.stats.CopyFrom(_stats(description.stats))
            for priority, stats in description.stats_by_priority.items():
                response.stats_by_priority_key[priority].CopyFrom(_stats(stats))
        if request.report_config:
            response.config.CopyFrom(self._configs.message(key))
        if request.include_task_queue_status:
            response.task_queue_status.CopyFrom(_status(description))
        _add_rate_limit(response, description)
        routing = self._deployments.routing(key)
        if routing is not None:
            response.versioning_info.MergeFrom(queue_versioning(routing))
        return response

    async def _enhanced(
        self, request: DescribeTaskQueueRequest, namespace_id: NamespaceId
    ) -> Message:
        """Answer in the deprecated form: everything under the build id of unversioned workers."""
        response = DescribeTaskQueueResponse()
        types = [queue_type_of(one) for one in request.task_queue_types]
        for queue_type in types or [QueueType.WORKFLOW, QueueType.ACTIVITY]:
            key = QueueKey(namespace_id, queue_type, request.task_queue.name)
            description = await self._matching.describe_task_queue(key)
            shown = TaskQueueTypeInfo(
                pollers=_pollers(description) if request.report_pollers else None,
                stats=_stats(description.stats) if request.report_stats else None,
            )
            response.versions_info[""].types_info[queue_type].CopyFrom(shown)
        return response

    async def _list_partitions(
        self, request: ListTaskQueuePartitionsRequest, _namespace: Namespace, _call: Call
    ) -> Message:
        check_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
        partition = TaskQueuePartitionMetadata(
            key=request.task_queue.name, owner_host_name=self._address
        )
        return ListTaskQueuePartitionsResponse(
            activity_task_queue_partitions=[partition], workflow_task_queue_partitions=[partition]
        )


def _pollers(description: TaskQueueDescription) -> list[PollerInfo]:
    return [_poller(record) for record in description.pollers]


def _poller(record: PollerRecord) -> PollerInfo:
    rate = record.rate_per_second
    return PollerInfo(
        identity=record.identity,
        last_access_time=timestamp(record.last_access_at),
        rate_per_second=DEFAULT_RATE_PER_SECOND if rate is None else rate,
        worker_version_capabilities=record.version_capabilities,
        deployment_options=record.deployment_options,
    )


def _stats(stats: QueueStats) -> TaskQueueStats:
    return TaskQueueStats(
        approximate_backlog_count=stats.backlog_count,
        approximate_backlog_age=duration_message(stats.backlog_age),
        tasks_add_rate=stats.add_rate,
        tasks_dispatch_rate=stats.dispatch_rate,
        rate_limiting_active=stats.is_rate_limited,
    )


def _status(description: TaskQueueDescription) -> TaskQueueStatus:
    rate = description.tasks_per_second_max
    return TaskQueueStatus(
        backlog_count_hint=description.stats.backlog_count,
        rate_per_second=DEFAULT_RATE_PER_SECOND if rate is None else rate,
    )


def _add_rate_limit(response: DescribeTaskQueueResponse, description: TaskQueueDescription) -> None:
    limit = response.effective_rate_limit
    if description.tasks_per_second_max is None:
        limit.requests_per_second = DEFAULT_RATE_PER_SECOND
        limit.rate_limit_source = RateLimitSource.RATE_LIMIT_SOURCE_SYSTEM
    else:
        limit.requests_per_second = description.tasks_per_second_max
        limit.rate_limit_source = (
            RateLimitSource.RATE_LIMIT_SOURCE_API
            if description.is_limited_by_operator
            else RateLimitSource.RATE_LIMIT_SOURCE_WORKER
        )
