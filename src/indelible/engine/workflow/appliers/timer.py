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
    given = event.timer_fired_event_attributes
    _remove(state, given.timer_id, given.started_event_id)


def apply_canceled(state: MutableState, event: HistoryEvent) -> None:
    """A timer was canceled; it is gone already if its firing was held back (trap 15)."""
    given = event.timer_canceled_event_attributes
    _remove(state, given.timer_id, given.started_event_id)


def _remove(state: MutableState, timer_id: str, started_event_id: int) -> None:
    """Remove the timer that is meant: its id may belong to a new one while its end is held back."""
    record = state.timers.get(timer_id)
    if record is not None and record.started_event_id == started_event_id:
        state.timers.remove(timer_id)
