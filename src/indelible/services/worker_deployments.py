"""All worker deployments, in memory, over their store.

Owns the index by namespace and name, the order of changes, and the routing of every queue that was
asked for. What a change may be is decided in `engine.deployment`; a change is visible to everybody
as soon as it is durable.
"""

import asyncio
from collections.abc import Callable, Sequence

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope

from indelible.base.errors import NotFoundError, resource_exhausted
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.instants import Instant
from indelible.base.limits import TASK_QUEUES_LOADED_MAX
from indelible.base.version_routing import UNROUTED, VersionRouting
from indelible.base.versions import Version
from indelible.engine.deployment.changes import DEPLOYMENTS_PER_NAMESPACE_MAX, register_worker
from indelible.engine.deployment.record import Deployment, decode_deployment, encode_deployment
from indelible.engine.deployment.routing import QueueRouting, route_queue
from indelible.ports.stores import NamespaceRecordKind, NamespaceRecordStore

Change = Callable[[Deployment], Deployment]
Listener = Callable[[NamespaceId], None]
"""Is told that queues of a namespace may be routed otherwise."""

_KIND = NamespaceRecordKind.WORKER_DEPLOYMENT


class WorkerDeploymentRegistry:
    """The deployments of all namespaces. `load` comes first; reads never wait."""

    def __init__(self, store: NamespaceRecordStore) -> None:
        self._store = store
        self._by_name: dict[NamespaceId, dict[str, Deployment]] = {}
        self._routings: dict[QueueKey, QueueRouting] = {}
        self._listeners: list[Listener] = []
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read all deployments."""
        async with self._changing:
            await self._reload()

    def listen(self, listener: Listener) -> None:
        """Have somebody told of every change."""
        self._listeners.append(listener)

    # ------------------------------------------------------------------------------------- reading
    def find(self, namespace_id: NamespaceId, name: str) -> Deployment | None:
        """Return a deployment, if there is one."""
        return self._by_name.get(namespace_id, {}).get(name)

    def require(self, namespace_id: NamespaceId, name: str) -> Deployment:
        """Return a deployment, or raise `NotFoundError`."""
        deployment = self.find(namespace_id, name)
        if deployment is None:
            raise NotFoundError(
                f"no Worker Deployment found with name '{name}'; does your Worker Deployment "
                "have pollers?"
            )
        return deployment

    def in_order(self, namespace_id: NamespaceId) -> Sequence[Deployment]:
        """Return the deployments of a namespace in the order of their names."""
        deployments = self._by_name.get(namespace_id, {})
        return [deployments[name] for name in sorted(deployments)]

    def has_queue(self, namespace_id: NamespaceId, version: Version, queue: QueueKey) -> bool:
        """Whether workers of a version poll a queue."""
        deployment = self.find(namespace_id, version.deployment_name)
        found = None if deployment is None else deployment.version(version.build_id)
        return found is not None and found.has_queue(queue.queue_type, queue.name)

    def versions_of(self, queue: QueueKey) -> Sequence[Version]:
        """Return the versions whose workers poll a queue."""
        return [
            Version(deployment.name, one.build_id)
            for deployment in self.in_order(queue.namespace_id)
            for one in deployment.versions
            if one.has_queue(queue.queue_type, queue.name)
        ]

    def routing(self, queue: QueueKey) -> QueueRouting | None:
        """Return where the tasks of a queue go; None as long as nothing is versioned."""
        deployments = self._by_name.get(queue.namespace_id)
        if not deployments:
            return None
        routing = self._routings.get(queue)
        if routing is None:
            if len(self._routings) >= TASK_QUEUES_LOADED_MAX:
                self._routings.clear()
            routing = route_queue(deployments.values(), queue.queue_type, queue.name)
            self._routings[queue] = routing
        return routing

    def routing_of(self, namespace_id: NamespaceId) -> VersionRouting:
        """Return what the runs of a namespace may ask about versions."""
        has_any = bool(self._by_name.get(namespace_id))
        return _NamespaceRouting(self, namespace_id) if has_any else UNROUTED

    # ------------------------------------------------------------------------------------ changing
    async def register_worker(
        self,
        namespace_id: NamespaceId,
        version: Version,
        queue_type: QueueType,
        queue_name: str,
        *,
        now: Instant,
    ) -> None:
        """Take note of a worker that polls, durably if it is a new one.

        Raises `ResourceExhaustedError` if there are too many deployments, versions or queues.
        """
        if self._is_known(namespace_id, version, queue_type, queue_name):
            return
        async with self._changing:
            deployment = self.find(namespace_id, version.deployment_name)
            if deployment is None:
                self._check_room(namespace_id)
                deployment = Deployment(
                    namespace_id=namespace_id, name=version.deployment_name, created_at=now
                )
            changed = register_worker(deployment, version.build_id, queue_type, queue_name, now=now)
            if changed != deployment:
                await self._put(changed)

    async def create(self, deployment: Deployment) -> None:
        """Add a deployment, durably; its name is free."""
        async with self._changing:
            self._check_room(deployment.namespace_id)
            await self._put(deployment)

    async def change(
        self, namespace_id: NamespaceId, name: str, change: Change
    ) -> tuple[Deployment, Deployment]:
        """Apply a rule to the newest state; return the states before and after, durably.

        Raises what the rule raises, and `NotFoundError` if there is no such deployment.
        """
        async with self._changing:
            before = self.require(namespace_id, name)
            after = change(before)
            if after != before:
                await self._put(after)
            return before, after

    async def remove(self, namespace_id: NamespaceId, name: str) -> None:
        """Forget a deployment, durably; an unknown one is ignored."""
        async with self._changing:
            if self.find(namespace_id, name) is not None:
                await self._store.delete_namespace_record(_KIND, namespace_id, name)
                del self._by_name[namespace_id][name]
                self._announce(namespace_id)

    def _is_known(
        self, namespace_id: NamespaceId, version: Version, queue_type: QueueType, queue_name: str
    ) -> bool:
        return self.has_queue(namespace_id, version, QueueKey(namespace_id, queue_type, queue_name))

    def _check_room(self, namespace_id: NamespaceId) -> None:
        if len(self._by_name.get(namespace_id, {})) >= DEPLOYMENTS_PER_NAMESPACE_MAX:
            raise resource_exhausted(
                f"reached maximum deployments in namespace ({DEPLOYMENTS_PER_NAMESPACE_MAX})",
                ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_WORKER_DEPLOYMENT_LIMITS,
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
            )

    async def _put(self, deployment: Deployment) -> None:
        try:
            await self._store.put_namespace_record(
                _KIND, deployment.namespace_id, deployment.name, encode_deployment(deployment)
            )
        except Exception:
            # The outcome may have been either, so the store is asked what is true now.
            await self._reload()
            raise
        self._by_name.setdefault(deployment.namespace_id, {})[deployment.name] = deployment
        self._announce(deployment.namespace_id)

    def _announce(self, namespace_id: NamespaceId) -> None:
        for queue in [one for one in self._routings if one.namespace_id == namespace_id]:
            del self._routings[queue]
        for listener in self._listeners:
            listener(namespace_id)

    async def _reload(self) -> None:
        self._by_name = {}
        for namespace_id, name, record in await self._store.load_namespace_records(_KIND):
            self._by_name.setdefault(namespace_id, {})[name] = decode_deployment(record)
        self._routings.clear()


class _NamespaceRouting:
    """The routing in one namespace. Implements `base.version_routing.VersionRouting`."""

    def __init__(self, registry: WorkerDeploymentRegistry, namespace_id: NamespaceId) -> None:
        self._registry = registry
        self._namespace_id = namespace_id

    def target(self, queue_name: str, workflow_id: str) -> tuple[Version | None, int]:
        """Return where the workflow tasks of an unpinned run go, and the routing's revision."""
        routing = self._registry.routing(
            QueueKey(self._namespace_id, QueueType.WORKFLOW, queue_name)
        )
        if routing is None:
            return None, 0
        version = routing.target(workflow_id)
        return version, routing.revision(version)

    def redirected(self, queue_name: str, version: Version) -> Version:  # noqa: ARG002
        """Return the version itself: a deployment knows no redirects."""
        return version

    def has_queue(
        self, version: Version, queue_name: str, *, is_workflow_queue: bool = True
    ) -> bool:
        """Whether workers of a version poll a queue."""
        kind = QueueType.WORKFLOW if is_workflow_queue else QueueType.ACTIVITY
        queue = QueueKey(self._namespace_id, kind, queue_name)
        return self._registry.has_queue(self._namespace_id, version, queue)
