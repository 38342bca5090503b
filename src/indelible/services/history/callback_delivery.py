"""The way of a completion to whoever gave a callback, whatever has ended.

Owns whether a failed delivery may be tried again, and that nobody is called who is down. Must not
know who owes the callback.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from temporalio.api.common.v1 import Callback

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.failures import server_failure
from indelible.base.limits import Limits
from indelible.base.nexus_operations import SYSTEM_CALLBACK_URL, TOKEN_HEADER, Completion
from indelible.engine.namespace.record import Namespace
from indelible.services.history.circuit_breakers import (
    REJECTION,
    CircuitBreakers,
    callback_destination,
)
from indelible.services.history.external_callbacks import ExternalCallbacks
from indelible.services.history.nexus_completions import NexusCompletions
from indelible.services.history.operation_calls import CallResult

_FINAL_CODES: Final = frozenset(
    {
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNIMPLEMENTED,
    }
)


Deliver = Callable[[Namespace, Callback.Nexus, Completion], Awaitable[CallResult]]
"""Tells the one behind a callback how something in a namespace has ended."""


class CallbackDelivery:
    """Delivers completions."""

    def __init__(
        self,
        completions: NexusCompletions,
        external: ExternalCallbacks,
        limits_of: Callable[[str], Limits],
        breakers: CircuitBreakers,
    ) -> None:
        self._completions = completions
        self._external = external
        self._limits_of = limits_of
        self._breakers = breakers

    async def deliver(
        self, namespace: Namespace, callback: Callback.Nexus, completion: Completion
    ) -> CallResult:
        """Tell the one behind a callback how something in a namespace has ended.

        Raises `CircuitOpenError` if a host is not to be called now. The service itself always is.
        """
        if callback.url != SYSTEM_CALLBACK_URL:
            patience = self._limits_of(namespace.name).callback_timeout
            return await self._breakers.call(
                callback_destination(namespace, callback.url),
                lambda: self._external.complete(callback, completion, patience),
                is_down=lambda result: result.is_retryable,
                otherwise=CallResult(failure=REJECTION, is_retryable=True),
            )
        token = callback.header.get(TOKEN_HEADER, "")
        return await attempted(
            self._completions.complete_nexus_operation(token, completion.started, completion.end)
        )


async def attempted(telling: Awaitable[None]) -> CallResult:
    """Return what came of telling somebody."""
    try:
        await telling
    except ServiceError as error:
        is_final = error.code in _FINAL_CODES
        failure = server_failure(error.message, is_non_retryable=is_final)
        return CallResult(failure=failure, is_retryable=not is_final)
    return CallResult()
