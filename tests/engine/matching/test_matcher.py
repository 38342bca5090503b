"""Who gets what, held against a list that is searched from the front."""

import dataclasses

from hypothesis import given, strategies as st

from indelible.base.ids import TaskId
from indelible.base.instants import SECOND, Duration, Instant
from indelible.engine.matching.matcher import Matcher, QueryMatch, TaskMatch
from indelible.engine.matching.priority import TaskPlace, effective_priority

NOW = Instant(1_000 * SECOND)


@dataclasses.dataclass(eq=False)
class Worker:
    name: str


def matcher_with(*task_ids: int) -> Matcher[int, str, Worker]:
    matcher: Matcher[int, str, Worker] = Matcher(rows_max=100)
    page = matcher.backlog.begin_page()
    assert page is not None
    matcher.backlog.end_page(page, [])
    for task_id in task_ids:
        matcher.backlog.offer((3, 0, TaskId(task_id)), task_id)
    return matcher


def next_task(matcher: Matcher[int, str, Worker], now: Instant = NOW) -> TaskMatch[Worker, int]:
    match = matcher.match(now)
    assert isinstance(match, TaskMatch)
    return match


def test_the_poller_that_waited_longest_comes_first() -> None:
    matcher = matcher_with(1, 2, 3)
    workers = [Worker(name) for name in "abc"]
    for worker in workers:
        matcher.add_poller(worker)
    assert matcher.remove_poller(workers[1])
    assert [next_task(matcher).poller.name for _ in range(2)] == ["a", "c"]
    assert matcher.match(NOW) is None


def test_limited_queries_spend_both_rates_and_get_back_what_was_not_used() -> None:
    matcher: Matcher[int, str, Worker] = Matcher(rows_max=100, has_limited_queries=True)
    matcher.share_of = lambda _: ("", 1.0)
    matcher.limits.keys.change(0.5)
    for query_id in "ab":
        matcher.add_query(query_id, query_id)
        matcher.add_poller(Worker(query_id))
    first = matcher.match(NOW)
    assert isinstance(first, QueryMatch)
    assert matcher.match(NOW) is None
    assert matcher.is_throttled
    assert matcher.ready_at() == NOW + 2 * SECOND
    matcher.put_back(first)
    matcher.add_poller(first.poller)
    matcher.limits.whole.change(0, NOW)
    assert matcher.match(NOW) is None
    assert matcher.is_throttled
    assert matcher.ready_at() is None
    matcher.limits.whole.change(None, NOW)
    again = matcher.match(NOW)
    assert isinstance(again, QueryMatch)
    assert again.query_id == "a"


def test_queries_come_before_tasks_and_know_no_rate_limit() -> None:
    matcher = matcher_with(1)
    matcher.limits.whole.change(0, NOW)
    matcher.add_query("q", "query")
    matcher.add_poller(Worker("a"))
    match = matcher.match(NOW)
    assert isinstance(match, QueryMatch)
    assert match.query == "query"
    matcher.put_back(match)
    matcher.add_query("r", "another")
    matcher.add_poller(Worker("b"))
    again = matcher.match(NOW)
    assert isinstance(again, QueryMatch)
    assert again.query_id == "q"
    assert matcher.has_query("r")
    assert matcher.remove_query("r")


def test_zero_stops_tasks_until_the_limit_changes() -> None:
    matcher = matcher_with(1)
    matcher.limits.whole.change(0, NOW)
    matcher.add_poller(Worker("a"))
    assert matcher.match(NOW) is None
    assert matcher.is_throttled
    assert matcher.ready_at() is None
    matcher.limits.whole.change(None, NOW)
    assert next_task(matcher).task == 1


def test_a_refused_or_returned_task_costs_nothing() -> None:
    matcher = matcher_with(1, 2, 3)
    matcher.limits.whole.change(0.001, NOW)
    for worker in "abc":
        matcher.add_poller(Worker(worker))
    matcher.finish(next_task(matcher), went_out=False)
    matcher.put_back(next_task(matcher))
    matcher.finish(next_task(matcher), went_out=True)
    assert matcher.match(NOW) is None
    assert matcher.ready_at() == NOW + 1_000 * SECOND


def test_workers_that_disagree_do_not_lift_the_limit() -> None:
    matcher = matcher_with(*range(1, 50))
    served = 0
    for turn in range(40):
        matcher.limits.whole.change([5.0, None, 6.0][turn % 3], NOW)
        if turn % 3 != 1:
            worker = Worker("a")
            matcher.add_poller(worker)
            served += matcher.match(NOW) is not None
            matcher.remove_poller(worker)
    assert served <= 7


@given(rate=st.floats(0.1, 1_000), gaps=st.lists(st.integers(0, 2_000_000_000), max_size=200))
def test_never_faster_than_the_limit_and_a_second_of_burst(rate: float, gaps: list[int]) -> None:
    matcher = matcher_with(*range(1, 2 * len(gaps) + 10))
    matcher.limits.whole.change(rate, NOW)
    now, served = NOW, 0
    for gap in gaps:
        now = Instant(now + gap)
        worker = Worker("a")
        matcher.add_poller(worker)
        served += matcher.match(now) is not None
        matcher.remove_poller(worker)
    assert served <= rate * (Duration(now - NOW) / SECOND + 1) * 1.001 + 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("task"), st.integers(0, 7)),
            st.tuples(st.just("query"), st.just(0)),
            st.tuples(st.just("poll"), st.just(0)),
            st.tuples(st.just("leave"), st.integers(0, 9)),
            st.tuples(st.just("match"), st.booleans()),
        ),
        max_size=80,
    )
)
def test_pairs_are_those_of_a_naive_matcher(steps: list[tuple[str, int]]) -> None:
    naive = NaiveMatcher(matcher_with())
    for number, (step, value) in enumerate(steps, start=1):
        naive.run(step, number, value)
        assert naive.matcher.waiting_pollers() == naive.pollers
        assert naive.matcher.waiting_query_count == len(naive.queries)
        assert naive.matcher.backlog.waiting_count == len(naive.tasks)


class NaiveMatcher:
    """Lists beside the matcher under test."""

    def __init__(self, matcher: Matcher[int, str, Worker]) -> None:
        self.matcher = matcher
        self.tasks: list[TaskPlace] = []
        self.queries: list[str] = []
        self.pollers: list[Worker] = []

    def run(self, step: str, number: int, value: int) -> None:
        if step == "task":
            place = (effective_priority(value), value % 3, TaskId(number))
            self.tasks.append(place)
            self.matcher.backlog.offer(place, number)
        elif step == "query":
            self.queries.append(str(number))
            self.matcher.add_query(str(number), "q")
        elif step == "poll":
            self.pollers.append(Worker(str(number)))
            self.matcher.add_poller(self.pollers[-1])
        elif step == "leave" and self.pollers:
            assert self.matcher.remove_poller(self.pollers.pop(value % len(self.pollers)))
        elif step == "match":
            self.match(is_used=bool(value))

    def match(self, *, is_used: bool) -> None:
        match = self.matcher.match(NOW)
        if not self.pollers or not (self.queries or self.tasks):
            assert match is None
            return
        assert match is not None
        assert match.poller is self.pollers.pop(0)
        if self.queries:
            assert isinstance(match, QueryMatch)
            assert match.query_id == self.queries[0]
        else:
            assert isinstance(match, TaskMatch)
            assert match.place == min(self.tasks)
        if not is_used:
            self.matcher.put_back(match)
        elif isinstance(match, QueryMatch):
            self.queries.pop(0)
        else:
            self.tasks.remove(match.place)
            self.matcher.finish(match, went_out=True)
