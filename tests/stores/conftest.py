"""The stores under test: every test that asks for `store` runs once for each."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded generator is what the faulty store is given
from typing import Final

import pytest

from indelible.ports.stores import Store
from indelible.store.faulty import NO_FAULTS, FaultyStore
from indelible.store.memory import MemoryStore
from indelible.store.sqlite import SqliteStore
from tests.stores.builders import CLUSTER_ID, CountingClock

OPEN: Final[dict[str, Callable[[Path], Store]]] = {
    "memory": lambda _: MemoryStore(cluster_id=CLUSTER_ID),
    "faulty": lambda _: FaultyStore(
        MemoryStore(cluster_id=CLUSTER_ID),
        dice=Random(0),  # noqa: S311
        clock=CountingClock(),
        rates=NO_FAULTS,
    ),
    "sqlite": lambda folder: SqliteStore.open(folder / "store.db", cluster_id=CLUSTER_ID),
    "sqlite-in-memory": lambda _: SqliteStore.open(":memory:", cluster_id=CLUSTER_ID),
}


@pytest.fixture(params=list(OPEN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened = OPEN[request.param](tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "store.db"
