"""What is told about a task queue: the substance of DescribeTaskQueue.

Owns the numbers and how they are made from a loaded queue or, if nobody serves it, from its rows.
Must not know the API messages: the frontend puts them together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from indelible.base.ids import QueueKey
from indelible.base.instants import NO_DURATION, Instant, elapsed
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.priority import BEFORE_ALL, PRIORITY_DEFAULT
from indelible.engine.matching.queue_stats import NO_STATS, QueueStats, StatsByPriority, total
from indelible.ports.stores import DispatchBacklog, TaskQueueStore
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
    return replace(
        _description(await store.dispatch_backlogs(key, after=BEFORE_ALL), now=now),
        tasks_per_second_max=tasks_per_second_max,
        is_limited_by_operator=tasks_per_second_max is not None,
    )


async def describe_loaded(
    queue: LoadedQueue, store: TaskQueueStore, *, now: Instant, node_now: Instant
) -> TaskQueueDescription:
    """Describe a queue that is served; `now` is an instant of its namespace."""
    backlog = queue.matcher.backlog
    backlogs = dict[int, DispatchBacklog]()
    for place, task in backlog.waiting():
        _count(backlogs, place[0], DispatchBacklog(count=1, oldest_at=task.created_at))
    if not backlog.is_complete:
        # Tasks behind the frontier may be known all the same, and have their rows still.
        known = Counter(priority for priority, _, _ in backlog.places_behind_frontier())
        stored = await store.dispatch_backlogs(queue.key, after=backlog.frontier)
        for priority, behind in stored.items():
            if (count := behind.count - known[priority]) > 0:
                _count(backlogs, priority, replace(behind, count=count))
    return _description(backlogs, now=now, queue=queue, node_now=node_now)


def _count(backlogs: dict[int, DispatchBacklog], priority: int, more: DispatchBacklog) -> None:
    known = backlogs.get(priority)
    backlogs[priority] = (
        more
        if known is None
        else DispatchBacklog(
            count=known.count + more.count, oldest_at=min(known.oldest_at, more.oldest_at)
        )
    )


def _description(
    backlogs: Mapping[int, DispatchBacklog],
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
            backlog_count=0 if waiting is None else waiting.count,
            backlog_age=NO_DURATION if waiting is None else elapsed(waiting.oldest_at, now),
            add_rate=added.get(priority, 0.0),
            dispatch_rate=dispatched.get(priority, 0.0),
            is_rate_limited=is_limited,
        )
        for priority in sorted({PRIORITY_DEFAULT, *backlogs, *added, *dispatched})
        for waiting in (backlogs.get(priority),)
    }
    return TaskQueueDescription(
        pollers=() if queue is None or node_now is None else queue.pollers.recent(node_now),
        stats_by_priority=by_priority,
        tasks_per_second_max=None if queue is None else queue.rates.tasks_per_second_max,
        is_limited_by_operator=queue is not None and queue.rates.is_limited_by_operator,
    )
