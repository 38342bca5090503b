"""Priorities, rates, poller history and the advice on polls."""

import pytest

from indelible.base.ids import TaskId
from indelible.base.instants import MINUTE, NO_DURATION, SECOND, Duration, Instant, seconds
from indelible.base.limits import DEFAULT_LIMITS
from indelible.engine.matching.poller_history import PollerHistory
from indelible.engine.matching.poller_scaling import QueueLoad, is_idle, wants_more_polls
from indelible.engine.matching.priority import effective_priority, just_before
from indelible.engine.matching.rates import PriorityRates, RateMeter

START = Instant(1_700_000_000 * SECOND)


def at(count: float) -> Instant:
    return Instant(START + seconds(count))


@pytest.mark.parametrize(
    ("key", "level"), [(0, 3), (1, 1), (3, 3), (5, 5), (6, 5), (1_000, 5), (-1, 3)]
)
def test_priority_levels(key: int, level: int) -> None:
    assert effective_priority(key) == level


def test_just_before_is_between_neighbours() -> None:
    assert (3, 2, 6) <= just_before((3, 2, TaskId(7))) < (3, 2, 7)


def test_a_steady_rate_is_measured_as_it_is() -> None:
    meter = RateMeter(START)
    for step in range(1_000):
        meter.add(at(step / 10))
        if step > 10:
            assert meter.per_second(at(step / 10)) == pytest.approx(10, rel=0.12)


def test_a_rate_fades_within_the_window() -> None:
    meter = RateMeter(START)
    for _ in range(300):
        meter.add(at(1))
    assert meter.per_second(START) == 0
    assert meter.per_second(at(10)) == pytest.approx(30)
    assert meter.per_second(at(31)) == pytest.approx(10, rel=0.05)
    assert meter.per_second(at(36)) == 0
    assert meter.per_second(at(1_000_000)) == 0


def test_rates_are_kept_per_priority() -> None:
    rates = PriorityRates(START)
    for _ in range(10):
        rates.add(1, at(1))
    rates.add(3, at(9))
    assert rates.per_second(at(10)) == {1: 1.0, 3: 0.1}
    assert rates.total_per_second(at(10)) == pytest.approx(1.1)


def test_pollers_are_remembered_five_minutes() -> None:
    history = PollerHistory(pollers_max=10)
    history.saw("a", START)
    history.saw("b", at(60))
    history.saw("a", at(120))
    assert [record.identity for record in history.recent(at(120))] == ["a", "b"]
    assert [record.identity for record in history.recent(at(361))] == ["a"]
    assert history.recent(at(120 + 5 * MINUTE // SECOND + 1)) == []


def test_poller_history_is_bounded_and_forgets_on_request() -> None:
    history = PollerHistory(pollers_max=2)
    for name in "abc":
        history.saw(name, START)
    assert [record.identity for record in history.recent(START)] == ["c", "b"]
    history.remove("b")
    history.remove("unknown")
    assert history.count == 1
    history.clear()
    assert history.count == 0


def load(
    *, age: float = 0, added: float = 0, dispatched: float = 0, is_limited: bool = False
) -> QueueLoad:
    return QueueLoad(
        backlog_age=seconds(age),
        tasks_added_per_second=added,
        tasks_dispatched_per_second=dispatched,
        is_rate_limited=is_limited,
    )


@pytest.mark.parametrize(
    ("situation", "wants_more"),
    [
        (load(), False),
        (load(age=0.2), False),
        (load(age=0.201), True),
        (load(age=9, is_limited=True), False),
        (load(added=12, dispatched=10), False),
        (load(added=12.1, dispatched=10), True),
        (load(added=0.1), True),
    ],
)
def test_advice_to_poll_more(situation: QueueLoad, *, wants_more: bool) -> None:
    assert wants_more_polls(DEFAULT_LIMITS, situation) is wants_more


@pytest.mark.parametrize(
    ("waited", "is_sync", "idle"),
    [
        (SECOND, True, True),
        (SECOND, False, False),
        (Duration(SECOND - 1), True, False),
        (NO_DURATION, True, False),
    ],
)
def test_advice_to_poll_less(waited: Duration, *, is_sync: bool, idle: bool) -> None:
    assert is_idle(DEFAULT_LIMITS, waited=waited, is_sync=is_sync) is idle
