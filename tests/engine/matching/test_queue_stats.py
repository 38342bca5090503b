"""Accounts of several queues, and the shares of versions."""

from typing import Final

import pytest

from indelible.base.instants import NO_DURATION, SECOND, Duration
from indelible.engine.matching.queue_stats import (
    NO_STATS,
    QueueStats,
    Shares,
    attributed,
    merged,
    total,
)

AGE: Final = Duration(9 * SECOND)
BACKLOG: Final = QueueStats(backlog_count=9, backlog_age=AGE, add_rate=8.0, dispatch_rate=4.0)


def test_accounts_are_added_by_priority() -> None:
    limited = QueueStats(backlog_count=1, backlog_age=Duration(SECOND), is_rate_limited=True)
    both = merged({5: BACKLOG}, {3: limited, 5: limited}, NO_STATS)
    assert list(both) == [3, 5]
    assert both[3] == limited
    assert (both[5].backlog_count, both[5].backlog_age) == (10, AGE)
    assert total(both).backlog_count == 11
    assert total(both).is_rate_limited
    assert total({}) == QueueStats()


@pytest.mark.parametrize(
    ("shares", "version", "count", "add_rate"),
    [
        (((None, 100.0),), None, 9, 8.0),
        (((None, 100.0),), "a", 0, 0.0),
        ((("a", 100.0),), "a", 9, 8.0),
        ((("a", 100.0),), None, 0, 0.0),
        ((("a", 75.0), ("b", 25.0)), "a", 7, 6.0),
        ((("a", 75.0), ("b", 25.0)), "b", 3, 2.0),
        ((("a", 75.0), ("b", 25.0)), "c", 0, 0.0),
        ((("a", 75.0), ("b", 25.0)), None, 0, 0.0),
        ((("a", 75.0), (None, 25.0)), None, 2, 2.0),
        (((None, 75.0), ("b", 25.0)), None, 6, 6.0),
        (((None, 75.0), ("b", 25.0)), "b", 3, 2.0),
    ],
)
def test_versions_have_shares_of_what_waits_for_none_in_particular(
    shares: Shares, version: str | None, count: int, add_rate: float
) -> None:
    stats = attributed({3: BACKLOG}, shares, version)[3]
    age = AGE if count else NO_DURATION
    assert (stats.backlog_count, stats.backlog_age) == (count, age)
    assert (stats.add_rate, stats.dispatch_rate) == (add_rate, add_rate / 2)
