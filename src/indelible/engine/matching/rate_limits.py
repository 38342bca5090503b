"""The rate limits of a queue: of all that goes out of it, and of each fairness key.

Owns that they come together, since queues may share them. Must not know who sets the limits, nor
what goes out.
"""

from typing import Final

from indelible.base.limits import FAIRNESS_KEYS_LIMITED_MAX
from indelible.engine.matching.key_rate_limits import KeyRateLimits
from indelible.engine.matching.rate_limit import RateLimit

Share = tuple[str, float]
"""A fairness key and its weight."""


class RateLimits:
    """Both limits together."""

    __slots__ = ("keys", "whole")

    def __init__(self) -> None:
        self.whole: Final = RateLimit()
        self.keys: Final = KeyRateLimits(keys_max=FAIRNESS_KEYS_LIMITED_MAX)
