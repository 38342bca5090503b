"""Group commit: what goes out together, who is told what, and what a full disk does."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.ports.stores import Commit, CommitConflictError, StoreError, StoreUnavailableError
from indelible.store.sqlite import SqliteStore, flushing
from tests.stores.builders import (
    CLUSTER_ID,
    batch,
    everything,
    key,
    own,
    put,
    sub_record,
    visible,
    where,
    write,
)

A: Final = key("a", "run-a")


class Measurements:
    """Remembers every measurement."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.values: dict[str, list[float]] = {}

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.values.setdefault(name, []).append(value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.values.setdefault(name, []).append(value)

    @property
    def group_sizes(self) -> list[float]:
        return self.values.get("indelible_store_group_size", [])


@pytest.fixture
def measured() -> Measurements:
    return Measurements()


@pytest.fixture
def store(database: Path, measured: Measurements) -> SqliteStore:
    return SqliteStore.open(database, cluster_id=CLUSTER_ID, telemetry=measured)


def many(
    store: SqliteStore, shard: Commit, count: int, prefix: str = "w"
) -> list[asyncio.Task[None]]:
    loop = asyncio.get_running_loop()
    return [
        loop.create_task(put(store, shard, write(key(f"{prefix}{n}", f"{prefix}{n}"))))
        for n in range(count)
    ]


async def test_what_waits_goes_out_in_one_flush(store: SqliteStore, measured: Measurements) -> None:
    shard = await own(store)
    await asyncio.gather(*many(store, shard, 100))
    assert measured.group_sizes == [1, 100]
    assert measured.counts["indelible_store_flushes"] == 2
    assert measured.counts["indelible_store_commits"] == 101
    assert len(measured.values["indelible_store_flush_seconds"]) == 2
    await store.close()


async def test_what_arrives_during_a_flush_goes_out_in_the_next(
    store: SqliteStore, measured: Measurements
) -> None:
    shard = await own(store)
    first = many(store, shard, 1, "a")
    while not store._file.writer.in_transaction:  # The statements ran; the flush is under way.
        await turn()
    second = many(store, shard, 50, "b")
    await asyncio.gather(*first)
    await asyncio.gather(*second)
    assert measured.group_sizes == [1, 1, 50]
    await store.close()


async def test_a_group_is_bounded(store: SqliteStore, measured: Measurements) -> None:
    shard = await own(store)
    await asyncio.gather(*many(store, shard, 2 * flushing.GROUP_WRITES_MAX + 1))
    largest = flushing.GROUP_WRITES_MAX
    assert measured.group_sizes == [1, largest, largest, 1]
    await store.close()


async def test_a_queue_is_bounded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "WAITING_WRITES_MAX", 10)
    shard = await own(store)
    outcomes = await asyncio.gather(*many(store, shard, 12), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[10:]] == [StoreUnavailableError] * 2
    assert outcomes[:10] == [None] * 10
    await store.close()


def size_of(path: Path) -> int:
    return path.stat().st_size


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def turn() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


async def test_a_commit_that_breaks_off_in_the_middle_fails_alone(
    store: SqliteStore, measured: Measurements
) -> None:
    shard = await own(store)
    poison = [
        put(store, shard, write(key("p1", "p1"), put=[sub_record(1, "a")], wake_at=2**63)),
        put(store, shard, write(key("p2", "p2"), history=[batch(1, 2), batch(1, 3)])),
        put(store, shard, write(key("p3", "\ud800"))),
    ]
    sound = [put(store, shard, write(key(f"w{n}", f"w{n}"))) for n in range(4)]
    calls = [sound[0], poison[0], sound[1], poison[1], sound[2], poison[2], sound[3]]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds[0::2] == [type(None)] * 4
    assert kinds[1::2] == [OverflowError, CommitConflictError, UnicodeEncodeError]
    assert measured.group_sizes == [1, 7]
    assert await store.open_execution_count() == 4
    assert await store.load_execution(key("p1", "p1")) is None
    await store.close()


async def test_a_refusal_is_told_after_the_flush(store: SqliteStore) -> None:
    shard = await own(store)
    loop = asyncio.get_running_loop()
    good = loop.create_task(put(store, shard, write(A)))
    refused = loop.create_task(put(store, shard, write(A)))
    await asyncio.wait([refused])
    assert good.done()
    assert isinstance(refused.exception(), CommitConflictError)
    await store.close()


async def test_a_write_goes_on_when_its_caller_is_canceled(store: SqliteStore) -> None:
    shard = await own(store)
    waiting = asyncio.get_running_loop().create_task(put(store, shard, write(A)))
    await turn()
    waiting.cancel()
    await put(store, shard, write(key("b", "run-b")))
    assert waiting.cancelled()
    assert await store.load_execution(A) is not None
    await store.close()


async def test_closing_flushes_what_waits_and_refuses_the_rest(database: Path) -> None:
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    shard = await own(store)
    waiting = many(store, shard, 300)
    await turn()
    await store.close()
    assert await asyncio.gather(*waiting) == [None] * 300
    for late in (
        put(store, shard, write(A)),
        store.load_execution(A),
        store.list_executions(where(), after=None, limit=1),
    ):
        with pytest.raises(StoreUnavailableError, match="closed"):
            await late
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    assert await store.open_execution_count() == 300
    await store.close()


async def test_the_log_is_copied_and_begun_anew(
    store: SqliteStore, database: Path, measured: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "CHECKPOINT_PAGES", 200)
    shard = await own(store)
    for version in range(1, 301):
        await put(store, shard, write(A, version, record=b"r" * 20_000))
    assert measured.counts["indelible_store_checkpoints"] >= 5
    assert size_of(database.with_name("store.db-wal")) < 300 * 20_000 / 2
    await store.close()


async def test_a_large_deleted_history_is_removed_in_slices(store: SqliteStore) -> None:
    shard = await own(store)
    history = [batch(n, n + 1) for n in range(1, 1_001)]
    await put(store, shard, write(A, history=history), write(key("b", "b"), history=[batch(1, 2)]))
    await store.commit(replace(shard, deleted=[A]))
    count = "SELECT count(*) FROM history_batches"
    writer = store._file.writer
    while writer.in_transaction or store._writer.has_dead_branches:
        await turn()
    assert writer.execute(count).fetchone() == (1,)
    assert writer.execute("SELECT count(*) FROM dead_branches").fetchone() == (0,)
    await store.close()


async def test_removing_goes_on_after_a_restart(database: Path) -> None:
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    shard = await own(store)
    await put(store, shard, write(A, history=[batch(n, n + 1) for n in range(1, 2_000)]))
    await store.commit(replace(shard, deleted=[A]))
    assert store._writer.has_dead_branches
    await store.close()
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    shard = await own(store)
    await put(store, shard, write(A, history=[batch(1, 2)]))
    while store._writer.has_dead_branches:
        await turn()
    await store.close()
    store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
    rows = store._file.writer.execute("SELECT count(*) FROM history_batches").fetchone()
    assert rows == (1,)
    assert (await everything(store, [A], [], []))["history"] == [[batch(1, 2)]]
    await store.close()


# ---------------------------------------------------------------------------------------- disk full
async def test_a_full_disk_fails_commits_and_nothing_else(
    store: SqliteStore, measured: Measurements
) -> None:
    shard = await own(store)
    await put(store, shard, write(A, history=[batch(1, 2)], visibility=visible(A)))
    before = await everything(store, [A], [], [])
    writer = store._file.writer
    pages: int = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 20}")
    large = [
        put(store, shard, write(key(f"w{n}", f"w{n}"), record=b"x" * 50_000)) for n in range(5)
    ]
    outcomes = await asyncio.gather(*large, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 5
    assert all("disk is full" in str(outcome) for outcome in outcomes)
    assert measured.counts["indelible_store_flush_failures"] == 1
    assert await everything(store, [A], [], []) == before
    await put(store, shard, write(A, 2))
    writer.execute("PRAGMA max_page_count = 1000000")
    await put(store, shard, write(key("w0", "w0"), record=b"x" * 50_000))
    assert await store.open_execution_count() == 2
    assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    await store.close()


FILL_UP: Final = """
import asyncio, resource, sys
from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite import SqliteStore
from tests.stores.builders import key, own, put, write

async def commit_until_refused(store, shard):
    for n in range(1_000):
        await put(store, shard, write(key(f"w{n}", f"w{n}"), record=b"x" * 40_000))

async def main():
    store = SqliteStore.open(sys.argv[1], cluster_id="x")
    shard = await own(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    try:
        await commit_until_refused(store, shard)
    except StoreUnavailableError as error:
        print("refused:", error)
    count = await store.open_execution_count()
    print("open:", count > 10 and await store.load_execution(key("w5", "w5")) is not None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await put(store, shard, write(key("late", "late"), record=b"x" * 400_000))
    print("went on:", await store.open_execution_count() == count + 1)
    await store.close()
    store = SqliteStore.open(sys.argv[1], cluster_id="x")
    print("kept:", await store.open_execution_count() == count + 1)
    await store.close()

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_file_that_may_not_grow_fails_commits_and_recovers(database: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", FILL_UP, str(database)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    lines = answer.stdout.splitlines()
    assert len(lines) == 4, answer
    assert lines[0].startswith("refused:")
    assert "the disk" in lines[0]
    assert lines[1:] == ["open: True", "went on: True", "kept: True"]


# ------------------------------------------------------------------------------------------- backup
async def test_a_backup_is_a_complete_store(store: SqliteStore, tmp_path: Path) -> None:
    shard = await own(store)
    keys = [key(f"w{n}", f"w{n}") for n in range(50)]
    for of in keys:
        await put(store, shard, write(of, history=[batch(1, 2)], visibility=visible(of)))
    content = await everything(store, keys, [], [])
    target = tmp_path / "backup.db"
    later = many(store, shard, 20, "later")
    await store.backup(target)
    await asyncio.gather(*later)
    with pytest.raises(StoreUnavailableError, match="exists already"):
        await store.backup(target)
    with pytest.raises(StoreError, match=r"missing/backup.db.*folder"):
        await store.backup(tmp_path / "missing" / "backup.db")
    await store.close()
    assert names_in(tmp_path) == ["backup.db", "store.db", "store.db.lock"]
    copy = SqliteStore.open(target, cluster_id="another")
    restored = await everything(copy, keys, [], [])
    assert copy.describe().cluster_id == CLUSTER_ID
    for name in ("executions", "history"):
        assert restored[name] == content[name]
    await copy.close()
