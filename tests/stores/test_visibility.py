"""Every store: order, paging and filters of lists and counts."""

from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.ids import NamespaceId
from indelible.base.instants import NEVER
from indelible.engine.visibility.ordering import STATUS, SortKey
from indelible.ports.stores import Comparison, Store, StoreError, VisibilityRecord
from tests.stores.builders import (
    COMPLETED,
    RUNNING,
    compare,
    compare_attribute,
    key,
    own,
    pages,
    put,
    runs,
    visible,
    where,
    write,
)


async def show(store: Store, *rows: VisibilityRecord) -> None:
    shard = await own(store)
    await put(
        store, shard, *(write(key(row.workflow_id, row.run_id), visibility=row) for row in rows)
    )


async def test_a_row_is_listed_as_it_was_written(store: Store) -> None:
    row = replace(
        visible(key("ÄÖ 'quoted\" \\ \n name", "run")),
        search_attributes={"Name": b"\x00\xff", "Other": b""},
        indexed_values={
            "Text": "ä'\"\\\n",
            "Number": 2**62,
            "Fraction": 0.1,
            "Whole": 2.0,
            "Flag": True,
            "List": ["a", "b"],
        },
    )
    await show(store, row)
    (listed,) = await store.list_executions(where(), after=None, limit=10)
    assert listed == row
    assert repr(dict(listed.indexed_values)) == repr(dict(row.indexed_values))


async def test_open_runs_first_then_latest_close_latest_start_run_id(store: Store) -> None:
    expected = [
        visible(key("w", "f"), start_time=9),
        visible(key("w", "a"), start_time=5),
        visible(key("w", "b"), start_time=5),
        visible(key("w", "c"), start_time=1, close_time=20),
        visible(key("w", "e"), start_time=4, close_time=10),
        visible(key("w", "d"), start_time=2, close_time=10),
        visible(key("w", "g"), start_time=2, close_time=10),
    ]
    await show(store, *expected[::-1])
    assert list(await store.list_executions(where(), after=None, limit=100)) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
async def test_pages_neither_skip_nor_repeat(store: Store, size: int) -> None:
    rows = [
        visible(
            key("w", f"run-{number * 7 % 40:02}"),
            start_time=1 + number * 11 % 3,
            close_time=(NEVER, 5, 6)[number * number % 3],
        )
        for number in range(40)
    ]
    await show(store, *rows)
    whole = await store.list_executions(where(), after=None, limit=100)
    assert len(whole) == 40
    assert [row for page in await pages(store, where(), size) for row in page] == list(whole)


async def test_a_page_goes_on_behind_a_row_that_is_gone(store: Store) -> None:
    rows = [visible(key("w", f"r{n}"), start_time=n) for n in range(1, 7)]
    await show(store, *rows)
    first = await store.list_executions(where(), after=None, limit=3)
    shard = await own(store)
    await store.commit(replace(shard, deleted=[key("w", first[-1].run_id)]))
    (rest,) = await pages(store, where(), 10)
    assert [row.run_id for row in rest] == ["r6", "r5", "r3", "r2", "r1"]


async def test_a_row_changes_its_place_when_the_run_closes(store: Store) -> None:
    shard = await own(store)
    a, b = key("a", "ra"), key("b", "rb")
    await put(store, shard, write(a, visibility=visible(a)), write(b, visibility=visible(b)))
    closed = visible(a, status=COMPLETED, close_time=9)
    await put(store, shard, write(a, 2, is_open=False, visibility=closed))
    assert await runs(store, where()) == ["rb", "ra"]
    assert await runs(store, where(compare("status", "=", COMPLETED))) == ["ra"]
    assert await runs(store, where(compare("status", "=", RUNNING))) == ["rb"]


async def test_a_commit_without_a_row_keeps_the_row(store: Store) -> None:
    shard = await own(store)
    a = key("a", "ra")
    await put(store, shard, write(a, visibility=visible(a)))
    await put(store, shard, write(a, 2))
    assert await runs(store, where()) == ["ra"]


ROWS: Final = [
    replace(
        visible(key("order-1", "r1"), start_time=10),
        indexed_values={"Word": "red", "Number": 5, "Share": 0.5, "Flag": True, "List": ["x", "y"]},
    ),
    replace(
        visible(key("order-2", "r2"), start_time=20, status=COMPLETED, close_time=25),
        workflow_type="other",
        task_queue="second",
        indexed_values={"Word": "green", "Number": 7, "Flag": False, "List": ["y"]},
    ),
    replace(
        visible(key("cart-1", "r3"), start_time=30, status=3, close_time=35),
        history_length=99,
        indexed_values={"Word": 5, "Number": "5", "List": []},
    ),
    replace(
        visible(key("cart-1", "r4"), start_time=40, status=COMPLETED, close_time=45),
        parent_workflow_id="",
        history_length=0,
        execution_time=NEVER,
    ),
]

FILTERS: Final[list[tuple[Comparison, str]]] = [
    (compare("workflow_id", "=", "cart-1"), "r3 r4"),
    (compare("workflow_id", "!=", "cart-1"), "r1 r2"),
    (compare("workflow_id", "in", ["order-1", "order-2", "absent", 3]), "r1 r2"),
    (compare("workflow_id", "in", []), ""),
    (compare("workflow_id", "starts_with", "order"), "r1 r2"),
    (compare("workflow_id", "starts_with", ""), "r1 r2 r3 r4"),
    (compare("workflow_id", "starts_with", "order-1" + chr(0x10FFFF)), ""),
    (compare("workflow_id", "starts_with", chr(0x10FFFF)), ""),
    (compare("workflow_id", "<", "order"), "r3 r4"),
    (compare("workflow_id", ">=", "order-2"), "r2"),
    (compare("workflow_id", "=", 1), ""),
    (compare("workflow_id", "!=", 1), "r1 r2 r3 r4"),
    (compare("run_id", "=", "r3"), "r3"),
    (compare("run_id", "=", "absent"), ""),
    (compare("run_id", "starts_with", "r"), "r1 r2 r3 r4"),
    (compare("workflow_type", "=", "other"), "r2"),
    (compare("workflow_type", "starts_with", "t"), "r1 r3 r4"),
    (compare("task_queue", "=", "second"), "r2"),
    (compare("status", "=", COMPLETED), "r2 r4"),
    (compare("status", "!=", COMPLETED), "r1 r3"),
    (compare("status", "in", [RUNNING, 3]), "r1 r3"),
    (compare("status", "=", "2"), ""),
    (compare("status", "starts_with", "2"), ""),
    (compare("start_time", ">", 20), "r3 r4"),
    (compare("start_time", ">=", 20), "r2 r3 r4"),
    (compare("start_time", "<", 20.5), "r1 r2"),
    (compare("start_time", "<=", 10), "r1"),
    (compare("execution_time", "=", 31), "r3"),
    (compare("close_time", ">", 1), "r2 r3 r4"),
    (compare("close_time", "<", 40), "r2 r3"),
    (compare("close_time", "=", 0), ""),
    (compare("close_time", "!=", 25), "r3 r4"),
    (compare("history_length", "=", 99), "r3"),
    (compare("history_length", "<", 7), "r4"),
    (compare("history_length", "<", 10**30), "r1 r2 r3 r4"),
    (compare("history_length", ">", -(10**400)), "r1 r2 r3 r4"),
    (compare("history_length", "in", [10**30, 99]), "r3"),
    (compare("execution_time", "<", 12), "r1"),
    (compare("parent_workflow_id", "=", "parent"), "r1 r2 r3"),
    (compare("parent_workflow_id", "=", ""), ""),
    (compare("parent_workflow_id", "!=", "x"), "r1 r2 r3"),
    (compare("parent_workflow_id", "starts_with", ""), "r1 r2 r3"),
    (compare("run_id", "=", 3), ""),
    (compare("root_run_id", "=", "another"), ""),
    (compare_attribute("Word", "=", "red"), "r1"),
    (compare_attribute("Word", "!=", "red"), "r2 r3"),
    (compare_attribute("Word", "in", ["red", "green"]), "r1 r2"),
    (compare_attribute("Word", "starts_with", "gr"), "r2"),
    (compare_attribute("Word", "<", "h"), "r2"),
    (compare_attribute("Word", ">", 4), "r3"),
    (compare_attribute("Number", "=", 5), "r1"),
    (compare_attribute("Number", ">=", 5), "r1 r2"),
    (compare_attribute("Number", "=", 5.0), "r1"),
    (compare_attribute("Number", "!=", 5), "r2 r3"),
    (compare_attribute("Share", "<", 1), "r1"),
    (compare_attribute("Flag", "=", True), "r1"),
    (compare_attribute("Flag", "=", False), "r2"),
    (compare_attribute("Flag", "in", [True, False]), "r1 r2"),
    (compare_attribute("List", "=", "y"), "r1 r2"),
    (compare_attribute("List", "=", "x"), "r1"),
    (compare_attribute("List", "!=", "x"), "r2 r3"),
    (compare_attribute("List", "in", ["x", "z"]), "r1"),
    (compare("workflow_id", "not in", ["cart-1", 3]), "r1 r2"),
    (compare("workflow_id", "not starts_with", "order"), "r3 r4"),
    (compare("parent_workflow_id", "is null", None), "r4"),
    (compare("parent_workflow_id", "is not null", None), "r1 r2 r3"),
    (compare("parent_workflow_id", "not in", []), "r1 r2 r3"),
    (compare("execution_time", "is null", None), "r4"),
    (compare("close_time", "is null", None), "r1"),
    (compare("close_time", "is not null", None), "r2 r3 r4"),
    (compare("close_time", "not in", [25]), "r3 r4"),
    (compare("history_length", "is null", None), ""),
    (compare("history_length", "is not null", None), "r1 r2 r3 r4"),
    (compare("execution_duration", "is null", None), "r1"),
    (compare("execution_duration", "=", 4), "r2 r3"),
    (compare("execution_duration", "=", 5), "r4"),
    (compare("execution_duration", "!=", 5), "r2 r3"),
    (compare_attribute("Word", "not in", ["red", 5]), "r2"),
    (compare_attribute("Word", "not starts_with", "gr"), "r1 r3"),
    (compare_attribute("Word", "is null", None), "r4"),
    (compare_attribute("List", "is not null", None), "r1 r2 r3"),
    (compare_attribute("List", "not in", ["x", "z"]), "r2 r3"),
    (compare_attribute("Absent", "=", "x"), ""),
    (compare_attribute("Absent", "!=", "x"), ""),
    (compare_attribute("It's a $.name", "=", "x"), ""),
]


@pytest.mark.parametrize(("comparison", "expected"), FILTERS, ids=lambda value: str(value)[:60])
async def test_a_filter_lets_pass_what_it_says(
    store: Store, comparison: Comparison, expected: str
) -> None:
    await show(store, *ROWS)
    assert sorted(await runs(store, where(comparison))) == expected.split()
    count = await store.count_executions(where(comparison))
    assert dict(count) == {0: len(expected.split())}


async def test_comparisons_are_joined_by_and(store: Store) -> None:
    await show(store, *ROWS)
    both = where(compare("workflow_id", "=", "cart-1"), compare("status", "=", COMPLETED))
    assert await runs(store, both) == ["r4"]
    assert [len(page) for page in await pages(store, both, 1)] == [1, 0]


async def test_filtered_pages_neither_skip_nor_repeat(store: Store) -> None:
    await show(
        store, *(visible(key("w", f"r{n}"), start_time=n // 3, status=n % 2) for n in range(30))
    )
    odd = where(compare("status", "=", 1))
    listed = [row.run_id for page in await pages(store, odd, 4) for row in page]
    assert sorted(listed) == sorted(f"r{n}" for n in range(1, 30, 2))


async def test_counts_by_status_leave_out_what_is_not_there(store: Store) -> None:
    await show(store, *ROWS)
    assert dict(await store.count_executions(where(), group_by=STATUS)) == {1: 1, 2: 2, 3: 1}
    typed = where(compare("workflow_type", "=", "other"))
    assert dict(await store.count_executions(typed, group_by=STATUS)) == {2: 1}
    nothing = where(namespace=NamespaceId("empty"))
    assert dict(await store.count_executions(nothing, group_by=STATUS)) == {}
    assert dict(await store.count_executions(nothing)) == {0: 0}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (SortKey(field="workflow_type", is_search_attribute=False), {"type": 3, "other": 1}),
        (SortKey(field="parent_workflow_id", is_search_attribute=False), {"parent": 3, None: 1}),
        (SortKey(field="Word", is_search_attribute=True), {"red": 1, "green": 1, 5: 1, None: 1}),
        (SortKey(field="List", is_search_attribute=True), {None: 4}),
        (SortKey(field="Absent", is_search_attribute=True), {None: 4}),
    ],
)
async def test_counts_are_grouped_by_any_column(
    store: Store, column: SortKey, expected: dict[str | int | None, int]
) -> None:
    await show(store, *ROWS)
    assert dict(await store.count_executions(where(), group_by=column)) == expected


async def test_a_list_stays_in_its_namespace(store: Store) -> None:
    other = NamespaceId("namespace-b")
    shard = await own(store)
    for namespace in (other, ROWS[0].namespace_id):
        of = key("w", f"run-{namespace}", namespace)
        await put(store, shard, write(of, visibility=visible(of)))
    assert await runs(store, where(namespace=other)) == ["run-namespace-b"]


@pytest.mark.parametrize(
    "comparison",
    [
        compare("nonsense", "=", 1),
        compare("memo", "=", "x"),
        compare("status; DROP TABLE visibility", "=", 1),
        compare("status", "~", 1),
        compare("status", "=", [1]),
        compare("status", "in", 1),
        compare_attribute("Word", "like", "x"),
    ],
)
async def test_what_makes_no_sense_is_refused(store: Store, comparison: Comparison) -> None:
    await show(store, *ROWS)
    with pytest.raises(StoreError):
        await store.list_executions(where(comparison), after=None, limit=1)
