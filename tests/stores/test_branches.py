"""Every store: runs that share the beginning of their histories."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.ids import EventId, WorkflowKey
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    HistoryAncestor,
    HistoryBatch,
    Store,
)
from indelible.store.sqlite import SqliteStore
from tests.stores.builders import BYTES_MAX, CLUSTER_ID, END, batch, key, own, put, write

BASE: Final = key("w", "base")
FORK: Final = key("w", "fork")
SECOND: Final = key("w", "second")
LEFT: Final = [batch(1, 3), batch(3, 6), batch(6, 9)]


async def history(store: Store, of: WorkflowKey, first: int = 1) -> list[HistoryBatch]:
    forward = await store.read_history(of, first=EventId(first), end=END, bytes_max=BYTES_MAX)
    backward = await store.read_history_reverse(
        of, first=EventId(first), end=END, bytes_max=BYTES_MAX
    )
    assert list(backward) == list(forward)[::-1]
    return list(forward)


async def forked(store: Store) -> tuple[Store, Commit]:
    """BASE has events 1 to 8; FORK shares those before 5, which lies within a batch."""
    shard = await own(store)
    await put(store, shard, write(BASE, history=LEFT))
    fork = write(FORK, history=[batch(5, 7)], ancestor=HistoryAncestor(key=BASE, end=EventId(5)))
    await put(store, shard, fork)
    return store, shard


FORKED: Final = [batch(1, 3), batch(3, 5, b"3-6"), batch(5, 7)]


async def test_a_fork_begins_with_the_events_of_the_other_run(store: Store) -> None:
    await forked(store)
    assert await history(store, FORK) == FORKED
    assert await history(store, FORK, 4) == FORKED[1:]
    assert await history(store, FORK, 5) == FORKED[2:]
    assert await history(store, BASE) == LEFT


async def test_both_runs_go_on_by_themselves(store: Store) -> None:
    _, shard = await forked(store)
    await put(store, shard, write(FORK, 2, history=[batch(7, 8, b"fork")]))
    await put(store, shard, write(BASE, 2, history=[batch(9, 10, b"base")]))
    assert await history(store, FORK) == [*FORKED, batch(7, 8, b"fork")]
    assert await history(store, BASE) == [*LEFT, batch(9, 10, b"base")]


async def test_a_fork_of_a_fork_shares_with_both(store: Store) -> None:
    _, shard = await forked(store)
    ancestor = HistoryAncestor(key=FORK, end=EventId(6))
    await put(store, shard, write(SECOND, history=[batch(6, 7)], ancestor=ancestor))
    shared = [batch(1, 3), batch(3, 5, b"3-6"), batch(5, 6, b"5-7"), batch(6, 7)]
    assert await history(store, SECOND) == shared


async def test_a_fork_before_the_fork_of_the_other_shares_with_the_first_alone(
    store: Store,
) -> None:
    _, shard = await forked(store)
    ancestor = HistoryAncestor(key=FORK, end=EventId(3))
    await put(store, shard, write(SECOND, history=[batch(3, 4)], ancestor=ancestor))
    assert await history(store, SECOND) == [batch(1, 3), batch(3, 4)]


async def test_a_page_of_shared_batches_is_bounded_in_bytes(store: Store) -> None:
    await forked(store)
    for bytes_max, count in ((1, 1), (6, 2), (8, 2), (9, 3)):
        page = await store.read_history(FORK, first=EventId(1), end=END, bytes_max=bytes_max)
        assert list(page) == FORKED[:count]


async def test_the_shared_events_outlive_the_run_that_wrote_them(store: Store) -> None:
    _, shard = await forked(store)
    await store.commit(replace(shard, deleted=(BASE,)))
    assert await history(store, FORK) == FORKED
    assert await history(store, BASE) == []
    await put(store, shard, write(BASE, history=[batch(1, 2, b"anew")]))
    assert await history(store, BASE) == [batch(1, 2, b"anew")]
    assert await history(store, FORK) == FORKED


async def test_a_fork_goes_without_the_run_that_it_shares_with(store: Store) -> None:
    _, shard = await forked(store)
    await store.commit(replace(shard, deleted=(FORK,)))
    assert await history(store, BASE) == LEFT
    assert await history(store, FORK) == []


async def test_a_run_that_is_gone_cannot_be_shared(store: Store) -> None:
    shard = await own(store)
    ancestor = HistoryAncestor(key=BASE, end=EventId(5))
    with pytest.raises(CommitConflictError):
        await put(store, shard, write(FORK, history=[batch(5, 7)], ancestor=ancestor))
    assert await store.load_execution(FORK) is None


async def test_the_events_of_one_commit_can_be_shared_in_it(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(BASE, history=LEFT[:1]))
    fork = write(FORK, history=[batch(5, 7)], ancestor=HistoryAncestor(key=BASE, end=EventId(5)))
    await store.commit(
        replace(shard, executions=(write(BASE, 2, history=[batch(3, 6)]), fork)),
    )
    assert await history(store, FORK) == FORKED


ORDERS: Final = [
    (BASE, FORK, SECOND),
    (BASE, SECOND, FORK),
    (FORK, BASE, SECOND),
    (FORK, SECOND, BASE),
    (SECOND, BASE, FORK),
    (SECOND, FORK, BASE),
]


@pytest.mark.parametrize("order", ORDERS)
async def test_nothing_is_left_when_the_last_sharer_is_gone(
    database: Path, order: tuple[WorkflowKey, ...]
) -> None:
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    _, shard = await forked(store)
    ancestor = HistoryAncestor(key=FORK, end=EventId(6))
    await put(store, shard, write(SECOND, history=[batch(6, 7)], ancestor=ancestor))
    left = {BASE, FORK, SECOND}
    for gone in order:
        expected = {of: await history(store, of) for of in left}
        await store.commit(replace(shard, deleted=(gone,)))
        left.remove(gone)
        for of in left:
            assert await history(store, of) == expected[of]
    await store.close()
    with closing(sqlite3.connect(database)) as connection:
        for table in ("history_batches", "branch_ancestors", "dead_branches"):
            rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            assert rows == (0,)
