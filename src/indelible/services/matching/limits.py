"""The bounds of a task queue, which may change at any time."""

from collections.abc import Callable

from indelible.base.ids import QueueType
from indelible.base.limits import DEFAULT_LIMITS, Limits

QueueLimitsOf = Callable[[str, str, QueueType], Limits]
"""The limits of a queue, by the names of its namespace and of itself, and by its type."""


def default_limits(_namespace: str, _queue: str, _queue_type: QueueType) -> Limits:
    """Return the limits of a node that nobody has configured."""
    return DEFAULT_LIMITS
