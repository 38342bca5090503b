"""What lists show of a schedule: it lies beside the searchable row.

Owns its stored form, and how an entry of a list is made of it. The times that come next depend on
when somebody asks, so they are not stored.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from temporalio.api.common.v1 import Memo, Payload, WorkflowType
from temporalio.api.schedule.v1 import ScheduleListEntry, ScheduleListInfo, ScheduleSpec

from indelible.base.instants import NEVER, Instant, timestamp
from indelible.engine.schedule.description import action_result
from indelible.engine.schedule.spec import write_out_ranges
from indelible.engine.schedule.state import (
    Record,
    ScheduleCore,
    ScheduleDefinition,
    StartedAction,
)
from indelible.engine.schedule.step import Rules, jitter_seed

LISTED_ACTIONS_MAX: Final = 5
LISTED_TIMES_MAX: Final = 5
LISTED_CALENDARS_MAX: Final = 10
_KEY: Final = "ScheduleInfo"
_ENCODING: Final = b"indelible/msgpack"


class _Listed(Record, frozen=True, kw_only=True):
    """What is kept beside the row."""

    spec: bytes
    notes: str = ""
    is_paused: bool = False
    recent: tuple[StartedAction, ...] = ()
    updated_at: Instant = NEVER
    actions_left: int | None = None
    """None for no limit."""
    memo: bytes = b""
    seed: str


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(_Listed)


def listed_schedule(core: ScheduleCore, definition: ScheduleDefinition) -> bytes:
    """Return what lists show of a schedule, as a serialized `Memo` of one field."""
    listed = _Listed(
        spec=definition.spec,
        notes=core.notes,
        is_paused=core.is_paused,
        recent=core.recent[-LISTED_ACTIONS_MAX:],
        updated_at=core.updated_at,
        actions_left=core.remaining_count if core.is_limited else None,
        memo=definition.memo,
        seed=jitter_seed(core),
    )
    payload = Payload(metadata={"encoding": _ENCODING}, data=_encode(listed))
    return Memo(fields={_KEY: payload}).SerializeToString()


def list_entry(
    schedule_id: str,
    workflow_type: str,
    stored: bytes,
    *,
    now: Instant,
    rules_of: Callable[[ScheduleDefinition], Rules],
) -> ScheduleListEntry:
    """Return the entry of a list, but for its search attributes."""
    listed = _decoder.decode(Memo.FromString(stored).fields[_KEY].data)
    rules = rules_of(ScheduleDefinition(spec=listed.spec, action=b""))
    count_max = LISTED_TIMES_MAX
    if listed.actions_left is not None:
        count_max = min(count_max, max(listed.actions_left, 0))
    after = max(now, listed.updated_at)
    times = rules.times.times_between(after, _END, listed.seed, count_max)
    entry = ScheduleListEntry(
        schedule_id=schedule_id,
        info=ScheduleListInfo(
            spec=_shortened(listed.spec),
            workflow_type=WorkflowType(name=workflow_type),
            notes=listed.notes,
            paused=listed.is_paused,
            recent_actions=[action_result(action) for action in listed.recent],
            future_action_times=[timestamp(one.at) for one in times],
        ),
    )
    entry.memo.CopyFrom(Memo.FromString(listed.memo))
    return entry


def _shortened(serialized: bytes) -> ScheduleSpec:
    spec = ScheduleSpec.FromString(serialized)
    spec.ClearField("timezone_data")
    for calendars in (spec.structured_calendar, spec.exclude_structured_calendar):
        del calendars[LISTED_CALENDARS_MAX:]
    del spec.interval[LISTED_CALENDARS_MAX:]
    write_out_ranges(spec)
    return spec


_END: Final = Instant(2**62)
