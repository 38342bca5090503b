"""RecordActivityTaskHeartbeat, by token and by id: an attempt is alive (semantics 7.6)."""

from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
)

from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.activities import ActivityTarget, find_activity
from indelible.engine.workflow.transition import Transition


def record_activity_heartbeat(
    step: Transition, request: RecordActivityTaskHeartbeatRequest, target: ActivityTarget
) -> RecordActivityTaskHeartbeatResponse:
    """Note the progress of an attempt; tell its worker whether to stop.

    Details replace the ones before, even by nothing. Raises what `find_activity` does.
    """
    record = find_activity(step, target)
    step.change(
        deltas.ActivityHeartbeatRecorded(
            scheduled_event_id=record.scheduled_event_id,
            at=step.now,
            details=request.details.SerializeToString(),
        )
    )
    return RecordActivityTaskHeartbeatResponse(
        cancel_requested=record.is_cancel_requested,
        activity_paused=record.pause is not None,
        activity_reset=record.is_reset,
    )
