"""What operators do to pending activities: which ones they mean, and how an attempt begins anew.

Owns what pause, unpause, reset and new options of activities share (semantics 7.9). Must not know
the requests.
"""

from collections.abc import Sequence

from indelible.base.errors import pending_activity_not_found, workflow_already_completed
from indelible.base.instants import NO_DURATION, Duration, Instant, after
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import queue_attempt
from indelible.engine.workflow.rules.activity_pausing import pause_by_rules
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.transition import Transition


def meant_activities(
    step: Transition, *, activity_id: str = "", activity_type: str = ""
) -> Sequence[ActivityRecord]:
    """Return the pending activities of an id or of a type; all of them if neither is given.

    Raises `NotFoundError` if there is none, or if the run is closed.
    """
    if not step.execution.is_open:
        raise workflow_already_completed()
    activities = step.state.activities
    if activity_id:
        scheduled_event_id = step.state.activity_ids.get(activity_id)
        found = [] if scheduled_event_id is None else [activities[scheduled_event_id]]
    else:
        found = [
            record
            for record in activities.values()
            if not activity_type or record.activity_type == activity_type
        ]
    if not found:
        raise pending_activity_not_found()
    return found


def jittered(step: Transition, jitter: Duration) -> Instant:
    """Return an instant between now and the end of the jitter."""
    if jitter <= NO_DURATION:
        return step.now
    drawn = int(step.fresh.uuid().replace("-", ""), 16)
    return after(step.now, Duration(drawn % jitter))


def begin_anew(step: Transition, record: ActivityRecord, *, attempt: int, at: Instant) -> None:
    """Have an attempt that no worker has begin at another time, maybe at once."""
    step.release(record.dispatch)
    step.change(
        deltas.ActivityRescheduled(
            scheduled_event_id=record.scheduled_event_id, attempt=attempt, scheduled_at=at
        )
    )
    if at <= step.now:
        pause_by_rules(step, step.state.activities[record.scheduled_event_id])
        queue_attempt(step, record.scheduled_event_id)
