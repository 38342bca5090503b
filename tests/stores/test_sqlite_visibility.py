"""What the SQLite store derives from rows of visibility is what they say; scans hold nobody up."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from indelible.base.instants import NEVER
from indelible.engine.visibility.record import IndexedValue
from indelible.engine.visibility.search_attributes import NAMESPACE_DIVISION
from indelible.ports.stores import Commit, CommitConflictError, VisibilityRecord
from indelible.store.sqlite import SqliteStore, statements as sql
from indelible.store.sqlite.migrations import known_migrations, migrate
from tests.stores.builders import (
    CLUSTER_ID,
    compare,
    compare_attribute,
    key,
    own,
    put,
    runs,
    visible,
    where,
    write,
)

BUILD_IDS: Final = "BuildIds"
VALUES: Final[Sequence[Mapping[str, IndexedValue]]] = (
    {},
    {"Customer": "a", "Amount": 3, "Share": 0.1, "Flag": True},
    {"Customer": "b", "Tags": ["x", "y", "x"]},
    {"Tags": [], "Share": 1e-7, "Amount": 2**62},
    {BUILD_IDS: ["unversioned", "unversioned:1", "versioned:2"]},
    {NAMESPACE_DIVISION: "own", "Customer": "a"},
)


# -------------------------------------------------------------------------------- derived tables
Entry = tuple[int, str, str | int | float, int, int, int]


def derived(connection: sqlite3.Connection) -> tuple[set[Entry], dict[tuple[int, str, int], int]]:
    """What is kept: the entries of search attributes, and the counts."""
    entries = connection.execute(
        "SELECT archetype, name, value, close_order, start_time, execution_id"
        " FROM visibility_values"
    ).fetchall()
    counts = connection.execute(
        "SELECT archetype, workflow_type, status, row_count FROM visibility_counts"
    ).fetchall()
    assert len(entries) == len(set(entries))
    return set(entries), {(row[0], row[1], row[2]): row[3] for row in counts}


def expected(connection: sqlite3.Connection) -> tuple[set[Entry], dict[tuple[int, str, int], int]]:
    """What the rows say, found by looking at all of them."""
    entries: set[Entry] = set()
    rows = connection.execute(
        "SELECT archetype, close_order, start_time, execution_id, workflow_type, status"
        " FROM visibility"
    ).fetchall()
    for archetype, close_order, start_time, execution_id, _, _ in rows:
        atoms = connection.execute(
            "SELECT fullkey, atom FROM visibility, json_tree(indexed_values)"
            " WHERE execution_id = ? AND atom IS NOT NULL",
            (execution_id,),
        ).fetchall()
        for path, value in atoms:
            name = path.removeprefix("$.").strip('"').split("[")[0]
            if name != BUILD_IDS or not value.startswith("unversioned"):
                entries.add((archetype, name, value, close_order, start_time, execution_id))
    return entries, dict(Counter((row[0], row[4], row[5]) for row in rows))


Step = tuple[int, str, int, int]
STEPS: Final = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(("put", "delete", "refused")),
            st.integers(1, 4),
            st.integers(0, len(VALUES) - 1),
        ),
        max_size=4,
        unique_by=lambda step: step[0],
    ),
    max_size=8,
)


async def check_steps(groups: Sequence[Sequence[Step]]) -> None:
    store = SqliteStore.open(":memory:", cluster_id=CLUSTER_ID)
    shard = await own(store)
    versions = dict.fromkeys(range(5), 0)
    for group in groups:
        commits = [_commit(store, shard, step, versions) for step in group]
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        refused = [step for step in group if step[1] == "refused"]
        assert [type(outcome) for outcome in outcomes if outcome] == (
            [CommitConflictError] * len(refused)
        )
        assert derived(store._file.writer) == expected(store._file.writer)
    await store.close()


async def _commit(store: SqliteStore, shard: Commit, step: Step, versions: dict[int, int]) -> None:
    number, verb, status, values = step
    of = key(f"w{number}", f"r{number}")
    if verb == "delete":
        versions[number] = 0
        await store.commit(replace(shard, deleted=[of]))
        return
    row = replace(
        visible(of, status=status, start_time=number + 1, close_time=NEVER if status == 1 else 9),
        workflow_type=f"type-{values % 2}",
        indexed_values=VALUES[values],
    )
    if verb == "refused":
        await put(store, shard, write(of, versions[number] + 2, visibility=row))
        return
    versions[number] += 1
    await put(store, shard, write(of, versions[number], visibility=row))


@pytest.mark.slow
@settings(max_examples=max(20, settings().max_examples // 4))
@given(STEPS)
def test_entries_and_counts_are_those_of_the_rows(groups: Sequence[Sequence[Step]]) -> None:
    asyncio.run(check_steps(groups))


async def test_a_transaction_that_is_undone_counts_nothing(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db", cluster_id=CLUSTER_ID)
    shard = await own(store)
    await put(store, shard, write(key("a", "ra"), visibility=visible(key("a", "ra"))))
    writer = store._file.writer
    writer.execute("BEGIN")
    store._writer.apply(
        replace(shard, executions=[write(key("b", "rb"), visibility=visible(key("b", "rb")))])
    )
    writer.execute("ROLLBACK")
    store._writer.reload()
    await put(store, shard, write(key("c", "rc"), visibility=visible(key("c", "rc"))))
    assert dict(await store.count_executions(where())) == {0: 2}
    assert derived(writer) == expected(writer)
    await store.close()


# ------------------------------------------------------------------------------------- migration
def _old_rows() -> list[VisibilityRecord]:
    return [
        replace(visible(key(f"w{n}", f"r{n}"), start_time=n + 1), indexed_values=values)
        for n, values in enumerate(VALUES)
    ]


def test_an_older_file_gets_entries_and_counts() -> None:
    """Its rows are written as version 6 did, and found as if they had been written today."""
    rows = _old_rows()
    store = SqliteStore.open(":memory:", cluster_id=CLUSTER_ID)
    asyncio.run(_show(store, rows))
    columns = "SELECT * FROM visibility ORDER BY execution_id"
    written = store._file.writer.execute(columns).fetchall()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, [one for one in known_migrations() if one.version < 7])
        for row in written:  # The archetype of today's rows may say more than it did.
            connection.execute(sql.PUT_VISIBILITY, (row[0], row[1], abs(row[2]), *row[3:]))
        migrate(connection, known_migrations())
        assert connection.execute(columns).fetchall() == written
        assert derived(connection) == derived(store._file.writer) == expected(connection)
    asyncio.run(store.close())


async def _show(store: SqliteStore, rows: Sequence[VisibilityRecord]) -> None:
    shard = await own(store)
    await put(
        store, shard, *(write(key(row.workflow_id, row.run_id), visibility=row) for row in rows)
    )


# ------------------------------------------------------------------------------- own executions
async def test_executions_of_the_service_are_found_by_whoever_asks_for_them() -> None:
    store = SqliteStore.open(":memory:", cluster_id=CLUSTER_ID)
    await _show(store, _old_rows())
    of_division = compare_attribute(NAMESPACE_DIVISION, "=", "own")
    without = compare_attribute(NAMESPACE_DIVISION, "is null", None)
    assert await runs(store, where(of_division)) == ["r5"]
    assert await runs(store, where(without)) == ["r4", "r3", "r2", "r1", "r0"]
    assert await runs(store, where()) == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert dict(await store.count_executions(where())) == {0: 6}
    assert dict(await store.count_executions(where(without))) == {0: 5}
    await store.close()


# ------------------------------------------------------------------------------------ other users
@pytest.mark.slow
async def test_a_scan_holds_up_neither_writes_nor_other_searches(tmp_path: Path) -> None:
    """While the only thread for scans is busy, everything else goes on."""
    store = SqliteStore.open(tmp_path / "store.db", cluster_id=CLUSTER_ID, durability="normal")
    shard = await own(store)
    of = [key(f"w{n}", f"r{n}") for n in range(9)]
    await put(store, shard, *(write(one, visibility=visible(one)) for one in of))
    pool = store._scans
    assert pool is not None
    connection = pool._connections.get_nowait()
    endless = where(compare("task_queue", "=", "absent"))
    async with asyncio.TaskGroup() as tasks:
        scan = tasks.create_task(store.list_executions(endless, after=None, limit=10))
        again = tasks.create_task(store.count_executions(endless))
        late = key("late", "late")
        await put(store, shard, write(late, visibility=visible(late, start_time=99)))
        assert (await runs(store, where()))[0] == "late"
        assert dict(await store.count_executions(where())) == {0: 10}
        assert not scan.done()
        assert not again.done()
        pool._connections.put(connection)
    assert list(scan.result()) == []
    assert dict(again.result()) == {0: 0}
    await store.close()
