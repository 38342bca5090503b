"""Which queues a poll waits in, and which of their tasks it may have.

Owns the part of worker versioning that matching decides: a task that is pinned to a version lies in
a queue of that version; all others lie in the queue that clients name, and go where its routing
leads at the moment of the match. Must not know how a routing comes about.
"""

from collections.abc import Sequence
from functools import partial

from indelible.base.ids import QueueKey
from indelible.base.versions import Version, versioned_queue_name
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.matching.matcher import Matcher, QueryMatch
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.clients import QueuedTask
from indelible.services.matching.pending_queries import PendingQuery
from indelible.services.matching.poll import Match, Poll, Question


def route_matcher(
    matcher: Matcher[QueuedTask, Question, Poll], routing: QueueRouting | None
) -> None:
    """Have a queue's matcher follow a routing."""
    matcher.lane = None if routing is None else routing.current
    is_split = routing is not None and routing.is_split
    matcher.lane_of = partial(_lane, routing) if is_split and routing is not None else None


def _lane(routing: QueueRouting, waiting: QueuedTask | Question) -> Version | None:
    if isinstance(waiting, QueuedTask):
        task = waiting.task
        is_preferred = isinstance(task, WorkflowTaskDispatch) and task.is_ramp_preferred
        return routing.target(waiting.key.workflow_id, is_ramp_preferred=is_preferred)
    if isinstance(waiting, PendingQuery):
        return routing.target(waiting.task.key.workflow_id)
    return routing.target(waiting.query_id)


def lane_of_poll(poll: Poll, queue: QueueKey) -> Version | None:
    """Return the lane in which a poll waits: queues of one worker or one version have just one."""
    is_shared = queue.name == poll.request.task_queue.name and not poll.is_sticky
    return poll.version if is_shared else None


def queues_of_poll(key: QueueKey, poll: Poll, routing: QueueRouting | None) -> Sequence[QueueKey]:
    """Return the queues that a poll waits in: first that of its version, if it has one.

    A version that stands for others serves their queues, too.
    """
    version = poll.version
    if version is None or poll.is_sticky:
        return (key,)
    served = [version] if routing is None else [version, *routing.sources(version)]
    return (*(key._replace(name=versioned_queue_name(key.name, one)) for one in served), key)


def queue_of_match(match: Match) -> QueueKey:
    """Return the queue that a match comes from."""
    return match.query.task.queue if isinstance(match, QueryMatch) else match.task.queue
