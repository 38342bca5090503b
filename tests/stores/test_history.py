"""Every store: pages of history, forward and backward."""

from typing import Final

import pytest

from indelible.base.ids import EventId
from indelible.ports.stores import HistoryBatch, Store
from tests.stores.builders import BYTES_MAX, END, FIRST, batch, key, own, put, write

A: Final = key("a", "run-a")
BATCHES: Final = [batch(1, 3), batch(3, 4), batch(4, 9), batch(9, 10)]


async def stored(store: Store) -> Store:
    shard = await own(store)
    for version, one in enumerate(BATCHES, start=1):
        await put(store, shard, write(A, version, history=[one]))
        await put(store, shard, write(key("b", f"b{version}"), history=[batch(1, 5)]))
    return store


async def both_ways(
    store: Store, first: int, end: int, bytes_max: int = BYTES_MAX
) -> tuple[list[HistoryBatch], list[HistoryBatch]]:
    lowest, highest = EventId(first), EventId(end)
    return (
        list(await store.read_history(A, first=lowest, end=highest, bytes_max=bytes_max)),
        list(await store.read_history_reverse(A, first=lowest, end=highest, bytes_max=bytes_max)),
    )


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (FIRST, END, BATCHES),
        (1, 10, BATCHES),
        (1, 1, []),
        (1, 2, BATCHES[:1]),
        (2, 3, BATCHES[:1]),
        (2, 4, BATCHES[:2]),
        (3, 4, BATCHES[1:2]),
        (3, 5, BATCHES[1:3]),
        (8, 9, BATCHES[2:3]),
        (8, 10, BATCHES[2:]),
        (9, END, BATCHES[3:]),
        (10, END, []),
        (0, 3, BATCHES[:1]),
        (0, 2**40, BATCHES),
        (2**40, 2**41, []),
    ],
)
async def test_a_page_has_the_batches_that_overlap(
    store: Store, first: int, end: int, expected: list[HistoryBatch]
) -> None:
    forward, backward = await both_ways(await stored(store), first, end)
    assert forward == expected
    assert backward == expected[::-1]


# The blobs have 3, 3, 3 and 4 bytes.
@pytest.mark.parametrize(
    ("bytes_max", "forward_count", "backward_count"),
    [(0, 1, 1), (3, 1, 1), (5, 1, 1), (6, 2, 1), (7, 2, 2), (10, 3, 3), (12, 3, 3), (13, 4, 4)],
)
async def test_a_page_ends_before_it_is_too_large_but_is_never_empty(
    store: Store, bytes_max: int, forward_count: int, backward_count: int
) -> None:
    forward, backward = await both_ways(await stored(store), 1, 10, bytes_max)
    assert forward == BATCHES[:forward_count]
    assert backward == BATCHES[::-1][:backward_count]


async def test_several_batches_of_one_commit_are_kept_apart(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(A, history=BATCHES))
    assert (await both_ways(store, 1, 10))[0] == BATCHES


async def test_an_unknown_run_has_no_history(store: Store) -> None:
    await own(store)
    assert await both_ways(store, 1, 10) == ([], [])


async def test_a_batch_may_be_larger_than_a_page_of_the_disk(store: Store) -> None:
    shard = await own(store)
    large = batch(1, 2, bytes(range(256)) * 8_000)
    await put(store, shard, write(A, history=[large, batch(2, 3)]))
    assert (await both_ways(store, 1, 3, 10))[0] == [large]
