"""How user timers change the state of their run."""

from temporalio.api.history.v1 import HistoryEvent

from indelible.base.ids import EventId
from indelible.base.instants import after, duration, instant
from indelible.engine.workflow.state import MutableState, TimerRecord


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """A timer runs. It is anchored at the event's own time: replay arrives at the same instant."""
    given = event.timer_started_event_attributes
    record = TimerRecord(
        started_event_id=EventId(event.event_id),
        timer_id=given.timer_id,
        fires_at=after(instant(event.event_time), duration(given.start_to_fire_timeout)),
    )
    state.timers.put(given.timer_id, record)


def apply_fired(state: MutableState, event: HistoryEvent) -> None:
    """A timer has fired."""
    state.timers.remove(event.timer_fired_event_attributes.timer_id)


def apply_canceled(state: MutableState, event: HistoryEvent) -> None:
    """A timer was canceled; it is gone already if its firing was held back (trap 15)."""
    timer_id = event.timer_canceled_event_attributes.timer_id
    if timer_id in state.timers:
        state.timers.remove(timer_id)
