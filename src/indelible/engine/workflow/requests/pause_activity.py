"""PauseActivity and UnpauseActivity: begin no attempt before someone says so (semantics 7.9)."""

from temporalio.api.workflowservice.v1 import PauseActivityRequest, UnpauseActivityRequest

from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import duration
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activity_control import (
    begin_anew,
    jittered,
    meant_activities,
)
from indelible.engine.workflow.rules.activity_pausing import hold
from indelible.engine.workflow.state import ActivityRecord, PauseRecord
from indelible.engine.workflow.transition import Transition


def pause_activity(step: Transition, request: PauseActivityRequest) -> None:
    """Pause the activities that are meant; a repeated request id has no effect.

    An attempt that a worker has goes on, and the worker is told with its next heartbeat. Raises
    `NotFoundError` if there is none, `FailedPreconditionError` if one is paused.
    """
    for record in meant_activities(step, activity_id=request.id, activity_type=request.type):
        if record.pause is not None:
            if record.pause.request_id == request.request_id:
                continue
            raise FailedPreconditionError("activity is already paused")
        hold(step, record)
        step.change(
            deltas.ActivityPaused(
                scheduled_event_id=record.scheduled_event_id,
                pause=PauseRecord(
                    paused_at=step.now,
                    identity=request.identity,
                    reason=request.reason,
                    request_id=request.request_id,
                ),
            )
        )


def unpause_activity(step: Transition, request: UnpauseActivityRequest) -> None:
    """Let the activities that are meant go on; one that is not paused is left alone.

    Raises `NotFoundError` if there is none.
    """
    for record in meant_activities(step, activity_id=request.id, activity_type=request.type):
        if record.pause is not None:
            _unpause(step, record, request)


def _unpause(step: Transition, record: ActivityRecord, request: UnpauseActivityRequest) -> None:
    scheduled_event_id = record.scheduled_event_id
    step.change(deltas.ActivityUnpaused(scheduled_event_id=scheduled_event_id))
    if request.reset_heartbeat:
        step.change(deltas.ActivityHeartbeatDropped(scheduled_event_id=scheduled_event_id))
    if record.is_started:
        if request.reset_attempts:
            step.change(
                deltas.ActivityReset(scheduled_event_id=scheduled_event_id, drops_heartbeat=False)
            )
        return
    begin_anew(
        step,
        record,
        attempt=1 if request.reset_attempts else record.attempt,
        at=jittered(step, duration(request.jitter)),
    )
