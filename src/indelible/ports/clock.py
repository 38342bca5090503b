"""Time, as services see it: wall clocks, skipping clocks and the simulator's are all alike."""

from collections.abc import Callable
from typing import Protocol

from indelible.base.ids import NamespaceId
from indelible.base.instants import Duration, Instant


class TimerHandle(Protocol):
    """A call that has been arranged for later."""

    def cancel(self) -> None:
        """Forget the call; nothing happens if it was made already."""
        ...


class Clock(Protocol):
    """One flow of time. It never goes back, even when the machine's clock does."""

    def now(self) -> Instant:
        """Return the present."""
        ...

    def call_at(self, at: Instant, callback: Callable[[], None]) -> TimerHandle:
        """Arrange one call of `callback`, in the event loop, not before `at`."""
        ...

    async def sleep(self, span: Duration) -> None:
        """Return after `span` of this clock's time."""
        ...


class Clocks(Protocol):
    """The clock of each namespace; several namespaces may share one."""

    def clock_of(self, namespace_id: NamespaceId) -> Clock:
        """Return the clock by which the timers of a namespace run."""
        ...

    @property
    def node(self) -> Clock:
        """The clock for what belongs to no namespace: request deadlines, leases, log lines."""
        ...
