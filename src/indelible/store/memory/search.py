"""Filtering and ordering of visibility rows in memory.

Owns the meaning of each comparison, as `ports.stores` describes it. Must not know where rows live.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from indelible.base.instants import NEVER
from indelible.engine.visibility.filters import AllOf, AnyOf
from indelible.engine.visibility.ordering import (
    SortKey,
    SortValue,
    compare_values,
    execution_duration,
    sort_value,
)
from indelible.ports.stores import (
    Comparison,
    Filter,
    StoreError,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
)

Scalar = str | int | float
"""A boolean is an integer here, as in SQL."""
Position = tuple[float, int, str]
"""A row's place in the reference's order: ascending positions are the order of the list."""
Place = tuple[tuple[SortValue, ...], Position]
"""A row's place in the order of a query: its values come first."""


def _execution_duration(row: VisibilityRecord) -> Scalar:
    """Return the time from the first task to the close; an open run has none."""
    return "" if row.close_time == NEVER else execution_duration(row)


_FIELDS: Final[Mapping[str, Callable[[VisibilityRecord], Scalar]]] = {
    "execution_duration": _execution_duration,
} | {
    name: operator.attrgetter(name)
    for name in (
        "workflow_id",
        "run_id",
        "workflow_type",
        "task_queue",
        "status",
        "start_time",
        "execution_time",
        "close_time",
        "history_length",
        "history_size_bytes",
        "state_transition_count",
        "parent_workflow_id",
        "parent_run_id",
        "root_workflow_id",
        "root_run_id",
    )
}
_TIMES: Final = frozenset({"start_time", "execution_time", "close_time"})
_ORDERINGS: Final[Mapping[str, Callable[[Scalar, Scalar], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_NEGATIONS: Final = {"!=": "=", "not in": "in", "not starts_with": "starts_with"}


def place_of(record: VisibilityRecord, keys: Sequence[SortKey]) -> Place:
    """Return a row's place: open runs first, then latest close, latest start, run id."""
    values = tuple(sort_value(record, key) for key in keys)
    return values, _position(record.close_time, record.start_time, record.run_id)


def cursor_place(cursor: VisibilityCursor, keys: Sequence[SortKey]) -> Place:
    """Return the place that a cursor names."""
    if len(cursor.values) != len(keys):
        raise StoreError("the place is one of another order")
    position = _position(cursor.close_time, cursor.start_time, cursor.run_id)
    return tuple(cursor.values), position


def compare_places(one: Place, other: Place, keys: Sequence[SortKey]) -> int:
    """Return a number below 0 if one place comes before another, above 0 if behind it."""
    for key, value, another in zip(keys, one[0], other[0], strict=True):
        order = compare_values(value, another)
        if order:
            is_turned = key.is_descending and value is not None and another is not None
            return -order if is_turned else order
    return (one[1] > other[1]) - (one[1] < other[1])


def _position(close_time: int, start_time: int, run_id: str) -> Position:
    return (float("-inf") if close_time == NEVER else -close_time, -start_time, run_id)


def matching(
    rows: Iterable[VisibilityRecord], query: VisibilityFilter
) -> Iterator[VisibilityRecord]:
    """Yield the rows that a filter lets pass, in their own order."""
    for row in rows:
        if (
            row.namespace_id == query.namespace_id
            and row.archetype == query.archetype
            and all(_holds(row, comparison) for comparison in query.comparisons)
        ):
            yield row


def _holds(row: VisibilityRecord, condition: Filter) -> bool:
    match condition:
        case AllOf(parts):
            return all(_holds(row, part) for part in parts)
        case AnyOf(parts):
            return any(_holds(row, part) for part in parts)
        case Comparison():
            return _compares(row, condition)


def _compares(row: VisibilityRecord, comparison: Comparison) -> bool:
    values = _stored_values(row, comparison)
    if comparison.operator == "is null":
        return values is None
    if values is None:
        return False
    opposite = _NEGATIONS.get(comparison.operator)
    if opposite is not None:
        return not _meets(values, replace(comparison, operator=opposite))
    return comparison.operator == "is not null" or _meets(values, comparison)


def _meets(values: Sequence[Scalar], comparison: Comparison) -> bool:
    match comparison.operator, comparison.value:
        case "in", operand if not isinstance(operand, str | int | float | None):
            return any(_compare("=", value, choice) for value in values for choice in operand)
        case "starts_with", str() as prefix:
            return any(isinstance(value, str) and value.startswith(prefix) for value in values)
        case symbol, str() | int() | float() as operand if symbol in _ORDERINGS:
            return any(_compare(symbol, value, operand) for value in values)
        case _:
            raise StoreError(f"{comparison.operator!r} does not go with {comparison.value!r}")


def _stored_values(row: VisibilityRecord, comparison: Comparison) -> Sequence[Scalar] | None:
    """Return the values to compare, or None where the row has none."""
    if comparison.is_search_attribute:
        stored = row.indexed_values.get(comparison.field)
        if stored is None:
            return None
        return (stored,) if isinstance(stored, str | int | float) else stored
    getter = _FIELDS.get(comparison.field)
    if getter is None:
        raise StoreError(f"visibility rows have no field {comparison.field!r}")
    value = getter(row)
    is_nothing = value == "" or (value == NEVER and comparison.field in _TIMES)
    return None if is_nothing else (value,)


def _compare(symbol: str, value: Scalar, operand: Scalar) -> bool:
    if isinstance(value, str) != isinstance(operand, str):
        return False
    return _ORDERINGS[symbol](value, operand)
