"""The public services, put together.

Owns which handlers there are. A transport takes them by (service, method) and needs to know no more.
"""

from collections.abc import Mapping

from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.ports.authorizer import Authorizer, EveryoneMay
from indelible.ports.clock import Clocks
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Handler
from indelible.ports.stores import StoreDescription
from indelible.ports.telemetry import Telemetry
from indelible.services.frontend.activities import ActivityHandlers
from indelible.services.frontend.backends import History, Matching
from indelible.services.frontend.namespaces import NamespaceHandlers
from indelible.services.frontend.pipeline import Pipeline
from indelible.services.frontend.routes import Route, Routes
from indelible.services.frontend.rpcs import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.services.frontend.search_attributes import SearchAttributeHandlers
from indelible.services.frontend.system import SystemHandlers
from indelible.services.frontend.task_queues import TaskQueueHandlers
from indelible.services.frontend.worker_tasks import WorkerTaskHandlers
from indelible.services.frontend.workflows import WorkflowHandlers
from indelible.services.namespaces import NamespaceRegistry


class Frontend:
    """Answers WorkflowService and OperatorService."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        history: History,
        matching: Matching,
        store: StoreDescription,
        clocks: Clocks,
        entropy: Entropy,
        telemetry: Telemetry,
        limits: Limits = DEFAULT_LIMITS,
        authorizer: Authorizer | None = None,
        address: str = "",
    ) -> None:
        """`address` is what clients are told when they ask where the node is."""
        clock = clocks.node
        self._pipeline = Pipeline(
            registry=registry,
            authorizer=authorizer or EveryoneMay(),
            clock=clock,
            telemetry=telemetry,
        )
        system = SystemHandlers(store=store, address=address)
        namespaces = NamespaceHandlers(
            registry=registry, clock=clock, entropy=entropy, limits=limits
        )
        search_attributes = SearchAttributeHandlers(registry=registry)
        self._workflow_service: tuple[Routes, ...] = (
            system.routes(),
            namespaces.routes(),
            search_attributes.routes(),
            WorkflowHandlers(history=history, entropy=entropy, limits=limits).routes(),
            WorkerTaskHandlers(
                history=history, matching=matching, clock=clock, limits=limits
            ).routes(),
            ActivityHandlers(history=history, limits=limits).routes(),
            TaskQueueHandlers(matching=matching, address=address).routes(),
        )
        self._operator_service: tuple[Routes, ...] = (
            system.operator_routes(),
            namespaces.operator_routes(),
            search_attributes.operator_routes(),
        )

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        """Return the handler of every RPC that is built, by (service, method)."""
        routes: dict[tuple[str, str], Route] = {}
        for service, resources in (
            (WORKFLOW_SERVICE, self._workflow_service),
            (OPERATOR_SERVICE, self._operator_service),
        ):
            for resource in resources:
                routes.update({(service, name): route for name, route in resource.items()})
        return self._pipeline.handlers(routes)
