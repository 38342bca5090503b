"""What a task claims of its queue among the tasks of the same priority.

Owns the claim as a priority states it. How claims become an order is `engine.matching.passes`.
"""

from typing import Final

import msgspec
from temporalio.api.common.v1 import Priority


class FairShare(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tasks under one key take turns with those under others, as often as their weight says."""

    key: str = ""
    weight: float = 0.0
    """Zero stands for one."""


UNKEYED: Final = FairShare()
"""The share of tasks without a key and a weight: together they are as one key."""


def fair_share(priority: Priority) -> FairShare:
    """Return the share that a priority names."""
    if not priority.fairness_key and not priority.fairness_weight:
        return UNKEYED
    return FairShare(priority.fairness_key, priority.fairness_weight)
