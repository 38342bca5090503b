"""The wait of one poll in all its queues.

Owns that a poll gets one match in all, from whichever queue has one first, and that a match which a
vanished poll was given waits again where it came from. Must not know what a match is.
"""

from collections.abc import Sequence

from indelible.services.matching.lanes import queue_of_match
from indelible.services.matching.loaded_queue import LoadedQueue
from indelible.services.matching.poll import Match, Poll


async def next_match(queues: Sequence[LoadedQueue], poll: Poll) -> tuple[LoadedQueue, Match] | None:
    """Wait for something to do; None if the poll is over first.

    If the waiting task is cancelled, the poll leaves the lines and what it was given waits again.
    """
    if poll.is_over or poll.expires_at <= poll.seen_at:
        return None
    try:
        for queue in queues:
            if poll.is_waiting:
                queue.join(poll)
        if poll.is_waiting:
            await poll.arrival()
    except BaseException:
        match = poll.taken()
        poll.end()
        if match is not None:
            _origin(queues, match).give_back(match)
        raise
    finally:
        for queue in queues:
            queue.matcher.remove_poller(poll)
    match = poll.taken()
    return None if match is None else (_origin(queues, match), match)


def _origin(queues: Sequence[LoadedQueue], match: Match) -> LoadedQueue:
    key = queue_of_match(match)
    return next(queue for queue in queues if queue.key == key)
