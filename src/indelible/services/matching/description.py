"""What is told about a task queue: the substance of DescribeTaskQueue.

Owns the numbers and how they are made from a loaded queue or, if nobody serves it, from its rows.
Must not know the API messages: the frontend puts them together.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from indelible.base.ids import QueueKey
from indelible.base.instants import NO_DURATION, Duration, Instant, elapsed
from indelible.base.limits import TASK_QUEUE_WINDOW_ROWS_MAX
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.priority import BEFORE_ALL, PRIORITY_DEFAULT
from indelible.engine.matching.queue_stats import NO_STATS, QueueStats, StatsByPriority, total
from indelible.ports.stores import TaskQueueStore
from indelible.services.matching.loaded_queue import LoadedQueue


class TaskQueueDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Pollers, latest first, and statistics."""

    pollers: Sequence[PollerRecord] = ()
    stats_by_priority: StatsByPriority = msgspec.field(default_factory=lambda: NO_STATS)
    tasks_per_second_max: float | None = None
    """The limit in force; None for none."""
    is_limited_by_operator: bool = False
    """Whether the limit is configured; otherwise the latest poll set it."""

    @property
    def stats(self) -> QueueStats:
        """The numbers of all priorities together."""
        return total(self.stats_by_priority)


class _Backlog(msgspec.Struct):
    """How many tasks of one priority wait, and since when."""

    count: int = 0
    oldest_at: Instant | None = None

    def age(self, now: Instant) -> Duration:
        return NO_DURATION if self.oldest_at is None else elapsed(self.oldest_at, now)


async def describe_rows(
    key: QueueKey,
    store: TaskQueueStore,
    *,
    now: Instant,
    tasks_per_second_max: float | None = None,
) -> TaskQueueDescription:
    """Describe a queue that nobody polls; `now` is an instant of its namespace.

    The limit is the one that is configured for the queue.
    """
    rows = await store.dispatches(key, after=BEFORE_ALL, limit=TASK_QUEUE_WINDOW_ROWS_MAX)
    count = len(rows)
    if count == TASK_QUEUE_WINDOW_ROWS_MAX:
        count = await store.dispatch_count(key)
    backlogs = _backlogs(((row.priority, row.created_at) for row in rows), count)
    return replace(
        _description(backlogs, now=now),
        tasks_per_second_max=tasks_per_second_max,
        is_limited_by_operator=tasks_per_second_max is not None,
    )


async def describe_loaded(
    queue: LoadedQueue, store: TaskQueueStore, *, now: Instant, node_now: Instant
) -> TaskQueueDescription:
    """Describe a queue that is served; `now` is an instant of its namespace."""
    backlog = queue.matcher.backlog
    if backlog.is_unread:
        rows = await store.dispatches(queue.key, after=BEFORE_ALL, limit=TASK_QUEUE_WINDOW_ROWS_MAX)
        waiting = [(row.priority, row.created_at) for row in rows]
    else:
        waiting = [(place[0], task.created_at) for place, task in backlog.waiting()]
    count = len(waiting)
    if not backlog.is_complete:
        count = max(count, await store.dispatch_count(queue.key) - backlog.in_flight_count)
    return _description(_backlogs(waiting, count), now=now, queue=queue, node_now=node_now)


def _backlogs(waiting: Iterable[tuple[int, Instant]], count: int) -> dict[int, _Backlog]:
    """Sort the known tasks by priority; those on disk follow the last known one."""
    backlogs = {PRIORITY_DEFAULT: _Backlog()}
    last = PRIORITY_DEFAULT
    for priority, created_at in waiting:
        backlog = backlogs.setdefault(priority, _Backlog())
        backlog.count += 1
        if backlog.oldest_at is None or created_at < backlog.oldest_at:
            backlog.oldest_at = created_at
        last = priority
        count -= 1
    backlogs[last].count += count
    return backlogs


def _description(
    backlogs: Mapping[int, _Backlog],
    *,
    now: Instant,
    queue: LoadedQueue | None = None,
    node_now: Instant | None = None,
) -> TaskQueueDescription:
    is_limited = False
    added: dict[int, float] = {}
    dispatched: dict[int, float] = {}
    if queue is not None and node_now is not None:
        added = queue.added.per_second(node_now)
        dispatched = queue.dispatched.per_second(node_now)
        is_limited = queue.throttled.per_second(node_now) > 0
    by_priority = {
        priority: QueueStats(
            backlog_count=backlog.count,
            backlog_age=backlog.age(now),
            add_rate=added.get(priority, 0.0),
            dispatch_rate=dispatched.get(priority, 0.0),
            is_rate_limited=is_limited,
        )
        for priority in sorted({*backlogs, *added, *dispatched})
        for backlog in (backlogs.get(priority, _Backlog()),)
    }
    return TaskQueueDescription(
        pollers=() if queue is None or node_now is None else queue.pollers.recent(node_now),
        stats_by_priority=by_priority,
        tasks_per_second_max=None if queue is None else queue.matcher.tasks_per_second_max,
        is_limited_by_operator=queue is not None and queue.is_limited_by_operator,
    )
