"""A clock and a source of tokens for shards that stand by themselves."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from indelible.base.ids import NamespaceId
from indelible.base.instants import NO_DURATION, SECOND, Duration, Instant


@dataclass(eq=False)
class HandClock:
    """Stands still until it is set; whatever waits for it is never called."""

    time: Instant = field(default=Instant(1_000 * SECOND))

    @property
    def node(self) -> "HandClock":
        return self

    def clock_of(self, namespace_id: NamespaceId) -> "HandClock":
        return self

    def now(self) -> Instant:
        return self.time

    def call_at(self, at: Instant, callback: object, *, is_idle: bool = False) -> "HandClock":
        return self

    async def sleep(self, span: Duration) -> None:
        """Return at once: time is set by hand."""

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Time is set by hand."""

    @property
    def foresight(self) -> Duration:
        return NO_DURATION

    def cancel(self) -> None:
        """Forget a call that would not be made anyway."""


class CountingEntropy:
    """Tokens that differ."""

    def __init__(self) -> None:
        self._count = 0

    def token(self, count: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(count, "big")
