"""Local time, as the clocks and calendars of a zone show it, and the search for a moment in it.

Owns the Gregorian calendar on integers, and how a search passes the changes of the clocks: a local
time that such a change skips is not found, one that it repeats is found twice. Must not know what
is looked for; of a time zone it knows only its offset at an instant.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from indelible.base.instants import DAY, HOUR, MINUTE, SECOND, Duration, Instant

OffsetAt = Callable[[Instant], Duration]
"""Local time minus UTC at an instant, in one zone."""

_EPOCH_WEEKDAY: Final = 4
"""The epoch was a Thursday; Sunday is 0."""
_DAYS_IN_MONTH: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY: Final = 2


class LocalTime(NamedTuple):
    """An instant as the clocks of a zone show it."""

    year: int
    month: int
    day: int
    weekday: int
    """0 is Sunday."""
    nanosecond_of_day: int


Wait = Callable[[LocalTime], Duration | None]
"""How far off, by the wall clock, the next candidate is; zero if this is it, None for never.

No moment that is looked for may lie in between, whatever the clocks do on the way.
"""


def first_moment(start: Instant, wait: Wait, offset_at: OffsetAt) -> Instant | None:
    """Return the first instant from `start` on for which `wait` is zero."""
    at = start
    offset = offset_at(at)
    while True:
        remaining = wait(local_time(at, offset))
        if remaining is None:
            return None
        if not remaining:
            return at
        at, offset = _advanced(at, remaining, offset, offset_at)


def _advanced(
    at: Instant, wait: Duration, offset: Duration, offset_at: OffsetAt
) -> tuple[Instant, Duration]:
    """Return the instant `wait` later, or an earlier one if the clocks may change in between.

    A long wait ends a day early: two changes that cancel each other lie further apart than that.
    Where the clocks do change, the search goes on by hours, by minutes, and by seconds, so that it
    misses nothing.
    """
    if wait > DAY:
        landing = Instant(at + max(wait - DAY, HOUR))
        return landing, offset_at(landing)
    of_day = (at + offset) % DAY
    for unit in (wait, HOUR, MINUTE):
        shorter = min(wait, unit - of_day % unit) if unit != wait else wait
        landing = Instant(at + shorter)
        then = offset_at(landing)
        if then == offset:
            return landing, then
    landing = Instant(at + min(wait, SECOND - of_day % SECOND))
    return landing, offset_at(landing)


def local_time(at: Instant, offset: Duration) -> LocalTime:
    """Return an instant as the clocks show it that are `offset` ahead of UTC."""
    day_number, nanosecond_of_day = divmod(at + offset, DAY)
    return LocalTime(*civil_date(day_number), weekday_of(day_number), nanosecond_of_day)


def weekday_of(day_number: int) -> int:
    """Return the weekday of a day counted from the epoch; 0 is Sunday."""
    return (day_number + _EPOCH_WEEKDAY) % 7


def civil_date(day_number: int) -> tuple[int, int, int]:
    """Return year, month and day of a day counted from the epoch.

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
    return year_of_era + 400 * era + (month <= _FEBRUARY), month, day


def day_number_of(year: int, month: int, day: int) -> int:
    """Return the day counted from the epoch: the inverse of `civil_date`."""
    year -= month <= _FEBRUARY
    era, year_of_era = divmod(year, 400)
    shifted_month = month - 3 if month > _FEBRUARY else month + 9
    day_of_year = (153 * shifted_month + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def days_in_month(year: int, month: int) -> int:
    """Return how many days a month has."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS_IN_MONTH[month] + (is_leap and month == _FEBRUARY)
