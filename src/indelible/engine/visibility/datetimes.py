"""Instants as text: RFC 3339.

Owns the conversion in both directions, by arithmetic on the proleptic Gregorian calendar. Must not
read a clock or a time zone.
"""

import re
from functools import lru_cache
from typing import Final

from indelible.base.instants import SECOND, Instant

TEXTS_KEPT: Final = 256
"""A time is read when it is checked and again when it is indexed; many runs have the same."""
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS_PER_ERA: Final = 146_097
_EPOCH_DAY: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01."""
_INSTANT_MAX: Final = 2**63 - 1
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@lru_cache(maxsize=TEXTS_KEPT)
def parse_rfc3339(text: str) -> Instant | None:
    """Return the instant of an RFC 3339 text with its offset; None if it is not one.

    An instant that does not fit in 64 bits of nanoseconds is none either.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    if not _is_civil(year, month, day) or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004
        return None
    offset = 0
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:  # noqa: PLR2004
            return None
        offset = (int(offset_hours) * 60 + int(offset_minutes)) * 60
        offset = -offset if sign == "-" else offset
    whole = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    nanos = int(fraction.ljust(9, "0")) if fraction else 0
    value = (whole - offset) * SECOND + nanos
    return Instant(value) if abs(value) <= _INSTANT_MAX else None


def format_rfc3339(instant: Instant) -> str:
    """Return an instant in UTC, with as many digits of the fraction as it needs."""
    whole, nanos = divmod(instant, SECOND)
    days, seconds = divmod(whole, 86_400)
    year, month, day = civil_from_days(days)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}Z"


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date."""
    # The year begins in March, so that a leap day is its last: the classic trick.
    year -= month <= 2  # noqa: PLR2004
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_PER_ERA + day_of_era - _EPOCH_DAY


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + _EPOCH_DAY, _DAYS_PER_ERA)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004
    return era * 400 + year_of_era + (month <= 2), month, day  # noqa: PLR2004


def _is_civil(year: int, month: int, day: int) -> bool:
    if not 1 <= month <= 12:  # noqa: PLR2004
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 29 if is_leap and month == 2 else _MONTH_DAYS[month - 1]  # noqa: PLR2004
    return 1 <= day <= days
