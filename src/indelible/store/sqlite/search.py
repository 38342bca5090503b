"""Visibility searches: from a filter to SQL, from rows to records.

Owns the text of those statements. Which index they follow is `access_paths`' choice, and named
rather than left to SQLite, which without statistics cannot tell a workflow id from a status. Must
not know which thread runs it, but says what may take long: a *scan* looks at rows that no index
tells from those that are wanted.

A page comes as one row of JSON: between two rows Python's driver lets go of the interpreter lock
and may wait 5 ms to get it back while the event loop computes.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from indelible.base.ids import Archetype, NamespaceId, RunId
from indelible.base.instants import NEVER, Instant
from indelible.base.limits import VISIBILITY_GROUPS_MAX
from indelible.engine.visibility.filters import comparisons_of, conjuncts
from indelible.engine.visibility.ordering import SortKey, SortValue
from indelible.engine.visibility.search_attributes import NAMESPACE_DIVISION
from indelible.ports.stores import (
    Comparison,
    Filter,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityRecord,
)
from indelible.store.sqlite.access_paths import (
    COUNTED,
    VALUES,
    Partition,
    Paths,
    bounds_of,
    choose,
    is_worth_sorting,
)
from indelible.store.sqlite.conditions import conditions_of
from indelible.store.sqlite.sorting import (
    DEFAULT_ORDER,
    Operand,
    order_clause,
    place_condition,
    sort_expression,
)
from indelible.store.sqlite.value_orders import ValueOrder, value_order
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER

_COLUMNS: Final = """workflow_id, run_id, workflow_type, task_queue, status, start_time,
    execution_time, close_order, history_length, history_size_bytes, state_transition_count,
    parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, indexed_values,
    search_attributes, memo"""
_PLACE: Final = "close_order, start_time, run_id, execution_id"
_ROW_AS_JSON: Final = _COLUMNS.replace(
    "search_attributes, memo", "hex(search_attributes), hex(memo)"
)


class Search(NamedTuple):
    """A statement and its parameters."""

    statement: str
    parameters: list[Operand]
    is_scan: bool
    """Whether it may take as long as there are rows."""
    behind: "Search | None" = None
    """What finds the rows behind those of this one, if they do not fill the page."""


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
    connection: sqlite3.Connection,
    query: VisibilityFilter,
    namespace_ref: int,
    after: VisibilityCursor | None,
    limit: int,
) -> Search:
    """Return the statement for a page: one row with one JSON text."""
    pages: list[Search] = []
    archetypes, parts = _archetypes(query)
    for archetype in archetypes:
        partition = Partition(namespace_ref, archetype)
        is_paged = after is not None and not query.order_by
        paths = choose(
            connection, partition, parts, is_paged=is_paged, is_merged=not query.order_by
        )
        order = value_order(query.order_by[0]) if query.order_by else None
        is_alone = len(archetypes) == 1
        if order is not None and is_alone and not is_worth_sorting(connection, paths):
            return _as_json(_page_by_value(paths, order, query, after, limit))
        pages.append(_page(paths, query, after, limit))
    order, operands = order_clause(query.order_by)
    rows, parameters = pages[0].statement, pages[0].parameters
    if len(pages) > 1:
        rows = " UNION ALL ".join(_whole(page) for page in pages)
        rows = f"SELECT * FROM ({rows}) ORDER BY {order} LIMIT ?"  # noqa: S608
        parameters = [operand for page in pages for operand in page.parameters]
        parameters += [*operands, limit]
    return _as_json(Search(rows, parameters, is_scan=any(page.is_scan for page in pages)))


def _as_json(page: Search) -> Search:
    rows = f"({page.statement})"
    statement = f"SELECT json_group_array(json_array({_ROW_AS_JSON})) FROM {rows}"  # noqa: S608
    behind = None if page.behind is None else _as_json(page.behind)
    return page._replace(statement=statement, behind=behind)


def _page(
    paths: Paths, query: VisibilityFilter, after: VisibilityCursor | None, limit: int
) -> Search:
    order, order_operands = order_clause(query.order_by)
    place, place_operands = _place(query, after)
    ways: list[str] = []
    parameters: list[Operand] = []
    for source, condition, operands in _found(paths):
        ways.append(f"FROM {source} WHERE {condition} AND {place}")
        parameters += [*operands, *place_operands]
    parameters += [*order_operands, limit]
    is_walk = paths.row_set is None
    if is_walk and not query.order_by:
        is_direct = all(walk.is_direct for walk in paths.walks)
        return Search(_in_list_order(ways), parameters, is_scan=not is_direct)
    found = f"{ways[0]} ORDER BY {order} LIMIT ?"
    return Search(_read_whole(found, order), [*parameters, *order_operands], is_scan=is_walk)


def _place(
    query: VisibilityFilter, after: VisibilityCursor | None, along: str = ""
) -> tuple[str, list[Operand]]:
    return ("TRUE", []) if after is None else place_condition(query.order_by, after, along)


def _read_whole(found: str, order: str) -> str:
    """Return the statement for the rows of a page: what is sorted before are numbers."""
    return (
        f"SELECT {_COLUMNS} FROM (SELECT execution_id {found})"  # noqa: S608 - own names
        f" CROSS JOIN visibility USING (execution_id) ORDER BY {order}"
    )


def _page_by_value(
    paths: Paths,
    along: ValueOrder,
    query: VisibilityFilter,
    after: VisibilityCursor | None,
    limit: int,
) -> Search:
    """Return the statements for a page along an index of values: rows with one, then the others."""
    key = query.order_by[0]
    order, operands = order_clause(query.order_by)
    order_along, operands_along = order_clause(query.order_by, along.column)
    place, place_operands = _place(query, after, along.column)
    bounds, bound_operands = bounds_of(paths.rest, key)
    tested, tested_operands = conditions_of(paths.rest)
    found = (
        f"FROM {along.source} WHERE namespace_ref = ? AND archetype = ? AND {place}"
        f" AND {along.condition} AND {bounds} AND {tested} ORDER BY {order_along} LIMIT ?"
    )
    parameters = [*paths.partition, *place_operands, *along.parameters, *bound_operands]
    parameters += [*tested_operands, *operands_along, limit, *operands]
    is_sorted = along.has_large_groups and (key.is_descending or len(query.order_by) > 1)
    behind = _page_without_value(paths, along, query, after, limit)
    is_scan = bool(paths.rest) or is_sorted or (behind is not None and behind.is_scan)
    return Search(_read_whole(found, order), parameters, is_scan, behind)


def _page_without_value(
    paths: Paths,
    along: ValueOrder,
    query: VisibilityFilter,
    after: VisibilityCursor | None,
    limit: int,
) -> Search | None:
    """Return the statement for the rows that have no value of the first key."""
    key, *keys = query.order_by
    if any(
        isinstance(part, Comparison)
        and part.operator != "is null"
        and (part.field, part.is_search_attribute) == (key.field, key.is_search_attribute)
        for part in paths.rest
    ):
        return None
    if along.lacking:
        tested, parameters = conditions_of(paths.rest)
        parameters = [*paths.partition, *parameters]
        condition = f"namespace_ref = ? AND archetype = ? AND {along.lacking} AND {tested}"
        source = along.source
    else:
        ((source, condition, parameters),) = _found(paths)
        expression, operands = sort_expression(key)
        condition += f" AND {expression} IS NULL"
        parameters += operands
    rest = replace(query, order_by=keys)
    begun = None
    if after is not None and after.values[0] is None:
        begun = replace(after, values=after.values[1:])
    place, place_operands = _place(rest, begun)
    order, operands = order_clause(keys)
    found = f"FROM {source} WHERE {condition} AND {place} ORDER BY {order} LIMIT ?"
    parameters += [*place_operands, *operands, limit, *operands]
    return Search(_read_whole(found, order), parameters, is_scan=not along.lacking)


def _in_list_order(ways: Sequence[str]) -> str:
    """Return the statement that walks along all of them at once, and meets every row once."""
    tail = f"ORDER BY {DEFAULT_ORDER} LIMIT ?"
    if len(ways) == 1:
        return f"SELECT {_COLUMNS} {ways[0]} {tail}"
    # Of a UNION of statements that are all in its order, SQLite takes row by row.
    merged = " UNION ".join(f"SELECT {_PLACE} {way}" for way in ways)
    return _read_whole(f"FROM ({merged} {tail})", DEFAULT_ORDER)


def _whole(search: Search) -> str:
    """Return a statement that can be joined to others although it has an order of its own."""
    return f"SELECT * FROM ({search.statement})"  # noqa: S608


def _found(paths: Paths) -> list[tuple[str, str, list[Operand]]]:
    """Return each FROM and WHERE that lead to rows that a filter lets pass."""
    row_set = paths.row_set
    if row_set is None:
        tested = [(walk, *conditions_of(walk.rest)) for walk in paths.walks]
        return [
            (walk.source, f"{walk.condition} AND {rest}", [*walk.parameters, *operands])
            for walk, rest, operands in tested
        ]
    rest, operands = conditions_of(paths.rest)
    condition = (
        f"execution_id IN ({row_set.statement}) AND namespace_ref = ? AND archetype = ? AND {rest}"
    )
    parameters = [*row_set.parameters, *paths.partition, *operands]
    return [("visibility NOT INDEXED", condition, parameters)]


def _archetypes(query: VisibilityFilter) -> tuple[Sequence[int], Sequence[Filter]]:
    """Return where the rows lie, and what is left to be tested there.

    The service's own executions lie apart, and a filter usually says that it wants none of them.
    """
    listed, own = int(query.archetype), -int(query.archetype)
    parts = list(conjuncts(query.comparisons))
    for part in parts:
        if isinstance(part, Comparison) and part.field == NAMESPACE_DIVISION:
            if part.operator == "is null":
                return [listed], [other for other in parts if other is not part]
            return [own], parts
    return [listed, own], parts


def read_page(
    connection: sqlite3.Connection, search: Search, query: VisibilityFilter, limit: int
) -> Sequence[VisibilityRecord]:
    """Run a list search."""
    text: str = connection.execute(search.statement, search.parameters).fetchone()[0]
    rows = [_record(row, query.namespace_id, query.archetype) for row in _PAGE.decode(text)]
    if search.behind is not None and len(rows) < limit:
        rows += read_page(connection, search.behind, query, limit)[: limit - len(rows)]
    return rows


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
    connection: sqlite3.Connection,
    query: VisibilityFilter,
    namespace_ref: int,
    group_by: SortKey | None = None,
) -> Search:
    """Return the statement for a count: rows of (value or 0, count)."""
    archetypes, parts = _archetypes(query)
    counts = [
        _count(connection, Partition(namespace_ref, archetype), parts, group_by)
        for archetype in archetypes
    ]
    statement = " UNION ALL ".join(_whole(count) for count in counts)
    parameters = [operand for count in counts for operand in count.parameters]
    return Search(statement, parameters, is_scan=any(count.is_scan for count in counts))


def _count(
    connection: sqlite3.Connection,
    partition: Partition,
    parts: Sequence[Filter],
    group_by: SortKey | None,
) -> Search:
    value, operands = ("0", []) if group_by is None else sort_expression(group_by)
    if _is_counted(parts, group_by):
        condition, parameters = conditions_of(parts)
        tail = f"FROM visibility_counts WHERE namespace_ref = ? AND archetype = ? AND {condition}"
        parameters = [*partition, *parameters]
        total, is_scan = "coalesce(sum(row_count), 0)", False
    else:
        paths = choose(connection, partition, parts, is_merged=group_by is None)
        is_direct = group_by is None and all(walk.is_direct for walk in paths.walks)
        ways: list[str] = []
        parameters: list[Operand] = []
        for source, condition, found in _found(paths):
            is_enough = source == VALUES and is_direct
            ways.append(f"FROM {'visibility_values' if is_enough else source} WHERE {condition}")
            parameters += found
        tail, total = ways[0], "count(*)"
        if len(ways) > 1:
            each = " UNION ".join(f"SELECT execution_id {way}" for way in ways)
            tail = f"FROM ({each})"
        is_scan = paths.row_set is None and not (is_direct and len(ways) == 1)
    statement = f"SELECT {value}, {total} {tail}"
    parameters = [*operands, *parameters]
    if group_by is not None:
        statement += " GROUP BY 1 LIMIT ?"
        parameters.append(VISIBILITY_GROUPS_MAX + 1)
    return Search(statement, parameters, is_scan=is_scan)


def _is_counted(parts: Sequence[Filter], group_by: SortKey | None) -> bool:
    """Whether the counts that are kept answer it."""
    fields = {
        "" if comparison.is_search_attribute else comparison.field
        for part in parts
        for comparison in comparisons_of(part)
    }
    if group_by is not None:
        fields.add("" if group_by.is_search_attribute else group_by.field)
    return fields <= COUNTED


def read_counts(connection: sqlite3.Connection, search: Search) -> Mapping[SortValue, int]:
    """Run a count search."""
    counts: Counter[SortValue] = Counter()
    for value, count in connection.execute(search.statement, search.parameters).fetchall():
        counts[value] += count
    return counts
