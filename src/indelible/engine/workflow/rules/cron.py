"""Cron schedules of workflows: when is the next tick?

Owns the dialect that workflows are started with: five fields, `@hourly` and its kin, `@every 90s`,
and a `CRON_TZ=` or `TZ=` prefix (semantics 2.1; in the reference service robfig/cron v3,
`ParseStandard`). Computes on integers; of a time zone it knows only the function that gives the
offset.

No library: those at hand accept other dialects (seven as Sunday, seconds, `L`, `#`), or run a
skipped hour's jobs late, and an expression that one server takes and another refuses strands its
workflow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from indelible.base.instants import (
    DAY,
    DURATION_MAX,
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    Duration,
    Instant,
)
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
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_DURATION_PART: Final = re.compile(r"(?=\.?[0-9])([0-9]*)\.?([0-9]*)(ns|[u\u00b5\u03bcm]s|[smh])")


class _Values(NamedTuple):
    """The values that a field allows. A field that restricts nothing is open."""

    allowed: frozenset[int]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarCron:
    """Fires at the minutes that all five fields allow, in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: _Values
    months: frozenset[int]
    weekdays: _Values
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalCron:
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


class _LocalTime(NamedTuple):
    """An instant as the clocks of a zone show it, to the minute."""

    year: int
    month: int
    day: int
    weekday: int
    minute_of_day: int
    nanosecond_of_minute: int


def _next_calendar_tick(
    cron: CalendarCron, after: Instant, utc_offset: UtcOffset
) -> Instant | None:
    at = Instant(after + 1)
    last_year: int | None = None
    while True:
        offset = utc_offset(cron.zone, at)
        if offset is None:
            return None
        local = _local_time(at, offset)
        if last_year is None:
            last_year = local.year + YEARS_SEARCHED_MAX
        elif local.year > last_year:
            return None
        wait = _wait(cron, local)
        if wait == 0:
            return at
        at = _advance(cron, at, wait, local, utc_offset)


def _wait(cron: CalendarCron, local: _LocalTime) -> Duration:
    """Return how far off, by the wall clock, the next candidate is; zero if this is a tick."""
    hour, minute = divmod(local.minute_of_day, 60)
    if local.month not in cron.months or not _is_day(cron, local):
        return Duration((24 * 60 - local.minute_of_day) * MINUTE - local.nanosecond_of_minute)
    if hour not in cron.hours:
        return Duration((60 - minute) * MINUTE - local.nanosecond_of_minute)
    if local.nanosecond_of_minute or minute not in cron.minutes:
        return Duration(MINUTE - local.nanosecond_of_minute)
    return Duration(0)


def _is_day(cron: CalendarCron, local: _LocalTime) -> bool:
    """Days and weekdays that are both restricted add up, as in every cron."""
    is_day = local.day in cron.days.allowed
    is_weekday = local.weekday in cron.weekdays.allowed
    if cron.days.is_open or cron.weekdays.is_open:
        return is_day and is_weekday
    return is_day or is_weekday


def _advance(
    cron: CalendarCron, at: Instant, wait: Duration, local: _LocalTime, utc_offset: UtcOffset
) -> Instant:
    """Return the instant `wait` later, or an earlier one if the clocks change in between.

    Where they do, the search goes on by hours and then by minutes, so that it misses nothing.
    """
    before = utc_offset(cron.zone, at)
    to_minute = MINUTE - local.nanosecond_of_minute
    to_hour = to_minute + (59 - local.minute_of_day % 60) * MINUTE
    for shorter in (wait, min(wait, to_hour)):
        if utc_offset(cron.zone, Instant(at + shorter)) == before:
            return Instant(at + shorter)
    return Instant(at + to_minute)


def _local_time(at: Instant, offset: Duration) -> _LocalTime:
    day_number, nanosecond_of_day = divmod(at + offset, DAY)
    minute_of_day, nanosecond_of_minute = divmod(nanosecond_of_day, MINUTE)
    year, month, day = _civil(day_number)
    weekday = (day_number + 4) % 7  # The epoch was a Thursday; Sunday is 0.
    return _LocalTime(year, month, day, weekday, minute_of_day, nanosecond_of_minute)


def _civil(day_number: int) -> tuple[int, int, int]:
    """Return year, month and day of a day counted from the epoch, in the Gregorian calendar.

    Counts from 1 March, so that the leap day is the last of its year and months follow a pattern
    of 153 days in five.
    """
    era, day_of_era = divmod(day_number + 719_468, 146_097)
    leaps = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9  # noqa: PLR2004
    return year_of_era + 400 * era + (month <= 2), month, day  # noqa: PLR2004


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
    if not text or _DURATION_PART.sub("", text.removeprefix("+")):
        raise _FaultyCronError(text)
    nanoseconds = 0
    for match in _DURATION_PART.finditer(text):
        whole, fraction, unit = match.groups()
        scale = _UNITS[unit]
        nanoseconds += int(whole or "0") * scale
        nanoseconds += int(fraction or "0") * scale // 10 ** len(fraction)
    interval = min(nanoseconds, DURATION_MAX)
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
