"""The numbers of a queue, by priority.

Owns how those of several queues become one account, and which part of the tasks that wait for no
version in particular is told of one. A task that is not pinned gets its version when a poller meets
it; until then versions have shares of these tasks, as in the reference. Must not know where numbers
and shares come from.
"""

from collections.abc import Hashable, Mapping, Sequence
from math import ceil
from typing import Final

import msgspec
from msgspec.structs import replace

from indelible.base.instants import NO_DURATION, Duration
from indelible.engine.matching.priority import PRIORITY_DEFAULT


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """The backlog of a queue or of one priority, and how fast it moves per second."""

    backlog_count: int = 0
    backlog_age: Duration = NO_DURATION
    """Of the oldest task; zero without a backlog."""
    add_rate: float = 0.0
    dispatch_rate: float = 0.0
    is_rate_limited: bool = False


StatsByPriority = Mapping[int, QueueStats]

NO_STATS: Final[StatsByPriority] = {PRIORITY_DEFAULT: QueueStats()}
_NOTHING: Final = QueueStats()
_WHOLE: Final = 100.0

Shares = Sequence[tuple[Hashable, float]]
"""Versions and their percentages; None is unversioned."""


def total(by_priority: StatsByPriority) -> QueueStats:
    """Return the numbers of all priorities together."""
    summed = _NOTHING
    for stats in by_priority.values():
        summed = _sum(summed, stats)
    return summed


def merged(*accounts: StatsByPriority) -> StatsByPriority:
    """Return the numbers of several queues together."""
    summed: dict[int, QueueStats] = {}
    for account in accounts:
        for priority, stats in account.items():
            summed[priority] = _sum(summed.get(priority, _NOTHING), stats)
    return dict(sorted(summed.items()))


def attributed(unpinned: StatsByPriority, shares: Shares, version: Hashable) -> StatsByPriority:
    """Return the part of the unpinned tasks that is a version's.

    Shares are rounded up, so that no version with work looks idle; unversioned workers have what is
    left.
    """
    if version is None:
        given = [share for target, share in shares if target is not None]
        return {priority: _rest(stats, given) for priority, stats in unpinned.items()}
    share = next((share for target, share in shares if target == version), 0.0)
    return {priority: _share(stats, share) for priority, stats in unpinned.items()}


def _sum(one: QueueStats, other: QueueStats) -> QueueStats:
    return QueueStats(
        backlog_count=one.backlog_count + other.backlog_count,
        backlog_age=max(one.backlog_age, other.backlog_age),
        add_rate=one.add_rate + other.add_rate,
        dispatch_rate=one.dispatch_rate + other.dispatch_rate,
        is_rate_limited=one.is_rate_limited or other.is_rate_limited,
    )


def _share(stats: QueueStats, share: float) -> QueueStats:
    return _part(stats, _share_of_count(stats, share), share)


def _rest(stats: QueueStats, given: Sequence[float]) -> QueueStats:
    """Return what is left when versions have their shares."""
    count = stats.backlog_count - sum(_share_of_count(stats, share) for share in given)
    return _part(stats, max(0, count), max(0.0, _WHOLE - sum(given)))


def _share_of_count(stats: QueueStats, share: float) -> int:
    return ceil(stats.backlog_count * share / _WHOLE)


def _part(stats: QueueStats, count: int, share: float) -> QueueStats:
    return replace(
        stats,
        backlog_count=count,
        backlog_age=stats.backlog_age if count else NO_DURATION,
        add_rate=stats.add_rate * share / _WHOLE,
        dispatch_rate=stats.dispatch_rate * share / _WHOLE,
    )
