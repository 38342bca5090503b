"""The part of a queue's tasks that is held in memory, and what is known about the rest.

Owns the bounded window of one queue and the account of what it covers. The tasks themselves are
durable rows: whatever is dropped here is read again. Must not know what a task is, or who reads the
rows.

One fact carries the module: **every live row up to the frontier is known** - it waits in the
window, or it is in flight. Rows behind the frontier are on disk only. So an offer behind the
frontier may be ignored, the smallest waiting task is the smallest of the queue, and an overflowing
window just draws the frontier back. A page that is being read meets offers, ends and overflows on
its way; `Page` remembers those, so that nothing is lost and nothing comes twice.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from indelible.base.invariants import invariant
from indelible.engine.matching.priority import BEFORE_ALL, BEHIND_ALL, TaskPlace, just_before

T = TypeVar("T")

_REFILL_FRACTION: Final = 4
"""The window is read on when it has sunk to this fraction of its size."""


class OrderedTasks(Generic[T]):
    """Tasks in the order of their places.

    A sorted list: appending, and taking from either end, move at most a few kilobytes at the sizes
    in question, and cost less than a tree.
    """

    __slots__ = ("_places", "_tasks")

    def __init__(self) -> None:
        self._places: list[TaskPlace] = []
        self._tasks: dict[TaskPlace, T] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, place: TaskPlace) -> bool:
        return place in self._tasks

    def add(self, place: TaskPlace, task: T) -> None:
        """Insert a task whose place is free."""
        self._tasks[place] = task
        if not self._places or place > self._places[-1]:
            self._places.append(place)
        else:
            insort(self._places, place)

    def first(self) -> T:
        """Return the task that is to be served next."""
        return self._tasks[self._places[0]]

    def pop_first(self) -> tuple[TaskPlace, T]:
        """Remove and return the task that is to be served next, with its place."""
        place = self._places.pop(0)
        return place, self._tasks.pop(place)

    def pop(self, place: TaskPlace) -> T:
        """Remove and return the task of a place; there must be one."""
        del self._places[bisect_left(self._places, place)]
        return self._tasks.pop(place)

    def pop_last(self) -> TaskPlace:
        """Remove the task that would be served last and return its place."""
        place = self._places.pop()
        del self._tasks[place]
        return place

    def drop_behind(self, place: TaskPlace) -> None:
        """Remove every task behind a place."""
        start = bisect_right(self._places, place)
        for dropped in self._places[start:]:
            del self._tasks[dropped]
        del self._places[start:]

    def __iter__(self) -> Iterator[tuple[TaskPlace, T]]:
        for place in self._places:
            yield place, self._tasks[place]

    def entries(self) -> list[tuple[TaskPlace, T]]:
        """Return the tasks in order, with their places."""
        return [(place, self._tasks[place]) for place in self._places]


class Page(Generic[T]):
    """A read of rows that is under way: what to read, and what happened meanwhile."""

    __slots__ = ("after", "arrived", "cut", "finished", "is_recheck", "limit")

    def __init__(self, *, after: TaskPlace, limit: int, is_recheck: bool) -> None:
        self.after: Final = after
        self.limit: Final = limit
        self.is_recheck: Final = is_recheck
        self.arrived: Final[OrderedTasks[T]] = OrderedTasks()
        """Tasks that were offered behind the frontier: the rows read may be older than them."""
        self.finished: Final[set[TaskPlace]] = set()
        """Places of tasks that ended: the rows read may still hold them."""
        self.cut = BEHIND_ALL
        """From here on tasks were dropped, so that the page says nothing about them."""


class Backlog(Generic[T]):
    """The tasks of one queue that wait for a poller, up to `rows_max` of them."""

    __slots__ = (
        "_frontier",
        "_in_flight",
        "_is_doubted",
        "_page",
        "_rows_max",
        "_urgent",
        "_waiting",
    )

    def __init__(self, *, rows_max: int) -> None:
        invariant(rows_max > 0, "a window has room for a task")
        self._rows_max = rows_max
        self._waiting: OrderedTasks[T] = OrderedTasks()
        # Had their turn, and may have been started unheard: first of all, and never dropped, since
        # their rows may be gone.
        self._urgent: OrderedTasks[T] = OrderedTasks()
        self._in_flight: dict[TaskPlace, T] = {}
        self._frontier = BEFORE_ALL
        self._page: Page[T] | None = None
        self._is_doubted = False

    @property
    def waiting_count(self) -> int:
        """How many tasks in memory wait for a poller."""
        return len(self._urgent) + len(self._waiting)

    @property
    def in_flight_count(self) -> int:
        """How many tasks were taken and neither finished nor put back."""
        return len(self._in_flight)

    @property
    def frontier(self) -> TaskPlace:
        """The place up to which every row is known."""
        return self._frontier

    def places_behind_frontier(self) -> Sequence[TaskPlace]:
        """Return the places of tasks that are known although they lie behind the frontier."""
        known = (*(place for place, _ in self.waiting()), *self._in_flight)
        return [place for place in known if place > self._frontier]

    @property
    def is_unread(self) -> bool:
        """Whether nothing at all is known about the rows."""
        return self._frontier == BEFORE_ALL

    @property
    def is_complete(self) -> bool:
        """Whether there is no row on disk that is unknown here."""
        return self._frontier == BEHIND_ALL

    def waiting(self) -> list[tuple[TaskPlace, T]]:
        """Return the waiting tasks in their order."""
        return self._urgent.entries() + self._waiting.entries()

    def first(self) -> T:
        """Return the task that is to be served next; there must be one."""
        return (self._urgent or self._waiting).first()

    def first_place(self, is_wanted: Callable[[T], bool]) -> TaskPlace | None:
        """Return the place of the first waiting task that is wanted, None if none is."""
        for tasks in (self._urgent, self._waiting):
            for place, task in tasks:
                if is_wanted(task):
                    return place
        return None

    # ------------------------------------------------------------------------------------- tasks
    def offer(self, place: TaskPlace, task: T) -> None:
        """Take note of a task whose row is durable. Offers may come in any order, and twice."""
        if place > self._frontier:
            self._arrive(place, task)
        elif not self._is_known(place):
            self._waiting.add(place, task)
            self._trim()

    def take(self) -> tuple[TaskPlace, T]:
        """Take the task that is to be served next; it is in flight until finished or put back."""
        place, task = (self._urgent or self._waiting).pop_first()
        self._in_flight[place] = task
        return place, task

    def take_from(self, place: TaskPlace) -> T:
        """Take a waiting task out of its turn; it is in flight as others are."""
        task = (self._urgent if place in self._urgent else self._waiting).pop(place)
        self._in_flight[place] = task
        return task

    def finish(self, place: TaskPlace) -> None:
        """End a task in flight: a worker has it, or nobody wants it any more."""
        del self._in_flight[place]
        page = self._page
        # Bounded; whoever is forgotten here is refused by its execution when it comes again.
        if page is not None and place > page.after and len(page.finished) < 4 * self._rows_max:
            page.finished.add(place)

    def put_back(self, place: TaskPlace, *, is_urgent: bool = False) -> None:
        """Let a task in flight wait again: in its old place, or first if its start is in doubt."""
        task = self._in_flight.pop(place)
        if is_urgent:
            self._urgent.add(place, task)
        elif place <= self._frontier:
            self._waiting.add(place, task)
            self._trim()

    def _arrive(self, place: TaskPlace, task: T) -> None:
        page = self._page
        if page is None or place in page.arrived:
            return
        page.finished.discard(place)
        page.arrived.add(place, task)
        if len(page.arrived) > self._rows_max:
            page.cut = min(page.cut, page.arrived.pop_last())

    def _trim(self) -> None:
        while len(self._waiting) > self._rows_max:
            dropped = self._waiting.pop_last()
            self._frontier = just_before(dropped)
            if self._page is not None:
                self._page.cut = min(self._page.cut, dropped)

    # ------------------------------------------------------------------------------------- pages
    def begin_page(self) -> Page[T] | None:
        """Return the page that should be read now, if any; it must be ended or abandoned."""
        if self._page is not None:
            return None
        if self._is_doubted:
            self._is_doubted = False
            self._page = Page(after=BEFORE_ALL, limit=self._rows_max, is_recheck=True)
        elif not self.is_complete and len(self._waiting) <= self._rows_max // _REFILL_FRACTION:
            room = self._rows_max - self.waiting_count - len(self._in_flight)
            if room > 0:
                self._page = Page(after=self._frontier, limit=room, is_recheck=False)
        return self._page

    def end_page(self, page: Page[T], rows: Sequence[tuple[TaskPlace, T]]) -> None:
        """Take in the rows that were read: the first `page.limit` ones behind `page.after`."""
        if page is not self._page:
            return  # The window was forgotten meanwhile.
        self._page = None
        covered = rows[-1][0] if len(rows) >= page.limit else BEHIND_ALL
        if page.cut <= covered and page.cut != BEHIND_ALL:
            covered = just_before(page.cut)
        for place, task in (*rows, *page.arrived.entries()):
            if place not in page.finished and not self._is_known(place):
                self._waiting.add(place, task)
        self._frontier = covered
        self._waiting.drop_behind(covered)
        self._trim()

    def abandon_page(self, page: Page[T]) -> None:
        """Give up a page that could not be read."""
        if page is self._page:
            self._page = None
            self._is_doubted = self._is_doubted or page.is_recheck

    def doubt(self) -> None:
        """Have everything read again, because a row may have come without an offer."""
        if not self.is_unread or self._page is not None:
            self._is_doubted = True

    def forget(self) -> None:
        """Free the window; what is in flight, and what must go first, stays known."""
        self._waiting = OrderedTasks()
        self._frontier = BEFORE_ALL
        self._page = None
        self._is_doubted = False

    def _is_known(self, place: TaskPlace) -> bool:
        return place in self._waiting or place in self._in_flight or place in self._urgent
