"""Which calls that a description tells of wait for a circuit breaker.

Owns the state `BLOCKED`: nothing durable says so, since breakers live in memory. The reference
(1.32) has a breaker for each host, but looks for one of the whole URL: its callbacks stay
`SCHEDULED` unless the URL is a host alone. Nor does it say so of standalone operations.
"""

from collections.abc import Iterable

from temporalio.api.callback.v1 import CallbackInfo
from temporalio.api.enums.v1 import (
    CallbackState,
    NexusOperationCancellationState,
    PendingNexusOperationState,
)
from temporalio.api.nexus.v1 import NexusOperationExecutionInfo
from temporalio.api.workflow.v1 import (
    CallbackInfo as RunCallbackInfo,
    PendingNexusOperationInfo,
)

from indelible.engine.namespace.record import Namespace
from indelible.services.history.circuit_breakers import (
    BLOCKED_REASON,
    CircuitBreakers,
    callback_destination,
    endpoint_destination,
)

_Pending = PendingNexusOperationState
_Cancel = NexusOperationCancellationState


def mark_callbacks(
    breakers: CircuitBreakers,
    namespace: Namespace,
    callbacks: Iterable[CallbackInfo | RunCallbackInfo],
) -> None:
    """Say of each callback that would be called now if it is not, since its host is down."""
    for told in callbacks:
        if told.state != CallbackState.CALLBACK_STATE_SCHEDULED:
            continue
        url = told.callback.nexus.url
        if breakers.is_blocked(callback_destination(namespace, url)):
            told.state = CallbackState.CALLBACK_STATE_BLOCKED
            told.blocked_reason = BLOCKED_REASON


def mark_operations(
    breakers: CircuitBreakers,
    namespace: Namespace,
    operations: Iterable[PendingNexusOperationInfo | NexusOperationExecutionInfo],
) -> None:
    """Say of each operation if its start or cancellation waits, since its endpoint is down."""
    for told in operations:
        if not breakers.is_blocked(endpoint_destination(namespace, told.endpoint)):
            continue
        if told.state == _Pending.PENDING_NEXUS_OPERATION_STATE_SCHEDULED:
            told.state = _Pending.PENDING_NEXUS_OPERATION_STATE_BLOCKED
            told.blocked_reason = BLOCKED_REASON
        cancellation = told.cancellation_info
        if cancellation.state == _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_SCHEDULED:
            cancellation.state = _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_BLOCKED
            cancellation.blocked_reason = BLOCKED_REASON
