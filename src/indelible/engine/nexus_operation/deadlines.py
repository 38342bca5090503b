"""When a standalone Nexus operation must be looked at, and what is due then (semantics 9.2).

Owns the deadlines: they follow from the state, so none is armed or disarmed by hand.
"""

from temporalio.api.enums.v1 import TimeoutType

from indelible.base.calls import CallState
from indelible.base.instants import NEVER, Instant, after
from indelible.base.nexus_operations import next_operation_deadline
from indelible.base.owed_callbacks import repeat_at, repeat_due
from indelible.engine.nexus_operation.outcomes import time_out
from indelible.engine.nexus_operation.state import OperationState
from indelible.engine.nexus_operation.step import OperationStep


def wake_at(state: OperationState) -> Instant:
    """Return when the operation must be looked at next; `NEVER` for not by itself."""
    core = state.core
    if not core.is_open:
        kept_until = after(core.closed_at, core.retention)
        return min(kept_until, repeat_at(state.callbacks) or kept_until)
    deadline = next_operation_deadline(core)
    return deadline.at if deadline is not None else NEVER


def is_expired(state: OperationState, now: Instant) -> bool:
    """Whether a closed operation has been kept long enough."""
    core = state.core
    return not core.is_open and after(core.closed_at, core.retention) <= now


def fire_due(step: OperationStep) -> None:
    """Do what has come due, in order; nothing if nothing has."""
    repeat_due(step)
    while step.core.is_open:
        core = step.core
        deadline = next_operation_deadline(core)
        if deadline is None or deadline.at > step.now:
            return
        if deadline.timeout_type != TimeoutType.TIMEOUT_TYPE_UNSPECIFIED:
            time_out(step, deadline.timeout_type)
        elif core.start.state is CallState.BACKING_OFF:
            step.repeat_start()
        else:
            step.call_cancel()
