"""Where a batch operation resets a run to.

Owns the choice, event by event: histories come in pages, and none is held as a whole. Must not
know how they are read.
"""

from collections.abc import Iterable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import ResetPointInfo

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, instant

_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED


class WorkflowTaskSearch:
    """Looks for the first completed workflow task among events, in either direction.

    A run that completed none is reset to the first that was scheduled: its next event.
    """

    def __init__(self) -> None:
        self.completed_event_id = 0
        self._fallback_event_id = 0

    def look(self, events: Iterable[HistoryEvent]) -> bool:
        """Look through the next page; return whether the search is over."""
        for event in events:
            if event.event_type == _COMPLETED:
                self.completed_event_id = event.event_id
                return True
            if event.event_type == _SCHEDULED:
                earlier = self._fallback_event_id or event.event_id + 1
                self._fallback_event_id = min(earlier, event.event_id + 1)
        return False

    def found(self) -> int:
        """Return the id of the event to reset to; raise `InvalidArgumentError` without one."""
        event_id = self.completed_event_id or self._fallback_event_id
        if not event_id:
            raise InvalidArgumentError("unable to find any scheduled or completed task")
        return event_id


def point_of_build_id(
    points: Iterable[ResetPointInfo],
    *,
    build_id: str,
    run_id: str,
    current_run_only: bool,
    now: Instant,
) -> ResetPointInfo:
    """Return where a build id did its first workflow task; `InvalidArgumentError` if nowhere."""
    point = next((point for point in points if point.build_id == build_id), None)
    if point is None:
        raise InvalidArgumentError(f"Can't find reset point for {build_id}")
    if not point.resettable:
        raise InvalidArgumentError(f"Reset point for {build_id} is not resettable")
    if point.HasField("expire_time") and instant(point.expire_time) < now:
        raise InvalidArgumentError(f"Reset point for {build_id} is expired")
    if current_run_only and point.run_id != run_id:
        raise InvalidArgumentError(
            f"Reset point for {build_id} points to previous run and CurrentRunOnly is set"
        )
    return point
