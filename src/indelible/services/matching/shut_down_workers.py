"""Workers that said goodbye a moment ago.

Owns the memory of their keys. A poll that such a worker had under way when it said so may still
arrive, and would take a task to nobody (the reference keeps the keys 30 seconds, too). Must not
know what becomes of such a poll.
"""

from collections import OrderedDict
from typing import Final

from indelible.base.ids import NamespaceId
from indelible.base.instants import SECOND, Duration, Instant, elapsed

REMEMBERED: Final = Duration(30 * SECOND)

WorkerKey = tuple[NamespaceId, str]
"""A namespace and the instance key of a worker in it."""


class ShutDownWorkers:
    """The latest `workers_max` workers that were shut down."""

    def __init__(self, *, workers_max: int) -> None:
        self._workers_max = workers_max
        self._gone_at: OrderedDict[WorkerKey, Instant] = OrderedDict()

    def add(self, worker: WorkerKey, now: Instant) -> None:
        """Remember a worker."""
        self._gone_at[worker] = now
        self._gone_at.move_to_end(worker)
        while self._gone_at:
            oldest = next(iter(self._gone_at))
            is_old = elapsed(self._gone_at[oldest], now) > REMEMBERED
            if not is_old and len(self._gone_at) <= self._workers_max:
                break
            del self._gone_at[oldest]

    def has(self, worker: WorkerKey, now: Instant) -> bool:
        """Whether a worker was shut down lately."""
        gone_at = self._gone_at.get(worker)
        return gone_at is not None and elapsed(gone_at, now) <= REMEMBERED
