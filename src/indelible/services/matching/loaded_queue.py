"""One task queue that this node serves.

Owns the shell around a matcher: it reads pages when the window needs them, wakes polls, gives back
what a poll could not use, and waits out rate limits and backoffs. Must not call history, and must
not know the messages of a poll.

Nothing here is durable: whatever is forgotten is read again from the store at the next poll.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final

import structlog

from indelible.base.fair_shares import UNKEYED
from indelible.base.ids import QueueKey, QueueType
from indelible.base.instants import (
    MILLISECOND,
    NEVER,
    NO_DURATION,
    SECOND,
    Duration,
    Instant,
    after,
    elapsed,
)
from indelible.base.limits import (
    POLLERS_REMEMBERED_MAX,
    QUERIES_WAITING_MAX,
    TASK_QUEUE_WINDOW_ROWS_MAX,
)
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.matching.backlog import Page
from indelible.engine.matching.matcher import Matcher, QueryMatch
from indelible.engine.matching.passes import effective_weight
from indelible.engine.matching.poller_history import PollerHistory
from indelible.engine.matching.priority import PRIORITY_DEFAULT, TaskPlace
from indelible.engine.matching.rate_limit import RateLimit
from indelible.engine.matching.rate_limits import Share
from indelible.engine.matching.rates import PriorityRates, RateMeter
from indelible.ports.clients import QueuedTask
from indelible.ports.clock import Clock, TimerHandle
from indelible.ports.dispatch_rows import place_in_queue, queued_task
from indelible.ports.stores import TaskQueueStore
from indelible.services.matching.lanes import (
    lane_of_poll,
    route_matcher,
)
from indelible.services.matching.pending_nexus_tasks import PendingNexusTask
from indelible.services.matching.poll import (
    Match,
    Poll,
    Question,
    QueueTaskMatch,
    deployment_options,
    tasks_per_second_max,
    version_capabilities,
)
from indelible.services.matching.queue_rates import QueueRates
from indelible.services.matching.settings import UNSET, QueueSettings
from indelible.services.matching.turns import Turns

Spawn = Callable[[str, Coroutine[object, object, None]], object]
"""Runs a named coroutine in a task group that someone else owns and ends."""

POLLER_RECENT: Final = Duration(10 * SECOND)
"""A sticky queue without a poll for that long has no worker (semantics 4.1)."""
WINDOW_DOUBTED_AFTER: Final = Duration(60 * SECOND)
"""An idle queue is read again that often, in case an offer was never made."""
BACKOFF_FIRST: Final = Duration(100 * MILLISECOND)
BACKOFF_MAX: Final = Duration(10 * SECOND)

_log: Final = structlog.get_logger("indelible.matching")


class Retry:
    """A start whose outcome is unknown, and that is to be asked for again.

    The request id stays: if the start had happened after all, asking again returns the same task
    instead of losing it until its timeout.
    """

    __slots__ = ("failure_count", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id: Final = request_id
        self.failure_count = 0


class LoadedQueue:
    """The pollers, the window and the queries of one queue."""

    def __init__(
        self,
        key: QueueKey,
        *,
        store: TaskQueueStore,
        clock: Clock,
        spawn: Spawn,
        turns: Turns,
        rows_max: int = TASK_QUEUE_WINDOW_ROWS_MAX,
        settings: QueueSettings = UNSET,
    ) -> None:
        self.key: Final = key
        self._store: Final = store
        self._clock: Final = clock
        self._spawn: Final = spawn
        self._turns: Final = turns
        self._routing_of: Final = settings.routing_of
        self._routing: QueueRouting | None = None
        now = clock.now()
        self.rates = QueueRates(key, settings.config_of)
        """Of the queue alone, until it is known to be that of a version of another one."""
        self.matcher: Final[Matcher[QueuedTask, Question, Poll]] = Matcher(
            rows_max=rows_max,
            limits=self.rates.limits,
            has_limited_queries=key.queue_type is QueueType.NEXUS,
        )
        self.matcher.share_of = self._share_of
        self.pollers: Final = PollerHistory(pollers_max=POLLERS_REMEMBERED_MAX)
        self.added: Final = PriorityRates(now)
        self.dispatched: Final = PriorityRates(now)
        self.throttled: Final = RateMeter(now)
        self.scaling_limit: Final = RateLimit()
        self.labels: dict[str, str] = {}
        """Of measurements; known with the first poll."""
        self.touched_at = now
        """The last poll, query or offer that mattered: an idle queue is unloaded."""
        self.last_poll_at = NEVER
        """The last sign of life of a worker that does not poll at the moment."""
        self._open_polls: dict[Poll, None] = {}
        self._read_at = NEVER
        self._retries: dict[TaskPlace, Retry] = {}
        self._delayed: dict[TaskPlace, TimerHandle] = {}
        self._expiry_timer: TimerHandle | None = None
        self._expiry_at = NEVER
        self._throttle_timer: TimerHandle | None = None
        self._reread_timer: TimerHandle | None = None
        self._read_failure_count = 0
        self.rates.add(self)
        self.rates.configure(now)

    def share_rates(self, other: "LoadedQueue") -> None:
        """Have the rate limits of another queue, of which this one is that of a version."""
        if self.rates is not other.rates:
            self.rates.remove(self)
            self.rates = other.rates
            self.rates.add(self)
            self.matcher.limits = self.rates.limits

    # ------------------------------------------------------------------------------------- polls
    def open_poll(self, poll: Poll) -> None:
        """Note that a worker polls."""
        now = poll.started_at
        self._open_polls[poll] = None
        self.touched_at = self.last_poll_at = now
        record = self.pollers.saw(poll.identity, now)
        limit = tasks_per_second_max(poll.request)
        record.rate_per_second = limit
        record.version_capabilities = version_capabilities(poll.request)
        record.deployment_options = deployment_options(poll.request)
        self.rates.limit_by_worker(limit, now)

    def close_poll(self, poll: Poll, *, is_alive: bool) -> None:
        """Note that a poll has ended; `is_alive` if its worker will poll again for all we know."""
        del self._open_polls[poll]
        if is_alive and not poll.is_dismissed:
            self.touched_at = self.last_poll_at = poll.seen_at

    def join(self, poll: Poll) -> None:
        """Let a poll wait in line, or give it at once what waits for it."""
        self.matcher.add_poller(poll, lane_of_poll(poll, self.key))
        self.pump(poll.seen_at)
        if poll.is_waiting:
            self._expire_by(poll.expires_at)

    def _expire_by(self, at: Instant) -> None:
        """See to it that polls are looked at then. One timer for all: most polls get a task."""
        if self._expiry_timer is not None:
            if self._expiry_at <= at:
                return
            self._expiry_timer.cancel()
        self._expiry_at = at
        self._expiry_timer = self._clock.call_at(at, self._expire)

    def _expire(self) -> None:
        self._expiry_timer = None
        now = self._clock.now()
        is_any_expired = False
        for poll in self.matcher.waiting_pollers():
            if poll.expires_at <= now:
                self.matcher.remove_poller(poll)
                poll.end()
                poll.seen_at = now
                is_any_expired = True
            else:
                self._expire_by(poll.expires_at)
        if is_any_expired and elapsed(self._read_at, now) >= WINDOW_DOUBTED_AFTER:
            self.recheck()

    def dismiss(self, poll: Poll) -> None:
        """End a poll because its worker goes."""
        self.matcher.remove_poller(poll)
        poll.dismiss()

    def end_polls_by_build_id(self) -> None:
        """Let the workers poll again whose build ids may stand for others now."""
        for poll in list(self._open_polls):
            if poll.version is not None and not poll.version.deployment_name:
                poll.end()

    def dismiss_all(self) -> None:
        """End all polls, and forget that there ever were any."""
        for poll in list(self._open_polls):
            self.dismiss(poll)
        self.pollers.clear()
        self.last_poll_at = NEVER

    @property
    def open_poll_count(self) -> int:
        """How many polls are open: waiting, or about to return."""
        return len(self._open_polls)

    def since_last_poll(self, now: Instant) -> Duration:
        """Return how long ago a worker polled, zero while one does."""
        return NO_DURATION if self._open_polls else elapsed(self.last_poll_at, now)

    # ------------------------------------------------------------------------------------- tasks
    def offer(self, queued: QueuedTask) -> None:
        """Take note of a committed task."""
        place = place_in_queue(queued)
        now = self._clock.now()
        self.added.add(place[0], now)
        self.matcher.backlog.offer(place, queued)
        if self.matcher.waiting_poller_count:
            self.pump(now, offered=place)

    def request_id(self, match: QueueTaskMatch, fresh: Callable[[], str]) -> str:
        """Return the request id for a start: that of the last attempt, if there was one."""
        retry = self._retries.get(match.place)
        return fresh() if retry is None else retry.request_id

    def finish(self, match: QueueTaskMatch, now: Instant, *, went_out: bool) -> None:
        """End a task: a worker has it, or it was obsolete."""
        self.matcher.finish(match, went_out=went_out)
        self._retries.pop(match.place, None)
        if went_out:
            self.dispatched.add(match.place[0], now)
            self._turns.reach(self.key, match.place)
        if self.matcher.waiting_poller_count:
            self.pump(now)

    def give_back(self, match: Match) -> None:
        """Let a task or query wait again whose poll has gone."""
        self.matcher.put_back(match)
        self.pump()

    def retry_now(self, match: QueueTaskMatch, request_id: str) -> None:
        """Let a task wait again whose poll has gone while it was being started."""
        self._retry(match, request_id)
        self.matcher.retry(match)
        self.pump()

    def retry_later(self, match: QueueTaskMatch, request_id: str) -> int:
        """Let a task wait again, after a moment, whose start failed; return how often it has."""
        retry = self._retry(match, request_id)
        retry.failure_count += 1
        self._delayed[match.place] = self._clock.call_at(
            after(self._clock.now(), _backoff(retry.failure_count)),
            partial(self._end_delay, match),
        )
        return retry.failure_count

    def recheck(self) -> None:
        """Read the rows again."""
        self.matcher.backlog.doubt()
        self.pump()

    def _retry(self, match: QueueTaskMatch, request_id: str) -> Retry:
        retry = self._retries.get(match.place)
        if retry is None:
            if len(self._retries) >= TASK_QUEUE_WINDOW_ROWS_MAX:
                self._retries.clear()  # A new request id costs a refused start, no more.
            retry = self._retries[match.place] = Retry(request_id)
        return retry

    def _end_delay(self, match: QueueTaskMatch) -> None:
        del self._delayed[match.place]
        self.matcher.retry(match)
        self.pump()

    # ----------------------------------------------------------------------------------- queries
    def add_query(self, pending: Question) -> bool:
        """Let a query wait for a poller; False if too many wait."""
        if self.matcher.waiting_query_count >= QUERIES_WAITING_MAX:
            return False
        now = self.touched_at = self._clock.now()
        if isinstance(pending, PendingNexusTask):
            self.added.add(PRIORITY_DEFAULT, now)
        self.matcher.add_query(pending.query_id, pending)
        self.pump()
        return True

    def finish_nexus_task(self, now: Instant) -> None:
        """Note that a Nexus task went to a worker."""
        self.dispatched.add(PRIORITY_DEFAULT, now)

    def remove_query(self, pending: Question) -> None:
        """Take out a query whose caller waits no longer."""
        self.matcher.remove_query(pending.query_id)

    def has_query(self, pending: Question) -> bool:
        """Whether a query still waits for a poller."""
        return self.matcher.has_query(pending.query_id)

    # ----------------------------------------------------------------------------------- pairing
    def pump(self, now: Instant | None = None, *, offered: TaskPlace | None = None) -> None:
        """Make all pairs that can be made, and see to it that more can be made later."""
        if not self.matcher.waiting_poller_count:
            return
        if now is None:
            now = self._clock.now()
        if (routing := self._routing_of(self.key)) is not self._routing:
            self._routing = routing
            route_matcher(self.matcher, routing)
        while (match := self.matcher.match(now)) is not None:
            if not match.poller.accept(match, now):
                self.matcher.put_back(match)
            elif not isinstance(match, QueryMatch):
                match.is_sync = match.place == offered
        if self.matcher.is_throttled:
            self.throttled.add(now)
            self._await_rate_limit()
        self._read_on()

    def _share_of(self, waiting: QueuedTask | Question) -> Share:
        share = waiting.task.share if isinstance(waiting, QueuedTask) else UNKEYED
        return share.key, effective_weight(share, self.rates.config.weights)

    def _await_rate_limit(self) -> None:
        if self._throttle_timer is not None:
            self._throttle_timer.cancel()
            self._throttle_timer = None
        ready_at = self.matcher.ready_at()
        if ready_at is not None:
            self._throttle_timer = self._clock.call_at(ready_at, self._end_throttle)

    def _end_throttle(self) -> None:
        self._throttle_timer = None
        self.pump()

    # ----------------------------------------------------------------------------------- reading
    def _read_on(self) -> None:
        if self._reread_timer is None and (page := self.matcher.backlog.begin_page()) is not None:
            self._spawn("task queue read", self._read(page))

    async def _read(self, page: Page[QueuedTask]) -> None:
        try:
            rows = await self._store.dispatches(self.key, after=page.after, limit=page.limit)
            tasks = [(row.place, queued_task(row)) for row in rows]
        except asyncio.CancelledError:
            self.matcher.backlog.abandon_page(page)
            raise
        except Exception as error:  # noqa: BLE001 - the edge of a task: the rows are still there
            self.matcher.backlog.abandon_page(page)
            self._read_again_later(error)
            return
        self._read_failure_count = 0
        self._read_at = self._clock.now()
        self.matcher.backlog.end_page(page, tasks)
        self.pump()

    def _read_again_later(self, error: Exception) -> None:
        self._read_failure_count += 1
        wait = _backoff(self._read_failure_count)
        _log.warning("task_queue_read_failed", queue=self.key.name, error=repr(error))
        if self.matcher.waiting_poller_count:
            self._reread_timer = self._clock.call_at(
                after(self._clock.now(), wait), self._end_read_backoff
            )

    def _end_read_backoff(self) -> None:
        self._reread_timer = None
        self.pump()

    # ------------------------------------------------------------------------------------ ending
    def is_quiet(self) -> bool:
        """Whether nothing would be missed if the queue were unloaded."""
        return not (
            self._open_polls
            or self.matcher.waiting_query_count
            or self.matcher.backlog.in_flight_count
        )

    def unload(self) -> None:
        """Stop all timers; the queue is not used again."""
        self.rates.remove(self)
        timers = (self._expiry_timer, self._throttle_timer, self._reread_timer)
        for timer in (*timers, *self._delayed.values()):
            if timer is not None:
                timer.cancel()
        self._expiry_timer = self._throttle_timer = self._reread_timer = None
        self._delayed.clear()


def _backoff(failure_count: int) -> Duration:
    return Duration(min(BACKOFF_FIRST << min(failure_count - 1, 10), BACKOFF_MAX))
