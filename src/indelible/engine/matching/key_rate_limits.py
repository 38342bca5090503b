"""How many tasks of each fairness key may go out per second.

Owns one limit per key, scaled by the key's weight. Must not know which task has which key.
"""

from collections import OrderedDict

from indelible.base.instants import Instant
from indelible.engine.matching.rate_limit import RateLimit


class KeyRateLimits:
    """The limits of the keys of one queue; of those that are forgotten nothing is spent."""

    __slots__ = ("_keys_max", "_limits", "per_second")

    def __init__(self, *, keys_max: int) -> None:
        self.per_second: float | None = None
        """Of a key with weight one; None for no limit."""
        self._keys_max = keys_max
        # The least recently used first.
        self._limits: OrderedDict[str, RateLimit] = OrderedDict()

    def change(self, per_second: float | None) -> None:
        """Set the limit of every key, or lift it with None; zero stops them all."""
        self.per_second = per_second
        if per_second is None:
            self._limits.clear()

    def limit(self, key: str, weight: float, now: Instant) -> RateLimit:
        """Return the limit of a key as it is now."""
        limit = self._limits.get(key)
        if limit is None:
            limit = self._limits[key] = RateLimit()
            if len(self._limits) > self._keys_max:
                self._limits.popitem(last=False)
        else:
            self._limits.move_to_end(key)
        limit.change(None if self.per_second is None else self.per_second * weight, now)
        return limit

    def refund(self, key: str) -> None:
        """Take back the account of a task that did not go out after all."""
        limit = self._limits.get(key)
        if limit is not None:
            limit.refund()
