"""The circuit breakers of a node: who is not called for now, since call after call has failed.

Owns one breaker for each destination that has failed, by namespace, and the room for calls that
wait for one to close. Must not know what a call is about.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import structlog

from indelible.base.circuit_breaker import (
    FIRST_ADMISSION,
    Admission,
    BreakerSettings,
    BreakerState,
    CircuitBreaker,
)
from indelible.base.failures import server_failure
from indelible.base.instants import Duration
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clock, Clocks
from indelible.ports.telemetry import Telemetry

_log: Final = structlog.get_logger("indelible.history.circuit_breakers")

BREAKERS_MAX: Final = 10_000
"""Beyond it the one is forgotten whose destination was called least recently."""
CALLS_WAITING_MAX: Final = 1_000
"""Fewer than a shard has under way (`CALLS_RUNNING_MAX`): there is always room for other calls."""
REJECTION: Final = server_failure("circuit breaker rejection", is_non_retryable=False)
"""What becomes of a call that cannot even wait, in the words of the reference."""
BLOCKED_REASON: Final = "The circuit breaker is open."
"""What descriptions say of a call that waits."""

R = TypeVar("R")


class DestinationKind(Enum):
    """What is called."""

    CALLBACK = "callbacks"
    ENDPOINT = "nexusoperations"


class Destination(NamedTuple):
    """Who is called, on behalf of a namespace."""

    namespace: Namespace
    kind: DestinationKind
    place: str
    """A scheme and a host, or the name of an endpoint."""


def callback_destination(namespace: Namespace, url: str) -> Destination:
    """Return whom a namespace calls when it calls a URL back: a host, whatever the path."""
    parts = urlsplit(url)
    _, _, host = parts.netloc.rpartition("@")
    return Destination(namespace, DestinationKind.CALLBACK, f"{parts.scheme}://{host}")


def endpoint_destination(namespace: Namespace, endpoint: str) -> Destination:
    """Return whom a namespace calls when it calls an endpoint, to start or to cancel."""
    return Destination(namespace, DestinationKind.ENDPOINT, endpoint)


class CircuitOpenError(Exception):
    """A call must not be made now. It has a place to wait, which `is_over` gives up."""

    def __init__(self, is_over: Callable[[], Awaitable[None]]) -> None:
        super().__init__("a circuit breaker is open")
        self.is_over: Final = is_over
        """Returns when it makes sense to look again; to be awaited once."""


_Key = tuple[str, DestinationKind, str]


class CircuitBreakers:
    """All breakers of a node. They live in memory: a new process tries everybody again."""

    def __init__(
        self,
        clocks: Clocks,
        limits_of: Callable[[str], Limits],
        telemetry: Telemetry,
        *,
        waiting_max: int = CALLS_WAITING_MAX,
    ) -> None:
        self._clocks = clocks
        self._limits_of = limits_of
        self._telemetry = telemetry
        self._waiting_max = waiting_max
        self._waiting = 0
        self._breakers: OrderedDict[_Key, CircuitBreaker] = OrderedDict()
        """Of destinations that have failed lately; for any other a new one would do."""

    def is_blocked(self, destination: Destination) -> bool:
        """Whether a destination is not called, or on trial only."""
        breaker = self._breakers.get(_key(destination))
        if breaker is None:
            return False
        now = self._clock(destination).now()
        return breaker.state(now, self._settings(destination)) is not BreakerState.CLOSED

    async def call(
        self,
        destination: Destination,
        make: Callable[[], Awaitable[R]],
        *,
        is_down: Callable[[R], bool],
        otherwise: R,
    ) -> R:
        """Return what came of a call; `is_down` says whether that was the destination's fault.

        Raises `CircuitOpenError` if it is not to be called now. When too many calls wait for that
        already, the result is `otherwise`: whoever asked tries again in his own time.
        """
        admission = self._admit(destination)
        if not isinstance(admission, Admission):
            self._telemetry.count(
                "circuit_breaker_executable_blocked", namespace=destination.namespace.name
            )
            if self._waiting >= self._waiting_max:
                return otherwise
            raise self._refusal(self._clock(destination), admission)
        is_failed = False
        try:
            result = await make()
            is_failed = is_down(result)
        finally:
            self._give_back(destination, admission, is_down=is_failed)
        return result

    def _refusal(self, clock: Clock, span: Duration) -> CircuitOpenError:
        self._waiting += 1

        async def is_over() -> None:
            try:
                await clock.sleep(span)
            finally:
                self._waiting -= 1

        return CircuitOpenError(is_over)

    def _admit(self, destination: Destination) -> Admission | Duration:
        breaker = self._breakers.get(_key(destination))
        if breaker is None:
            return FIRST_ADMISSION
        return breaker.admit(self._clock(destination).now(), self._settings(destination))

    def _give_back(self, destination: Destination, admission: Admission, *, is_down: bool) -> None:
        key, now = _key(destination), self._clock(destination).now()
        breaker = self._breakers.pop(key, None)
        if breaker is None:
            if not is_down:
                return
            breaker = CircuitBreaker(now)
        settings = self._settings(destination)
        before = breaker.state(now, settings)
        breaker.give_back(admission, now, settings, is_down=is_down)
        state = breaker.state(now, settings)
        if not breaker.is_fresh:
            self._breakers[key] = breaker
            while len(self._breakers) > BREAKERS_MAX:
                self._breakers.popitem(last=False)
        if state is not before:
            _log.warning(
                "circuit breaker state change",
                namespace=destination.namespace.name,
                task_group=destination.kind.value,
                destination=destination.place,
                from_state=before.value,
                to_state=state.value,
            )

    def _clock(self, destination: Destination) -> Clock:
        return self._clocks.clock_of(destination.namespace.id)

    def _settings(self, destination: Destination) -> BreakerSettings:
        return self._limits_of(destination.namespace.name).circuit_breaker


def _key(destination: Destination) -> _Key:
    return destination.namespace.id, destination.kind, destination.place
