"""Task queues as clients know them: with the versions of their workers.

Owns how one description comes from several queues, since the tasks that are pinned to a version lie
in a queue of their own here. The numbers are matching's. Must not know the API messages.
"""

from msgspec.structs import replace

from indelible.base.ids import QueueKey
from indelible.base.versions import Version, version_of_worker, versioned_queue_name
from indelible.engine.deployment.routing import UNVERSIONED_ROUTING
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.queue_stats import attributed, merged
from indelible.services.frontend.backends import Matching
from indelible.services.matching.description import TaskQueueDescription
from indelible.services.version_routings import VersionRoutings
from indelible.services.worker_deployments import WorkerDeploymentRegistry


class QueueDescriptions:
    """Describes queues as a whole and by version."""

    def __init__(
        self,
        *,
        matching: Matching,
        deployments: WorkerDeploymentRegistry,
        routings: VersionRoutings,
    ) -> None:
        self._matching = matching
        self._deployments = deployments
        self._routings = routings

    async def whole(self, queue: QueueKey) -> TaskQueueDescription:
        """Describe a queue with what waits for each version of a deployment."""
        described = await self._matching.describe_task_queue(queue)
        pinned = [
            await self._matching.describe_task_queue(queue_of_version(queue, version))
            for version in self._deployments.versions_of(queue)
        ]
        stats = [one.stats_by_priority for one in (described, *pinned)]
        return replace(described, stats_by_priority=merged(*stats))

    async def of_version(self, queue: QueueKey, version: Version | None) -> TaskQueueDescription:
        """Describe the workers and the tasks of one version; None is unversioned."""
        described = await self._matching.describe_task_queue(queue)
        routing = self._routings.routing(queue) or UNVERSIONED_ROUTING
        stats = attributed(described.stats_by_priority, routing.shares, version)
        pollers = described.pollers
        if version is not None:
            pinned = await self._matching.describe_task_queue(queue_of_version(queue, version))
            stats, pollers = merged(pinned.stats_by_priority, stats), pinned.pollers
        return replace(
            described,
            pollers=[one for one in pollers if version_of_poller(one) == version],
            stats_by_priority=stats,
        )


def queue_of_version(queue: QueueKey, version: Version | None) -> QueueKey:
    """Return where the tasks lie that are for one version alone."""
    return queue._replace(name=versioned_queue_name(queue.name, version))


def version_of_poller(record: PollerRecord) -> Version | None:
    """Return the version under which somebody polls."""
    return version_of_worker(record.version_capabilities, record.deployment_options)
