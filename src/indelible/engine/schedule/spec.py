"""The specification of a schedule: what is accepted, and in which form it is kept.

Owns the canonical form (semantics 11.2): calendars, their exclusions and cron strings become
structured calendars and intervals, whose values are checked. Must not know when anything is due.
"""

from collections.abc import Iterable
from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.schedule.v1 import (
    IntervalSpec,
    Range,
    ScheduleSpec,
    StructuredCalendarSpec,
)

from indelible.base.instants import SECOND, duration
from indelible.engine.schedule.cron_strings import (
    CronString,
    parse_cron_string,
    structured_calendar,
)
from indelible.engine.schedule.fields import CALENDAR_FIELDS, SUNDAY_AGAIN, InvalidSpecError

COMMENT_BYTES_MAX: Final = 200
_DURATION_SECONDS_MAX: Final = 315_576_000_000
"""Of a valid protobuf duration: ten thousand years."""
_NANOS_MAX: Final = 999_999_999


def canonical_spec(spec: ScheduleSpec) -> ScheduleSpec:
    """Return the form of a specification that is kept; raise `InvalidSpecError`."""
    for interval in spec.interval:
        _check_duration(interval.interval, "interval")
        _check_duration(interval.phase, "phase")
    canonical = ScheduleSpec()
    canonical.CopyFrom(spec)
    for name in ("calendar", "exclude_calendar", "cron_string"):
        canonical.ClearField(name)
    canonical.structured_calendar.extend(map(structured_calendar, spec.calendar))
    canonical.exclude_structured_calendar.extend(map(structured_calendar, spec.exclude_calendar))
    _add_cron_strings(canonical, [parse_cron_string(text) for text in spec.cron_string])
    for calendar in canonical.structured_calendar:
        _check_calendar(calendar)
    for calendar in canonical.exclude_structured_calendar:
        _check_calendar(calendar)
    for interval in canonical.interval:
        _check_interval(interval)
    if duration(spec.jitter) < 0:
        raise InvalidSpecError("jitter is negative")
    return canonical


def _add_cron_strings(spec: ScheduleSpec, strings: Iterable[CronString]) -> None:
    """Add what cron strings stand for; they and the specification must agree on the time zone."""
    zones: list[str] = []
    for string in strings:
        zones.append(string.zone)
        if string.calendar is not None:
            spec.structured_calendar.append(string.calendar)
        if string.interval is not None:
            spec.interval.append(string.interval)
    if not zones or zones == [""] * len(zones):
        return
    named = spec.timezone_name
    if any(zone != zones[0] for zone in zones) or spec.timezone_data or named not in {"", zones[0]}:
        raise InvalidSpecError("conflicting timezone names")
    spec.timezone_name = zones[0]


def _check_duration(message: DurationMessage, name: str) -> None:
    seconds, nanos = message.seconds, message.nanos
    if (
        abs(seconds) > _DURATION_SECONDS_MAX
        or abs(nanos) > _NANOS_MAX
        or (seconds > 0 > nanos)
        or (seconds < 0 < nanos)
    ):
        raise InvalidSpecError(f"{name} is not a valid duration")


def _check_interval(interval: IntervalSpec) -> None:
    length, phase = duration(interval.interval), duration(interval.phase)
    if length < SECOND:
        raise InvalidSpecError("interval is too small")
    if phase < 0:
        raise InvalidSpecError("phase is negative")
    if phase >= length:
        raise InvalidSpecError("phase cannot be greater than Interval")


def _check_calendar(calendar: StructuredCalendarSpec) -> None:
    faults: list[str] = []
    for field in CALENDAR_FIELDS:
        # Seven is Sunday in texts only.
        maximum = min(field.maximum, SUNDAY_AGAIN - 1) if field.names and not field.minimum else 0
        maximum = maximum or field.maximum
        bounds = f"[{field.minimum}-{maximum}]"
        for values in _ranges(calendar, field.attribute):
            if not field.minimum <= values.start <= maximum:
                faults.append(f"{field.name} Start is not in range {bounds}")
            if values.end and not values.start <= values.end <= maximum:
                faults.append(f"{field.name} End is before Start or not in range {bounds}")
            if values.step < 0:
                faults.append(f"{field.name} has invalid Step")
    if len(calendar.comment.encode("utf-8", "surrogatepass")) > COMMENT_BYTES_MAX:
        faults.append("comment is too long")
    if faults:
        raise InvalidSpecError("invalid calendar spec: " + ", ".join(faults))


def write_out_ranges(spec: ScheduleSpec) -> None:
    """Write end and step of every range of a specification, as clients are told (trap 64)."""
    for calendars in (spec.structured_calendar, spec.exclude_structured_calendar):
        for calendar in calendars:
            for field in CALENDAR_FIELDS:
                for values in _ranges(calendar, field.attribute):
                    values.end = max(values.start, values.end)
                    values.step = values.step or 1


def _ranges(calendar: StructuredCalendarSpec, attribute: str) -> Iterable[Range]:
    ranges: Iterable[Range] = getattr(calendar, attribute)
    return ranges
