"""The fields of a calendar as people write them: `*`, `9-17/2`, `mon-fri`, `1,15`.

Owns the dialect of one field and its refusals, in the reference's words (semantics 11.2). What
comes out are the ranges of a structured calendar, in the short form in which clients expect them:
an end that is the start and a step of one are left out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from temporalio.api.schedule.v1 import Range

MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
WEEKDAYS: Final = (
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
)
CALENDAR_YEAR_MIN: Final = 2000
CALENDAR_YEAR_MAX: Final = 2100
SUNDAY_AGAIN: Final = 7
"""The number of Sunday at the end of the week; a structured calendar knows it as 0 only."""
_NUMBER_DIGITS_MAX: Final = 9


class InvalidSpecError(ValueError):
    """A specification says nothing that could be carried out; the message says what is wrong."""


class CalendarField(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one field, and the names that its values have."""

    name: str
    """As it is called in the calendar's message, and in refusals."""
    attribute: str
    minimum: int
    maximum: int
    default: str
    names: Sequence[str] = ()
    first_named: int = 0
    name_letters_min: int = 0

    @property
    def bounds(self) -> str:
        """The bounds, as refusals tell them."""
        return f"[{self.minimum}-{self.maximum}]"


_SECOND: Final = CalendarField(
    name="Second", attribute="second", minimum=0, maximum=59, default="0"
)
_MINUTE: Final = CalendarField(
    name="Minute", attribute="minute", minimum=0, maximum=59, default="0"
)
_HOUR: Final = CalendarField(name="Hour", attribute="hour", minimum=0, maximum=23, default="0")
_DAY_OF_WEEK: Final = CalendarField(
    name="DayOfWeek",
    attribute="day_of_week",
    minimum=0,
    maximum=SUNDAY_AGAIN,
    default="*",
    names=WEEKDAYS,
    name_letters_min=2,
)
_DAY_OF_MONTH: Final = CalendarField(
    name="DayOfMonth", attribute="day_of_month", minimum=1, maximum=31, default="*"
)
_MONTH: Final = CalendarField(
    name="Month",
    attribute="month",
    minimum=1,
    maximum=12,
    default="*",
    names=MONTHS,
    first_named=1,
    name_letters_min=3,
)
_YEAR: Final = CalendarField(
    name="Year",
    attribute="year",
    minimum=CALENDAR_YEAR_MIN,
    maximum=CALENDAR_YEAR_MAX,
    default="*",
)
CALENDAR_FIELDS: Final = (
    _SECOND,
    _MINUTE,
    _HOUR,
    _DAY_OF_WEEK,
    _DAY_OF_MONTH,
    _MONTH,
    _YEAR,
)


def parse_field(text: str, field: CalendarField) -> list[Range]:
    """Return the ranges that a text allows; raise `InvalidSpecError` if it is none."""
    text = text.strip() or field.default
    if text == "*" and field is _YEAR:
        return []  # Every year is written as no range at all.
    return [found for part in text.split(",") for found in _parse_part(part, field)]


def _parse_part(part: str, field: CalendarField) -> Iterator[Range]:
    bounds, step = _split_step(part, field)
    start, end = _parse_bounds(bounds, field, has_step=step is not None)
    step = step or 1
    if field is _DAY_OF_WEEK and end == SUNDAY_AGAIN:
        # Sunday is 0. Where 7 is among the values, and 0 to 6 would not do in one range, it comes
        # as a range of its own.
        if (SUNDAY_AGAIN - start) % step == 0 and (step > 1 or start > 1):
            yield Range(start=0)
            if start == SUNDAY_AGAIN:
                return
        end = SUNDAY_AGAIN - 1
    yield Range(start=start, end=0 if start == end else end, step=0 if step == 1 else step)


def _split_step(part: str, field: CalendarField) -> tuple[str, int | None]:
    bounds, *steps = part.split("/")
    if len(steps) > 1:
        raise InvalidSpecError(f"{field.name} has too many slashes")
    if not steps:
        return bounds, None
    if not steps[0]:
        raise InvalidSpecError(f"{field.name} missing step value")
    step = _number(steps[0])
    if step is None or step < 1:
        raise InvalidSpecError(f"{field.name} has invalid Step")
    return bounds, step


def _parse_bounds(text: str, field: CalendarField, *, has_step: bool) -> tuple[int, int]:
    if text == "*":
        return field.minimum, field.maximum
    low, *high = text.split("-")
    if len(high) > 1:
        raise InvalidSpecError(f"{field.name} has too many dashes")
    start = _value(low, field)
    if not high:
        if start is None:
            raise InvalidSpecError(f"{field.name} is not in range {field.bounds}")
        # With a step, one value is where the values begin.
        return start, field.maximum if has_step else start
    if start is None:
        raise InvalidSpecError(f"{field.name} Start is not in range {field.bounds}")
    end = _value(high[0], field)
    if end is None or end < start:
        raise InvalidSpecError(f"{field.name} End is before Start or not in range {field.bounds}")
    return start, end


def _value(text: str, field: CalendarField) -> int | None:
    """Return a number or the number of a name, if the field has it."""
    if field.names and len(text) >= field.name_letters_min:
        for number, name in enumerate(field.names, start=field.first_named):
            if name.startswith(text.lower()):
                return number
    number = _number(text)
    return number if number is not None and field.minimum <= number <= field.maximum else None


def _number(text: str) -> int | None:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _NUMBER_DIGITS_MAX:
        return None
    return int(digits)
