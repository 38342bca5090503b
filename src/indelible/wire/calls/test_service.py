"""`temporal.api.testservice.v1.TestService`: those who test tell a clock when it may skip time.

Owns the translation between its messages and the clock. Must not know whose time it is.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from temporalio.api.testservice.v1 import (
    GetCurrentTimeResponse,
    LockTimeSkippingRequest,
    LockTimeSkippingResponse,
    SleepRequest,
    SleepResponse,
    SleepUntilRequest,
    UnlockTimeSkippingRequest,
    UnlockTimeSkippingResponse,
    service_pb2,
)

from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import Duration, duration, elapsed, instant, timestamp
from indelible.base.invariants import InvariantError
from indelible.ports.clock import SkippingClock, UnbalancedLocksError
from indelible.ports.rpc import Call, Handler
from indelible.wire.calls.methods import Service

TEST_SERVICE: Final = Service(
    name="temporal.api.testservice.v1.TestService",
    descriptor=service_pb2.DESCRIPTOR.services_by_name["TestService"],
)

Req = TypeVar("Req", bound=Message)


def test_handlers(clock_of: Callable[[Call], SkippingClock]) -> Mapping[tuple[str, str], Handler]:
    """Return the handlers of the service; `clock_of` finds the clock that a call is about."""
    service = _TestService()
    return {
        (TEST_SERVICE.name, name): handler
        for name, handler in {
            "LockTimeSkipping": _on(clock_of, LockTimeSkippingRequest, service.lock),
            "UnlockTimeSkipping": _on(clock_of, UnlockTimeSkippingRequest, service.unlock),
            "Sleep": _on(clock_of, SleepRequest, service.sleep),
            "SleepUntil": _on(clock_of, SleepUntilRequest, service.sleep_until),
            "UnlockTimeSkippingWithSleep": _on(clock_of, SleepRequest, service.unlock_with_sleep),
            "GetCurrentTime": _on(clock_of, Empty, service.get_current_time),
        }.items()
    }


def _on(
    clock_of: Callable[[Call], SkippingClock],
    request_type: type[Req],
    answer: Callable[[SkippingClock, Req], Awaitable[Message]],
) -> Handler:
    async def respond(request: Message, call: Call) -> Message:
        if not isinstance(request, request_type):
            raise InvariantError("a request reached the handler of another RPC")
        try:
            return await answer(clock_of(call), request)
        except UnbalancedLocksError as error:
            raise FailedPreconditionError("Unbalanced lock and unlock calls.") from error

    return respond


class _TestService:
    async def lock(self, clock: SkippingClock, _: LockTimeSkippingRequest) -> Message:
        clock.lock()
        return LockTimeSkippingResponse()

    async def unlock(self, clock: SkippingClock, _: UnlockTimeSkippingRequest) -> Message:
        clock.unlock()
        return UnlockTimeSkippingResponse()

    async def sleep(self, clock: SkippingClock, request: SleepRequest) -> Message:
        await clock.sleep(duration(request.duration))
        return SleepResponse()

    async def sleep_until(self, clock: SkippingClock, request: SleepUntilRequest) -> Message:
        span: Duration = elapsed(clock.now(), instant(request.timestamp))
        await clock.sleep(span)
        return SleepResponse()

    async def unlock_with_sleep(self, clock: SkippingClock, request: SleepRequest) -> Message:
        await clock.unlock_for(duration(request.duration))
        return SleepResponse()

    async def get_current_time(self, clock: SkippingClock, _: Empty) -> Message:
        return GetCurrentTimeResponse(time=timestamp(clock.now()))
