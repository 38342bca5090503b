"""Turns by key and weight, held against a list that is searched for whose turn it is.

The oracle is start-time fair queueing as its authors give it: each task has a start tag, a key's
next tag lies one stride behind its last one or where the queue has arrived, and the smallest tag is
served. It knows neither counters that are forgotten nor windows that end.
"""

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, strategies as st

from indelible.base.fair_shares import UNKEYED, FairShare
from indelible.base.ids import NamespaceId, QueueKey, QueueType, TaskId
from indelible.engine.matching.backlog import Backlog
from indelible.engine.matching.passes import STRIDE, PassCounters, effective_weight
from indelible.engine.matching.priority import TaskPlace

QUEUE = QueueKey(NamespaceId("n"), QueueType.ACTIVITY, "q")
OTHER = QUEUE._replace(name="other")
WEIGHTS = {"a": 1.0, "b": 3.0, "c": 0.01, "d": 500.0, "e": 2_000.0}
ROWS_MAX = 4


@pytest.mark.parametrize(
    ("share", "overrides", "weight"),
    [
        (UNKEYED, {}, 1.0),
        (FairShare("a", 2.5), {}, 2.5),
        (FairShare("a", -1.0), {}, 1.0),
        (FairShare("a", 0.0), {}, 1.0),
        (FairShare("a", 1e-9), {}, 0.001),
        (FairShare("a", float("inf")), {}, float("inf")),
        (FairShare("a", 2.5), {"a": 7.0, "b": 9.0}, 7.0),
        (FairShare("a", 2.5), {"b": 9.0}, 2.5),
        (UNKEYED, {"": 4.0}, 4.0),
    ],
)
def test_effective_weights(share: FairShare, overrides: dict[str, float], weight: float) -> None:
    assert effective_weight(share, overrides) == weight


@pytest.mark.parametrize(
    ("weight", "passes"),
    [
        (1.0, [1_000, 2_000, 3_000]),
        (3.0, [333, 666, 999]),
        (0.001, [1_000_000, 2_000_000, 3_000_000]),
        (1e9, [1, 2, 3]),
        (float("inf"), [1, 2, 3]),
    ],
)
def test_a_key_lies_in_strides(weight: float, passes: list[int]) -> None:
    counters = PassCounters(counters_max=9)
    assert [counters.assign(QUEUE, 3, "a", weight) for _ in passes] == passes


def test_queues_and_priorities_count_for_themselves() -> None:
    counters = PassCounters(counters_max=9)
    levels = [(QUEUE, 3), (QUEUE, 1), (OTHER, 3)]
    assert [counters.assign(*level, "a", 1.0) for level in levels] == [1_000] * 3
    counters.reach(QUEUE, 3, 5_000)
    assert [counters.assign(*level, "b", 1.0) for level in levels] == [5_000, 1_000, 1_000]


def test_what_has_been_reached_does_not_come_back() -> None:
    counters = PassCounters(counters_max=9)
    counters.reach(QUEUE, 3, 5_000)
    counters.reach(QUEUE, 3, 4_000)
    assert counters.assign(QUEUE, 3, "a", 1.0) == 5_000


def test_counters_are_bounded_and_the_latest_stay() -> None:
    counters = PassCounters(counters_max=2)
    for key in "abab":
        counters.assign(QUEUE, 3, key, 1.0)
    counters.assign(QUEUE, 3, "b", 1.0)
    counters.assign(QUEUE, 3, "c", 1.0)
    assert counters.assign(QUEUE, 3, "b", 1.0) == 4_000
    assert counters.assign(QUEUE, 3, "a", 1.0) == 1_000  # Forgotten: a new key.
    for name in "xyz":
        counters.reach(QUEUE._replace(name=name), 3, 7_000)
    assert counters.assign(QUEUE._replace(name="x"), 3, "k", 1.0) == 1_000
    assert counters.assign(QUEUE._replace(name="z"), 3, "k", 1.0) == 7_000


@dataclass
class NaiveQueue:
    """Every task with its tag, in one list."""

    arrived: int = 0
    tasks: list[tuple[int, int, str]] = field(default_factory=list)
    last_tags: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, key: str) -> None:
        tag = max(self.arrived, self.last_tags.get(key, 0) + max(1, int(STRIDE / WEIGHTS[key])))
        self.last_tags[key] = tag
        self.tasks.append((tag, number, key))

    def take(self) -> tuple[int, str]:
        tag, number, key = min(self.tasks)
        self.tasks.remove((tag, number, key))
        self.arrived = tag
        return number, key


@dataclass
class Disk:
    """The queue under test: counters, and a small window over rows."""

    rows: dict[TaskPlace, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything but the rows."""
        self.counters = PassCounters(counters_max=100)
        self.window: Backlog[str] = Backlog(rows_max=ROWS_MAX)
        for key in sorted(set(self.rows.values())):
            passes = [place[1] for place, of in self.rows.items() if of == key]
            self.counters.restore(QUEUE, 3, key, first=min(passes), last=max(passes))

    def add(self, number: int, key: str) -> None:
        turn = self.counters.assign(QUEUE, 3, key, effective_weight(FairShare(key), WEIGHTS))
        place = (3, turn, TaskId(number))
        self.rows[place] = key
        self.window.offer(place, key)

    def take(self) -> tuple[int, str]:
        while (page := self.window.begin_page()) is not None:
            behind = sorted(place for place in self.rows if place > page.after)[: page.limit]
            self.window.end_page(page, [(place, self.rows[place]) for place in behind])
        place, key = self.window.take()
        self.window.finish(place)
        del self.rows[place]
        self.counters.reach(QUEUE, 3, place[1])
        return place[2], key


STEPS = st.lists(st.sampled_from([*WEIGHTS, *WEIGHTS, "take", "take"]), max_size=120)


@given(STEPS)
def test_the_order_is_that_of_start_time_fair_queueing(steps: list[str]) -> None:
    naive, disk = NaiveQueue(), Disk()
    for number, step in enumerate(steps):
        if step != "take":
            naive.add(number, step)
            disk.add(number, step)
        elif naive.tasks:
            assert disk.take() == naive.take()
    while naive.tasks:
        assert disk.take() == naive.take()


@given(st.lists(st.sampled_from([*WEIGHTS, *WEIGHTS, "take", "take", "restart"]), max_size=120))
def test_a_restart_reorders_nothing_and_no_key_overtakes_itself(steps: list[str]) -> None:
    disk = Disk()
    waiting: dict[str, list[int]] = {key: [] for key in WEIGHTS}
    for number, step in enumerate(steps):
        if step == "restart":
            before = sorted(disk.rows)
            disk.restart()
            assert sorted(disk.rows) == before
        elif step != "take":
            disk.add(number, step)
            waiting[step].append(number)
        elif disk.rows:
            taken, key = disk.take()
            assert taken == waiting[key].pop(0)


@pytest.mark.parametrize("restarts_after", [None, 7, 50])
def test_keys_that_always_wait_are_served_by_their_weights(restarts_after: int | None) -> None:
    disk, numbers = Disk(), count()
    served: dict[str, int] = {"a": 0, "b": 0, "d": 0}
    for _ in range(5):  # None of them ever has nothing that waits.
        for key in served:
            disk.add(next(numbers), key)
    for turn in range(1, 2_017):
        if turn == restarts_after:
            disk.restart()
        _, key = disk.take()
        served[key] += 1
        disk.add(next(numbers), key)
    assert served["b"] == pytest.approx(3 * served["a"], abs=4)
    assert served["d"] == pytest.approx(500 * served["a"], abs=520)


def test_a_new_key_need_not_wait_behind_a_long_backlog() -> None:
    disk, numbers = Disk(), count()
    for _ in range(500):
        disk.add(next(numbers), "a")
    for _ in range(100):
        disk.take()
    disk.restart()
    for _ in range(3):
        disk.add(next(numbers), "b")
    assert [disk.take()[1] for _ in range(6)].count("b") == 3
