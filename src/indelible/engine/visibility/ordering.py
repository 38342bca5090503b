"""In which order a query wants its rows.

Owns what a row is sorted by, and what stands for it in a page token. Must not know the text of a
query, nor how a store sorts.
"""

from typing import Final, TypeAlias

import msgspec

from indelible.base.instants import NEVER, elapsed
from indelible.engine.visibility.record import VisibilityRecord

SortValue: TypeAlias = str | int | float | None
"""A boolean is an integer here, as in SQL."""

TIME_FIELDS: Final = frozenset({"start_time", "execution_time", "close_time"})
CLOSED_FIELDS: Final = frozenset({"history_length", "history_size_bytes", "state_transition_count"})
"""An open execution has them, and does not show them."""


class SortKey(msgspec.Struct, frozen=True, kw_only=True):
    """A column by which rows are sorted or counted: `field` as in `filters.Comparison`.

    Rows without a value come last, either way.
    """

    field: str
    is_search_attribute: bool
    is_descending: bool = False


STATUS: Final = SortKey(field="status", is_search_attribute=False)


def sort_value(row: VisibilityRecord, key: SortKey) -> SortValue:
    """Return what a row is sorted by; None if it has no value, or a list of them."""
    if key.is_search_attribute:
        stored = row.indexed_values.get(key.field)
        return stored if isinstance(stored, str | int | float) else None
    if key.field == "execution_duration":
        return None if row.close_time == NEVER else execution_duration(row)
    if key.field in CLOSED_FIELDS and row.close_time == NEVER:
        return None
    value: str | int = getattr(row, key.field)
    is_nothing = value == "" or (value == NEVER and key.field in TIME_FIELDS)
    return None if is_nothing else value


def execution_duration(row: VisibilityRecord) -> int:
    """Return the time from the first task to the close."""
    return elapsed(row.execution_time or row.start_time, row.close_time)


def compare_values(one: SortValue, other: SortValue) -> int:
    """Return -1, 0 or 1 in ascending order: numbers, texts, nothing."""
    if one is None or other is None:
        return (one is None) - (other is None)
    if isinstance(one, str) or isinstance(other, str):
        if isinstance(one, str) and isinstance(other, str):
            return (one > other) - (one < other)
        return isinstance(one, str) - isinstance(other, str)
    return (one > other) - (one < other)
