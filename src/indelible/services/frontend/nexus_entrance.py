"""Nexus over HTTP: completions of operations, and calls of handlers from outside (semantics 9.4).

Owns what such a request passes before somebody hears it: permission, the state of the namespace,
the rate, and the bounds on what it brings. Must not know HTTP.
"""

from collections.abc import Callable
from typing import Final, Protocol

from temporalio.api.nexus.v1 import Request as NexusRequest

from indelible.base.callback_token import decode_callback_token
from indelible.base.errors import InvalidArgumentError, NotFoundError
from indelible.base.ids import QueueKey, QueueType
from indelible.base.instants import Instant, after, seconds
from indelible.base.limits import Limits
from indelible.base.nexus_operations import (
    OperationEnd,
    OperationStarted,
    OperationSucceeded,
    withhold_headers,
)
from indelible.engine.namespace.record import Namespace
from indelible.ports.authorizer import Authorizer, EveryoneMay
from indelible.ports.clients import MatchingClient, NexusAnswer, NexusTask
from indelible.ports.clock import Clock
from indelible.ports.nexus import EndpointTarget, OperationCompletion, QueueTarget
from indelible.ports.rpc import Call
from indelible.services.frontend.admission import Admission
from indelible.services.frontend.pipeline import check_state
from indelible.services.frontend.rpcs import RPCS, WORKFLOW_SERVICE
from indelible.services.history.nexus_links import temporal_links
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

CALL_TIMEOUT: Final = seconds(60)
"""The longest that a caller may wait for a worker."""
_LIKE: Final = "RespondNexusTaskCompleted"
"""The RPC whose share of the rate these requests spend, and whose namespaces they may be for."""


class Completions(Protocol):
    """Whoever waits for the ends of operations."""

    async def complete_nexus_operation(
        self, token_text: str, started: OperationStarted, end: OperationEnd
    ) -> None:
        """Record how an operation has ended, durably."""
        ...


class NexusEntrance:
    """Implements `ports.nexus.NexusServices`."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        endpoints: NexusEndpointRegistry,
        matching: MatchingClient,
        completions: Completions,
        admission: Admission,
        clock: Clock,
        limits_of: Callable[[str], Limits],
        authorizer: Authorizer | None = None,
    ) -> None:
        self._registry = registry
        self._endpoints = endpoints
        self._matching = matching
        self._completions = completions
        self._gate = admission.gate(_LIKE)
        self._clock = clock
        self._limits_of = limits_of
        self._authorizer = authorizer or EveryoneMay()

    async def complete_operation(self, completion: OperationCompletion, call: Call) -> None:
        """Record how an operation has ended, durably; raise `ServiceError` if nobody waits."""
        token = decode_callback_token(completion.callback_token)
        namespace = self._registry.by_id(token.namespace_id)
        if completion.namespace not in {None, namespace.name}:
            raise InvalidArgumentError("invalid callback token")
        await self._pass(namespace, call)
        length = len(completion.operation_token.encode())
        length_max = self._limits_of(namespace.name).nexus_token_bytes_max
        if length > length_max:
            raise InvalidArgumentError(
                f"operation token length exceeds allowed limit ({length}/{length_max})"
            )
        end = completion.end
        if isinstance(end, OperationSucceeded) and end.result is not None:
            self._check_size(namespace, end.result.ByteSize(), "result")
        started = OperationStarted(
            token=completion.operation_token,
            links=temporal_links(completion.links),
            at=completion.started_at,
        )
        await self._completions.complete_nexus_operation(completion.callback_token, started, end)

    async def call_handler(
        self, target: QueueTarget | EndpointTarget, request: NexusRequest, call: Call
    ) -> NexusAnswer | None:
        """Have a worker answer a request; None if none does by the call's deadline."""
        if isinstance(target, QueueTarget):
            namespace, task_queue = self._registry.by_name(target.namespace), target.task_queue
        else:
            namespace, task_queue, request.endpoint = self._behind(target)
        await self._pass(namespace, call)
        if request.HasField("start_operation"):
            size = request.start_operation.payload.ByteSize()
            self._check_size(namespace, size, "input")
        withhold_headers(request.header, self._limits_of(namespace.name).nexus_headers_withheld)
        latest = after(self._clock.now(), CALL_TIMEOUT)
        return await self._matching.call_nexus(
            NexusTask(queue=QueueKey(namespace.id, QueueType.NEXUS, task_queue), request=request),
            deadline=latest if call.deadline is None else Instant(min(latest, call.deadline)),
        )

    def _behind(self, target: EndpointTarget) -> tuple[Namespace, str, str]:
        endpoint = self._endpoints.find_by_id(target.endpoint_id)
        if endpoint is None:
            raise NotFoundError("nexus endpoint not found")
        if not endpoint.task_queue:
            # Otherwise the service would carry requests to wherever an endpoint leads.
            raise InvalidArgumentError("invalid endpoint target")
        return self._registry.by_id(endpoint.namespace_id), endpoint.task_queue, endpoint.name

    async def _pass(self, namespace: Namespace, call: Call) -> None:
        await self._authorizer.authorize(call, namespace=namespace.name, access="write")
        check_state(namespace, RPCS[WORKFLOW_SERVICE, _LIKE].states)
        if self._gate is not None:
            self._gate.enter(NexusRequest(), namespace, self._clock.now())

    def _check_size(self, namespace: Namespace, size: int, what: str) -> None:
        if size > self._limits_of(namespace.name).blob_bytes_max:
            raise InvalidArgumentError(f"{what} exceeds size limit")
