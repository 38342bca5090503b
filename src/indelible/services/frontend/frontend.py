"""The public services, put together.

Owns which handlers there are. A transport takes them by (service, method) and knows no more.
"""

from collections.abc import Iterable, Mapping

import msgspec
from google.protobuf.message import Message

from indelible.base.time_zones import UTC_ONLY, TimeZones
from indelible.engine.namespace.record import Namespace
from indelible.ports.authorizer import Authorizer, EveryoneMay
from indelible.ports.clock import Clock, Clocks
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call, Handler
from indelible.ports.telemetry import Telemetry
from indelible.services.frontend.activities import ActivityHandlers
from indelible.services.frontend.activity_control import ActivityControlHandlers
from indelible.services.frontend.activity_executions import ActivityExecutionHandlers
from indelible.services.frontend.activity_visibility import ActivityVisibilityHandlers
from indelible.services.frontend.admission import Admission
from indelible.services.frontend.backends import Backends, LimitsOf
from indelible.services.frontend.batch_operations import BatchOperationHandlers
from indelible.services.frontend.build_id_sets import BuildIdSetHandlers
from indelible.services.frontend.control import ControlHandlers
from indelible.services.frontend.id_lengths import bound_ids
from indelible.services.frontend.namespaces import NamespaceHandlers
from indelible.services.frontend.nexus_endpoints import NexusEndpointHandlers
from indelible.services.frontend.nexus_operation_executions import (
    NexusOperationExecutionHandlers,
)
from indelible.services.frontend.nexus_operation_visibility import (
    NexusOperationVisibilityHandlers,
)
from indelible.services.frontend.nexus_tasks import NexusTaskHandlers
from indelible.services.frontend.pipeline import Pipeline
from indelible.services.frontend.queue_descriptions import QueueDescriptions
from indelible.services.frontend.routes import Route, Routes, Target
from indelible.services.frontend.rpcs import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.services.frontend.schedule_visibility import ScheduleVisibilityHandlers
from indelible.services.frontend.schedules import ScheduleHandlers
from indelible.services.frontend.search_attributes import SearchAttributeHandlers
from indelible.services.frontend.system import SystemHandlers
from indelible.services.frontend.task_queue_configs import TaskQueueConfigHandlers
from indelible.services.frontend.task_queue_versions import TaskQueueVersions
from indelible.services.frontend.task_queues import TaskQueueHandlers
from indelible.services.frontend.time_skipping import TimeSkippingHandlers
from indelible.services.frontend.updates import UpdateHandlers
from indelible.services.frontend.versioning_rules import VersioningRuleHandlers
from indelible.services.frontend.visibility import VisibilityHandlers
from indelible.services.frontend.worker_deployments import WorkerDeploymentHandlers
from indelible.services.frontend.worker_tasks import WorkerTaskHandlers
from indelible.services.frontend.workers import WorkerHandlers
from indelible.services.frontend.workflow_rules import WorkflowRuleHandlers
from indelible.services.frontend.workflows import WorkflowHandlers
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.version_routings import VersionRoutings


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The outside world, as far as the frontend needs it."""

    clocks: Clocks
    entropy: Entropy
    telemetry: Telemetry
    zones: TimeZones = UTC_ONLY
    address: str = ""
    """What clients are told when they ask where the node is."""
    http_address: str = ""
    """Empty if it does not listen for HTTP."""


class Frontend:
    """Answers WorkflowService and OperatorService."""

    def __init__(
        self,
        backends: Backends,
        *,
        registry: NamespaceRegistry,
        environment: Environment,
        limits_of: LimitsOf,
        authorizer: Authorizer | None = None,
    ) -> None:
        """Make all handlers."""
        history, clocks, entropy = backends.history, environment.clocks, environment.entropy
        self._limits_of = limits_of
        self._pipeline = Pipeline(
            registry=registry,
            authorizer=authorizer or EveryoneMay(),
            clock=clocks.node,
            telemetry=environment.telemetry,
            limits_of=limits_of,
        )
        system = SystemHandlers(
            store=backends.store,
            address=environment.address,
            http_address=environment.http_address,
        )
        namespaces = NamespaceHandlers(
            registry=registry,
            endpoints=backends.endpoints,
            clock=clocks.node,
            entropy=entropy,
            limits_of=limits_of,
        )
        workflows = WorkflowHandlers(
            history=history,
            clocks=clocks,
            entropy=entropy,
            utc_offset=environment.zones.utc_offset,
            limits_of=limits_of,
        )
        self._workflow_service: tuple[Routes, ...] = (
            system.routes(),
            namespaces.routes(),
            SearchAttributeHandlers(registry=registry).routes(),
            workflows.routes(),
            UpdateHandlers(history=history, entropy=entropy, rules_of=workflows.rules).routes(),
            *_control_routes(backends, registry=registry, clock=clocks.node, limits_of=limits_of),
            *_task_queue_routes(backends, clocks=clocks, address=environment.address),
            *_finding_routes(backends, environment=environment, limits_of=limits_of),
            *_standalone_routes(backends, entropy=entropy, limits_of=limits_of),
            *_routes_for_workers(backends, clock=clocks.node, limits_of=limits_of),
        )
        self._internal = _together(self._workflow_service)
        self._operator_service: tuple[Routes, ...] = (
            system.operator_routes(),
            namespaces.operator_routes(),
            SearchAttributeHandlers(registry=registry).operator_routes(),
            _endpoint_routes(backends, registry, environment=environment, limits_of=limits_of),
        )

    @property
    def admission(self) -> Admission:
        """The account of requests, for those that come by another way."""
        return self._pipeline.admission

    async def perform(self, rpc: str, namespace: Namespace, request: Message) -> Message:
        """Answer a request that the service itself makes, on behalf of one that was admitted.

        It is checked like a client's, but needs no permission and counts for no rate.
        """
        bound_ids(self._limits_of(namespace.name))
        call = Call(service=WORKFLOW_SERVICE, method=rpc, deadline=None, metadata={}, peer="")
        return await self._internal[rpc](request, Target(call=call, namespace=namespace))

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        """Return the handler of every RPC that is built, by (service, method)."""
        routes: dict[tuple[str, str], Route] = {}
        for service, resources in (
            (WORKFLOW_SERVICE, self._workflow_service),
            (OPERATOR_SERVICE, self._operator_service),
        ):
            for name, route in _together(resources).items():
                routes[service, name] = route
        return self._pipeline.handlers(routes)


def _control_routes(
    backends: Backends, *, registry: NamespaceRegistry, clock: Clock, limits_of: LimitsOf
) -> tuple[Routes, ...]:
    history = backends.history
    return (
        ControlHandlers(control=history, limits_of=limits_of).routes(),
        TimeSkippingHandlers(history=history, limits_of=limits_of).routes(),
        WorkflowRuleHandlers(
            registry=registry, triggers=history, clock=clock, limits_of=limits_of
        ).routes(),
    )


def _together(resources: Iterable[Routes]) -> Routes:
    return {name: route for resource in resources for name, route in resource.items()}


def _endpoint_routes(
    backends: Backends,
    registry: NamespaceRegistry,
    *,
    environment: Environment,
    limits_of: LimitsOf,
) -> Routes:
    return NexusEndpointHandlers(
        endpoints=backends.endpoints,
        namespaces=registry,
        clock=environment.clocks.node,
        entropy=environment.entropy,
        limits_of=limits_of,
    ).operator_routes()


def _queue_descriptions(backends: Backends) -> QueueDescriptions:
    return QueueDescriptions(
        matching=backends.matching,
        deployments=backends.deployments,
        routings=VersionRoutings(backends.deployments, backends.versioning_rules),
    )


def _task_queue_routes(backends: Backends, *, clocks: Clocks, address: str) -> tuple[Routes, ...]:
    queues = _queue_descriptions(backends)
    return (
        TaskQueueHandlers(
            matching=backends.matching,
            deployments=backends.deployments,
            configs=backends.queue_configs,
            queues=queues,
            versions=TaskQueueVersions(
                matching=backends.matching,
                deployments=backends.deployments,
                queues=queues,
                rules=backends.versioning_rules,
                visibility=backends.visibility,
            ),
            address=address,
        ).routes(),
        TaskQueueConfigHandlers(configs=backends.queue_configs, clocks=clocks).routes(),
    )


def _standalone_routes(
    backends: Backends, *, entropy: Entropy, limits_of: LimitsOf
) -> tuple[Routes, ...]:
    """Activities of workflows, and what stands alone: activities and Nexus operations."""
    history = backends.history
    return (
        ActivityHandlers(history=history, limits_of=limits_of).routes(),
        ActivityExecutionHandlers(
            activities=history, entropy=entropy, limits_of=limits_of
        ).routes(),
        ActivityVisibilityHandlers(store=backends.visibility, limits_of=limits_of).routes(),
        ActivityControlHandlers(
            control=history, standalone=history, entropy=entropy, limits_of=limits_of
        ).routes(),
        NexusOperationExecutionHandlers(
            operations=history,
            endpoints=backends.endpoints,
            entropy=entropy,
            limits_of=limits_of,
        ).routes(),
        NexusOperationVisibilityHandlers(store=backends.visibility, limits_of=limits_of).routes(),
    )


def _finding_routes(
    backends: Backends, *, environment: Environment, limits_of: LimitsOf
) -> tuple[Routes, ...]:
    """What finds workflows, or does one thing to all that are found; schedules."""
    zones = environment.zones
    return (
        VisibilityHandlers(store=backends.visibility, limits_of=limits_of).routes(),
        ScheduleHandlers(schedules=backends.history, zones=zones, limits_of=limits_of).routes(),
        ScheduleVisibilityHandlers(
            store=backends.visibility,
            clocks=environment.clocks,
            zones=zones,
            limits_of=limits_of,
        ).routes(),
        BatchOperationHandlers(
            batches=backends.history, store=backends.visibility, limits_of=limits_of
        ).routes(),
    )


def _routes_for_workers(
    backends: Backends, *, clock: Clock, limits_of: LimitsOf
) -> tuple[Routes, ...]:
    """What workers poll, answer and report, and how their versions are told apart."""
    matching = backends.matching
    return (
        WorkerTaskHandlers(
            history=backends.history,
            matching=matching,
            deployments=backends.deployments,
            clock=clock,
            limits_of=limits_of,
        ).routes(),
        NexusTaskHandlers(matching=matching, clock=clock, limits_of=limits_of).routes(),
        WorkerHandlers(matching=matching, clock=clock).routes(),
        VersioningRuleHandlers(
            rules=backends.versioning_rules,
            sets=backends.build_id_sets,
            matching=matching,
            clock=clock,
        ).routes(),
        BuildIdSetHandlers(sets=backends.build_id_sets, visibility=backends.visibility).routes(),
        WorkerDeploymentHandlers(
            deployments=backends.deployments,
            matching=matching,
            queues=_queue_descriptions(backends),
            visibility=backends.visibility,
            clock=clock,
            limits_of=limits_of,
        ).routes(),
    )
