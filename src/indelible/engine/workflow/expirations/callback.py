"""The interval before another call of a completion callback is over."""

from indelible.base.calls import CallState
from indelible.engine.workflow.rules.callbacks import call_callback
from indelible.engine.workflow.transition import Transition


def fire_callback_interval(step: Transition, callback_id: str) -> None:
    """Have the callback called again. Obsolete is no error."""
    record = step.state.callbacks.get(callback_id)
    if record is None or record.call.state is not CallState.BACKING_OFF:
        return
    if record.call.next_attempt_at <= step.now:
        call_callback(step, callback_id)
