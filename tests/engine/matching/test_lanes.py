"""Pollers and tasks in lanes: a poller gets what is in its own lane, in the queue's order."""

from hypothesis import given, strategies as st

from indelible.base.ids import TaskId
from indelible.base.instants import SECOND, Instant
from indelible.engine.matching.matcher import Matcher, QueryMatch, TaskMatch

NOW = Instant(1_000 * SECOND)


def matcher_with(*task_ids: int) -> Matcher[int, int, str]:
    matcher: Matcher[int, int, str] = Matcher(rows_max=100)
    page = matcher.backlog.begin_page()
    assert page is not None
    matcher.backlog.end_page(page, [])
    for task_id in task_ids:
        matcher.backlog.offer((3, 0, TaskId(task_id)), task_id)
    return matcher


def pairs(matcher: Matcher[int, int, str]) -> list[tuple[str, int]]:
    made: list[tuple[str, int]] = []
    while isinstance(match := matcher.match(NOW), TaskMatch):
        made.append((match.poller, match.task))
    return made


def test_all_tasks_are_in_one_lane_until_they_are_told_apart() -> None:
    matcher = matcher_with(1, 2)
    matcher.lane = "new"
    matcher.add_poller("old worker", "old")
    matcher.add_poller("new worker", "new")
    assert pairs(matcher) == [("new worker", 1)]
    matcher.lane = "old"
    assert pairs(matcher) == [("old worker", 2)]


def test_a_task_that_nobody_may_take_does_not_hold_up_the_others() -> None:
    matcher = matcher_with(1, 2, 3, 4)
    matcher.lane_of = lambda task: task % 2
    matcher.add_poller("even", 0)
    matcher.add_poller("even too", 0)
    assert pairs(matcher) == [("even", 2), ("even too", 4)]
    assert matcher.backlog.waiting_count == 2


def test_a_task_whose_start_is_in_doubt_comes_first_in_its_lane() -> None:
    matcher = matcher_with(1, 2, 3)
    matcher.lane_of = lambda task: task % 2
    matcher.add_poller("odd", 1)
    match = matcher.match(NOW)
    assert isinstance(match, TaskMatch)
    matcher.retry(match)
    matcher.add_poller("odd again", 1)
    assert pairs(matcher) == [("odd again", 1)]


def test_queries_have_lanes_too() -> None:
    matcher = matcher_with()
    matcher.lane_of = lambda query: query % 2
    matcher.add_query("a", 1)
    matcher.add_query("b", 2)
    matcher.add_poller("even", 0)
    match = matcher.match(NOW)
    assert isinstance(match, QueryMatch)
    assert (match.query_id, matcher.has_query("a")) == ("b", True)
    assert matcher.match(NOW) is None


def test_a_rate_limit_is_not_spent_on_a_task_that_nobody_may_take() -> None:
    matcher = matcher_with(1)
    matcher.limits.whole.change(1, NOW)
    matcher.lane_of = lambda task: task % 2
    matcher.add_poller("even", 0)
    assert (matcher.match(NOW), matcher.is_throttled) == (None, False)
    matcher.add_poller("odd", 1)
    assert pairs(matcher) == [("odd", 1)]


@given(st.lists(st.integers(0, 2), max_size=20), st.lists(st.integers(0, 2), max_size=20))
def test_lanes_are_as_if_each_had_a_queue_of_its_own(tasks: list[int], workers: list[int]) -> None:
    matcher = matcher_with(*range(len(tasks)))
    matcher.lane_of = lambda task: tasks[task]
    for number, lane in enumerate(workers):
        matcher.add_poller(f"{number}", lane)
    made = pairs(matcher)
    for lane in range(3):
        in_lane = [(worker, task) for worker, task in made if tasks[task] == lane]
        waiting = [str(number) for number, own in enumerate(workers) if own == lane]
        offered = [number for number, own in enumerate(tasks) if own == lane]
        assert in_lane == list(zip(waiting, offered, strict=False))
