"""Calls to the handlers of Nexus operations, whoever wants an operation started or canceled.

Owns the way to a handler: through the task queue of an endpoint, or to its URL. Must not
know who waits for the outcome, nor how it is recorded.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from temporalio.api.failure.v1 import Failure
from temporalio.api.nexus.v1 import (
    CancelOperationRequest,
    Request as NexusRequest,
    StartOperationRequest,
)

from indelible.base.callback_token import encode_callback_token
from indelible.base.errors import NotFoundError, ServiceError
from indelible.base.failures import server_failure
from indelible.base.ids import QueueKey, QueueType
from indelible.base.instants import Duration, after, timestamp
from indelible.base.limits import Limits
from indelible.base.nexus_operations import (
    SYSTEM_CALLBACK_URL,
    TOKEN_HEADER,
    CallFailed,
    OperationFailed,
    StartOutcome,
    withhold_headers,
)
from indelible.engine.nexus.endpoint import NexusEndpoint
from indelible.engine.nexus.failures import (
    NOT_FOUND,
    UPSTREAM_TIMEOUT,
    handler_failure,
    is_retryable_handler_failure,
)
from indelible.ports.clients import MatchingClient, NexusAnswer, NexusTask
from indelible.ports.clock import Clocks
from indelible.ports.outbound import NOTHING_OUTSIDE, Outbound
from indelible.services.history.circuit_breakers import (
    REJECTION,
    CircuitBreakers,
    endpoint_destination,
)
from indelible.services.history.external_handlers import (
    NO_CALLBACK,
    CallbackUrl,
    ExternalHandlers,
    nowhere,
)
from indelible.services.history.nexus_answers import start_outcome
from indelible.services.history.operation_calls import (
    CallResult,
    CancelCall,
    OperationName,
    StartCall,
)
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

_NODE: Final = ""
"""The name of no namespace: what workers see is said for the whole node."""


class NexusSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What calls need of the node besides the shards."""

    endpoints: NexusEndpointRegistry
    namespaces: NamespaceRegistry
    matching: MatchingClient
    clocks: Clocks
    limits_of: Callable[[str], Limits]
    breakers: CircuitBreakers
    outbound: Outbound = NOTHING_OUTSIDE
    callback_url: CallbackUrl = nowhere


class OperationHandlers:
    """Finds the handlers of operations and speaks to them."""

    def __init__(self, around: NexusSurroundings) -> None:
        self._around = around
        self._external = ExternalHandlers(around.outbound, around.callback_url)

    async def start(self, call: StartCall) -> StartOutcome:
        """Ask a handler to start an operation; return what became of it.

        Raises `CircuitOpenError` if the handler is not to be called now.
        """
        return await self._around.breakers.call(
            endpoint_destination(call.namespace, call.target.endpoint),
            lambda: self._start(call),
            is_down=lambda outcome: isinstance(outcome, CallFailed),
            otherwise=CallFailed(failure=REJECTION),
        )

    async def cancel(self, call: CancelCall) -> CallResult:
        """Ask a handler to cancel an operation that it has started.

        Raises `CircuitOpenError` if the handler is not to be called now.
        """
        return await self._around.breakers.call(
            endpoint_destination(call.namespace, call.target.endpoint),
            lambda: self._cancel(call),
            is_down=lambda result: result.is_retryable,
            otherwise=CallResult(failure=REJECTION, is_retryable=True),
        )

    async def _start(self, call: StartCall) -> StartOutcome:
        endpoint = self._endpoint(call.target)
        if endpoint is not None and endpoint.url:
            return await self._external.start(endpoint.url, call)
        queue = self._queue(endpoint)
        if queue is None:
            return OperationFailed(failure=_not_registered())
        callback = self._workers_callback(call)
        if not callback:
            return CallFailed(failure=server_failure(NO_CALLBACK, is_non_retryable=False))
        request = NexusRequest(
            endpoint=call.target.endpoint,
            scheduled_time=timestamp(call.now),
            header=call.header,
            start_operation=StartOperationRequest(
                service=call.target.service,
                operation=call.target.operation,
                request_id=call.request_id,
                callback=callback,
                callback_header={TOKEN_HEADER: encode_callback_token(call.token)},
                payload=call.payload,
                links=[call.link],
            ),
        )
        answer = await self._ask(queue, request, call.patience)
        if isinstance(answer, Failure):
            return CallFailed(failure=answer)
        return start_outcome(answer, limits=call.limits)

    async def _cancel(self, call: CancelCall) -> CallResult:
        endpoint = self._endpoint(call.target)
        if endpoint is not None and endpoint.url:
            return await self._external.cancel(endpoint.url, call)
        queue = self._queue(endpoint)
        if queue is None:
            return CallResult(failure=_not_registered())
        request = NexusRequest(
            endpoint=call.target.endpoint,
            scheduled_time=timestamp(call.now),
            header=call.header,
            cancel_operation=CancelOperationRequest(
                service=call.target.service,
                operation=call.target.operation,
                operation_id=call.operation_token,
                operation_token=call.operation_token,
            ),
        )
        answer = await self._ask(queue, request, call.patience)
        if isinstance(answer, Failure):
            return CallResult(failure=answer, is_retryable=True)
        if answer is None:
            failure = handler_failure(UPSTREAM_TIMEOUT, "upstream timeout")
            return CallResult(failure=failure, is_retryable=True)
        if answer.failure is not None:
            is_retryable = is_retryable_handler_failure(answer.failure)
            return CallResult(failure=answer.failure, is_retryable=is_retryable)
        return CallResult()

    def _workers_callback(self, call: StartCall) -> str:
        """Return where a worker brings the end of an operation; empty for nowhere."""
        if call.limits.nexus_system_callbacks:
            return SYSTEM_CALLBACK_URL
        return self._around.callback_url(call.namespace)

    def _endpoint(self, target: OperationName) -> NexusEndpoint | None:
        """Return the endpoint that was meant, or the one that was made anew under its name."""
        return self._around.endpoints.find_by_id(target.endpoint_id) or self._around.endpoints.find(
            target.endpoint
        )

    def _queue(self, endpoint: NexusEndpoint | None) -> QueueKey | None:
        """Return the queue in which the handlers behind an endpoint look for work."""
        if endpoint is None or not endpoint.task_queue:
            return None
        try:
            namespace = self._around.namespaces.by_id(endpoint.namespace_id)
        except NotFoundError:
            return None
        return QueueKey(namespace.id, QueueType.NEXUS, endpoint.task_queue)

    async def _ask(
        self, queue: QueueKey, request: NexusRequest, patience: Duration
    ) -> NexusAnswer | Failure | None:
        """Return the answer of a worker, None if there is none in time, or why it was not asked."""
        withhold_headers(request.header, self._around.limits_of(_NODE).nexus_headers_withheld)
        request.capabilities.temporal_failure_responses = True
        deadline = after(self._around.clocks.node.now(), patience)
        try:
            return await self._around.matching.call_nexus(
                NexusTask(queue=queue, request=request), deadline=deadline
            )
        except ServiceError as error:
            return server_failure(error.message, is_non_retryable=False)


def _not_registered() -> Failure:
    return handler_failure(NOT_FOUND, "endpoint not registered")
