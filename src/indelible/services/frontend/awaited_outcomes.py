"""A client that waits for an outcome has nothing else to do: then a test's time may be skipped.

Owns which requests wait for an outcome. While at least one of a namespace does, its clock is
unlocked. Must not know how a clock skips.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, get_args

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    GetWorkflowExecutionHistoryRequest,
    PollActivityExecutionRequest,
    PollNexusOperationExecutionRequest,
    PollWorkflowExecutionUpdateRequest,
    QueryWorkflowRequest,
    UpdateWorkflowExecutionRequest,
)

from indelible.ports.clock import SkippingClock, UnbalancedLocksError
from indelible.ports.rpc import Call, Handler

_Awaiting: TypeAlias = (
    ExecuteMultiOperationRequest
    | GetWorkflowExecutionHistoryRequest
    | PollActivityExecutionRequest
    | PollNexusOperationExecutionRequest
    | PollWorkflowExecutionUpdateRequest
    | QueryWorkflowRequest
    | UpdateWorkflowExecutionRequest
)
_METHODS: Final = frozenset(
    one.DESCRIPTOR.name.removesuffix("Request") for one in get_args(_Awaiting)
)


def skipping_while_awaited(
    handlers: Mapping[tuple[str, str], Handler], clock_of: Callable[[str], SkippingClock]
) -> Mapping[tuple[str, str], Handler]:
    """Return the handlers, of which those that wait for an outcome unlock the clock meanwhile.

    `clock_of` finds the clock of the namespace of this name, or raises what a request that names
    an unknown one is told.
    """
    waiting = _Waiting()
    return {
        key: waiting.around(handler, clock_of) if key[1] in _METHODS else handler
        for key, handler in handlers.items()
    }


def _waits(request: _Awaiting) -> bool:
    """Return whether the client wants the outcome; a history may be read just as it is."""
    return not isinstance(request, GetWorkflowExecutionHistoryRequest) or request.wait_new_event


class _Waiting:
    """How many requests wait, by clock: a clock is unlocked once, however many there are."""

    def __init__(self) -> None:
        self._counts: Final[dict[SkippingClock, int]] = {}

    def around(self, handler: Handler, clock_of: Callable[[str], SkippingClock]) -> Handler:
        async def answer(request: Message, call: Call) -> Message:
            if not isinstance(request, _Awaiting) or not _waits(request):
                return await handler(request, call)
            clock = clock_of(request.namespace)
            if not self._enter(clock):
                return await handler(request, call)
            try:
                return await handler(request, call)
            finally:
                self._leave(clock)

        return answer

    def _enter(self, clock: SkippingClock) -> bool:
        """Return whether this request counts: not if somebody else has unlocked the clock."""
        count = self._counts.get(clock, 0)
        if count == 0:
            try:
                clock.unlock()
            except UnbalancedLocksError:
                return False
        self._counts[clock] = count + 1
        return True

    def _leave(self, clock: SkippingClock) -> None:
        self._counts[clock] -= 1
        if self._counts[clock] == 0:
            del self._counts[clock]
            clock.lock()
