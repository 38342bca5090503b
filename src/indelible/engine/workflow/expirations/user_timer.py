"""A user timer is over (semantics 8.1)."""

from temporalio.api.history.v1 import TimerFiredEventAttributes

from indelible.engine.workflow.transition import Transition


def fire_user_timer(step: Transition, timer_id: str) -> bool:
    """Fire a timer that is due; return whether a workflow task must follow.

    An obsolete deadline is no error.
    """
    record = step.state.timers.get(timer_id)
    if record is None or record.fires_at > step.now:
        return False
    step.emit(
        TimerFiredEventAttributes(timer_id=timer_id, started_event_id=record.started_event_id)
    )
    return True
