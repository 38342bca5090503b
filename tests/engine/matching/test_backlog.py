"""The window of a queue never loses a row, never gives one twice, and never out of order.

The oracle is the disk itself: a sorted list of rows. Pages are snapshots of it, taken at any moment
of the read; offers come late, twice or not at all.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from indelible.base.ids import TaskId
from indelible.engine.matching.backlog import Backlog, Page
from indelible.engine.matching.priority import BEFORE_ALL, TaskPlace

ROWS_MAX = 4


def place(priority: int, task_id: int, pass_number: int = 0) -> TaskPlace:
    return (priority, pass_number, TaskId(task_id))


def filled(count: int) -> Backlog[str]:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    page = backlog.begin_page()
    assert page is not None
    backlog.end_page(page, [])
    for task_id in range(1, count + 1):
        backlog.offer(place(3, task_id), f"t{task_id}")
    return backlog


def taken(backlog: Backlog[str]) -> list[str]:
    tasks: list[str] = []
    while backlog.waiting_count:
        found, task = backlog.take()
        backlog.finish(found)
        tasks.append(task)
    return tasks


def test_an_unread_queue_ignores_offers() -> None:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    backlog.offer(place(3, 1), "t1")
    assert backlog.is_unread
    assert backlog.waiting_count == 0


def test_order_is_priority_pass_id_whatever_the_order_of_offers() -> None:
    backlog: Backlog[str] = Backlog(rows_max=9)
    page = backlog.begin_page()
    assert page is not None
    backlog.end_page(page, [])
    for priority, pass_number, task_id in [(3, 7, 4), (1, 9, 5), (3, 7, 2), (5, 1, 1), (3, 2, 6)]:
        task = f"{priority}/{pass_number}/{task_id}"
        backlog.offer(place(priority, task_id, pass_number), task)
    assert taken(backlog) == ["1/9/5", "3/2/6", "3/7/2", "3/7/4", "5/1/1"]


def test_an_offer_twice_is_one_task() -> None:
    backlog = filled(1)
    backlog.offer(place(3, 1), "again")
    found, _ = backlog.take()
    backlog.offer(place(3, 1), "in flight")
    assert backlog.waiting_count == 0
    backlog.put_back(found)
    assert taken(backlog) == ["t1"]


def test_an_overflow_leaves_the_rest_on_disk() -> None:
    backlog = filled(6)
    assert backlog.waiting_count == ROWS_MAX
    assert not backlog.is_complete
    assert backlog.begin_page() is None  # Full: nothing to read yet.
    assert taken(backlog) == ["t1", "t2", "t3", "t4"]
    page = backlog.begin_page()
    assert page is not None
    assert page.after == place(3, 4)
    backlog.end_page(page, [(place(3, 5), "t5"), (place(3, 6), "t6")])
    assert backlog.is_complete
    assert taken(backlog) == ["t5", "t6"]


def test_an_urgent_offer_pushes_out_the_last_one() -> None:
    backlog = filled(4)
    backlog.offer(place(1, 9), "urgent")
    assert taken(backlog) == ["urgent", "t1", "t2", "t3"]
    page = backlog.begin_page()
    assert page is not None
    assert page.after == place(3, 3)


def test_an_offer_during_a_read_is_kept_if_the_page_reaches_so_far() -> None:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    page = backlog.begin_page()
    assert page is not None
    backlog.offer(place(3, 2), "t2")
    backlog.end_page(page, [(place(3, 1), "t1")])
    assert taken(backlog) == ["t1", "t2"]


def test_a_task_that_ended_during_a_read_does_not_come_back() -> None:
    backlog = filled(2)
    backlog.doubt()
    found, _ = backlog.take()
    page = backlog.begin_page()
    assert page is not None
    backlog.finish(found)
    backlog.end_page(page, [(place(3, 1), "t1"), (place(3, 2), "t2")])
    assert taken(backlog) == ["t2"]


def test_an_overflow_during_a_read_of_the_tail_invalidates_the_page() -> None:
    backlog = filled(5)
    for _ in range(3):
        found, _ = backlog.take()
        backlog.finish(found)
    page = backlog.begin_page()  # Behind 4; task 4 still waits.
    assert page is not None
    for task_id in range(11, 16):
        backlog.offer(place(1, task_id), f"u{task_id}")
    backlog.end_page(page, [(place(3, 5), "t5")])
    assert taken(backlog) == ["u11", "u12", "u13", "u14"]
    following = backlog.begin_page()
    assert following is not None
    assert following.after < place(1, 15)


def test_doubt_finds_a_row_that_was_never_offered() -> None:
    backlog = filled(1)
    backlog.doubt()
    page = backlog.begin_page()
    assert page is not None
    assert page.after == BEFORE_ALL
    backlog.end_page(page, [(place(2, 7), "lost"), (place(3, 1), "t1")])
    assert taken(backlog) == ["lost", "t1"]


def test_an_abandoned_recheck_is_repeated() -> None:
    backlog = filled(0)
    backlog.doubt()
    page = backlog.begin_page()
    assert page is not None
    backlog.abandon_page(page)
    again = backlog.begin_page()
    assert again is not None
    assert again.is_recheck


def test_doubt_during_the_first_read_reads_again() -> None:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    page = backlog.begin_page()
    assert page is not None
    backlog.doubt()
    backlog.end_page(page, [])
    again = backlog.begin_page()
    assert again is not None
    assert again.after == BEFORE_ALL


def test_a_task_offered_anew_during_a_read_is_not_taken_for_the_one_that_ended() -> None:
    backlog = filled(4)
    *done, early = [backlog.take()[0] for _ in range(4)]
    for task_id in range(11, 16):
        backlog.offer(place(1, task_id), f"u{task_id}")
    done += [backlog.take()[0] for _ in range(4)]
    for found in done:
        backlog.finish(found)
    page = backlog.begin_page()
    assert page is not None
    assert page.after == place(1, 14)  # The early task lies behind the frontier now.
    backlog.finish(early)
    backlog.offer(early, "its start was lost")
    backlog.end_page(page, [(place(1, 15), "u15")])
    assert taken(backlog) == ["u15", "its start was lost"]


def test_a_task_put_back_behind_the_frontier_waits_on_disk_for_its_turn() -> None:
    backlog = filled(4)
    tasks = [backlog.take()[0] for _ in range(4)]
    for task_id in range(11, 16):
        backlog.offer(place(1, task_id), f"u{task_id}")
    backlog.put_back(tasks[3])
    assert taken(backlog) == ["u11", "u12", "u13", "u14"]
    page = backlog.begin_page()
    assert page is not None
    backlog.end_page(page, [(place(1, 15), "u15"), (place(3, 4), "t4")])
    assert taken(backlog) == ["u15", "t4"]


def test_too_many_offers_during_a_read_are_left_to_the_next_page() -> None:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    page = backlog.begin_page()
    assert page is not None
    for task_id in range(1, 7):
        backlog.offer(place(3, task_id), f"t{task_id}")
    backlog.end_page(page, [])
    assert taken(backlog) == ["t1", "t2", "t3", "t4"]
    following = backlog.begin_page()
    assert following is not None
    assert following.after == place(3, 4)


def test_a_recheck_that_does_not_reach_the_end_of_the_window_shortens_it() -> None:
    backlog = filled(4)
    backlog.doubt()
    page = backlog.begin_page()
    assert page is not None
    unheard = [(place(2, 20 + number), f"lost{number}") for number in range(ROWS_MAX)]
    backlog.end_page(page, unheard)
    assert taken(backlog) == ["lost0", "lost1", "lost2", "lost3"]
    following = backlog.begin_page()
    assert following is not None
    assert following.after == place(2, 23)


def test_a_start_in_doubt_goes_first_whatever_the_window_covers() -> None:
    backlog = filled(4)
    tasks = [backlog.take()[0] for _ in range(4)]
    for task_id in range(11, 16):
        backlog.offer(place(1, task_id), f"u{task_id}")
    backlog.put_back(tasks[3], is_urgent=True)
    backlog.offer(tasks[3], "twice")
    assert backlog.first() == "t4"
    backlog.forget()
    assert taken(backlog) == ["t4"]


def test_a_page_of_a_forgotten_window_changes_nothing() -> None:
    backlog: Backlog[str] = Backlog(rows_max=ROWS_MAX)
    page = backlog.begin_page()
    assert page is not None
    backlog.forget()
    backlog.end_page(page, [(place(3, 1), "t1")])
    assert backlog.is_unread
    assert backlog.waiting_count == 0


class BacklogMachine(RuleBasedStateMachine):
    """Random life of a window over a disk."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog: Backlog[int] = Backlog(rows_max=ROWS_MAX)
        self.disk: set[TaskPlace] = set()
        self.unoffered: list[TaskPlace] = []
        self.in_flight: list[TaskPlace] = []
        self.urgent: set[TaskPlace] = set()
        self.ended: set[TaskPlace] = set()
        self.page: Page[int] | None = None
        self.snapshot: list[TaskPlace] | None = None
        self.next_id = 1

    def rows(self, page: Page[int]) -> list[TaskPlace]:
        return sorted(row for row in self.disk if row > page.after)[: page.limit]

    @rule(priority=st.integers(1, 3), pass_number=st.integers(0, 3), is_offered=st.booleans())
    def commit(self, priority: int, pass_number: int, *, is_offered: bool) -> None:
        new = place(priority, self.next_id, pass_number)
        self.next_id += 1
        self.disk.add(new)
        if is_offered:
            self.backlog.offer(new, new[2])
        else:
            self.unoffered.append(new)

    @precondition(lambda self: self.unoffered)
    @rule(pick=st.integers(0, 100))
    def offer_late(self, pick: int) -> None:
        late = self.unoffered.pop(pick % len(self.unoffered))
        if late not in self.ended:  # History holds the lock of the run until it has offered.
            self.backlog.offer(late, late[2])

    @precondition(lambda self: self.unoffered)
    @rule()
    def lose_offers(self) -> None:
        self.unoffered.clear()
        self.backlog.doubt()

    @precondition(lambda self: self.disk)
    @rule(pick=st.integers(0, 100))
    def offer_twice(self, pick: int) -> None:
        again = sorted(self.disk)[pick % len(self.disk)]
        if again in self.unoffered:
            self.unoffered.remove(again)
        self.backlog.offer(again, again[2])

    @precondition(lambda self: self.backlog.waiting_count)
    @rule()
    def take(self) -> None:
        found, task = self.backlog.take()
        assert task == found[2]
        assert found in self.disk, "a task that is gone was given out again"
        assert found not in self.in_flight, "a task was given out twice"
        assert not self.urgent or found == min(self.urgent), "doubtful starts come first"
        if self.urgent:
            self.urgent.remove(found)
            self.in_flight.append(found)
            return
        known = self.disk.difference(self.in_flight, self.unoffered, [found])
        assert self.unoffered or self.is_doubted or all(found < other for other in known)
        self.in_flight.append(found)

    @property
    def is_doubted(self) -> bool:
        return self.backlog._is_doubted or (self.page is not None and self.page.is_recheck)

    @precondition(lambda self: self.in_flight)
    @rule(pick=st.integers(0, 100))
    def finish(self, pick: int) -> None:
        if self.page is not None and len(self.page.finished) >= 4 * ROWS_MAX:
            return  # Beyond the bound a task may be offered to its run once too often.
        done = self.in_flight.pop(pick % len(self.in_flight))
        self.disk.remove(done)
        self.ended.add(done)
        self.backlog.finish(done)

    @precondition(lambda self: self.in_flight)
    @rule(pick=st.integers(0, 100), is_urgent=st.booleans())
    def put_back(self, pick: int, *, is_urgent: bool) -> None:
        returned = self.in_flight.pop(pick % len(self.in_flight))
        self.backlog.put_back(returned, is_urgent=is_urgent)
        if is_urgent:
            self.urgent.add(returned)

    @precondition(lambda self: self.page is None)
    @rule()
    def begin_page(self) -> None:
        self.page = self.backlog.begin_page()
        self.snapshot = None

    @precondition(lambda self: self.page is not None and self.snapshot is None)
    @rule()
    def read(self) -> None:
        assert self.page is not None
        self.snapshot = self.rows(self.page)

    @precondition(lambda self: self.snapshot is not None)
    @rule()
    def end_page(self) -> None:
        assert self.page is not None
        assert self.snapshot is not None
        self.backlog.end_page(self.page, [(row, row[2]) for row in self.snapshot])
        self.page = self.snapshot = None

    @precondition(lambda self: self.page is not None)
    @rule()
    def abandon_page(self) -> None:
        assert self.page is not None
        self.backlog.abandon_page(self.page)
        self.page = self.snapshot = None

    @rule()
    def forget(self) -> None:
        self.backlog.forget()
        self.page = self.snapshot = None

    @rule()
    def doubt(self) -> None:
        self.backlog.doubt()

    @invariant()
    def the_window_is_bounded(self) -> None:
        assert self.backlog.waiting_count <= ROWS_MAX + len(self.urgent)
        assert self.page is None or len(self.page.arrived) <= ROWS_MAX

    def teardown(self) -> None:
        """Once everything is offered or doubted, everything is served, in order."""
        if self.unoffered:
            self.lose_offers()
        for unfinished in self.in_flight:
            self.backlog.put_back(unfinished)
        self.in_flight.clear()
        if self.page is not None:
            self.abandon_page()
        for _ in range(2 * len(self.disk) + 3):
            if (page := self.backlog.begin_page()) is not None:
                self.backlog.end_page(page, [(row, row[2]) for row in self.rows(page)])
            if self.backlog.waiting_count:
                self.take()
                self.finish(0)
        assert not self.disk, "rows were forgotten"
        assert self.backlog.is_complete, "it would be read for ever"


TestBacklog = BacklogMachine.TestCase
