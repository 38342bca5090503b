"""The composition root: every part of a node, made and connected here and nowhere else.

Owns the order in which parts start and stop. Must not know what any of them does.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import NamespaceId
from indelible.base.instants import Duration, seconds
from indelible.engine.namespace.aliases import add_search_attributes
from indelible.observability.metrics_endpoint import MetricsEndpoint
from indelible.observability.prometheus import CONTENT_TYPE, PrometheusPage
from indelible.observability.telemetry import MemoryTelemetry
from indelible.ports.clock import Clock, Clocks, SkippingClock
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call, Handler
from indelible.ports.stores import Store, StoreDescription, StoreUnavailableError
from indelible.runtime.outbound_http import OutboundHttp
from indelible.runtime.skipping_clock import SkippingClocks
from indelible.runtime.supervisor import Supervisor
from indelible.runtime.system_clock import SystemClock, SystemClocks
from indelible.runtime.system_entropy import SystemEntropy
from indelible.runtime.time_zones import TIME_ZONES
from indelible.server.callback_address import CallbackAddress
from indelible.server.config import (
    NAMESPACE_DEFAULT,
    NAMESPACE_HEADER,
    STOP_SECONDS_MAX,
    ServerConfig,
)
from indelible.server.dynamic_config_file import DynamicConfigFile
from indelible.server.listeners import Bound, Listeners
from indelible.server.ports_in_use import is_free, require_free, resolved
from indelible.server.refusal import StartRefusedError
from indelible.server.stores import open_store
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.awaited_outcomes import skipping_while_awaited
from indelible.services.frontend.backends import Backends
from indelible.services.frontend.deleted_namespaces import SWEEP_INTERVAL, DeletedNamespaces
from indelible.services.frontend.frontend import Environment, Frontend
from indelible.services.frontend.nexus_entrance import NexusEntrance
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
from indelible.wire.calls.test_service import test_handlers

# Answers under way get most of the time that a stop may take; the store needs the rest.
_CALL_GRACE: Final[Duration] = seconds(STOP_SECONDS_MAX - 0.8)


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a node that serves can tell of itself."""

    host: str
    port: int
    http_port: int | None
    metrics_port: int
    store: StoreDescription
    open_execution_count: int


@asynccontextmanager
async def running_node(config: ServerConfig, supervisor: Supervisor) -> AsyncGenerator[Started]:
    """Run a node for the time of the context; it serves when the body begins.

    Raises `StartRefusedError`, with a sentence that helps, if it cannot start.
    """
    host = resolved(config.host)
    require_free(host, config.port, flag="--port")
    if config.http_port:
        require_free(host, config.http_port, flag="--http-port")
    metrics_port = _metrics_port(config, host)
    clock = SystemClock()
    _follow_dynamic_config(config, clock, supervisor)
    skipping = _skipping_clocks(config, clock)
    node = _Parts(
        clocks=skipping or SystemClocks(clock),
        skipping=skipping,
        entropy=SystemEntropy(),
        telemetry=MemoryTelemetry(),
        outbound=OutboundHttp(),
        callback_address=CallbackAddress(host, config.dynamic_config.limits),
    )
    store = open_store(config, entropy=node.entropy, telemetry=node.telemetry)
    try:
        async with _serving(config, node, store, supervisor, host=host) as bound:
            page = PrometheusPage(node.telemetry)
            metrics = MetricsEndpoint(page.render, CONTENT_TYPE)
            bound_metrics_port = await _listen_metrics(metrics, host, metrics_port)
            try:
                yield Started(
                    host=host,
                    port=bound.port,
                    http_port=bound.http_port,
                    metrics_port=bound_metrics_port,
                    store=store.describe(),
                    open_execution_count=await store.open_execution_count(),
                )
            finally:
                await metrics.stop()
    except StoreUnavailableError as error:
        raise StartRefusedError(str(error)) from error
    finally:
        await node.outbound.close()
        await store.close()


def _follow_dynamic_config(config: ServerConfig, clock: Clock, supervisor: Supervisor) -> None:
    if config.dynamic_config_file is None:
        return
    file = DynamicConfigFile(config.dynamic_config_file, config.dynamic_config)
    file.load()
    supervisor.start("dynamic configuration", file.watch(clock))


def _skipping_clocks(config: ServerConfig, clock: Clock) -> SkippingClocks | None:
    how = config.time_skipping
    if how is None:
        return None
    if config.database is not None:
        # What a file holds from before is not noted by any clock, and would be skipped over.
        raise StartRefusedError("time is skipped in memory only; leave out the database")
    return SkippingClocks(clock, is_shared=how.is_shared, is_locked=how.is_locked)


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    clocks: Clocks
    skipping: SkippingClocks | None
    """`clocks`, if they can skip time."""
    entropy: Entropy
    telemetry: MemoryTelemetry
    outbound: OutboundHttp
    callback_address: CallbackAddress


class _Registries(msgspec.Struct, frozen=True, kw_only=True):
    """What is small enough to be held in memory as a whole."""

    endpoints: NexusEndpointRegistry
    deployments: WorkerDeploymentRegistry
    build_id_sets: BuildIdSetRegistry
    versioning_rules: VersioningRuleRegistry
    queue_configs: TaskQueueConfigRegistry

    @property
    def routings(self) -> VersionRoutings:
        """Where tasks go, from all that says so."""
        return VersionRoutings(self.deployments, self.versioning_rules)


@asynccontextmanager
async def _serving(
    config: ServerConfig, node: _Parts, store: Store, supervisor: Supervisor, *, host: str
) -> AsyncGenerator[Bound]:
    registry = NamespaceRegistry(store)
    registries = await _load_registries(store)
    await _prepare_namespaces(config, node, registry)
    matching = _matching(config, node, store, supervisor, registries)
    history = HistoryService(
        HistorySurroundings(
            store=store,
            clocks=node.clocks,
            entropy=node.entropy,
            telemetry=node.telemetry,
            namespaces=registry,
            endpoints=registries.endpoints,
            complete_signal_with_start=_rules(config, node).complete_signal_with_start,
            complete_start=_rules(config, node).complete_start,
            limits_of=config.dynamic_config.limits,
            zones=TIME_ZONES,
            matching=matching,
            outbound=node.outbound,
            callback_url=node.callback_address.of,
            routing_of=registries.routings.routing_of,
            spawn=supervisor.start,
            owner=FreshIds(node.entropy.token(16)).uuid(),
        )
    )
    matching.connect(history)
    await matching.load()
    backends = _backends(history, matching, store, registries)
    frontend = _frontend(config, node, backends, registry, host=host)
    nexus = _nexus_entrance(config, node, frontend, registry, registries, (matching, history))
    listeners = _listeners(config, node, frontend, nexus, registry)
    await history.start()
    _start_background(
        node,
        supervisor,
        BatchSurroundings(
            records=history.batches,
            visibility=store,
            namespaces=registry,
            clocks=node.clocks,
            limits_of=config.dynamic_config.limits,
            perform=frontend.perform,
        ),
        backends,
    )
    try:
        bound = await listeners.start(host)
        node.callback_address.port = bound.http_port
        yield bound
    finally:
        # Together: the long polls that matching and history answer are calls that the wire awaits.
        async with asyncio.TaskGroup() as group:
            group.create_task(listeners.stop(_CALL_GRACE))
            group.create_task(_stop_services(matching, history))


def _listeners(
    config: ServerConfig,
    node: _Parts,
    frontend: Frontend,
    nexus: NexusEntrance,
    registry: NamespaceRegistry,
) -> Listeners:
    return Listeners(
        config,
        _frontend_handlers(config, node, frontend, registry),
        nexus,
        test_handlers=_test_handlers(node, registry),
        clock=node.clocks.node,
        telemetry=node.telemetry,
    )


def _frontend_handlers(
    config: ServerConfig, node: _Parts, frontend: Frontend, registry: NamespaceRegistry
) -> Mapping[tuple[str, str], Handler]:
    handlers, clocks = frontend.handlers(), node.skipping
    if clocks is None or config.time_skipping is None:
        return handlers

    def clock_of(name: str) -> SkippingClock:
        return clocks.clock_of(registry.by_name(name).id)

    if config.time_skipping.intercept is not None:
        handlers = config.time_skipping.intercept(handlers, clock_of)
    if not config.time_skipping.skips_for_waiting_clients:
        return handlers
    return skipping_while_awaited(handlers, clock_of)


def _test_handlers(node: _Parts, registry: NamespaceRegistry) -> Mapping[tuple[str, str], Handler]:
    clocks = node.skipping
    if clocks is None:
        return {}

    def clock_of(call: Call) -> SkippingClock:
        name = call.metadata.get(NAMESPACE_HEADER, NAMESPACE_DEFAULT)
        return clocks.clock_of(registry.by_name(name).id)

    return test_handlers(clock_of)


def _backends(
    history: HistoryService, matching: MatchingService, store: Store, registries: _Registries
) -> Backends:
    return Backends(
        history=history,
        matching=matching,
        visibility=store,
        store=store.describe(),
        endpoints=registries.endpoints,
        deployments=registries.deployments,
        build_id_sets=registries.build_id_sets,
        versioning_rules=registries.versioning_rules,
        queue_configs=registries.queue_configs,
    )


def _rules(config: ServerConfig, node: _Parts) -> SystemRules:
    return SystemRules(
        clocks=node.clocks,
        limits_of=config.dynamic_config.limits,
        utc_offset=TIME_ZONES.utc_offset,
    )


def _start_background(
    node: _Parts, supervisor: Supervisor, around: BatchSurroundings, backends: Backends
) -> None:
    """Start what goes on although no client waits for it."""
    deleted = DeletedNamespaces(
        registry=around.namespaces,
        history=backends.history,
        visibility=around.visibility,
        limits_of=around.limits_of,
    )
    supervisor.start("deleted namespaces", deleted.run(around.clocks.node))
    jobs = BatchJobs(around, spawn=supervisor.start)
    around.records.listen(jobs.announce)
    supervisor.start("batch operations", jobs.resume())
    if node.skipping is not None:
        supervisor.start("clocks", _forget_clocks(node.skipping, around.namespaces))


async def _forget_clocks(clocks: SkippingClocks, registry: NamespaceRegistry) -> None:
    """Forget the clocks of namespaces that are gone, again and again.

    For a while somebody may still ask for one, as a loaded task queue does, and make it anew.
    """
    while True:
        await clocks.node.sleep(SWEEP_INTERVAL)
        clocks.retain({namespace.id for namespace in registry.in_order()})


def _matching(
    config: ServerConfig,
    node: _Parts,
    store: Store,
    supervisor: Supervisor,
    registries: _Registries,
) -> MatchingService:
    matching = MatchingService(
        store,
        clocks=node.clocks,
        entropy=node.entropy,
        telemetry=node.telemetry,
        spawn=supervisor.start,
        settings=QueueSettings(
            routing_of=registries.routings.routing,
            config_of=registries.queue_configs.config,
            limits_of=config.dynamic_config.queue_limits,
        ),
    )
    registries.deployments.listen(matching.reroute)
    registries.versioning_rules.listen(matching.reroute)
    registries.queue_configs.listen(matching.reconfigure)
    return matching


async def _load_registries(store: Store) -> _Registries:
    build_id_sets = BuildIdSetRegistry(store)
    registries = _Registries(
        endpoints=NexusEndpointRegistry(store),
        deployments=WorkerDeploymentRegistry(store),
        build_id_sets=build_id_sets,
        versioning_rules=VersioningRuleRegistry(store, build_id_sets),
        queue_configs=TaskQueueConfigRegistry(store),
    )
    for registry in (
        registries.endpoints,
        registries.deployments,
        registries.build_id_sets,
        registries.versioning_rules,
        registries.queue_configs,
    ):
        await registry.load()
    return registries


def _frontend(
    config: ServerConfig,
    node: _Parts,
    backends: Backends,
    registry: NamespaceRegistry,
    *,
    host: str,
) -> Frontend:
    return Frontend(
        backends,
        registry=registry,
        environment=Environment(
            clocks=node.clocks,
            entropy=node.entropy,
            telemetry=node.telemetry,
            zones=TIME_ZONES,
            address=f"{host}:{config.port}",
            http_address=f"{host}:{config.http_port}" if config.http_port else "",
        ),
        limits_of=config.dynamic_config.limits,
    )


def _nexus_entrance(
    config: ServerConfig,
    node: _Parts,
    frontend: Frontend,
    registry: NamespaceRegistry,
    registries: _Registries,
    services: tuple[MatchingService, HistoryService],
) -> NexusEntrance:
    matching, history = services
    return NexusEntrance(
        registry=registry,
        endpoints=registries.endpoints,
        matching=matching,
        completions=history,
        admission=frontend.admission,
        clock=node.clocks.node,
        limits_of=config.dynamic_config.limits,
    )


async def _stop_services(matching: MatchingService, history: HistoryService) -> None:
    await matching.stop()
    await history.stop()


async def _prepare_namespaces(
    config: ServerConfig, node: _Parts, registry: NamespaceRegistry
) -> None:
    now = node.clocks.node.now()
    ids = FreshIds(node.entropy.token(16))
    await registry.load(now=now)
    for name in config.namespaces:
        namespace = await registry.ensure(
            name, namespace_id=NamespaceId(ids.uuid()), retention=config.retention, now=now
        )
        if config.search_attributes:
            await registry.change(
                namespace.id, lambda old: add_search_attributes(old, config.search_attributes)
            )


def _metrics_port(config: ServerConfig, host: str) -> int:
    port = config.metrics_port
    if port.may_move and not is_free(host, port.number):
        return 0
    require_free(host, port.number, flag="--metrics-port")
    return port.number


async def _listen_metrics(metrics: MetricsEndpoint, host: str, port: int) -> int:
    try:
        return await metrics.listen(host, port)
    except OSError as error:
        raise StartRefusedError(
            f"cannot listen on {host}:{port}; choose another port with --metrics-port"
        ) from error
