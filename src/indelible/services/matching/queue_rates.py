"""The rate limits that a queue has together with the queues of its versions.

Owns who sets them: what an operator has set comes before what the worker asks for that polled last,
whatever its version. (The reference has one limiter for a partition, too.) Must not know what the
limits let through.
"""

from typing import Final, Protocol

from indelible.base.ids import QueueKey
from indelible.base.instants import Instant
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig
from indelible.engine.matching.rate_limits import RateLimits
from indelible.services.matching.settings import ConfigOf


class Limited(Protocol):
    """A queue that may go on when a limit changes."""

    def pump(self) -> None:
        """Make all pairs that can be made."""
        ...


class QueueRates:
    """The limits in force, and the queues that they hold for."""

    def __init__(self, key: QueueKey, config_of: ConfigOf) -> None:
        self._key: Final = key
        self._config_of: Final = config_of
        self.limits: Final = RateLimits()
        self.config: QueueConfig = UNCONFIGURED
        self._worker_limit: float | None = None
        self._queues: dict[Limited, None] = {}

    @property
    def tasks_per_second_max(self) -> float | None:
        """The limit in force; None for none."""
        return self.limits.whole.per_second

    @property
    def is_limited_by_operator(self) -> bool:
        """Whether it is the configuration that limits the rate, if anything does."""
        return self.config.tasks_per_second_max is not None

    def add(self, queue: Limited) -> None:
        """Have a queue told of changes."""
        self._queues[queue] = None

    def remove(self, queue: Limited) -> None:
        """Tell a queue nothing more."""
        self._queues.pop(queue, None)

    def configure(self, now: Instant) -> None:
        """Follow the configuration of the queue as it is now."""
        config = self._config_of(self._key)
        if config == self.config:
            return
        self.config = config
        self.limits.keys.change(config.key_tasks_per_second_max)
        self._limit(now)
        self._pump_all()

    def limit_by_worker(self, per_second: float | None, now: Instant) -> None:
        """Take note of what the latest poll asks for."""
        if per_second == self._worker_limit:
            return
        self._worker_limit = per_second
        if not self.is_limited_by_operator:
            self._limit(now)
            self._pump_all()

    def _limit(self, now: Instant) -> None:
        limit = self.config.tasks_per_second_max
        self.limits.whole.change(self._worker_limit if limit is None else limit, now)

    def _pump_all(self) -> None:
        for queue in list(self._queues):
            queue.pump()
