"""ResetActivity: begin with the first attempt again (semantics 7.9)."""

from collections.abc import Mapping

from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from indelible.base.instants import duration
from indelible.engine.workflow import deltas
from indelible.engine.workflow.requests.update_activity_options import restore_options
from indelible.engine.workflow.rules.activity_control import (
    begin_anew,
    jittered,
    meant_activities,
)
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.transition import Transition


def reset_activity(
    step: Transition,
    request: ResetActivityRequest,
    originals: Mapping[int, ActivityTaskScheduledEventAttributes],
) -> None:
    """Reset the activities that are meant.

    An attempt that a worker has goes on, and the worker is told. `originals` are the scheduled
    events, needed only if the original options are wanted back. Raises `NotFoundError` if there is
    no such activity.
    """
    for record in meant_activities(step, activity_id=request.id, activity_type=request.type):
        if request.restore_original_options:
            restore_options(step, record, originals[record.scheduled_event_id])
        _reset(step, step.state.activities[record.scheduled_event_id], request)


def _reset(step: Transition, record: ActivityRecord, request: ResetActivityRequest) -> None:
    scheduled_event_id = record.scheduled_event_id
    step.change(
        deltas.ActivityReset(
            scheduled_event_id=scheduled_event_id, drops_heartbeat=request.reset_heartbeat
        )
    )
    if record.pause is not None and not request.keep_paused:
        step.change(deltas.ActivityUnpaused(scheduled_event_id=scheduled_event_id))
    if record.is_started:
        return
    if request.reset_heartbeat:
        step.change(deltas.ActivityHeartbeatDropped(scheduled_event_id=scheduled_event_id))
    if step.state.activities[scheduled_event_id].pause is None:
        begin_anew(step, record, attempt=1, at=jittered(step, duration(request.jitter)))
