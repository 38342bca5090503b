"""Time, as services see it: wall clocks, skipping clocks and the simulator's are all alike."""

from collections.abc import Callable, Hashable
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

    def call_at(
        self, at: Instant, callback: Callable[[], None], *, is_idle: bool = False
    ) -> TimerHandle:
        """Arrange one call of `callback`, in the event loop, not before `at`.

        Nobody waits for a call that `is_idle`: time that can be skipped is not for its sake.
        """
        ...

    async def sleep(self, span: Duration) -> None:
        """Return after `span` of this clock's time."""
        ...

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Say how many pieces of work of `owner` are under way; the last word counts.

        While there is any, its time is real: none is skipped. `work` is asked only where that
        matters.
        """
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

    @property
    def foresight(self) -> Duration:
        """How far ahead the deadlines of namespaces must be known, since time may jump there."""
        ...


class SkippingClock(Clock, Protocol):
    """A clock that whoever tests can have skip the time in which nothing is done.

    Locks and work under way are one count: while it is positive, time is real. Otherwise it jumps
    to the next arranged call, if there is one that is not idle.
    """

    def lock(self) -> None:
        """Have time be real until `unlock`."""
        ...

    def unlock(self) -> None:
        """Take one lock or piece of work off the count; `UnbalancedLocksError` if there is none."""
        ...

    async def unlock_for(self, span: Duration) -> None:
        """Unlock, and return after `span` of this clock's time, with the lock back in its place."""
        ...


class UnbalancedLocksError(Exception):
    """Nothing is there that could be unlocked."""
