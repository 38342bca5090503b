"""The faulty store: each fault does what its name says, in call order, and a seed repeats it."""

import asyncio
from random import Random  # noqa: TID251 - a seeded generator is what the store is given
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.instants import Duration
from indelible.ports.stores import StoreUnavailableError
from indelible.store.faulty import NO_FAULTS, FaultRates, FaultyStore
from indelible.store.memory import MemoryStore
from tests.stores.builders import CountingClock, chain, current, key, own, put, write

A: Final = key("a", "run-a")


def faulty(rates: FaultRates, seed: int = 1) -> tuple[FaultyStore, MemoryStore, CountingClock]:
    inner, clock = MemoryStore(), CountingClock()
    dice = Random(seed)  # noqa: S311
    return FaultyStore(inner, dice=dice, clock=clock, rates=rates), inner, clock


async def test_without_faults_it_is_the_inner_store() -> None:
    store, inner, clock = faulty(NO_FAULTS)
    shard = await own(store)
    await store.commit(replace(shard, executions=[write(A)], currents=[current(A)]))
    assert await store.current_run(chain(A)) == await inner.current_run(chain(A)) == A.run_id
    assert store.describe() == inner.describe()
    assert clock.slept == []


async def test_a_write_that_fails_before_leaves_nothing() -> None:
    store, inner, _ = faulty(NO_FAULTS)
    shard = await own(store)
    store.rates = FaultRates(write_fails_before=1.0)
    with pytest.raises(StoreUnavailableError, match="nothing was written"):
        await put(store, shard, write(A))
    assert await inner.load_execution(A) is None


async def test_a_write_that_fails_after_was_done() -> None:
    store, inner, _ = faulty(NO_FAULTS)
    shard = await own(store)
    store.rates = FaultRates(write_fails_after=1.0)
    with pytest.raises(StoreUnavailableError, match="was done"):
        await put(store, shard, write(A))
    assert await inner.load_execution(A) is not None


async def test_reads_fail_and_delay_by_their_own_rates() -> None:
    store, _, clock = faulty(FaultRates(read_fails=1.0, read_delay_max=Duration(100)))
    await own(store)
    with pytest.raises(StoreUnavailableError, match="read"):
        await store.current_run(chain(A))
    assert len(clock.slept) == 1
    assert 0 <= clock.slept[0] < 100


async def test_delays_do_not_reorder_writes() -> None:
    store, inner, clock = faulty(FaultRates(write_delay_max=Duration(1_000)))
    shard = await own(store)
    async with asyncio.TaskGroup() as group:
        for version in range(1, 31):
            group.create_task(put(store, shard, write(A, version)))
    loaded = await inner.load_execution(A)
    assert loaded is not None
    assert loaded.version == 30
    assert len(clock.slept) == 2 * 31


async def outcomes(seed: int) -> list[str]:
    rates = FaultRates(write_fails_before=0.3, write_fails_after=0.3)
    store, _, _ = faulty(NO_FAULTS, seed)
    shard = await own(store)
    store.rates = rates
    found: list[str] = []
    for number in range(50):
        try:
            await put(store, shard, write(key(f"w{number}", f"r{number}")))
            found.append("done")
        except StoreUnavailableError as error:
            found.append(str(error))
    return found


async def test_a_seed_repeats_its_faults() -> None:
    first = await outcomes(7)
    assert first == await outcomes(7)
    assert len(set(first)) == 3
    assert first != await outcomes(8)
