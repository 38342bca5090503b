"""Who polled a queue lately.

Owns what DescribeTaskQueue tells about pollers (semantics 10.2): kept five minutes, bounded in
number. Must not know which of them wait at the moment.
"""

from collections import OrderedDict
from typing import Final

import msgspec
from temporalio.api.common.v1 import WorkerVersionCapabilities
from temporalio.api.deployment.v1 import WorkerDeploymentOptions

from indelible.base.instants import MINUTE, NEVER, Duration, Instant, elapsed

POLLER_REMEMBERED: Final = Duration(5 * MINUTE)


class PollerRecord(msgspec.Struct, kw_only=True):
    """One identity that polled. `rate_per_second` is its own limit, None if it named none."""

    identity: str
    last_access_at: Instant = NEVER
    rate_per_second: float | None = None
    version_capabilities: WorkerVersionCapabilities | None = None
    deployment_options: WorkerDeploymentOptions | None = None


class PollerHistory:
    """The pollers of one queue, the latest `pollers_max` of them."""

    __slots__ = ("_pollers", "_pollers_max")

    def __init__(self, *, pollers_max: int) -> None:
        self._pollers_max = pollers_max
        self._pollers: OrderedDict[str, PollerRecord] = OrderedDict()

    def saw(self, identity: str, now: Instant) -> PollerRecord:
        """Note that a poller is there, and return its record."""
        record = self._pollers.get(identity)
        if record is None:
            record = self._pollers[identity] = PollerRecord(identity=identity)
            if len(self._pollers) > self._pollers_max:
                self._pollers.popitem(last=False)
        else:
            self._pollers.move_to_end(identity)
        record.last_access_at = now
        return record

    def remove(self, identity: str) -> None:
        """Forget a poller that said goodbye."""
        self._pollers.pop(identity, None)

    def clear(self) -> None:
        """Forget all pollers."""
        self._pollers.clear()

    def recent(self, now: Instant) -> list[PollerRecord]:
        """Return the pollers of the last five minutes, the latest first, and forget the rest."""
        while self._pollers:
            oldest = next(iter(self._pollers.values()))
            if elapsed(oldest.last_access_at, now) <= POLLER_REMEMBERED:
                break
            self._pollers.popitem(last=False)
        return list(reversed(self._pollers.values()))

    @property
    def count(self) -> int:
        """How many pollers are remembered."""
        return len(self._pollers)
