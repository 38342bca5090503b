"""Cron schedules of workflows: when is the next tick?

Owns the dialect that workflows are started with: five fields, `@hourly` and its kin, `@every 90s`,
and a `CRON_TZ=` or `TZ=` prefix (semantics 2.1; in the reference service robfig/cron v3,
`ParseStandard`). Computes on integers; of a time zone it knows only the function that gives the
offset.

No library: those at hand accept other dialects (seven as Sunday, seconds, `L`, `#`), or run a
skipped hour's jobs late, and an expression that one server takes and another refuses strands its
workflow.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from indelible.base.civil_time import LocalTime, first_moment, local_time
from indelible.base.duration_text import parse_duration
from indelible.base.instants import DAY, HOUR, MINUTE, SECOND, Duration, Instant
from indelible.base.invariants import InvariantError
from indelible.base.time_zones import UTC, UtcOffset

YEARS_SEARCHED_MAX: Final = 5
"""An expression without a tick in so many years never fires."""


class _Field(NamedTuple):
    """The bounds and names of one of the five fields."""

    minimum: int
    maximum: int
    names: Mapping[str, int] = {}


_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    _Field(0, 6, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY: Final = "@every "
_ZONE_PREFIXES: Final = ("CRON_TZ=", "TZ=")


class _Values(NamedTuple):
    """The values that a field allows. A field that restricts nothing is open."""

    allowed: frozenset[int]
    is_open: bool


class CalendarCron(msgspec.Struct, frozen=True, kw_only=True):
    """Fires at the minutes that all five fields allow, in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: _Values
    months: frozenset[int]
    weekdays: _Values
    zone: str


class IntervalCron(msgspec.Struct, frozen=True, kw_only=True):
    """Fires once per interval: whole seconds, at least one."""

    interval: Duration


CronSchedule: TypeAlias = CalendarCron | IntervalCron


class _FaultyCronError(ValueError):
    """The expression is none."""


def parse_cron(expression: str) -> CronSchedule | None:
    """Return the schedule of an expression, or None if it is none.

    Whether its time zone exists is not known here: `next_tick` then has no answer.
    """
    try:
        return _parse(expression)
    except _FaultyCronError:
        return None


def cron_fault(expression: str, *, now: Instant, utc_offset: UtcOffset) -> str | None:
    """Return what is wrong with the cron schedule of a workflow, or None; empty means none."""
    if not expression:
        return None
    schedule = parse_cron(expression)
    if schedule is None or (
        isinstance(schedule, CalendarCron) and utc_offset(schedule.zone, now) is None
    ):
        return "invalid CronSchedule."
    if next_tick(schedule, now, utc_offset) is None:
        return "invalid CronSchedule, no time can be found to satisfy the schedule"
    return None


def cron_backoff(
    expression: str, *, scheduled_at: Instant, now: Instant, utc_offset: UtcOffset
) -> Duration | None:
    """Return how long after `now` the next run begins to work, in whole seconds; None for never.

    Ticks are counted from `scheduled_at`, the time for which the run before was scheduled, and
    those that have passed are skipped (trap 36).
    """
    schedule = parse_cron(expression)
    if schedule is None:
        return None
    at: Instant | None = scheduled_at
    if now >= scheduled_at:
        at = _first_tick_not_before(schedule, scheduled_at, now, utc_offset)
    if at is None:
        return None
    return Duration(-(-(at - now) // SECOND) * SECOND)


def _first_tick_not_before(
    schedule: CronSchedule, scheduled_at: Instant, now: Instant, utc_offset: UtcOffset
) -> Instant | None:
    tick = next_tick(schedule, scheduled_at, utc_offset)
    if tick is None or tick >= now:
        return tick
    if isinstance(schedule, IntervalCron):
        missed = -(-(now - tick) // schedule.interval)
        return Instant(tick + missed * schedule.interval)
    # Calendar ticks depend on nothing but the clock, so the search may begin just before now.
    return next_tick(schedule, Instant(now - 1), utc_offset)


def next_tick(schedule: CronSchedule, after: Instant, utc_offset: UtcOffset) -> Instant | None:
    """Return the first tick later than `after`; None if there is none.

    A local time that a change of the clocks skips does not fire, one that it repeats fires twice.
    """
    if isinstance(schedule, IntervalCron):
        return Instant(after - after % SECOND + schedule.interval)
    return _next_calendar_tick(schedule, after, utc_offset)


def _next_calendar_tick(
    cron: CalendarCron, after: Instant, utc_offset: UtcOffset
) -> Instant | None:
    def offset_at(at: Instant) -> Duration:
        offset = utc_offset(cron.zone, at)
        if offset is None:
            raise InvariantError("a zone that was there is gone")
        return offset

    start = Instant(after + 1)
    offset = utc_offset(cron.zone, start)
    if offset is None:
        return None
    last_year = local_time(start, offset).year + YEARS_SEARCHED_MAX
    return first_moment(start, lambda local: _wait(cron, local, last_year), offset_at)


def _wait(cron: CalendarCron, local: LocalTime, last_year: int) -> Duration | None:
    """Return how far off, by the wall clock, the next candidate is; zero if this is a tick."""
    if local.year > last_year:
        return None
    of_day = local.nanosecond_of_day
    if local.month not in cron.months or not _is_day(cron, local):
        return Duration(DAY - of_day)
    if of_day // HOUR not in cron.hours:
        return Duration(HOUR - of_day % HOUR)
    if of_day % MINUTE or of_day % HOUR // MINUTE not in cron.minutes:
        return Duration(MINUTE - of_day % MINUTE)
    return Duration(0)


def _is_day(cron: CalendarCron, local: LocalTime) -> bool:
    """Days and weekdays that are both restricted add up, as in every cron."""
    is_day = local.day in cron.days.allowed
    is_weekday = local.weekday in cron.weekdays.allowed
    if cron.days.is_open or cron.weekdays.is_open:
        return is_day and is_weekday
    return is_day or is_weekday


# ------------------------------------------------------------------------------------------ parsing
def _parse(expression: str) -> CronSchedule:
    zone, fields_text = _split_zone(expression)
    if fields_text.startswith(_EVERY):
        return IntervalCron(interval=_parse_interval(fields_text[len(_EVERY) :]))
    if fields_text.startswith("@"):
        if fields_text not in _DESCRIPTORS:
            raise _FaultyCronError(fields_text)
        fields_text = _DESCRIPTORS[fields_text]
    texts = fields_text.split()
    if len(texts) != len(_FIELDS):
        raise _FaultyCronError(expression)
    minutes, hours, days, months, weekdays = (
        _parse_field(text, field) for text, field in zip(texts, _FIELDS, strict=True)
    )
    return CalendarCron(
        minutes=minutes.allowed,
        hours=hours.allowed,
        days=days,
        months=months.allowed,
        weekdays=weekdays,
        zone=zone,
    )


def _split_zone(expression: str) -> tuple[str, str]:
    for prefix in _ZONE_PREFIXES:
        if expression.startswith(prefix):
            zone, space, rest = expression[len(prefix) :].partition(" ")
            if not space:
                raise _FaultyCronError(expression)
            return zone or UTC, rest.strip()
    return UTC, expression


def _parse_interval(text: str) -> Duration:
    """Return the interval of `@every`: whole seconds, one at least."""
    interval = parse_duration(text.removeprefix("+"))
    if interval is None:
        raise _FaultyCronError(text)
    return Duration(max(interval - interval % SECOND, SECOND))


def _parse_field(text: str, field: _Field) -> _Values:
    allowed: frozenset[int] = frozenset()
    is_open = False
    for part in text.split(","):
        if part:
            values = _parse_range(part, field)
            allowed |= values.allowed
            is_open = is_open or values.is_open
    return _Values(allowed, is_open)


def _parse_range(part: str, field: _Field) -> _Values:
    bounds, slash, step_text = part.partition("/")
    low_text, hyphen, high_text = bounds.partition("-")
    step = _number(step_text) if slash else 1
    is_open = False
    if low_text in {"*", "?"}:
        low, high = field.minimum, field.maximum
        is_open = step == 1
    else:
        low = _number_or_name(low_text, field)
        high = _number_or_name(high_text, field) if hyphen else low
        if slash and not hyphen:
            high = field.maximum  # "5/10" is 5, 15, 25 and so on.
    if step == 0 or not field.minimum <= low <= high <= field.maximum:
        raise _FaultyCronError(part)
    return _Values(frozenset(range(low, high + 1, step)), is_open)


def _number_or_name(text: str, field: _Field) -> int:
    number = field.names.get(text.lower())
    return _number(text) if number is None else number


def _number(text: str) -> int:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:  # noqa: PLR2004
        raise _FaultyCronError(text)
    return int(digits)
