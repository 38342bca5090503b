"""Where tasks go, from all generations of worker versioning together.

Owns the precedence: rules or sets of a queue come before the deployments that poll it. Must not
know how any of them changes.
"""

from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.version_routing import VersionRouting
from indelible.base.versions import Version
from indelible.engine.deployment.routing import QueueRouting
from indelible.services.versioning_rules import VersioningRuleRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry


class VersionRoutings:
    """The routing of every queue, as matching and history ask for it."""

    def __init__(
        self, deployments: WorkerDeploymentRegistry, rules: VersioningRuleRegistry
    ) -> None:
        self._deployments = deployments
        self._rules = rules

    def routing(self, queue: QueueKey) -> QueueRouting | None:
        """Return where the tasks of a queue go; None as long as nothing is versioned."""
        by_rules = self._rules.routing(queue.namespace_id, queue.name)
        return by_rules if by_rules is not None else self._deployments.routing(queue)

    def routing_of(self, namespace_id: NamespaceId) -> VersionRouting:
        """Return what the runs of a namespace may ask about versions."""
        return _NamespaceRouting(self, self._deployments.routing_of(namespace_id), namespace_id)


class _NamespaceRouting:
    """The routing in one namespace. Implements `base.version_routing.VersionRouting`."""

    def __init__(
        self, routings: VersionRoutings, deployments: VersionRouting, namespace_id: NamespaceId
    ) -> None:
        self._routings = routings
        self._deployments = deployments
        self._namespace_id = namespace_id

    def target(self, queue_name: str, workflow_id: str) -> tuple[Version | None, int]:
        """Return where the workflow tasks of an unpinned run go, and the routing's revision."""
        routing = self._routings.routing(self._queue(queue_name))
        if routing is None:
            return None, 0
        version = routing.target(workflow_id)
        return version, routing.revision(version)

    def redirected(self, queue_name: str, version: Version) -> Version:
        """Return the version that stands for another one in a queue."""
        routing = self._routings.routing(self._queue(queue_name))
        return version if routing is None else routing.redirected(version)

    def has_queue(
        self, version: Version, queue_name: str, *, is_workflow_queue: bool = True
    ) -> bool:
        """Whether workers of a version poll a queue."""
        return self._deployments.has_queue(version, queue_name, is_workflow_queue=is_workflow_queue)

    def _queue(self, name: str) -> QueueKey:
        return QueueKey(self._namespace_id, QueueType.WORKFLOW, name)
