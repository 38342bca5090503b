"""A deadline of an activity has passed: a timeout, or a retry interval (semantics 7.3)."""

from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.history.v1 import ActivityTaskTimedOutEventAttributes

from indelible.base.activity_attempts import final_timeout, timed_out
from indelible.base.ids import EventId
from indelible.engine.workflow.rules.activities import (
    close_activity,
    queue_attempt,
    retry_activity,
)
from indelible.engine.workflow.rules.activity_pausing import pause_by_rules
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.timer_sequence import activity_deadline
from indelible.engine.workflow.transition import Transition


def fire_activity_deadline(step: Transition, scheduled_event_id: EventId) -> bool:
    """Do what the earliest deadline of an activity demands, if it has passed.

    Return whether a workflow task must follow. Obsolete is no error.
    """
    record = step.state.activities.get(scheduled_event_id)
    deadline = activity_deadline(record) if record is not None else None
    if record is None or deadline is None or deadline.at > step.now:
        return False
    if deadline.timeout_type == TimeoutType.TIMEOUT_TYPE_UNSPECIFIED:
        pause_by_rules(step, record)
        queue_attempt(step, scheduled_event_id)
        return False
    return _time_out(step, record, deadline.timeout_type)


def _time_out(
    step: Transition, record: ActivityRecord, timeout_type: "TimeoutType.ValueType"
) -> bool:
    retry_state = retry_activity(step, record, timed_out(timeout_type))
    if retry_state == RetryState.RETRY_STATE_IN_PROGRESS:
        return False
    failure = final_timeout(
        timeout_type,
        retry_state,
        heartbeat_details=record.heartbeat_details,
        last_failure=record.last_failure,
    )
    closing = ActivityTaskTimedOutEventAttributes(failure=failure, retry_state=retry_state)
    close_activity(step, record, closing)
    return True
