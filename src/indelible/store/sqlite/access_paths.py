"""Which index answers which filter.

There are two ways to the rows of a filter.

- A *walk* follows an index in the order of lists, and stops when the page is full. There is an
  index for all rows, and one behind each value of a type, a status, a workflow id, a parent, and of
  every search attribute. Alternatives, several values, and a prefix that few values have, are
  several walks that are merged: they are all in the same order.
- A *row set* names the executions that a part of the filter can let pass: an id prefix, a window of
  start times, one of several values. They are looked at one by one, and sorted.

A row set is taken while it has `ROW_SET_MAX` rows at most, the smallest first; else a walk, behind
the rarest value. Sizes are not guessed: the indexes are asked, up to that bound, and types and
statuses have counts. What an index does not tell exactly is tested on every row, so a path may lead
to too many rows, never to too few.

Owns that choice. Must not know how a page is read.
"""

import sqlite3
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple, TypeGuard

from msgspec.structs import replace

from indelible.engine.visibility.filters import (
    AllOf,
    AnyOf,
    all_of,
    comparisons_of,
    conjuncts,
    operands,
)
from indelible.engine.visibility.ordering import SortKey
from indelible.ports.stores import Comparison, Filter
from indelible.store.sqlite.conditions import (
    INTEGER_END,
    comparison_on,
    conditions_of,
    prefix_range,
)
from indelible.store.sqlite.sorting import TEXT_COLUMNS, Operand
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER, UNLISTED_ATTRIBUTE, has_entry

ROW_SET_MAX: Final = 20_000
"""Some 50 ms of rows."""
_CANDIDATES_MAX: Final = 20
"""Row sets that are asked for their size, and alternatives within one."""
WALKS_MAX: Final = 32
"""Walks that are merged: each is a part of the statement."""
_SHARE: Final = 8
"""If one of so many rows meets a filter, any order leads to a page of them soon."""
_SHARED_MAX: Final = 200_000
"""Index entries that are counted to learn that."""
_REPEATED_MAX: Final = 50
"""Comparisons and their values that each of these parts repeats."""

_INDEXES: Final = {
    "workflow_id": "visibility_by_workflow",
    "parent_workflow_id": "visibility_by_parent",
    "root_workflow_id": "visibility_by_root",
    "workflow_type": "visibility_by_type",
    "status": "visibility_by_status",
    "start_time": "visibility_by_start",
}
COUNTED: Final = frozenset({"workflow_type", "status"})
_ENDS: Final = frozenset({"<", "<=", ">", ">="})
_INDEXED_OPERATORS: Final = frozenset({"=", "in", "<", "<=", ">", ">=", "starts_with"})
_IN_EVERY_INDEX: Final = frozenset({"close_time", "start_time"})
ALL_ROWS: Final = "visibility INDEXED BY visibility_by_time"
VALUES: Final = """visibility_values CROSS JOIN visibility
    USING (namespace_ref, archetype, close_order, start_time, execution_id)"""
"""The columns that both have are those of the first, which has them in the order of lists."""


class Partition(NamedTuple):
    """Rows that lie together in every index."""

    namespace_ref: int
    archetype: int


class RowSet(NamedTuple):
    """A statement that selects the `execution_id`s of all rows that a filter lets pass."""

    statement: str
    parameters: Sequence[Operand]
    size: str
    """A statement for their number, up to the bound and one more, with the same parameters."""
    is_exact: bool
    """Whether all of them hold what they were selected by, but for their partition."""


class Walk(NamedTuple):
    """Where rows lie in the order of lists: FROM and WHERE."""

    source: str
    condition: str
    parameters: Sequence[Operand]
    rest: Sequence[Filter]
    """What has to be tested on each row that is met."""
    is_direct: bool
    """Whether that needs no more than the index."""


class Walks(NamedTuple):
    """Walks that lead to all of the rows between them, and may meet some of these twice."""

    each: Sequence[Walk]
    behind: Filter | None
    """What their rows have in common."""

    @property
    def is_direct(self) -> bool:
        """Whether none of them needs more than its index."""
        return all(walk.is_direct for walk in self.each)


class Paths(NamedTuple):
    """One of the two ways to the rows; there are walks for any filter."""

    walks: Sequence[Walk]
    row_set: RowSet | None
    partition: Partition
    rest: Sequence[Filter]
    """What has to be tested on the rows of the row set; all, if there is none."""


def choose(
    connection: sqlite3.Connection,
    partition: Partition,
    parts: Sequence[Filter],
    *,
    is_paged: bool = False,
    is_merged: bool = True,
) -> Paths:
    """Return the way to the rows that hold all of the parts.

    Behind the first page the place is the upper bound of a walk, and the tighter one. If walks
    cannot be merged, there is one.
    """
    flat = [_spelled_out(connection, partition, part) for part in conjuncts(parts)]
    candidates = [
        (part, row_set)
        for part in _windows(flat)
        if (row_set := _row_set(partition, part)) is not None
    ][:_CANDIDATES_MAX]
    sized = _sized(connection, candidates)
    found = [
        (not walks.is_direct, one.size, number, walks)
        for number, one in enumerate(sized)
        if (walks := _walks(partition, flat, one.part, is_paged=is_paged)) is not None
        if is_merged or len(walks.each) == 1
    ]
    everywhere = Walks([_walk_along(partition, flat, None, is_paged=is_paged)], None)
    walks = min(found)[3] if found else everywhere
    least = min(sized, key=_SIZE, default=None)
    if least is None or least.size > ROW_SET_MAX:
        return Paths(walks.each, None, partition, flat)
    # Walks behind the rarest value meet no row in vain, if their index tells the rest.
    if walks.is_direct and walks.behind is least.part:
        return Paths(walks.each, None, partition, flat)
    answered = list(conjuncts([least.part])) if least.row_set.is_exact else []
    rest = [part for part in flat if not any(part is other for other in answered)]
    return Paths(walks.each, least.row_set, partition, rest)


def is_worth_sorting(connection: sqlite3.Connection, paths: Paths) -> bool:
    """Whether the rows are so few that an order other than theirs would meet most in vain."""
    if paths.row_set is not None:
        return True
    walk = paths.walks[0]
    if len(walk.parameters) == len(paths.partition):
        return False
    source = "visibility_values" if walk.source == VALUES else walk.source
    statement = (
        f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {source}"  # noqa: S608 - own names
        f" WHERE {walk.condition} LIMIT {_SHARED_MAX})) * {_SHARE} < sum(row_count)"
        " FROM visibility_counts WHERE namespace_ref = ? AND archetype = ?"
    )
    return bool(connection.execute(statement, [*walk.parameters, *paths.partition]).fetchone()[0])


def bounds_of(parts: Sequence[Filter], key: SortKey) -> tuple[str, list[Operand]]:
    """Return what a filter asks of the values of a key, where their index does not know it."""
    if key.field == "close_time":
        bounds, parameters = _close_bounds(parts, is_paged=False)
        return f"TRUE{bounds}", parameters
    if not key.is_search_attribute:
        return "TRUE", []
    conditions = [
        _value_condition(part)
        for part in parts
        if isinstance(part, Comparison)
        and part.is_search_attribute
        and part.field == key.field
        and part.operator in _INDEXED_OPERATORS
    ]
    parameters = [operand for _, operands_of in conditions for operand in operands_of]
    return " AND ".join(f"({condition})" for condition, _ in conditions) or "TRUE", parameters


class _Sized(NamedTuple):
    size: int
    part: Filter
    row_set: RowSet


_SIZE: Final = attrgetter("size")


def _windows(parts: Sequence[Filter]) -> Sequence[Filter]:
    """Return the parts, and the two ends of a window as one."""
    ends: dict[tuple[str, bool], list[Filter]] = {}
    others: list[Filter] = []
    for part in parts:
        # A list may meet two ends with two of its words; there are no lists of numbers.
        if isinstance(part, Comparison) and part.operator in _ENDS and _is_number(part):
            ends.setdefault((part.field, part.is_search_attribute), []).append(part)
        else:
            others.append(part)
    return [*(all_of(window) for window in ends.values()), *others]


def _is_number(comparison: Comparison) -> bool:
    return comparison.field in TEXT_COLUMNS or isinstance(comparison.value, int | float)


def _sized(
    connection: sqlite3.Connection, candidates: Sequence[tuple[Filter, RowSet]]
) -> Sequence[_Sized]:
    """Ask the indexes for the sizes, in one statement."""
    if not candidates:
        return ()
    statement = f"SELECT {', '.join(f'({row_set.size})' for _, row_set in candidates)}"
    parameters = [operand for _, row_set in candidates for operand in row_set.parameters]
    sizes: Sequence[int] = connection.execute(statement, parameters).fetchone()
    return [_Sized(size, *found) for size, found in zip(sizes, candidates, strict=True)]


# ------------------------------------------------------------------------------------------- walks
def _walks(
    partition: Partition, parts: Sequence[Filter], behind: Filter, *, is_paged: bool
) -> Walks | None:
    """Return the walks that lead to the rows that meet one of the parts, if there are any."""
    alternatives = _alternatives(behind)
    if not alternatives or len(alternatives) > WALKS_MAX:
        return None
    others = [part for part in parts if part is not behind]
    repeated = sum(1 + len(operands(one)) for part in others for one in comparisons_of(part))
    if len(alternatives) > 1 and repeated > _REPEATED_MAX:
        return None
    return Walks(
        [
            _walk_along(partition, [*others, *conjuncts([whole])], value, is_paged=is_paged)
            for value, whole in alternatives
        ],
        behind,
    )


def _alternatives(part: Filter) -> Sequence[tuple[Comparison, Filter]] | None:
    """Return values behind which the rows lie in the order of lists, and the whole alternative.

    None if there are rows that meet the part and lie behind none.
    """
    match part:
        case AnyOf(parts):
            found = [_alternatives(each) for each in parts]
            if any(each is None for each in found):
                return None
            return [one for each in found for one in each or ()]
        case AllOf(parts):
            return next(([(one, part)] for one in parts if _is_walkable(one)), None)
        case Comparison(operator="in"):
            values = dict.fromkeys(operands(part))
            each = [replace(part, operator="=", value=value) for value in values]
            return [(one, one) for one in each] if all(map(_is_walkable, each)) else None
        case Comparison():
            return [(part, part)] if _is_walkable(part) else None


def _is_walkable(part: Filter) -> TypeGuard[Comparison]:
    if not isinstance(part, Comparison) or part.operator != "=":
        return False
    if part.is_search_attribute:
        return _has_entries(part)
    return part.field in _INDEXES and part.field not in {"start_time", "root_workflow_id"}


def _spelled_out(connection: sqlite3.Connection, partition: Partition, part: Filter) -> Filter:
    """Return the values that begin with a prefix in its place, if they are few."""
    if isinstance(part, AnyOf) and len(part.parts) <= WALKS_MAX:
        return AnyOf(tuple(_values_of(connection, partition, each) for each in part.parts))
    return _values_of(connection, partition, part)


def _values_of(connection: sqlite3.Connection, partition: Partition, part: Filter) -> Filter:
    if not isinstance(part, Comparison) or part.operator != "starts_with":
        return part
    condition, parameters = "namespace_ref = ? AND archetype = ?", [*partition]
    if part.is_search_attribute and _has_entries(part):
        source, column = "visibility_values", "value"
        condition, parameters = f"{condition} AND name = ?", [*partition, part.field]
    elif part.field in TEXT_COLUMNS and _is_walkable(replace(part, operator="=")):
        source, column = f"visibility INDEXED BY {_INDEXES[part.field]}", part.field
        condition += f" AND {column} <> ''"
    else:
        return part
    low, high = prefix_range(str(part.value))
    least = f"SELECT min({column}) FROM {source} WHERE {condition}"  # noqa: S608 - own names
    if high:
        least, parameters = f"{least} AND {column} < ?", [*parameters, high]
    # From each value the index leads to the next one, past all rows in between.
    statement = (
        f"WITH RECURSIVE found (item) AS ({least} AND {column} >= ? UNION ALL"  # noqa: S608
        f" SELECT ({least} AND {column} > item) FROM found WHERE item IS NOT NULL)"
        " SELECT item FROM found WHERE item IS NOT NULL LIMIT ?"
    )
    limit = WALKS_MAX + 1
    rows = connection.execute(statement, [*parameters, low, *parameters, limit]).fetchall()
    if not 0 < len(rows) <= WALKS_MAX:
        return part
    return replace(part, operator="in", value=tuple(row[0] for row in rows))


def _walk_along(
    partition: Partition, parts: Sequence[Filter], behind: Comparison | None, *, is_paged: bool
) -> Walk:
    """Return the walk behind one of the parts, which is walkable, or along all rows."""
    condition = "namespace_ref = ? AND archetype = ?"
    parameters: list[Operand] = [*partition]
    rest = [part for part in parts if part is not behind]
    fields = {
        "" if comparison.is_search_attribute else comparison.field
        for part in rest
        for comparison in comparisons_of(part)
    }
    is_direct = fields <= _IN_EVERY_INDEX
    if behind is None:
        source = ALL_ROWS
    elif behind.is_search_attribute:
        value, operand = _value_condition(behind)
        source = VALUES
        condition += f" AND name = ? AND {value}"
        parameters += [behind.field, *operand]
    else:
        source = f"visibility INDEXED BY {_INDEXES[behind.field]}"
        value, operand = conditions_of([behind])
        condition += f" AND {value}"
        parameters += operand
        if behind.field == "workflow_type":
            is_direct = fields <= {*_IN_EVERY_INDEX, "status"}
    bounds, operand = _close_bounds(parts, is_paged=is_paged)
    return Walk(source, condition + bounds, [*parameters, *operand], rest, is_direct)


def _close_bounds(parts: Sequence[Filter], *, is_paged: bool) -> tuple[str, list[Operand]]:
    """Return the one lower and the one upper bound that an index can use."""
    low, high = 0, OPEN_CLOSE_ORDER
    for part in parts:
        if isinstance(part, Comparison) and part.field == "close_time":
            lowest, highest = _close_range(part)
            low, high = max(low, lowest), min(high, highest)
    condition = " AND close_order >= ?" if low else ""
    bounds: list[Operand] = [low] if low else []
    if high < OPEN_CLOSE_ORDER and not is_paged:
        condition += " AND close_order <= ?"
        bounds.append(high)
    return condition, bounds


def _close_range(comparison: Comparison) -> tuple[int, int]:
    """Return between which bounds a close time lies that meets a comparison."""
    operator, value = comparison.operator, comparison.value
    if operator == "is null":
        return OPEN_CLOSE_ORDER, OPEN_CLOSE_ORDER
    if not isinstance(value, int) or abs(value) >= INTEGER_END:
        return 0, OPEN_CLOSE_ORDER - 1
    low = value if operator in {"=", ">", ">="} else 0
    high = value if operator in {"=", "<", "<="} else OPEN_CLOSE_ORDER - 1
    return low, high


# ---------------------------------------------------------------------------------------- row sets
def _row_set(partition: Partition, part: Filter) -> RowSet | None:
    match part:
        case AnyOf(parts):
            return _union(partition, parts)
        case AllOf(parts):
            return _any_of_them(partition, _windows(parts))
        case Comparison():
            return _compared(partition, [part])


def _any_of_them(partition: Partition, parts: Sequence[Filter]) -> RowSet | None:
    """Return the rows that hold one of the parts: whoever holds all is among them."""
    for part in parts:
        match part:
            case AllOf(window):
                found = _compared(partition, [end for end in window if isinstance(end, Comparison)])
            case _:
                found = _row_set(partition, part)
        if found is not None:
            return found._replace(is_exact=found.is_exact and len(parts) == 1)
    return None


def _union(partition: Partition, parts: Sequence[Filter]) -> RowSet | None:
    if len(parts) > _CANDIDATES_MAX:
        return None
    sets: list[RowSet] = []
    for part in parts:
        found = _row_set(partition, part)
        if found is None:
            return None
        sets.append(found)
    return _joined(sets)


def _joined(sets: Sequence[RowSet]) -> RowSet:
    statement = " UNION ALL ".join(found.statement for found in sets)
    parameters = [operand for found in sets for operand in found.parameters]
    size = " + ".join(f"({found.size})" for found in sets)
    is_exact = all(found.is_exact for found in sets)
    return RowSet(statement, parameters, f"SELECT {size}", is_exact)


def _compared(partition: Partition, comparisons: Sequence[Comparison]) -> RowSet | None:
    """Return the rows that meet comparisons of one field."""
    field = comparisons[0].field
    if any(comparison.operator not in _INDEXED_OPERATORS for comparison in comparisons):
        return None
    if comparisons[0].is_search_attribute:
        is_indexed = all(map(_has_entries, comparisons))
        return _of_attribute(partition, comparisons) if is_indexed else None
    if field == "run_id":
        return _of_runs(comparisons[0])
    if field == "root_workflow_id":
        return _of_roots(partition, comparisons)
    if field not in _INDEXES:
        return None
    condition, parameters = conditions_of(comparisons)
    found = _counted(f"visibility INDEXED BY {_INDEXES[field]}", partition, condition, parameters)
    if field not in COUNTED:
        return found
    counts = "SELECT coalesce(sum(row_count), 0) FROM visibility_counts"
    size = f"{counts} WHERE namespace_ref = ? AND archetype = ? AND {condition}"
    return found._replace(size=size)


def _of_roots(partition: Partition, comparisons: Sequence[Comparison]) -> RowSet:
    """Return those that are below a root, and the roots: they have no parent."""
    children, parameters = conditions_of(comparisons)
    roots, _ = conditions_of([replace(each, field="workflow_id") for each in comparisons])
    found = _joined(
        [
            _counted("visibility INDEXED BY visibility_by_workflow", partition, roots, parameters),
            _counted(
                "visibility INDEXED BY visibility_by_root",
                partition,
                f"{children} AND parent_workflow_id <> ''",
                parameters,
            ),
        ]
    )
    return found._replace(is_exact=False)  # Not every execution of that id is a root.


def _counted(
    source: str, partition: Partition, condition: str, parameters: Sequence[Operand]
) -> RowSet:
    statement = (
        f"SELECT execution_id FROM {source}"  # noqa: S608 - own names
        f" WHERE namespace_ref = ? AND archetype = ? AND {condition}"
    )
    size = f"SELECT count(*) FROM ({statement} LIMIT {ROW_SET_MAX + 1})"  # noqa: S608
    return RowSet(statement, [*partition, *parameters], size, is_exact=True)


def _of_runs(comparison: Comparison) -> RowSet | None:
    if comparison.operator not in {"=", "in"}:
        return None
    runs = [run for run in operands(comparison) if isinstance(run, str)]
    statement = (
        "SELECT execution_id FROM executions"  # noqa: S608
        f" WHERE run_id IN ({', '.join('?' * len(runs))})"
    )
    size = f"SELECT count(*) FROM ({statement})"  # noqa: S608
    return RowSet(statement, runs, size, is_exact=True)


def _of_attribute(partition: Partition, comparisons: Sequence[Comparison]) -> RowSet:
    values = [_value_condition(comparison) for comparison in comparisons]
    condition = " AND ".join(["name = ?", *(value for value, _ in values), *_border(comparisons)])
    parameters = [operand for _, operands in values for operand in operands]
    return _counted("visibility_values", partition, condition, [comparisons[0].field, *parameters])


def _border(comparisons: Sequence[Comparison]) -> Sequence[str]:
    """Return what ends a range where the values of the other type begin: texts follow numbers."""
    directions = {comparison.operator[0] for comparison in comparisons}
    is_text = isinstance(comparisons[0].value, str)
    if is_text and directions == {"<"}:
        return ["value >= ''"]
    return ["value < ''"] if directions == {">"} and not is_text else []


def _value_condition(comparison: Comparison) -> tuple[str, list[Operand]]:
    """Return the condition on `visibility_values.value`; a range may let pass the other type."""
    texts = [isinstance(value, str) for value in operands(comparison)]
    if all(texts) or not any(texts):
        return comparison_on(comparison, "value", is_text=all(texts))
    text, of_text = comparison_on(comparison, "value", is_text=True)
    number, of_number = comparison_on(comparison, "value", is_text=False)
    return f"({text} OR {number})", [*of_text, *of_number]


def _has_entries(comparison: Comparison) -> bool:
    """Whether every row that meets it has an entry for it."""
    if comparison.field == UNLISTED_ATTRIBUTE and comparison.operator not in {"=", "in"}:
        return False
    return all(has_entry(comparison.field, value) for value in operands(comparison))
