"""Reading the history of a run.

Owns the assembly of events from memory and store. Must not know requests or page tokens.
"""

from temporalio.api.history.v1 import HistoryEvent

from indelible.base.errors import NotFoundError
from indelible.base.ids import EventId
from indelible.base.limits import HISTORY_PAGE_EVENTS_MAX
from indelible.services.history.entries import Entry
from indelible.services.history.execution_codec import decode_events
from indelible.services.history.shard import Shard

PAGE_BYTES_MAX = 2 * 1024 * 1024
"""A page ends with the batch that reaches this size: answers stay below what clients accept."""


async def read_events(
    shard: Shard,
    entry: Entry,
    *,
    first: EventId,
    end: EventId,
    events_max: int = HISTORY_PAGE_EVENTS_MAX,
) -> list[HistoryEvent]:
    """Return events of `[first, end)`, oldest first: one if there is any, then up to the bounds."""
    end = EventId(min(end, entry.state.execution.next_event_id, first + events_max))
    if first >= end:
        return []
    tail_first = entry.tail_first_id
    if first >= tail_first:
        return [event for event in entry.tail_from(first) if event.event_id < end]
    batches = await shard.parts.store.read_history(
        entry.key, first=first, end=EventId(min(end, tail_first)), bytes_max=PAGE_BYTES_MAX
    )
    events = [event for event in decode_events(batches) if first <= event.event_id < end]
    following = events[-1].event_id + 1 if events else first
    if events and following == tail_first and following < end:
        events += [event for event in entry.tail_from(tail_first) if event.event_id < end]
    return events


async def read_events_reverse(
    shard: Shard, entry: Entry, *, end: EventId, events_max: int
) -> list[HistoryEvent]:
    """Return the events before `end`, newest first: at least one if there is any."""
    first = EventId(max(1, end - events_max))
    tail_first = entry.tail_first_id
    events: list[HistoryEvent] = []
    if end > tail_first:
        tail = entry.tail_from(max(first, tail_first))
        events = [event for event in reversed(tail) if event.event_id < end]
    if first < min(end, tail_first):
        batches = await shard.parts.store.read_history_reverse(
            entry.key, first=first, end=EventId(min(end, tail_first)), bytes_max=PAGE_BYTES_MAX
        )
        for batch in batches:
            events += [
                event
                for event in reversed(list(decode_events((batch,))))
                if first <= event.event_id < min(end, tail_first)
            ]
    return events


async def read_event(shard: Shard, entry: Entry, event_id: EventId) -> HistoryEvent:
    """Return one event; `NotFoundError` if the run has no such event."""
    events = await read_events(
        shard, entry, first=event_id, end=EventId(event_id + 1), events_max=1
    )
    if not events:
        raise NotFoundError(f"event {event_id} not found")
    return events[0]
