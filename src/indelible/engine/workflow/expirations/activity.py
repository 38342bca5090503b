"""A deadline of an activity has passed: a timeout, or a retry interval (semantics 7.3)."""

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import ActivityTaskTimedOutEventAttributes

from indelible.base.failures import TIMEOUT_TYPE_NAMES, timeout_failure
from indelible.base.ids import EventId
from indelible.engine.workflow.rules.activities import (
    close_activity,
    queue_attempt,
    retry_activity,
)
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
        queue_attempt(step, scheduled_event_id)
        return False
    return _time_out(step, record, deadline.timeout_type)


def _time_out(
    step: Transition, record: ActivityRecord, timeout_type: "TimeoutType.ValueType"
) -> bool:
    message = f"activity {TIMEOUT_TYPE_NAMES[timeout_type]} timeout"
    retry_state = retry_activity(step, record, timeout_failure(message, timeout_type))
    if retry_state == RetryState.RETRY_STATE_IN_PROGRESS:
        return False
    is_out_of_time = (
        retry_state == RetryState.RETRY_STATE_TIMEOUT
        and timeout_type != TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    )
    if is_out_of_time:
        # Whatever took too long: in the end there was no time for another attempt (trap 25).
        timeout_type = TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
        message = (
            "Not enough time to schedule next retry before activity ScheduleToClose timeout, "
            "giving up retrying"
        )
    failure = timeout_failure(
        message,
        timeout_type,
        last_heartbeat_details=(
            Payloads.FromString(record.heartbeat_details) if record.heartbeat_details else None
        ),
        cause=Failure.FromString(record.last_failure) if record.last_failure else None,
    )
    closing = ActivityTaskTimedOutEventAttributes(failure=failure, retry_state=retry_state)
    close_activity(step, record, closing)
    return True
