"""Visibility searches: from a filter to SQL, from rows to records.

Owns the text of those statements and the choice of their index. The index is named rather than left
to SQLite, which without statistics cannot tell a workflow id from a status. Must not know which
thread runs it.

A page comes as one row of JSON: between two rows Python's driver lets go of the interpreter lock
and may wait 5 ms to get it back while the event loop computes.
"""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from indelible.base.ids import Archetype, NamespaceId, RunId
from indelible.base.instants import NEVER, Instant
from indelible.base.limits import VISIBILITY_GROUPS_MAX
from indelible.engine.visibility.filters import AllOf, AnyOf, conjuncts, depth_of
from indelible.engine.visibility.ordering import SortKey, SortValue
from indelible.ports.stores import (
    Comparison,
    Filter,
    StoreError,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
)
from indelible.store.sqlite.commits import OPEN_CLOSE_ORDER
from indelible.store.sqlite.sorting import (
    EXECUTION_DURATION,
    NUMBER_COLUMNS,
    TEXT_COLUMNS,
    Operand,
    attribute_path,
    order_clause,
    place_condition,
    sort_expression,
)

INTEGER_END: Final = 2**63

_TIME_COLUMNS: Final = frozenset({"start_time", "execution_time"})
_ORDERINGS: Final = frozenset({"=", "<", "<=", ">", ">="})
_NULLS: Final = {"is null": "=", "is not null": "<>"}
"""How a column is compared with what stands for no value."""
_NEGATIONS: Final = {"!=": "=", "not in": "in", "not starts_with": "starts_with"}
_JOINTS: Final = {AllOf: " AND ", AnyOf: " OR "}
_RUN_MAX: Final = 16
_INDEX_OF_COLUMN: Final = {
    "workflow_id": "visibility_by_workflow",
    "workflow_type": "visibility_by_type",
    "status": "visibility_by_status",
}
"""In order of preference: the fewest rows first."""
_COLUMNS: Final = """workflow_id, run_id, workflow_type, task_queue, status, start_time,
    execution_time, close_order, history_length, history_size_bytes, state_transition_count,
    parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, indexed_values,
    search_attributes, memo"""
_ROW_AS_JSON: Final = _COLUMNS.replace(
    "search_attributes, memo", "hex(search_attributes), hex(memo)"
)


class Search(NamedTuple):
    """A statement and its parameters."""

    statement: str
    parameters: list[Operand]


class _Row(msgspec.Struct, array_like=True):
    """One element of a page, in the order of `_COLUMNS`."""

    workflow_id: str
    run_id: str
    workflow_type: str
    task_queue: str
    status: int
    start_time: int
    execution_time: int
    close_order: int
    history_length: int
    history_size_bytes: int
    state_transition_count: int
    parent_workflow_id: str
    parent_run_id: str
    root_workflow_id: str
    root_run_id: str
    indexed_values: str
    search_attributes: str
    memo: str


_PAGE: Final = msgspec.json.Decoder(list[_Row])
_INDEXED_VALUES: Final = msgspec.json.Decoder(dict[str, str | int | float | bool | list[str]])
_ATTRIBUTES: Final = msgspec.msgpack.Decoder(dict[str, bytes])


# -------------------------------------------------------------------------------------------- lists
def list_search(
    query: VisibilityFilter, namespace_ref: int, after: VisibilityCursor | None, limit: int
) -> Search:
    """Return the statement for a page: one row with one JSON text."""
    is_paged = after is not None and not query.order_by
    conditions, parameters = _conditions(query, namespace_ref, is_paged=is_paged)
    if after is not None:
        condition, operands = place_condition(query.order_by, after)
        conditions += f" AND {condition}"
        parameters += operands
    order, operands = order_clause(query.order_by)
    parameters += operands
    statement = (
        f"SELECT json_group_array(json_array({_ROW_AS_JSON})) FROM ("  # noqa: S608 - own names
        f"SELECT {_COLUMNS} FROM visibility{_index(query)} WHERE {conditions}"
        f" ORDER BY {order} LIMIT ?)"
    )
    return Search(statement, [*parameters, limit])


def read_page(
    connection: sqlite3.Connection, search: Search, query: VisibilityFilter
) -> Sequence[VisibilityRecord]:
    """Run a list search."""
    text: str = connection.execute(*search).fetchone()[0]
    return [_record(row, query.namespace_id, query.archetype) for row in _PAGE.decode(text)]


def _record(row: _Row, namespace_id: NamespaceId, archetype: Archetype) -> VisibilityRecord:
    return VisibilityRecord(
        archetype=archetype,
        namespace_id=namespace_id,
        workflow_id=row.workflow_id,
        run_id=RunId(row.run_id),
        workflow_type=row.workflow_type,
        task_queue=row.task_queue,
        status=row.status,
        start_time=Instant(row.start_time),
        execution_time=Instant(row.execution_time),
        close_time=NEVER if row.close_order == OPEN_CLOSE_ORDER else Instant(row.close_order),
        history_length=row.history_length,
        history_size_bytes=row.history_size_bytes,
        state_transition_count=row.state_transition_count,
        parent_workflow_id=row.parent_workflow_id,
        parent_run_id=row.parent_run_id,
        root_workflow_id=row.root_workflow_id,
        root_run_id=row.root_run_id,
        memo=bytes.fromhex(row.memo),
        search_attributes=_ATTRIBUTES.decode(bytes.fromhex(row.search_attributes)),
        indexed_values=_INDEXED_VALUES.decode(row.indexed_values),
    )


# ------------------------------------------------------------------------------------------- counts
def count_search(
    query: VisibilityFilter, namespace_ref: int, group_by: SortKey | None = None
) -> Search:
    """Return the statement for a count: rows of (value or 0, count)."""
    conditions, parameters = _conditions(query, namespace_ref)
    if group_by is None:
        source = f"FROM visibility{_index(query)} WHERE {conditions}"
        return Search(f"SELECT 0, count(*) {source}", parameters)
    source = f"FROM visibility{_index(query, group_by.field)} WHERE {conditions}"
    if group_by.field in TEXT_COLUMNS and not group_by.is_search_attribute:
        # Grouped as it is, in the order of an index; what is empty is no value.
        statement = (
            f"SELECT nullif({group_by.field}, ''), count(*) {source} GROUP BY {group_by.field}"
        )
        return Search(f"{statement} LIMIT ?", [*parameters, VISIBILITY_GROUPS_MAX + 1])
    expression, operands = sort_expression(group_by)
    statement = f"SELECT {expression}, count(*) {source} GROUP BY 1 LIMIT ?"
    return Search(statement, [*operands, *parameters, VISIBILITY_GROUPS_MAX + 1])


def read_counts(connection: sqlite3.Connection, search: Search) -> Mapping[SortValue, int]:
    """Run a count search."""
    return dict(connection.execute(*search).fetchall())


# --------------------------------------------------------------------------------------- conditions
def _index(query: VisibilityFilter, grouped: str = "") -> str:
    narrowed = {
        comparison.field
        for comparison in conjuncts(query.comparisons)
        if isinstance(comparison, Comparison)
        and not comparison.is_search_attribute
        and (
            comparison.operator == "="
            or (comparison.operator == "starts_with" and comparison.field == "workflow_id")
        )
    }
    if "run_id" in narrowed:
        return " NOT INDEXED"  # The rows are named by the numbers of their executions.
    for column, index in _INDEX_OF_COLUMN.items():
        if column in narrowed:
            return f" INDEXED BY {index}"
    return f" INDEXED BY {_INDEX_OF_COLUMN.get(grouped, 'visibility_by_time')}"


def _conditions(
    query: VisibilityFilter, namespace_ref: int, *, is_paged: bool = False
) -> tuple[str, list[Operand]]:
    conditions = ["namespace_ref = ? AND archetype = ?"]
    parameters: list[Operand] = [namespace_ref, query.archetype]
    for part in conjuncts(query.comparisons):
        condition, operands = _condition(part, is_paged=is_paged)
        conditions.append(condition)
        parameters += operands
    return _balanced(conditions, " AND "), parameters


def _condition(part: Filter, *, is_paged: bool) -> tuple[str, list[Operand]]:
    if isinstance(part, AllOf | AnyOf):
        # The deepest first: what stands to its left stays on the stack of SQLite's parser.
        parts = sorted(part.parts, key=depth_of, reverse=True)
        inner = [_condition(each, is_paged=True) for each in parts]
        joined = _balanced([text for text, _ in inner], _JOINTS[type(part)])
        return f"({joined})", [operand for _, operands in inner for operand in operands]
    if part.is_search_attribute:
        return _attribute_condition(part)
    return _column_condition(part, is_paged=is_paged)


def _balanced(conditions: Sequence[str], joint: str) -> str:
    """Join conditions by halves: SQLite bounds the depth of an expression, not its length."""
    if len(conditions) <= _RUN_MAX:
        return joint.join(conditions)
    middle = len(conditions) // 2
    halves = (conditions[:middle], conditions[middle:])
    return joint.join(f"({_balanced(half, joint)})" for half in halves)


def _column_condition(comparison: Comparison, *, is_paged: bool) -> tuple[str, list[Operand]]:
    field, operator = comparison.field, comparison.operator
    is_text = field in TEXT_COLUMNS
    if field == "execution_duration":
        return _number_condition(comparison, f"({EXECUTION_DURATION})", absent="NULL")
    if not is_text and field not in NUMBER_COLUMNS:
        raise StoreError(f"visibility rows have no field {field!r}")
    if field == "close_time":
        return _close_time_condition(comparison, is_paged=is_paged)
    if not is_text:
        return _number_condition(
            comparison, field, absent="0" if field in _TIME_COLUMNS else "NULL"
        )
    if operator in _NULLS:
        return f"{field} {_NULLS[operator]} ''", []
    condition, operands = _comparison(comparison, field, is_text=True)
    condition = f"({condition} AND {field} <> '')"  # Where a row has none, nothing holds.
    if field == "run_id" and operator == "=" and operands:
        condition += " AND execution_id IN (SELECT execution_id FROM executions WHERE run_id = ?)"
        operands *= 2
    return f"({condition})", operands


def _number_condition(
    comparison: Comparison, column: str, *, absent: str
) -> tuple[str, list[Operand]]:
    """`absent` is what a row has that has no value."""
    if comparison.operator in _NULLS:
        symbol = comparison.operator if absent == "NULL" else f"{_NULLS[comparison.operator]} 0"
        return f"{column} {symbol}", []
    condition, operands = _comparison(comparison, column, is_text=False)
    if column in NUMBER_COLUMNS and absent == "NULL":
        return condition, operands
    exists = f"{column} IS NOT NULL" if absent == "NULL" else f"{column} <> {absent}"
    return f"({condition} AND {exists})", operands


def _close_time_condition(comparison: Comparison, *, is_paged: bool) -> tuple[str, list[Operand]]:
    """An open run has no close time. The unary plus keeps a condition away from the index.

    Behind the first page the place is the upper bound, and the tighter one.
    """
    upper = "+close_order" if is_paged else "close_order"
    match comparison.operator:
        case "is null":
            return f"close_order >= {OPEN_CLOSE_ORDER}", []
        case "is not null":
            return f"{upper} < {OPEN_CLOSE_ORDER}", []
        case operator:
            column = upper if operator in {"<", "<="} else "close_order"
    condition, operands = _comparison(comparison, column, is_text=False)
    return f"({condition} AND {upper} < {OPEN_CLOSE_ORDER})", operands


def _comparison(comparison: Comparison, column: str, *, is_text: bool) -> tuple[str, list[Operand]]:
    """Return the condition on a column that holds texts, or numbers, only."""
    opposite = _NEGATIONS.get(comparison.operator)
    if opposite is not None:
        condition, operands = _comparison(
            replace(comparison, operator=opposite), column, is_text=is_text
        )
        return f"NOT ({condition})", operands
    match comparison.operator, comparison.value:
        case "in", operand if not isinstance(operand, str | int | float | None):
            choices = [_bound(choice) for choice in operand if isinstance(choice, str) == is_text]
            return f"{column} IN ({', '.join('?' * len(choices))})", choices
        case "starts_with", str() as prefix:
            return _prefix_condition(column, prefix) if is_text else ("FALSE", [])
        case symbol, str() | int() | float() as operand if symbol in _ORDERINGS:
            if isinstance(operand, str) != is_text:
                return "FALSE", []
            return f"{column} {symbol} ?", [_bound(operand)]
        case _:
            raise StoreError(f"{comparison.operator!r} does not go with {comparison.value!r}")


def _bound(operand: Operand) -> Operand:
    """Return a value that SQLite takes: no stored number is equal to one beyond 64 bits."""
    if isinstance(operand, str | float) or abs(operand) < INTEGER_END:
        return operand
    return math.inf if operand > 0 else -math.inf


def _prefix_condition(column: str, prefix: str) -> tuple[str, list[Operand]]:
    """A range, so that an index serves it; texts are ordered by code point in SQLite and here."""
    end = prefix.rstrip(chr(0x10FFFF))
    if not end:
        return f"{column} >= ?", [prefix]
    last = ord(end[-1]) + 1
    end = end[:-1] + chr(0xE000 if 0xD800 <= last < 0xE000 else last)  # noqa: PLR2004 - surrogates
    return f"{column} >= ? AND {column} < ?", [prefix, end]


def _attribute_condition(comparison: Comparison) -> tuple[str, list[Operand]]:
    """A condition on the elements of one attribute; a single value counts as a list of one."""
    name = comparison.field
    path = attribute_path(name)
    if comparison.operator in _NULLS:
        return f"json_type(indexed_values, ?) {comparison.operator}", [path]
    opposite = _NEGATIONS.get(comparison.operator)
    positive = comparison if opposite is None else replace(comparison, operator=opposite)
    texts, text_operands = _comparison(positive, "item.value", is_text=True)
    numbers, number_operands = _comparison(positive, "item.value", is_text=False)
    elements = "json_each(indexed_values, ?) AS item"
    holds = f"CASE item.type WHEN 'text' THEN {texts} ELSE {numbers} END"
    condition = f"EXISTS (SELECT 1 FROM {elements} WHERE {holds})"  # noqa: S608 - own names
    operands: list[Operand] = [path, *text_operands, *number_operands]
    if opposite is not None:
        condition = f"(json_type(indexed_values, ?) IS NOT NULL AND NOT {condition})"
        operands.insert(0, path)
    return condition, operands
