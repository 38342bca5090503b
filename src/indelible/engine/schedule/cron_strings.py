"""Cron strings of schedules: which calendar or interval they stand for.

Owns their dialect (semantics 11.2), which is not that of a workflow's cron schedule: five to seven
fields that must all match, comments, `@every` with a phase. What a field means is `fields`'.
"""

from typing import Final, NamedTuple

from temporalio.api.schedule.v1 import CalendarSpec, IntervalSpec, StructuredCalendarSpec

from indelible.base.duration_text import parse_duration
from indelible.base.instants import Duration, duration_message
from indelible.engine.schedule.fields import CALENDAR_FIELDS, InvalidSpecError, parse_field

_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY: Final = "@every"
_ZONE_PREFIXES: Final = ("TZ=", "CRON_TZ=")
_FIVE: Final = ("minute", "hour", "day_of_month", "month", "day_of_week")
_FIELDS_BY_COUNT: Final = {
    5: _FIVE,
    6: (*_FIVE, "year"),
    7: ("second", *_FIVE, "year"),
}


class CronString(NamedTuple):
    """What a cron string stands for: a calendar or an interval, and the time zone that it names."""

    calendar: StructuredCalendarSpec | None
    interval: IntervalSpec | None
    zone: str


def parse_cron_string(text: str) -> CronString:
    """Return what a cron string stands for; raise `InvalidSpecError` if it is none."""
    text = text.strip()
    zone = ""
    if text.startswith(_ZONE_PREFIXES):
        prefix, space, text = text.partition(" ")
        if not space:
            raise InvalidSpecError("CronString has time zone but missing fields")
        zone = prefix.partition("=")[2]
    text, _, comment = text.partition("#")
    text = text.strip()
    if text.startswith(_EVERY):
        return CronString(None, _parse_every(text), "")  # An interval knows no time zone.
    words = _DESCRIPTORS.get(text, text).split()
    names = _FIELDS_BY_COUNT.get(len(words))
    if names is None:
        raise InvalidSpecError("CronString does not have 5-7 fields")
    calendar = CalendarSpec(comment=comment.strip(), **dict(zip(names, words, strict=True)))
    return CronString(structured_calendar(calendar), None, zone)


def structured_calendar(calendar: CalendarSpec) -> StructuredCalendarSpec:
    """Return the structured form of a calendar; raise `InvalidSpecError` with all its faults."""
    structured = StructuredCalendarSpec(comment=calendar.comment)
    faults: list[str] = []
    for field in CALENDAR_FIELDS:
        try:
            ranges = parse_field(getattr(calendar, field.attribute), field)
        except InvalidSpecError as error:
            faults.append(str(error))
        else:
            getattr(structured, field.attribute).extend(ranges)
    if faults:
        raise InvalidSpecError(", ".join(faults))
    return structured


def _parse_every(text: str) -> IntervalSpec:
    _, space, rest = text.partition(" ")
    if not space:
        raise InvalidSpecError("CronString does not have interval after @every")
    interval_text, _, phase_text = rest.strip().partition("/")
    interval = IntervalSpec(interval=duration_message(_parse_duration(interval_text)))
    if phase_text:
        interval.phase.CopyFrom(duration_message(_parse_duration(phase_text)))
    return interval


def _parse_duration(text: str) -> Duration:
    duration = parse_duration(text, allow_days=True)
    if duration is None:
        raise InvalidSpecError(f'time: invalid duration "{text}"')
    return duration
