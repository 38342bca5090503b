"""A filter as a condition of SQL, with its parameters.

Owns what each operator means on a row: on its columns, and on the JSON of its search attributes.
Must not know which index finds the row.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from indelible.engine.visibility.filters import AllOf, AnyOf, depth_of
from indelible.ports.stores import Comparison, Filter, StoreError
from indelible.store.sqlite.sorting import (
    EXECUTION_DURATION,
    NUMBER_COLUMNS,
    TEXT_COLUMNS,
    Operand,
    attribute_path,
)
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER

INTEGER_END: Final = 2**63

_TIME_COLUMNS: Final = frozenset({"start_time", "execution_time"})
_ORDERINGS: Final = frozenset({"=", "<", "<=", ">", ">="})
_NULLS: Final = {"is null": "=", "is not null": "<>"}
"""How a column is compared with what stands for no value."""
_NEGATIONS: Final = {"!=": "=", "not in": "in", "not starts_with": "starts_with"}
_JOINTS: Final = {AllOf: " AND ", AnyOf: " OR "}
_RUN_MAX: Final = 16


def conditions_of(parts: Iterable[Filter]) -> tuple[str, list[Operand]]:
    """Return the condition that all of the parts hold; without parts it is true."""
    conditions: list[str] = []
    parameters: list[Operand] = []
    for part in parts:
        condition, operands = _condition(part)
        conditions.append(condition)
        parameters += operands
    return balanced(conditions, " AND ") or "TRUE", parameters


def _condition(part: Filter) -> tuple[str, list[Operand]]:
    if isinstance(part, AllOf | AnyOf):
        # The deepest first: what stands to its left stays on the stack of SQLite's parser.
        parts = sorted(part.parts, key=depth_of, reverse=True)
        inner = [_condition(each) for each in parts]
        joined = balanced([text for text, _ in inner], _JOINTS[type(part)])
        return f"({joined})", [operand for _, operands in inner for operand in operands]
    if part.is_search_attribute:
        return _attribute_condition(part)
    return _column_condition(part)


def balanced(conditions: Sequence[str], joint: str) -> str:
    """Join conditions by halves: SQLite bounds the depth of an expression, not its length."""
    if len(conditions) <= _RUN_MAX:
        return joint.join(conditions)
    middle = len(conditions) // 2
    halves = (conditions[:middle], conditions[middle:])
    return joint.join(f"({balanced(half, joint)})" for half in halves)


def _column_condition(comparison: Comparison) -> tuple[str, list[Operand]]:
    field, operator = comparison.field, comparison.operator
    is_text = field in TEXT_COLUMNS
    if field == "execution_duration":
        return _number_condition(comparison, f"({EXECUTION_DURATION})", absent="NULL")
    if not is_text and field not in NUMBER_COLUMNS:
        raise StoreError(f"visibility rows have no field {field!r}")
    if field == "close_time":
        return _close_time_condition(comparison)
    if not is_text:
        return _number_condition(
            comparison, field, absent="0" if field in _TIME_COLUMNS else "NULL"
        )
    if operator in _NULLS:
        return f"{field} {_NULLS[operator]} ''", []
    condition, operands = comparison_on(comparison, field, is_text=True)
    return f"({condition} AND {field} <> '')", operands  # Where a row has none, nothing holds.


def _number_condition(
    comparison: Comparison, column: str, *, absent: str
) -> tuple[str, list[Operand]]:
    """`absent` is what a row has that has no value."""
    if comparison.operator in _NULLS:
        symbol = comparison.operator if absent == "NULL" else f"{_NULLS[comparison.operator]} 0"
        return f"{column} {symbol}", []
    condition, operands = comparison_on(comparison, column, is_text=False)
    if column in NUMBER_COLUMNS and absent == "NULL":
        return condition, operands
    exists = f"{column} IS NOT NULL" if absent == "NULL" else f"{column} <> {absent}"
    return f"({condition} AND {exists})", operands


def _close_time_condition(comparison: Comparison) -> tuple[str, list[Operand]]:
    """An open run has no close time.

    The unary plus keeps these away from an index, which has one bound on either side: the path says
    which.
    """
    if comparison.operator == "is null":
        return f"+close_order = {OPEN_CLOSE_ORDER}", []
    is_closed = f"+close_order < {OPEN_CLOSE_ORDER}"
    if comparison.operator == "is not null":
        return is_closed, []
    condition, operands = comparison_on(comparison, "+close_order", is_text=False)
    return f"({condition} AND {is_closed})", operands


def comparison_on(
    comparison: Comparison, column: str, *, is_text: bool
) -> tuple[str, list[Operand]]:
    """Return the condition on a column that holds texts, or numbers, only."""
    opposite = _NEGATIONS.get(comparison.operator)
    if opposite is not None:
        condition, operands = comparison_on(
            replace(comparison, operator=opposite), column, is_text=is_text
        )
        return f"NOT ({condition})", operands
    match comparison.operator, comparison.value:
        case "in", operand if not isinstance(operand, str | int | float | None):
            choices = [bound(choice) for choice in operand if isinstance(choice, str) == is_text]
            return f"{column} IN ({', '.join('?' * len(choices))})", choices
        case "starts_with", str() as prefix:
            return _prefix_condition(column, prefix) if is_text else ("FALSE", [])
        case symbol, str() | int() | float() as operand if symbol in _ORDERINGS:
            if isinstance(operand, str) != is_text:
                return "FALSE", []
            return f"{column} {symbol} ?", [bound(operand)]
        case _:
            raise StoreError(f"{comparison.operator!r} does not go with {comparison.value!r}")


def bound(operand: Operand) -> Operand:
    """Return a value that SQLite takes: no stored number is equal to one beyond 64 bits."""
    if isinstance(operand, str | float) or abs(operand) < INTEGER_END:
        return operand
    return math.inf if operand > 0 else -math.inf


def _prefix_condition(column: str, prefix: str) -> tuple[str, list[Operand]]:
    """A range, so that an index serves it."""
    low, high = prefix_range(prefix)
    return (f"{column} >= ? AND {column} < ?", [low, high]) if high else (f"{column} >= ?", [low])


def prefix_range(prefix: str) -> tuple[str, str]:
    """Return the first text with a prefix, and the first one behind all of them; "" if none is.

    Texts are ordered by code point in SQLite and here.
    """
    end = prefix.rstrip(chr(0x10FFFF))
    if not end:
        return prefix, ""
    last = ord(end[-1]) + 1
    is_surrogate = 0xD800 <= last < 0xE000  # noqa: PLR2004
    return prefix, end[:-1] + chr(0xE000 if is_surrogate else last)


def _attribute_condition(comparison: Comparison) -> tuple[str, list[Operand]]:
    """A condition on the elements of one attribute; a single value counts as a list of one."""
    name = comparison.field
    path = attribute_path(name)
    if comparison.operator in _NULLS:
        return f"json_type(indexed_values, ?) {comparison.operator}", [path]
    opposite = _NEGATIONS.get(comparison.operator)
    positive = comparison if opposite is None else replace(comparison, operator=opposite)
    texts, text_operands = comparison_on(positive, "item.value", is_text=True)
    numbers, number_operands = comparison_on(positive, "item.value", is_text=False)
    elements = "json_each(indexed_values, ?) AS item"
    holds = f"CASE item.type WHEN 'text' THEN {texts} ELSE {numbers} END"
    condition = f"EXISTS (SELECT 1 FROM {elements} WHERE {holds})"  # noqa: S608 - own names
    operands: list[Operand] = [path, *text_operands, *number_operands]
    if opposite is not None:
        condition = f"(json_type(indexed_values, ?) IS NOT NULL AND NOT {condition})"
        operands.insert(0, path)
    return condition, operands
