"""Who gets what: pollers that wait, queries that wait, tasks that wait.

Owns the pairing in one queue. The poller that has waited longest gets a query if there is one, else
the task that comes first in the backlog, if the rate limits let it go. Tasks and pollers of a queue
may be in lanes (versions of the workers): a poller gets what is in its own lane only. Must not know
what pollers, queries, tasks and lanes are.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from indelible.base.instants import Instant
from indelible.engine.matching.backlog import Backlog
from indelible.engine.matching.priority import TaskPlace
from indelible.engine.matching.rate_limit import RateLimit
from indelible.engine.matching.rate_limits import RateLimits, Share

T = TypeVar("T")
Q = TypeVar("Q")
P = TypeVar("P")


class TaskMatch(msgspec.Struct, Generic[P, T]):
    """A task for a poller; it is in flight in the backlog."""

    poller: P
    place: TaskPlace
    task: T
    is_sync: bool = False
    """Whether a poller waited for this task when it was offered."""


class QueryMatch(msgspec.Struct, Generic[P, Q]):
    """A query for a poller."""

    poller: P
    query_id: str
    query: Q


class Matcher(Generic[T, Q, P]):
    """Pairs the pollers of one queue, told apart by identity, with its tasks and queries."""

    __slots__ = (
        "_held_until",
        "_is_held",
        "_lines",
        "_pollers",
        "_queries",
        "backlog",
        "has_limited_queries",
        "is_throttled",
        "lane",
        "lane_of",
        "limits",
        "share_of",
    )

    def __init__(
        self,
        *,
        rows_max: int,
        limits: RateLimits | None = None,
        has_limited_queries: bool = False,
    ) -> None:
        self.backlog: Backlog[T] = Backlog(rows_max=rows_max)
        self.limits = limits or RateLimits()
        """May be those of other queues, too."""
        self.has_limited_queries = has_limited_queries
        """Whether the rate limits hold for queries as well; then all have the same key."""
        self.is_throttled = False
        """Whether the rate limit alone kept the last pairing from happening."""
        self.lane: Hashable = None
        """Where all tasks and queries are, as long as `lane_of` is None."""
        self.lane_of: Callable[[T | Q], Hashable] | None = None
        """Tells the lanes of tasks and queries apart; both may change between two matches."""
        self.share_of: Callable[[T | Q], Share] | None = None
        """Tells the fairness key and the weight of a task; needed for a limit per key alone."""
        # Oldest first: a worker's newest poll must not starve the one whose deadline is near.
        self._pollers: OrderedDict[P, Hashable] = OrderedDict()
        self._lines: dict[Hashable, OrderedDict[P, None]] = {}
        # The same pollers by their lanes; there is no empty line.
        self._queries: OrderedDict[str, Q] = OrderedDict()
        self._is_held = False
        self._held_until: Instant | None = None
        # The last matching passed by tasks whose key had spent its rate: the first may go then.

    @property
    def waiting_poller_count(self) -> int:
        """How many pollers wait."""
        return len(self._pollers)

    @property
    def waiting_query_count(self) -> int:
        """How many queries wait."""
        return len(self._queries)

    def add_poller(self, poller: P, lane: Hashable = None) -> None:
        """Let a poller wait, behind those that wait already."""
        self._pollers[poller] = lane
        self._lines.setdefault(lane, OrderedDict())[poller] = None

    def remove_poller(self, poller: P) -> bool:
        """Take a poller out; False if it did not wait."""
        if poller not in self._pollers:
            return False
        lane = self._pollers.pop(poller)
        line = self._lines[lane]
        del line[poller]
        if not line:
            del self._lines[lane]
        return True

    def _call(self, lane: Hashable) -> P:
        """Take out the poller of a lane that has waited longest; there must be one."""
        poller = next(iter(self._lines[lane]))
        self.remove_poller(poller)
        return poller

    def waiting_pollers(self) -> list[P]:
        """Return the waiting pollers, the longest waiting first."""
        return list(self._pollers)

    def add_query(self, query_id: str, query: Q) -> None:
        """Let a query wait, behind those that wait already."""
        self._queries[query_id] = query

    def remove_query(self, query_id: str) -> bool:
        """Take a query out; False if it did not wait."""
        return self._queries.pop(query_id, None) is not None

    def has_query(self, query_id: str) -> bool:
        """Whether a query waits."""
        return query_id in self._queries

    def match(self, now: Instant) -> TaskMatch[P, T] | QueryMatch[P, Q] | None:
        """Make the next pair, or return None if there is none to be made now."""
        self.is_throttled = False
        if not self._pollers:
            return None
        if self.lane_of is None and self.lane not in self._lines:
            return None
        return self._match_query(now) or self._match_task(now)

    def _match_query(self, now: Instant) -> QueryMatch[P, Q] | None:
        for query_id, query in self._queries.items():
            lane = self._lane(query)
            if lane in self._lines:
                if self.has_limited_queries and not self._let_go(query, now):
                    return None
                del self._queries[query_id]
                return QueryMatch(self._call(lane), query_id, query)
        return None

    def _match_task(self, now: Instant) -> TaskMatch[P, T] | None:
        if not self.backlog.waiting_count:
            return None
        if self.lane_of is None and self.limits.keys.per_second is None:
            if not self._spend(now):
                return None
            place, task = self.backlog.take()
        else:
            self._is_held, self._held_until = False, None
            wanted = self.backlog.first_place(
                lambda task: self._lane(task) in self._lines and not self._holds(task, now)
            )
            if wanted is None:
                self.is_throttled = self._is_held
                return None
            if not self._spend(now):
                self._is_held = False  # It is the queue's limit that counts.
                return None
            place, task = wanted, self.backlog.take_from(wanted)
            if (limit := self._key_limit(task, now)) is not None:
                limit.spend(now)
        return TaskMatch(self._call(self._lane(task)), place, task)

    def _let_go(self, query: Q, now: Instant) -> bool:
        """Account for a limited query that goes out now; False if it may not."""
        self._is_held, self._held_until = False, None
        if self._holds(query, now):
            self.is_throttled = True
            return False
        if not self._spend(now):
            return False
        if (limit := self._key_limit(query, now)) is not None:
            limit.spend(now)
        return True

    def _holds(self, waiting: T | Q, now: Instant) -> bool:
        """Whether something has to wait because its key has spent its rate."""
        limit = self._key_limit(waiting, now)
        if limit is None or limit.is_open(now):
            return False
        self._is_held = True
        at = limit.ready_at()
        if at is not None:
            self._held_until = at if self._held_until is None else min(at, self._held_until)
        return True

    def _key_limit(self, waiting: T | Q, now: Instant) -> RateLimit | None:
        if self.limits.keys.per_second is None or self.share_of is None:
            return None
        return self.limits.keys.limit(*self.share_of(waiting), now)

    def _lane(self, waiting: T | Q) -> Hashable:
        return self.lane if self.lane_of is None else self.lane_of(waiting)

    def _spend(self, now: Instant) -> bool:
        self.is_throttled = not self.limits.whole.spend(now)
        return not self.is_throttled

    def ready_at(self) -> Instant | None:
        """Return when a rate limit lets the next task go; None for never, or if there is none."""
        return self._held_until if self._is_held else self.limits.whole.ready_at()

    def finish(self, match: TaskMatch[P, T], *, went_out: bool) -> None:
        """End a matched task. One that nobody wanted does not count against the rate limits."""
        self.backlog.finish(match.place)
        if not went_out:
            self._refund(match.task)

    def retry(self, match: TaskMatch[P, T]) -> None:
        """Let a task be matched again, first of all: nobody knows if it was started."""
        self.backlog.put_back(match.place, is_urgent=True)
        self._refund(match.task)

    def put_back(self, match: TaskMatch[P, T] | QueryMatch[P, Q]) -> None:
        """Undo a match that its poller could not use: task or query wait in their old place."""
        if isinstance(match, QueryMatch):
            self._queries[match.query_id] = match.query
            self._queries.move_to_end(match.query_id, last=False)
            if self.has_limited_queries:
                self._refund(match.query)
        else:
            self.backlog.put_back(match.place)
            self._refund(match.task)

    def _refund(self, waiting: T | Q) -> None:
        self.limits.whole.refund()
        if self.limits.keys.per_second is not None and self.share_of is not None:
            self.limits.keys.refund(self.share_of(waiting)[0])
