"""Queries as people write them, against both stores and a naive evaluation of their text's tree.

The evaluation here has the three truth values of SQL and keeps negations where they stand; it
shares neither the compiled form nor any code with the stores.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from operator import itemgetter
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from indelible.base.instants import NEVER
from indelible.engine.visibility.query import ALTERNATIONS_MAX, compile_query
from indelible.engine.visibility.query_syntax import (
    Condition,
    Conjunction,
    Disjunction,
    Expression,
    Literal,
    Negation,
    parse,
)
from indelible.engine.visibility.search_attributes import (
    BOOL,
    DATETIME,
    DOUBLE,
    INT,
    KEYWORD,
    KEYWORD_LIST,
    TEXT,
)
from indelible.ports.stores import Store, VisibilityRecord
from indelible.store.memory import MemoryStore
from indelible.store.sqlite import SqliteStore, access_paths
from tests.stores.builders import CLUSTER_ID, cursor, key, own, pages, put, visible, where, write

CUSTOM: Final = {
    "Customer": KEYWORD,
    "Number": INT,
    "Ratio": DOUBLE,
    "Flag": BOOL,
    "When": DATETIME,
    "Tags": KEYWORD_LIST,
    "Notes": TEXT,
}
STATUSES: Final = {1: "Running", 2: "Completed", 3: "Failed"}
WORDS: Final = ("", "a", "ab", "b", "it's", 'back\\slash "quoted"', "ä\n", chr(0x10FFFF))
NOTES: Final = ("Red fox", "red, BLUE", "fox", "é")
NUMBERS: Final = (-1, 0, 1, 2, 3, 10, 2**62)

Stored = str | int | float | bool | Sequence[str] | None


# --------------------------------------------------------------------------------------------- rows
def _rows() -> list[VisibilityRecord]:
    rows: list[VisibilityRecord] = []
    for number in range(36):
        close_time = NEVER if number % 3 == 0 else 4 + number % 5
        row = visible(
            key(WORDS[1 + number % 7], f"run-{number * 7 % 36:02}"),
            status=1 if close_time == NEVER else 2 + number % 2,
            start_time=1 + number % 4,
            close_time=close_time,
        )
        attributes: dict[str, str | int | float | bool | Sequence[str]] = {
            "Customer": WORDS[number % 8],
            "Number": NUMBERS[number % 7],
            "Ratio": number / 7,
            "Flag": number % 2 == 0,
            "When": number % 6,
            "Tags": [WORDS[number % 3], WORDS[number % 5]],
            "Notes": NOTES[number % 4].replace(",", "").casefold().split(),
        }
        kept = {
            name: value for at, (name, value) in enumerate(attributes.items()) if number >> at & 1
        }
        rows.append(
            replace(
                row,
                workflow_type=WORDS[1 + number % 3],
                parent_workflow_id=WORDS[number % 3],
                history_length=number % 4,
                execution_time=NEVER if number % 5 == 0 else row.start_time,
                indexed_values=kept,
            )
        )
    return rows


ROWS: Final = _rows()


def _closed(read: Callable[[VisibilityRecord], Stored]) -> Callable[[VisibilityRecord], Stored]:
    return lambda row: None if row.close_time == NEVER else read(row)


READERS: Final[Mapping[str, Callable[[VisibilityRecord], Stored]]] = {
    "WorkflowId": lambda row: row.workflow_id,
    "RunId": lambda row: row.run_id,
    "WorkflowType": lambda row: row.workflow_type,
    "ParentWorkflowId": lambda row: row.parent_workflow_id or None,
    "ExecutionStatus": lambda row: STATUSES[row.status],
    "StartTime": lambda row: row.start_time,
    "ExecutionTime": lambda row: row.execution_time or None,
    "CloseTime": lambda row: row.close_time or None,
    "HistoryLength": _closed(lambda row: row.history_length),
    "ExecutionDuration": _closed(
        lambda row: row.close_time - (row.execution_time or row.start_time)
    ),
    **{name: lambda row, name=name: row.indexed_values.get(name) for name in CUSTOM},
}


# --------------------------------------------------------------------------------- naive evaluation
def verdict(row: VisibilityRecord, expression: Expression) -> bool | None:
    match expression:
        case Negation(part):
            inner = verdict(row, part)
            return None if inner is None else not inner
        case Conjunction(parts):
            verdicts = [verdict(row, part) for part in parts]
            return False if False in verdicts else None if None in verdicts else True
        case Disjunction(parts):
            verdicts = [verdict(row, part) for part in parts]
            return True if True in verdicts else None if None in verdicts else False
        case Condition(column, operator, values):
            return _condition(READERS[column](row), column, operator, values)


def _condition(
    stored: Stored, column: str, operator: str, values: tuple[Literal, ...]
) -> bool | None:
    if operator in {"is null", "is not null"}:
        return (stored is None) == (operator == "is null")
    if stored is None:
        return None
    elements = (stored,) if isinstance(stored, str | int | float) else stored
    if column == "Notes":
        values = tuple(str(values[0]).replace(",", "").casefold().split())
    return _compared(elements, operator, values)


def _compared(
    elements: Sequence[str | int | float], operator: str, values: tuple[Literal, ...]
) -> bool:
    first = elements[0] if elements else ""
    match operator:
        case "=" | "in":
            return any(element in values for element in elements)
        case "!=":
            return not any(element in values for element in elements)
        case "starts_with":
            return str(first).startswith(str(values[0]))
        case "between":
            return _ordered(values[0], first) and _ordered(first, values[1])
        case "<=" | ">":
            return _ordered(first, values[0]) == (operator == "<=")
        case _:
            return _ordered(values[0], first) == (operator == ">=")


def _ordered(low: str | float, high: str | float) -> bool:
    if isinstance(low, str) or isinstance(high, str):
        return str(low) <= str(high)
    return low <= high


# ----------------------------------------------------------------------------------------- spelling
def spelled(expression: Expression) -> str:
    match expression:
        case Negation(Condition(column, "in" | "between" | "starts_with", values) as part):
            return f"{column} NOT {_tail(part.operator, values)}"
        case Negation(part):
            return f"NOT ({spelled(part)})"
        case Conjunction(parts):
            return " and ".join(f"({spelled(part)})" for part in parts)
        case Disjunction(parts):
            return " OR ".join(f"({spelled(part)})" for part in parts)
        case Condition(column, operator, values):
            return f"`{column}` {_tail(operator, values)}"


def _tail(operator: str, values: tuple[Literal, ...]) -> str:
    literals = [_literal(value) for value in values]
    match operator:
        case "in":
            return f"IN ({', '.join(literals)})"
        case "between":
            return f"BETWEEN {' AND '.join(literals)}"
        case _:
            return " ".join([operator, *literals])


def _literal(value: Literal) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        return f"'{escaped}'"
    return str(value)


def unplaced(expression: Expression) -> Expression:
    """Return the same expression without the places of its parts in a text."""
    match expression:
        case Negation(part):
            return Negation(unplaced(part))
        case Conjunction(parts) | Disjunction(parts):
            return type(expression)(tuple(map(unplaced, parts)))
        case Condition():
            return replace(expression, at=0)


# ------------------------------------------------------------------------------------------ queries
EQUAL: Final = ("=", "!=", "in", "is null", "is not null")
RANGE: Final = ("<", "<=", ">", ">=", "between")
ANY: Final = {
    **dict.fromkeys(
        ("WorkflowId", "WorkflowType", "ParentWorkflowId", "Customer"),
        (st.sampled_from(WORDS), (*EQUAL, *RANGE, "starts_with")),
    ),
    "RunId": (st.sampled_from(("run-01", "run-1", "run-20")), (*EQUAL, *RANGE, "starts_with")),
    "ExecutionStatus": (st.sampled_from(tuple(STATUSES.values())), EQUAL),
    **dict.fromkeys(
        ("StartTime", "ExecutionTime", "CloseTime", "When", "HistoryLength", "ExecutionDuration"),
        (st.integers(-1, 9), (*EQUAL, *RANGE)),
    ),
    "Number": (st.sampled_from((*NUMBERS, 1.5, 2.0)), (*EQUAL, *RANGE)),
    "Ratio": (st.sampled_from((0, 0.5, 1, 1.25, -3.5, 1e-05, 1e16)), (*EQUAL, *RANGE)),
    "Flag": (st.booleans(), EQUAL),
    "Tags": (st.sampled_from(WORDS), EQUAL),
    "Notes": (st.sampled_from(NOTES), ("=", "!=", "is null", "is not null")),
}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(tuple(ANY)))
    literals, operators = ANY[column]
    operator = draw(st.sampled_from(operators))
    least, most = {"in": (1, 4), "between": (2, 2), "is null": (0, 0), "is not null": (0, 0)}.get(
        operator, (1, 1)
    )
    return Condition(
        column, operator, tuple(draw(st.lists(literals, min_size=least, max_size=most)))
    )


def _joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return inner.map(Negation) | parts.map(Conjunction) | parts.map(Disjunction)


EXPRESSIONS: Final = st.recursive(conditions(), _joined, max_leaves=8)


SORTABLE: Final = tuple(name for name in READERS if name not in {"Tags", "Notes"})
ORDERS: Final = st.lists(st.tuples(st.sampled_from(SORTABLE), st.booleans()), max_size=3)
Orders = Sequence[tuple[str, bool]]


def in_order(rows: Sequence[VisibilityRecord], orders: Orders) -> list[str]:
    """The last key first, for sorting is stable. Rows without a value come last, either way."""
    found = sorted(
        rows,
        key=lambda row: (row.close_time != NEVER, -row.close_time, -row.start_time, row.run_id),
    )
    for column, is_descending in reversed(orders):
        keyed = [(row, _sort_value(row, column)) for row in found]
        having = [(row, value) for row, value in keyed if value is not None]
        having.sort(key=itemgetter(1), reverse=is_descending)  # Keeps the order of equal rows.
        found = [*(row for row, _ in having), *(row for row, value in keyed if value is None)]
    return [row.run_id for row in found]


def _sort_value(row: VisibilityRecord, column: str) -> str | float | None:
    value = row.status if column == "ExecutionStatus" else READERS[column](row)
    assert value is None or isinstance(value, str | int | float)
    return value


def _ordered_by(orders: Orders) -> str:
    keys = [f"{column} {'DESC' if is_descending else ''}" for column, is_descending in orders]
    return f" ORDER BY {', '.join(keys)}" if keys else ""


@asynccontextmanager
async def both_stores(rows: Sequence[VisibilityRecord]) -> AsyncGenerator[list[Store]]:
    async with AsyncExitStack() as closing:
        stores: list[Store] = [
            MemoryStore(cluster_id=CLUSTER_ID),
            SqliteStore.open(":memory:", cluster_id=CLUSTER_ID),
        ]
        for store in stores:
            closing.push_async_callback(store.close)
            await show(store, rows)
        yield stores


async def show(store: Store, rows: Sequence[VisibilityRecord]) -> None:
    shard = await own(store)
    written = [write(key(row.workflow_id, row.run_id), visibility=row) for row in rows]
    await put(store, shard, *written)


async def check(expressions: Sequence[Expression], page_size: int, orders: Orders = ()) -> None:
    async with both_stores(ROWS) as stores:
        for expression in expressions:
            expected = in_order([row for row in ROWS if verdict(row, expression)], orders)
            compiled = compile_query(spelled(expression) + _ordered_by(orders), CUSTOM)
            query = where(*compiled.comparisons, order_by=compiled.order_by)
            for store in stores:
                found = [row for page in await pages(store, query, page_size) for row in page]
                assert [row.run_id for row in found] == expected
                assert dict(await store.count_executions(query)) == {0: len(expected)}


async def check_both_ways(expressions: Sequence[Expression], orders: Orders) -> None:
    """The same rows are found by walks, by small sets of rows, and in any page."""
    async with both_stores(ROWS) as stores:
        for expression in expressions:
            compiled = compile_query(spelled(expression) + _ordered_by(orders), CUSTOM)
            query = where(*compiled.comparisons, order_by=compiled.order_by)
            expected = in_order([row for row in ROWS if verdict(row, expression)], orders)
            for most, merged in ((-1, 32), (-1, 3), (0, 0), (4, 2), (20, 32)):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(access_paths, "ROW_SET_MAX", most)
                    patch.setattr(access_paths, "WALKS_MAX", merged)
                    found = [row for page in await pages(stores[1], query, 3) for row in page]
                    counts = await stores[1].count_executions(query)
                assert [row.run_id for row in found] == expected
                assert dict(counts) == {0: len(expected)}


async def check_inserts(orders: Orders, size: int, late: set[int]) -> None:
    """What was there at the first page comes once, in order, whatever is added meanwhile."""
    first = [row for number, row in enumerate(ROWS) if number not in late]
    rest = [row for number, row in enumerate(ROWS) if number in late]
    compiled = compile_query(_ordered_by(orders), CUSTOM)
    query = where(order_by=compiled.order_by)
    async with both_stores(first) as stores:
        for store in stores:
            found: list[VisibilityRecord] = []
            waiting = list(rest)
            page = await store.list_executions(query, after=None, limit=size)
            while page:
                found += page
                if waiting:
                    await show(store, [waiting.pop()])
                after = cursor(page[-1], compiled.order_by)
                page = await store.list_executions(query, after=after, limit=size)
            listed = [row.run_id for row in found]
            assert listed == in_order(found, orders)
            assert set(listed) >= {row.run_id for row in first}


@given(EXPRESSIONS)
def test_a_query_survives_its_spelling(expression: Expression) -> None:
    parsed = parse(spelled(expression)).where
    assert parsed is not None
    assert unplaced(parsed) == expression


@pytest.mark.slow
@settings(max_examples=max(20, settings().max_examples // 4))
@given(st.lists(EXPRESSIONS, min_size=1, max_size=12), st.integers(1, 9), ORDERS)
def test_both_stores_find_what_a_naive_evaluation_finds(
    expressions: Sequence[Expression], page_size: int, orders: Orders
) -> None:
    asyncio.run(check(expressions, page_size, orders))


@pytest.mark.slow
@settings(max_examples=max(20, settings().max_examples // 4))
@given(st.lists(EXPRESSIONS, min_size=1, max_size=12), ORDERS)
def test_every_path_leads_to_the_same_rows(
    expressions: Sequence[Expression], orders: Orders
) -> None:
    asyncio.run(check_both_ways(expressions, orders))


@pytest.mark.slow
@settings(max_examples=max(20, settings().max_examples // 4))
@given(ORDERS, st.integers(1, 9), st.sets(st.integers(0, len(ROWS) - 1)))
def test_pages_neither_skip_nor_repeat_while_rows_appear(
    orders: Orders, size: int, late: set[int]
) -> None:
    asyncio.run(check_inserts(orders, size, late))


@pytest.mark.slow
def test_the_largest_query_is_answered() -> None:
    many = [Condition("Customer", "=", (f"c{n}",)) for n in range(500)]
    numbers = [Condition("Number", "<", (n,)) for n in range(499)]
    wide = Conjunction((Disjunction((*many, *numbers)), Condition("Flag", "=", (True,))))
    values = Condition("WorkflowId", "in", tuple(f"w{n}" for n in range(9_999)))
    asyncio.run(check([wide, values, alternating(ALTERNATIONS_MAX), bushy(8)], 5))


def alternating(depth: int) -> Expression:
    """ORs in ANDs in ORs, with as many parts each as there can be."""
    part: Expression = Condition("Number", "=", (1,))
    for level in range(depth):
        near = [Condition("Customer", "!=", (f"{level} {n}",)) for n in range(50)]
        flag = Condition("Flag", "=", (level % 3 == 0,))
        parts = (flag, *near, part) if level % 2 else (flag, part)
        part = Conjunction(parts) if level % 2 else Disjunction(parts)
    return part


def bushy(depth: int) -> Expression:
    """Both sides as deep as they can be."""
    if depth == 0:
        return Condition("Tags", "!=", ("b",))
    parts = (bushy(depth - 1), bushy(depth - 1))
    if depth == 1:
        parts = (parts[0], Condition("Number", "<", (3,)))
    return Conjunction(parts) if depth % 2 else Disjunction(parts)
