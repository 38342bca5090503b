"""DescribeTaskQueue by version: the deprecated form, which the command line still asks for.

Owns which versions are described and whether tasks can reach them (semantics 10.3). A build id
without a deployment is a version, too. The rules are those of `engine.deployment.versioning_rules`.
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
from indelible.base.versions import Version, parse_old_version, parse_version, version_text
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.deployment.versioning_rules import VersioningRules, route_by_rules
from indelible.ports.stores import VisibilityStore
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.queue_descriptions import (
    QueueDescriptions,
    queue_of_version,
    version_of_poller,
)
from indelible.services.frontend.runs_of_versions import (
    CLOSED,
    OPEN,
    UNVERSIONED_ENTRY,
    has_runs,
)
from indelible.services.frontend.task_queue_configs import queue_type_of
from indelible.services.frontend.task_queue_messages import poller_message, stats_message
from indelible.services.versioning_rules import VersioningRuleRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry

_R: Final = BuildIdTaskReachability
_UNVERSIONED: Final = ""
"""What this form calls workers without a version."""


class TaskQueueVersions:
    """Describes a queue by the build ids of its workers."""

    def __init__(
        self,
        *,
        matching: Matching,
        deployments: WorkerDeploymentRegistry,
        queues: QueueDescriptions,
        rules: VersioningRuleRegistry,
        visibility: VisibilityStore,
    ) -> None:
        self._matching = matching
        self._deployments = deployments
        self._queues = queues
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
        for version in await self._versions(request, rules, queues):
            key = _shown(version)
            described = response.versions_info[key]
            for queue in queues:
                await self._describe_type(request, described, queue, version)
            if request.report_task_reachability:
                described.task_reachability = await self._reachability(
                    QueueKey(namespace_id, QueueType.WORKFLOW, name), rules, key
                )
        return response

    async def _versions(
        self,
        request: DescribeTaskQueueRequest,
        rules: VersioningRules,
        queues: Sequence[QueueKey],
    ) -> list[Version | None]:
        """Return the versions that are asked for; the default of the queue if none is named."""
        namespace_id = queues[0].namespace_id
        if not request.HasField("versions"):
            default = next((one.build_id for one in rules.assignments if one.is_full), _UNVERSIONED)
            return [self._named(namespace_id, default)]
        asked = dict.fromkeys(self._named(namespace_id, one) for one in request.versions.build_ids)
        if request.versions.unversioned:
            asked[None] = None
        if request.versions.all_active:
            for queue in queues:
                described = await self._matching.describe_task_queue(queue)
                active = (version_of_poller(record) for record in described.pollers)
                asked |= dict.fromkeys(one for one in active if one is not None)
        return list(asked)

    def _named(self, namespace_id: NamespaceId, text: str) -> Version | None:
        """Return the version of a text: one of a deployment in either notation, or a build id."""
        if text == _UNVERSIONED:
            return None
        if (version := parse_version(text)) is not None:
            return version
        old = parse_old_version(text)  # A build id may well have a dot.
        deployment = old and self._deployments.find(namespace_id, old.deployment_name)
        if old and deployment and deployment.version(old.build_id):
            return old
        return Version("", text)

    async def _describe_type(
        self,
        request: DescribeTaskQueueRequest,
        described: TaskQueueVersionInfo,
        queue: QueueKey,
        version: Version | None,
    ) -> None:
        found = await self._queues.of_version(queue, version)
        described.types_info[queue.queue_type].CopyFrom(
            TaskQueueTypeInfo(
                pollers=map(poller_message, found.pollers) if request.report_pollers else None,
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
        if await self._has_runs(queue, "assigned", reaching):
            return _R.BUILD_ID_TASK_REACHABILITY_REACHABLE
        if await self._has_runs(queue, "versioned", reaching):
            return _R.BUILD_ID_TASK_REACHABILITY_CLOSED_WORKFLOWS_ONLY
        return _R.BUILD_ID_TASK_REACHABILITY_UNREACHABLE

    async def _has_backlog(self, queue: QueueKey, build_ids: Sequence[str]) -> bool:
        """Whether tasks are pinned to one of the build ids; the others go by the rules."""
        for queue_type in (QueueType.WORKFLOW, QueueType.ACTIVITY):
            for build_id in filter(None, build_ids):
                version = Version("", build_id)
                key = queue_of_version(queue._replace(queue_type=queue_type), version)
                if (await self._matching.describe_task_queue(key)).stats.backlog_count:
                    return True
        return False

    async def _has_runs(self, queue: QueueKey, kind: str, build_ids: Sequence[str]) -> bool:
        return await has_runs(
            self._visibility,
            queue.namespace_id,
            queue.name,
            entries=[f"{kind}:{one}" if one else UNVERSIONED_ENTRY for one in build_ids],
            with_fresh=_UNVERSIONED in build_ids,
            state=OPEN if kind == "assigned" else CLOSED,
        )


def _shown(version: Version | None) -> str:
    if version is None:
        return _UNVERSIONED
    return version_text(version) if version.deployment_name else version.build_id


def _is_assigned(rules: VersioningRules, routing: QueueRouting, build_ids: Sequence[str]) -> bool:
    """Whether a rule leads new tasks to one of the build ids, or nothing leads them elsewhere."""
    targets = {ramp.version.build_id if ramp.version else _UNVERSIONED for ramp in routing.ramps}
    if not any(one.is_full for one in rules.assignments):
        targets.add(_UNVERSIONED)
    return not targets.isdisjoint(build_ids)
