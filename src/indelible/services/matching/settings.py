"""What is set for task queues from outside, and may change at any time."""

from collections.abc import Callable

import msgspec

from indelible.base.ids import QueueKey, QueueType
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig

QueueLimitsOf = Callable[[str, str, QueueType], Limits]
"""The limits of a queue, by the names of its namespace and of itself, and by its type."""
RoutingOf = Callable[[QueueKey], QueueRouting | None]
"""The routing of a queue as it is now; None if no queue of the namespace is routed."""
ConfigOf = Callable[[QueueKey], QueueConfig]
"""The configuration of a queue as it is now."""


def default_limits(_namespace: str, _queue: str, _queue_type: QueueType) -> Limits:
    """Return the limits of a node that nobody has configured."""
    return DEFAULT_LIMITS


def unrouted(_queue: QueueKey) -> QueueRouting | None:
    """Leave all queues to unversioned workers."""
    return None


def unconfigured(_queue: QueueKey) -> QueueConfig:
    """Leave all to the tasks and the workers."""
    return UNCONFIGURED


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask."""

    routing_of: RoutingOf = unrouted
    config_of: ConfigOf = unconfigured
    limits_of: QueueLimitsOf = default_limits


UNSET = QueueSettings()
