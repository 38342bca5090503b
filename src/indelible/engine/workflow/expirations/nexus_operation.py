"""A deadline of a Nexus operation has passed: a timeout, or the interval before another call."""

from temporalio.api.enums.v1 import TimeoutType

from indelible.base.calls import CallState
from indelible.base.ids import EventId
from indelible.base.nexus_operations import next_operation_deadline
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.nexus_operations import (
    call_cancel_if_started,
    call_start,
    time_out_operation,
)
from indelible.engine.workflow.transition import Transition


def fire_nexus_operation_deadline(step: Transition, scheduled_event_id: EventId) -> bool:
    """Do what the earliest deadline of an operation demands, if it has passed.

    Return whether a workflow task must follow. Obsolete is no error.
    """
    record = step.state.nexus_operations.get(scheduled_event_id)
    deadline = next_operation_deadline(record) if record is not None else None
    if record is None or deadline is None or deadline.at > step.now:
        return False
    if deadline.timeout_type != TimeoutType.TIMEOUT_TYPE_UNSPECIFIED:
        time_out_operation(step, record, deadline.timeout_type)
        return True
    if record.start.state is CallState.BACKING_OFF and record.start.next_attempt_at <= step.now:
        step.change(
            deltas.NexusCallScheduled(scheduled_event_id=scheduled_event_id, is_cancel=False)
        )
        call_start(step, step.state.nexus_operations[scheduled_event_id])
    else:
        call_cancel_if_started(step, scheduled_event_id)
    return False
