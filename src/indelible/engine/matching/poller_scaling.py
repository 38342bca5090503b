"""How many polls a worker should have open.

Owns the advice that a poll's answer carries (semantics 10.6). Must not know how a worker follows
it.
"""

import msgspec

from indelible.base.instants import Duration
from indelible.base.limits import Limits


class QueueLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the advice depends on."""

    backlog_age: Duration
    """Of the task at the head of the backlog; zero if there is none."""
    tasks_added_per_second: float
    tasks_dispatched_per_second: float
    is_rate_limited: bool


def is_idle(limits: Limits, *, waited: Duration, is_sync: bool) -> bool:
    """Whether a poll waited so long for a new task that the worker has more polls than it needs."""
    return is_sync and waited >= limits.polls_idle_after


def wants_more_polls(limits: Limits, load: QueueLoad) -> bool:
    """Whether another poll would bring tasks to the worker sooner."""
    if load.is_rate_limited:
        return False  # More polls would wait for the same limit.
    if load.backlog_age > limits.backlog_old_after:
        return True
    most = limits.add_to_dispatch_ratio * load.tasks_dispatched_per_second
    return load.tasks_added_per_second > most
