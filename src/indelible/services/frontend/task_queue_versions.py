"""DescribeTaskQueue by build id: the deprecated form, which the command line still asks for.

Owns which build ids are described and whether tasks can reach them (semantics 10.3). The numbers
are matching's; the rules are those of `engine.deployment.versioning_rules`.
"""

from collections.abc import Sequence
from typing import Final

from temporalio.api.enums.v1 import BuildIdTaskReachability, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueueTypeInfo, TaskQueueVersionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.versions import Version, versioned_queue_name
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.deployment.versioning_rules import VersioningRules, route_by_rules
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.visibility.filters import Comparison, Filter, any_of
from indelible.ports.stores import VisibilityFilter, VisibilityStore
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.task_queue_configs import queue_type_of
from indelible.services.frontend.task_queue_messages import poller_message, stats_message
from indelible.services.versioning_rules import VersioningRuleRegistry

_R: Final = BuildIdTaskReachability
_RUNNING: Final = 1
_UNVERSIONED: Final = ""
"""What this form calls workers without a version."""


class TaskQueueVersions:
    """Describes a queue by the build ids of its workers."""

    def __init__(
        self, *, matching: Matching, rules: VersioningRuleRegistry, visibility: VisibilityStore
    ) -> None:
        self._matching = matching
        self._rules = rules
        self._visibility = visibility

    async def describe(
        self, request: DescribeTaskQueueRequest, namespace_id: NamespaceId
    ) -> DescribeTaskQueueResponse:
        """Answer a request in the deprecated form."""
        if request.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY:
            raise InvalidArgumentError(
                "Enhanced DescribeTaskQueue is not valid for a sticky queue, use "
                "api_mode=UNSPECIFIED or a normal queue."
            )
        name = request.task_queue.name
        types = [queue_type_of(one) for one in request.task_queue_types]
        queues = [
            QueueKey(namespace_id, one, name)
            for one in types or (QueueType.WORKFLOW, QueueType.ACTIVITY)
        ]
        rules = self._rules.of_queue(namespace_id, name)
        response = DescribeTaskQueueResponse()
        for build_id in await self._build_ids(request, rules, queues):
            described = response.versions_info[build_id]
            for queue in queues:
                await self._describe_type(request, described, queue, build_id)
            if request.report_task_reachability:
                described.task_reachability = await self._reachability(
                    QueueKey(namespace_id, QueueType.WORKFLOW, name), rules, build_id
                )
        return response

    async def _build_ids(
        self,
        request: DescribeTaskQueueRequest,
        rules: VersioningRules,
        queues: Sequence[QueueKey],
    ) -> list[str]:
        """Return the build ids that are asked for; the default of the queue if none is named."""
        if not request.HasField("versions"):
            return [next((one.build_id for one in rules.assignments if one.is_full), _UNVERSIONED)]
        asked = dict.fromkeys(request.versions.build_ids)
        if request.versions.unversioned:
            asked[_UNVERSIONED] = None
        if request.versions.all_active:
            for queue in queues:
                described = await self._matching.describe_task_queue(queue)
                for record in described.pollers:
                    if _build_id(record) != _UNVERSIONED:
                        asked[_build_id(record)] = None
        return list(asked)

    async def _describe_type(
        self,
        request: DescribeTaskQueueRequest,
        described: TaskQueueVersionInfo,
        queue: QueueKey,
        build_id: str,
    ) -> None:
        found = await self._matching.describe_task_queue(_queue_of(queue, build_id))
        pollers = [one for one in found.pollers if _build_id(one) == build_id]
        described.types_info[queue.queue_type].CopyFrom(
            TaskQueueTypeInfo(
                pollers=map(poller_message, pollers) if request.report_pollers else None,
                stats=stats_message(found.stats) if request.report_stats else None,
            )
        )

    async def _reachability(
        self, queue: QueueKey, rules: VersioningRules, build_id: str
    ) -> "BuildIdTaskReachability.ValueType":
        if any(one.source == build_id for one in rules.redirects):
            return _R.BUILD_ID_TASK_REACHABILITY_UNREACHABLE
        routing = route_by_rules(rules)
        reaching = [build_id]
        if build_id != _UNVERSIONED:
            sources = routing.sources(Version("", build_id))
            reaching += [one.build_id for one in sources]
        if _is_assigned(rules, routing, reaching) or await self._has_backlog(queue, reaching):
            return _R.BUILD_ID_TASK_REACHABILITY_REACHABLE
        if await self._has_runs(queue, [_entry("assigned", one) for one in reaching], "="):
            return _R.BUILD_ID_TASK_REACHABILITY_REACHABLE
        if await self._has_runs(queue, [_entry("versioned", one) for one in reaching], "!="):
            return _R.BUILD_ID_TASK_REACHABILITY_CLOSED_WORKFLOWS_ONLY
        return _R.BUILD_ID_TASK_REACHABILITY_UNREACHABLE

    async def _has_backlog(self, queue: QueueKey, build_ids: Sequence[str]) -> bool:
        for queue_type in (QueueType.WORKFLOW, QueueType.ACTIVITY):
            for build_id in build_ids:
                key = _queue_of(queue._replace(queue_type=queue_type), build_id)
                if (await self._matching.describe_task_queue(key)).stats.backlog_count:
                    return True
        return False

    async def _has_runs(
        self, queue: QueueKey, entries: Sequence[str], status_operator: str
    ) -> bool:
        in_build: list[Filter] = [_build_ids_are("=", entry) for entry in entries]
        if "unversioned" in entries:
            in_build.append(_build_ids_are("is null"))
        counts = await self._visibility.count_executions(
            VisibilityFilter(
                namespace_id=queue.namespace_id,
                comparisons=(
                    _field("task_queue", "=", queue.name),
                    _field("status", status_operator, _RUNNING),
                    any_of(in_build),
                ),
            )
        )
        return counts.get(0, 0) > 0


def _is_assigned(rules: VersioningRules, routing: QueueRouting, build_ids: Sequence[str]) -> bool:
    """Whether a rule leads new tasks to one of the build ids, or nothing leads them elsewhere."""
    targets = {ramp.version.build_id if ramp.version else _UNVERSIONED for ramp in routing.ramps}
    if not any(one.is_full for one in rules.assignments):
        targets.add(_UNVERSIONED)
    return not targets.isdisjoint(build_ids)


def _queue_of(queue: QueueKey, build_id: str) -> QueueKey:
    """Return where the tasks lie that are for one build id alone."""
    if build_id == _UNVERSIONED:
        return queue
    return queue._replace(name=versioned_queue_name(queue.name, Version("", build_id)))


def _build_id(record: PollerRecord) -> str:
    capabilities = record.version_capabilities
    if capabilities is None or not capabilities.use_versioning:
        return _UNVERSIONED
    return capabilities.build_id


def _entry(kind: str, build_id: str) -> str:
    return f"{kind}:{build_id}" if build_id != _UNVERSIONED else "unversioned"


def _build_ids_are(operator: str, value: str | None = None) -> Comparison:
    return Comparison(field="BuildIds", is_search_attribute=True, operator=operator, value=value)


def _field(field: str, operator: str, value: str | int) -> Comparison:
    return Comparison(field=field, is_search_attribute=False, operator=operator, value=value)
