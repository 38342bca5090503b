"""What becomes of starts while another action runs (semantics 11.3).

Owns the overlap policies as a function: starts that wait go in, what to do with each comes out.
Must not know what running means, nor whether a start may be made at all.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from temporalio.api.enums.v1 import ScheduleOverlapPolicy

from indelible.engine.schedule.state import (
    STOP_CANCEL,
    STOP_TERMINATE,
    UNSPECIFIED,
    BufferedStart,
)

SKIP: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP
BUFFER_ONE: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE
BUFFER_ALL: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
CANCEL_OTHER: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER
TERMINATE_OTHER: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
ALLOW_ALL: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL


class OverlapPlan(NamedTuple):
    """What to do with starts that wait; whichever is not named is dropped."""

    overlapping: list[BufferedStart]
    """To be started at once, beside whatever runs."""
    next: BufferedStart | None
    """To be started because nothing runs."""
    waiting: list[BufferedStart]
    """To wait on."""
    skipped_count: int
    stop: str
    """How what runs is to be stopped; empty for not at all."""


def plan_starts(
    starts: Sequence[BufferedStart], *, is_busy: bool, default_policy: int
) -> OverlapPlan:
    """Apply the policy of each start, in order.

    A start without a policy has that of the schedule as it is now, so that an update of the
    schedule is for waiting starts, too.
    """
    overlapping: list[BufferedStart] = []
    waiting: list[BufferedStart] = []
    following: BufferedStart | None = None
    skipped_count = 0
    stops: set[str] = set()
    for start in starts:
        policy = default_policy if start.policy == UNSPECIFIED else start.policy
        if policy == ALLOW_ALL:
            overlapping.append(start)
        elif not is_busy and following is None:
            following = start
        elif policy in _STOPS and not is_busy:
            following = start  # Instead of the one that would have been stopped at once.
        elif policy in _STOPS:
            stops.add(_STOPS[policy])
            waiting.append(start)
        elif policy == BUFFER_ALL or (policy == BUFFER_ONE and not waiting):
            waiting.append(start)
        else:
            skipped_count += 1
    stop = STOP_TERMINATE if STOP_TERMINATE in stops else STOP_CANCEL if stops else ""
    return OverlapPlan(overlapping, following, waiting, skipped_count, stop)


_STOPS: Final[Mapping[int, str]] = {CANCEL_OTHER: STOP_CANCEL, TERMINATE_OTHER: STOP_TERMINATE}
