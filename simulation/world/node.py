"""A node: the real services on a faulty disk, wired as `indelible.server.node` wires them.

Owns the life of one process of the server, from start to sudden death. Must not know who calls it.
"""

from collections.abc import Mapping
from random import Random
from typing import Final

from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import NamespaceId
from indelible.base.instants import Duration, Instant
from indelible.base.limits import Limits
from indelible.base.time_zones import UTC_ONLY, utc_only
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Handler
from indelible.ports.telemetry import NoTelemetry
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.backends import Backends
from indelible.services.frontend.deleted_namespaces import DeletedNamespaces
from indelible.services.frontend.frontend import Environment, Frontend
from indelible.services.frontend.system_requests import SystemRules
from indelible.services.history.service import HistoryService, HistorySurroundings
from indelible.services.matching.service import MatchingService
from indelible.services.matching.settings import QueueSettings
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry
from indelible.services.task_queue_configs import TaskQueueConfigRegistry
from indelible.services.version_routings import VersionRoutings
from indelible.services.versioning_rules import VersioningRuleRegistry
from indelible.services.worker.batch_job import BatchSurroundings
from indelible.services.worker.batch_jobs import BatchJobs
from indelible.services.worker_deployments import WorkerDeploymentRegistry
from indelible.store.faulty import FaultRates, FaultyStore
from simulation.world.disk import Disk
from simulation.world.loop import SimulatedLoop
from simulation.world.process import Process, ProcessClock, ProcessClocks

NAMESPACE: Final = "default"
NAMESPACE_ID: Final = NamespaceId("11111111-1111-4111-8111-111111111111")


class SeededEntropy:
    """Bytes from the seed of the world."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def token(self, count: int) -> bytes:
        """Return `count` bytes."""
        return self._chance.randbytes(count)


class Node:
    """One incarnation of the server."""

    def __init__(
        self,
        name: str,
        disk: Disk,
        *,
        loop: SimulatedLoop,
        chance: Random,
        rates: FaultRates,
        retention: Duration,
        entries_max: int,
        limits: Limits,
    ) -> None:
        self.process = Process(name, loop)
        self.clock = ProcessClock(loop, self.process)
        self.store = FaultyStore(disk, dice=chance, clock=self.clock, rates=rates)
        self.namespace: Namespace | None = None
        self.is_serving = False
        self.deleted: DeletedNamespaces | None = None
        """What clears deleted namespaces up; nobody calls it by itself."""
        self._clocks = ProcessClocks(self.clock)
        self._entropy = SeededEntropy(chance)
        self._retention = retention
        self._entries_max = entries_max
        self._limits = limits
        self._handlers: Mapping[str, Handler] = {}

    async def start(self) -> None:
        """Take the shards and serve; raises what the store raises."""
        now = self.clock.now()
        registry = NamespaceRegistry(self.store)
        await registry.load(now=now)
        self.namespace = await registry.ensure(
            NAMESPACE, namespace_id=NAMESPACE_ID, retention=self._retention, now=now
        )
        endpoints = NexusEndpointRegistry(self.store)
        deployments = WorkerDeploymentRegistry(self.store)
        build_id_sets = BuildIdSetRegistry(self.store)
        versioning_rules = VersioningRuleRegistry(self.store, build_id_sets)
        queue_configs = TaskQueueConfigRegistry(self.store)
        for one in (endpoints, deployments, build_id_sets, versioning_rules, queue_configs):
            await one.load()
        matching = self._matching(deployments, versioning_rules, queue_configs)
        history = HistoryService(
            HistorySurroundings(
                store=self.store,
                clocks=self._clocks,
                entropy=self._entropy,
                telemetry=NoTelemetry(),
                namespaces=registry,
                endpoints=endpoints,
                complete_signal_with_start=self._rules().complete_signal_with_start,
                complete_start=self._rules().complete_start,
                limits_of=lambda _: self._limits,
                zones=UTC_ONLY,
                matching=matching,
                routing_of=VersionRoutings(deployments, versioning_rules).routing_of,
                spawn=self.process.spawn,
                owner=FreshIds(self._entropy.token(16)).uuid(),
            ),
            entries_max=self._entries_max,
        )
        matching.connect(history)
        backends = Backends(
            history=history,
            matching=matching,
            visibility=self.store,
            store=self.store.describe(),
            endpoints=endpoints,
            deployments=deployments,
            build_id_sets=build_id_sets,
            versioning_rules=versioning_rules,
            queue_configs=queue_configs,
        )
        self.deleted = DeletedNamespaces(
            registry=registry,
            history=history,
            visibility=self.store,
            limits_of=lambda _: self._limits,
        )
        frontend = self._frontend(backends, registry)
        self._handlers = {name: handler for (_, name), handler in frontend.handlers().items()}
        await matching.load()
        await history.start()
        self._carry_out_batches(history, frontend, registry)
        self.is_serving = True

    def _matching(
        self,
        deployments: WorkerDeploymentRegistry,
        versioning_rules: VersioningRuleRegistry,
        queue_configs: TaskQueueConfigRegistry,
    ) -> MatchingService:
        matching = MatchingService(
            self.store,
            clocks=self._clocks,
            entropy=self._entropy,
            telemetry=NoTelemetry(),
            spawn=self.process.spawn,
            settings=QueueSettings(
                routing_of=VersionRoutings(deployments, versioning_rules).routing,
                config_of=queue_configs.config,
            ),
        )
        deployments.listen(matching.reroute)
        versioning_rules.listen(matching.reroute)
        queue_configs.listen(matching.reconfigure)
        return matching

    def _carry_out_batches(
        self, history: HistoryService, frontend: Frontend, registry: NamespaceRegistry
    ) -> None:
        around = BatchSurroundings(
            records=history.batches,
            visibility=self.store,
            namespaces=registry,
            clocks=self._clocks,
            limits_of=lambda _: self._limits,
            perform=frontend.perform,
        )
        jobs = BatchJobs(around, spawn=self.process.spawn)
        history.batches.listen(jobs.announce)
        self.process.spawn("batch operations", jobs.resume())

    def _rules(self) -> SystemRules:
        return SystemRules(
            clocks=self._clocks, limits_of=lambda _: self._limits, utc_offset=utc_only
        )

    def _frontend(self, backends: Backends, registry: NamespaceRegistry) -> Frontend:
        return Frontend(
            backends,
            registry=registry,
            environment=Environment(
                clocks=self._clocks,
                entropy=self._entropy,
                telemetry=NoTelemetry(),
                zones=UTC_ONLY,
            ),
            limits_of=lambda _: self._limits,
        )

    def handler(self, method: str) -> Handler:
        """Return the handler of an RPC."""
        return self._handlers[method]

    async def die(self) -> None:
        """End without warning."""
        self.is_serving = False
        await self.process.kill()

    @property
    def now(self) -> Instant:
        """The node's present."""
        return self.clock.now()
