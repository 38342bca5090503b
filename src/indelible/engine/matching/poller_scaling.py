"""How many polls a worker should have open.

Owns the advice that a poll's answer carries (semantics 10.6). Must not know how a worker follows
it.
"""

from dataclasses import dataclass
from typing import Final

from indelible.base.instants import MILLISECOND, SECOND, Duration

POLLS_IDLE_AFTER: Final = SECOND
BACKLOG_OLD_AFTER: Final = Duration(200 * MILLISECOND)
ADD_TO_DISPATCH_RATIO: Final = 1.2
DECISIONS_PER_SECOND: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """What the advice depends on."""

    backlog_age: Duration
    """Of the task at the head of the backlog; zero if there is none."""
    tasks_added_per_second: float
    tasks_dispatched_per_second: float
    is_rate_limited: bool


def is_idle(*, waited: Duration, is_sync: bool) -> bool:
    """Whether a poll waited so long for a new task that the worker has more polls than it needs."""
    return is_sync and waited >= POLLS_IDLE_AFTER


def wants_more_polls(load: QueueLoad) -> bool:
    """Whether another poll would bring tasks to the worker sooner."""
    if load.is_rate_limited:
        return False  # More polls would wait for the same limit.
    if load.backlog_age > BACKLOG_OLD_AFTER:
        return True
    return load.tasks_added_per_second > ADD_TO_DISPATCH_RATIO * load.tasks_dispatched_per_second
