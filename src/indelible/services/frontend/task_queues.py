"""Requests about task queues.

Owns how matching's description of a queue becomes DescribeTaskQueue's answer, in its present form
and its oldest; `task_queue_versions` has the one between them (semantics 10.3).
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import DescribeTaskQueueMode, RateLimitSource, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueuePartitionMetadata, TaskQueueStatus
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ListTaskQueuePartitionsRequest,
    ListTaskQueuePartitionsResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import QueueKey
from indelible.base.versions import RESERVED_QUEUE_PREFIX
from indelible.engine.deployment.description import queue_versioning
from indelible.engine.deployment.routing import UNVERSIONED_ROUTING
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.build_id_sets import BUILD_IDS_ASKED_MAX
from indelible.services.frontend.queue_descriptions import QueueDescriptions
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.task_queue_configs import queue_type_of
from indelible.services.frontend.task_queue_messages import (
    DEFAULT_RATE_PER_SECOND,
    add_stats,
    poller_message,
)
from indelible.services.frontend.task_queue_versions import TaskQueueVersions
from indelible.services.frontend.validation import check_task_queue
from indelible.services.matching.description import TaskQueueDescription
from indelible.services.task_queue_configs import TaskQueueConfigRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry

_ENHANCED: Final = DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED


class TaskQueueHandlers:
    """Answers the requests about task queues."""

    def __init__(
        self,
        *,
        matching: Matching,
        deployments: WorkerDeploymentRegistry,
        queues: QueueDescriptions,
        configs: TaskQueueConfigRegistry,
        versions: TaskQueueVersions,
        address: str,
    ) -> None:
        self._matching = matching
        self._deployments = deployments
        self._queues = queues
        self._configs = configs
        self._versions = versions
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
        if request.report_task_reachability:
            _check_build_ids(request)
        if is_enhanced:
            return await self._versions.describe(request, namespace.id)
        # A queue has one partition, its root; whoever asks for another one finds it idle.
        if request.report_stats and queue.name.startswith(RESERVED_QUEUE_PREFIX):
            raise InvalidArgumentError(
                "DescribeTaskQueue stats are only supported for the root partition"
            )
        key = QueueKey(namespace.id, queue_type_of(request.task_queue_type), queue.name)
        description = await self._matching.describe_task_queue(key)
        response = DescribeTaskQueueResponse(pollers=map(poller_message, description.pollers))
        if request.report_stats:
            add_stats(response, await self._queues.whole(key))
        if request.report_config and (config := self._configs.message(key)) is not None:
            response.config.CopyFrom(config)
        if request.include_task_queue_status:
            response.task_queue_status.CopyFrom(_status(description))
        _add_rate_limit(response, description)
        if queue.kind != TaskQueueKind.TASK_QUEUE_KIND_STICKY:
            routing = self._deployments.routing(key) or UNVERSIONED_ROUTING
            response.versioning_info.MergeFrom(queue_versioning(routing))
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


def _check_build_ids(request: DescribeTaskQueueRequest) -> None:
    if len(request.versions.build_ids) > BUILD_IDS_ASKED_MAX:
        raise InvalidArgumentError(
            "Too many build ids queried at once with ReportTaskReachability==true, limit: "
            f"{BUILD_IDS_ASKED_MAX}"
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
