"""A structured calendar, ready to be searched: which local times does it name?

Owns the sets of values as bits, and how far off the next candidate is. Must not know time zones:
it sees local times only.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from temporalio.api.schedule.v1 import Range, StructuredCalendarSpec

from indelible.base.civil_time import (
    LocalTime,
    civil_date,
    day_number_of,
    days_in_month,
    weekday_of,
)
from indelible.base.instants import DAY, HOUR, MINUTE, NO_DURATION, SECOND, Duration
from indelible.engine.schedule.fields import CALENDAR_YEAR_MAX

_ONLY_ZERO: Final = 1
_SECONDS_OR_MINUTES: Final = (1 << 60) - 1
_HOURS: Final = (1 << 24) - 1
_DAYS: Final = ((1 << 31) - 1) << 1
_MONTHS: Final = ((1 << 12) - 1) << 1
_WEEKDAYS: Final = (1 << 7) - 1
_DECEMBER: Final = 12


class Calendar:
    """All fields of a calendar must match a local time."""

    __slots__ = ("_days", "_first_time", "_hours", "_minutes", "_months", "_seconds", "_years")

    def __init__(self, spec: StructuredCalendarSpec) -> None:
        """Compile a checked calendar; a field without ranges has its default."""
        self._seconds = _bits(spec.second) or _ONLY_ZERO
        self._minutes = _bits(spec.minute) or _ONLY_ZERO
        self._hours = _bits(spec.hour) or _ONLY_ZERO
        self._months = _bits(spec.month) or _MONTHS
        self._years = frozenset(_values(spec.year))
        """Empty for every year."""
        days = _bits(spec.day_of_month) or _DAYS
        weekdays = _bits(spec.day_of_week) or _WEEKDAYS
        self._days = _days_by_first_weekday(days, weekdays)
        """The days of a month that begins on a Sunday, on a Monday, ..."""
        self._first_time = (
            _lowest(self._hours) * HOUR
            + _lowest(self._minutes) * MINUTE
            + _lowest(self._seconds) * SECOND
        )

    def matches(self, local: LocalTime) -> bool:
        """Whether the calendar names a local time."""
        of_day = local.nanosecond_of_day
        return bool(
            self._is_year(local.year)
            and self._months >> local.month & 1
            and self._days[(local.weekday - local.day + 1) % 7] >> local.day & 1
            and self._hours >> of_day // HOUR & 1
            and self._minutes >> of_day % HOUR // MINUTE & 1
            and self._seconds >> of_day % MINUTE // SECOND & 1
        )

    def wait(self, local: LocalTime) -> Duration | None:
        """Return how far off, by the wall clock, the next named time is; None for never."""
        today = day_number_of(local.year, local.month, local.day)
        day = self._first_day(today)
        if day is None:
            return None
        if day != today:
            return Duration((day - today) * DAY - local.nanosecond_of_day)
        at = self._time_from(local.nanosecond_of_day)
        # No further than to the end of a named day: its times may be repeated.
        return Duration((DAY if at is None else at) - local.nanosecond_of_day)

    def wait_out(self, local: LocalTime) -> Duration | None:
        """Return for how long the calendar goes on to name every second; None for ever."""
        if not self.matches(local):
            return NO_DURATION
        of_day = local.nanosecond_of_day
        if self._seconds != _SECONDS_OR_MINUTES:
            return SECOND
        if self._minutes != _SECONDS_OR_MINUTES:
            return Duration(MINUTE - of_day % MINUTE)
        if self._hours != _HOURS:
            return Duration(HOUR - of_day % HOUR)
        return self._wait_out_days(local)

    def _wait_out_days(self, local: LocalTime) -> Duration | None:
        days = 1
        if all(month == _DAYS for month in self._days):
            year, month = local.year, local.month
            if self._months == _MONTHS:
                if not self._years:
                    return None
                month = _DECEMBER
            end = day_number_of(year, month, days_in_month(year, month)) + 1
            days = end - day_number_of(local.year, local.month, local.day)
        return Duration(days * DAY - local.nanosecond_of_day)

    def _is_year(self, year: int) -> bool:
        return year in self._years if self._years else year <= CALENDAR_YEAR_MAX

    def _first_day(self, day_number: int) -> int | None:
        """Return the first named day, counted from the epoch, from a day on."""
        year, month, day = civil_date(day_number)
        while year <= CALENDAR_YEAR_MAX:
            if self._is_year(year):
                while month <= _DECEMBER:
                    if self._months >> month & 1:
                        found = self._day_in(year, month, day)
                        if found is not None:
                            return found
                    month, day = month + 1, 1
            year, month, day = year + 1, 1, 1
        return None

    def _day_in(self, year: int, month: int, day: int) -> int | None:
        first = day_number_of(year, month, 1)
        left = self._days[weekday_of(first)] >> day
        found = day + _lowest(left) if left else 0
        return first + found - 1 if 0 < found <= days_in_month(year, month) else None

    def _time_from(self, of_day: int) -> int | None:
        """Return the first named time of a day from a time on."""
        of_day = -(-of_day // SECOND) * SECOND
        hour, minute = of_day // HOUR, of_day % HOUR // MINUTE
        if self._hours >> hour & 1:
            left = self._seconds >> of_day % MINUTE // SECOND if self._minutes >> minute & 1 else 0
            if left:
                return of_day + _lowest(left) * SECOND
            left = self._minutes >> minute + 1
            if left:
                minute += 1 + _lowest(left)
                return hour * HOUR + minute * MINUTE + _lowest(self._seconds) * SECOND
        left = self._hours >> hour + 1
        return (hour + 1 + _lowest(left)) * HOUR + self._first_time % HOUR if left else None


def _values(ranges: Iterable[Range]) -> Iterable[int]:
    for values in ranges:
        yield from range(values.start, max(values.start, values.end) + 1, values.step or 1)


def _bits(ranges: Iterable[Range]) -> int:
    bits = 0
    for value in _values(ranges):
        bits |= 1 << value
    return bits


def _lowest(bits: int) -> int:
    """Return the number of the lowest bit that is set."""
    return (bits & -bits).bit_length() - 1


def _days_by_first_weekday(days: int, weekdays: int) -> Sequence[int]:
    return [
        sum(
            1 << day
            for day in range(1, 32)
            if days >> day & 1 and weekdays >> (first + day - 1) % 7 & 1
        )
        for first in range(7)
    ]
