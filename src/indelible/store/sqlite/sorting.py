"""The order of a visibility search, and the place in it where a page begins, in SQL.

Owns those two clauses. Must not know filters.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from indelible.base.instants import NEVER
from indelible.engine.visibility.ordering import (
    CLOSED_FIELDS,
    TIME_FIELDS,
    SortKey,
    SortValue,
)
from indelible.ports.stores import StoreError, VisibilityCursor
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER

Operand = str | int | float

TEXT_COLUMNS: Final = (
    "workflow_id",
    "run_id",
    "workflow_type",
    "task_queue",
    "parent_workflow_id",
    "parent_run_id",
    "root_workflow_id",
    "root_run_id",
)
NUMBER_COLUMNS: Final = (
    "status",
    "start_time",
    "execution_time",
    "close_time",
    "history_length",
    "history_size_bytes",
    "state_transition_count",
)
EXECUTION_DURATION: Final = f"""CASE WHEN close_order < {OPEN_CLOSE_ORDER} THEN
    max(0, close_order - CASE execution_time WHEN 0 THEN start_time ELSE execution_time END) END"""
DEFAULT_ORDER: Final = "close_order DESC, start_time DESC, run_id"


def attribute_path(name: str) -> str:
    """Return where an attribute lies in the column of all of them."""
    if any(character in '"\\' or character < " " for character in name):
        raise StoreError(f"{name!r} cannot be the name of a search attribute")
    return f'$."{name}"'


def order_clause(keys: Sequence[SortKey], along: str = "") -> tuple[str, list[Operand]]:
    """Return what follows ORDER BY; rows that are equal keep the order of every list.

    `along` is a column of an index that has the values of the first key, and of rows that have one.
    """
    terms: list[str] = []
    parameters: list[Operand] = []
    for number, key in enumerate(keys):
        direction = "DESC" if key.is_descending else "ASC"
        if along and number == 0:
            terms.append(f"{along} {direction}")
            continue
        expression, operands = sort_expression(key)
        terms.append(f"{expression} {direction} NULLS LAST")
        parameters += operands
    return ", ".join([*terms, DEFAULT_ORDER]), parameters


def place_condition(
    keys: Sequence[SortKey], after: VisibilityCursor, along: str = ""
) -> tuple[str, list[Operand]]:
    """Return the condition that a row stands behind a place; `along` as in `order_clause`."""
    close_order = OPEN_CLOSE_ORDER if after.close_time == NEVER else after.close_time
    condition = (
        "(close_order, start_time) <= (?, ?)"
        " AND NOT (close_order = ? AND start_time = ? AND run_id <= ?)"
    )
    place: tuple[Operand, Operand] = (close_order, after.start_time)
    parameters: list[Operand] = [*place, *place, after.run_id]
    if len(keys) != len(after.values):
        raise StoreError("the place is one of another order")
    places = list(zip(keys, after.values, strict=True))
    for key, value in reversed(places[1:] if along else places):
        condition, parameters = _behind(key, value, condition, parameters)
    if along:
        return _behind_along(keys[0], after.values[0], along, condition, parameters)
    return condition, parameters


def _behind_along(
    key: SortKey, value: SortValue, along: str, rest: str, rest_operands: list[Operand]
) -> tuple[str, list[Operand]]:
    """The first bound is what the index can use."""
    if value is None:
        return "FALSE", []  # Every row with a value comes before.
    bound, operand = _bound(value)
    symbol = "<" if key.is_descending else ">"
    exact = f"{along} {symbol} {bound} OR ({along} = {bound} AND {rest})"
    condition = f"{along} {symbol}= {bound} AND ({exact})"
    return condition, [operand, operand, operand, *rest_operands]


def _behind(
    key: SortKey, value: SortValue, rest: str, rest_operands: list[Operand]
) -> tuple[str, list[Operand]]:
    expression, operands = sort_expression(key)
    if value is None:  # Nothing comes behind the rows without a value, but others of them.
        return f"({expression} IS NULL AND {rest})", [*operands, *rest_operands]
    bound, operand = _bound(value)
    symbol = "<" if key.is_descending else ">"
    condition = (
        f"({expression} {symbol} {bound} OR {expression} IS NULL"
        f" OR ({expression} = {bound} AND {rest}))"
    )
    compared = [*operands, operand]
    return condition, [*compared, *operands, *compared, *rest_operands]


def _bound(value: str | float) -> tuple[str, Operand]:
    """A fraction goes through the reader that the stored one went through, to be equal to it."""
    if isinstance(value, float):
        return "json_extract(?, '$')", msgspec.json.encode(value).decode()
    return "?", value


def sort_expression(key: SortKey) -> tuple[str, list[Operand]]:
    """Return what a row is sorted by: NULL where it has no value."""
    field = key.field
    if key.is_search_attribute:
        path = attribute_path(field)
        return (
            "(CASE json_type(indexed_values, ?) WHEN 'array' THEN NULL"
            " ELSE json_extract(indexed_values, ?) END)"
        ), [path, path]
    if field == "execution_duration":
        return f"({EXECUTION_DURATION})", []
    if field == "close_time":
        return f"nullif(close_order, {OPEN_CLOSE_ORDER})", []
    if field in CLOSED_FIELDS:
        return f"(CASE WHEN close_order < {OPEN_CLOSE_ORDER} THEN {field} END)", []
    if field in TIME_FIELDS:
        return f"nullif({field}, 0)", []
    if field in TEXT_COLUMNS:
        return f"nullif({field}, '')", []
    if field not in NUMBER_COLUMNS:
        raise StoreError(f"visibility rows have no field {field!r}")
    return field, []
