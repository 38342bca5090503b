"""The advice on polls that goes out with a task.

Owns the translation between a loaded queue and `engine.matching.poller_scaling`. Must not change
the queue, but for the account of how much advice was given.
"""

from temporalio.api.taskqueue.v1 import PollerScalingDecision

from indelible.base.instants import NO_DURATION, Duration, Instant, elapsed
from indelible.base.limits import Limits
from indelible.engine.matching.poller_scaling import QueueLoad, is_idle, wants_more_polls
from indelible.services.matching.loaded_queue import LoadedQueue


def advise_poller(
    queue: LoadedQueue,
    *,
    waited: Duration,
    is_sync: bool,
    now: Instant,
    node_now: Instant,
    limits: Limits,
) -> PollerScalingDecision | None:
    """Return the advice for a poll that is served; None for none. `now` is the namespace's."""
    if is_idle(limits, waited=waited, is_sync=is_sync):
        return PollerScalingDecision(poll_request_delta_suggestion=-1)
    decisions = limits.scaling_decisions_per_second * max(1, queue.pollers.count)
    queue.scaling_limit.change(decisions, node_now)
    if not queue.scaling_limit.spend(node_now):
        return None
    load = QueueLoad(
        backlog_age=backlog_age(queue, now),
        tasks_added_per_second=queue.added.total_per_second(node_now),
        tasks_dispatched_per_second=queue.dispatched.total_per_second(node_now),
        is_rate_limited=queue.throttled.per_second(node_now) > 0,
    )
    if wants_more_polls(limits, load):
        return PollerScalingDecision(poll_request_delta_suggestion=1)
    return None


def backlog_age(queue: LoadedQueue, now: Instant) -> Duration:
    """Return how long the task at the head of the backlog has waited."""
    backlog = queue.matcher.backlog
    return elapsed(backlog.first().created_at, now) if backlog.waiting_count else NO_DURATION
