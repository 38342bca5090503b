"""Opening a SQLite file: what is kept, what is refused, and in which words."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite import Durability, SqliteStore, opening
from indelible.store.sqlite.migrations import (
    APPLICATION_ID,
    Migration,
    known_migrations,
    migrate,
    refuse_incompatible,
    split_statements,
)
from tests.stores.builders import (
    CLUSTER_ID,
    QUEUE,
    SHARD,
    batch,
    current,
    dispatch,
    everything,
    key,
    own,
    put,
    sub_record,
    transfer,
    visible,
    write,
)

A: Final = key("a", "run-a")
NOBODY: Final = 65_534
PAGE_BYTES: Final = 4_096


def opened(path: Path, durability: Durability = "full") -> SqliteStore:
    return SqliteStore.open(path, cluster_id=CLUSTER_ID, durability=durability)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def cut(path: Path, page_count: int) -> None:
    with path.open("ab") as file:
        file.truncate(page_count * PAGE_BYTES)


def link_to(path: Path) -> Path:
    link = path.with_name("link.db")
    link.symlink_to(path)
    return link


async def filled(path: Path, *, batches: int = 3) -> dict[str, object]:
    """Make a file with one of everything and return what it holds."""
    store = opened(path)
    shard = await own(store)
    await store.put_namespace(A.namespace_id, "name", b"record")
    await store.commit(
        replace(
            shard,
            executions=[
                write(
                    A,
                    wake_at=5,
                    put=[sub_record(1, "a")],
                    history=[batch(n, n + 1, b"h" * 1_000) for n in range(1, batches + 1)],
                    visibility=visible(A),
                )
            ],
            currents=[current(A)],
            transfers_added=[transfer(1)],
            dispatches_added=[dispatch(2)],
        )
    )
    content = await everything(store, [A], [QUEUE], [SHARD])
    await store.close()
    return content


async def test_a_file_keeps_everything(database: Path) -> None:
    content = await filled(database)
    store = opened(database)
    assert await everything(store, [A], [QUEUE], [SHARD]) == content
    range_id = await store.acquire_shard(SHARD, owner="later")
    assert range_id == 2
    await store.close()


async def test_identity_is_fixed_when_the_file_is_made(database: Path) -> None:
    store = SqliteStore.open(database, cluster_id="first", shard_count=7)
    await store.close()
    store = SqliteStore.open(database, cluster_id="second", shard_count=9)
    description = store.describe()
    await store.close()
    assert (description.cluster_id, description.shard_count) == ("first", 7)
    assert (description.location, description.kind) == (str(database), "sqlite")


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
async def test_durability_is_sqlites_synchronous(
    database: Path, durability: Durability, synchronous: int
) -> None:
    store = opened(database, durability)
    writer = store._file.writer
    assert writer.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.describe().durability == durability
    await store.close()


async def test_a_closed_store_leaves_one_complete_file(database: Path) -> None:
    await filled(database)
    assert names_in(database.parent) == ["store.db", "store.db.lock"]


# ----------------------------------------------------------------------------------------- refusals
async def test_a_second_server_is_refused_and_told_who_has_the_file(database: Path) -> None:
    store = opened(database)
    with pytest.raises(StoreUnavailableError, match=rf"in use.*process {os.getpid()}.*stop"):
        opened(database)
    with pytest.raises(StoreUnavailableError, match="in use"):
        opened(database.parent / "." / "store.db")
    with pytest.raises(StoreUnavailableError, match="in use"):
        opened(link_to(database))
    await store.close()
    await opened(database).close()


def test_a_refused_file_is_not_kept_locked(database: Path) -> None:
    database.write_text("no database at all" * 100)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="not a SQLite database"):
            opened(database)


@pytest.mark.parametrize("content", [b"SQL", b"SQLite format 3", b"\x00" * 5_000])
def test_what_is_no_database_is_refused_and_left_alone(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    with pytest.raises(StoreUnavailableError, match="not a SQLite database"):
        opened(database)
    assert database.read_bytes() == content


async def test_an_empty_file_is_a_new_one(database: Path) -> None:
    cut(database, 0)
    await opened(database).close()
    assert names_in(database.parent) == ["store.db", "store.db.lock"]


def test_another_programs_database_is_refused_and_left_alone(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = database.read_bytes()
    with pytest.raises(StoreUnavailableError, match="another program"):
        opened(database)
    assert database.read_bytes() == before


async def test_a_newer_schema_is_refused_and_left_alone(database: Path) -> None:
    newest = known_migrations()[-1].version
    await filled(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")
    before = content_of(database)
    with pytest.raises(StoreUnavailableError, match=rf"version 99.*up to {newest}"):
        opened(database)
    assert content_of(database) == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"folder .*/missing does not exist"):
        opened(tmp_path / "missing" / "store.db")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="is a folder"):
        opened(tmp_path)


OPEN_AS_NOBODY: Final = f"""
import os, sys
from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite import SqliteStore
SqliteStore.open(":memory:", cluster_id="x")  # Loads what nobody may not read.
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
try:
    SqliteStore.open(sys.argv[1], cluster_id="x")
except StoreUnavailableError as error:
    print(error)
"""


def permit(path: str | Path, mode: int) -> None:
    Path(path).chmod(mode)


def open_as_nobody(path: Path) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", OPEN_AS_NOBODY, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return answer.stdout + answer.stderr


@pytest.mark.slow
async def test_a_read_only_folder_or_file_is_refused() -> None:
    with TemporaryDirectory() as folder:  # Unlike pytest's own folders, one that nobody may enter.
        path = Path(folder, "store.db")
        permit(folder, 0o555)
        assert "lock file cannot be written" in open_as_nobody(path)
        await filled(path)
        permit(f"{path}.lock", 0o666)
        permit(path, 0o444)
        assert "may not be written; check owner and permissions" in open_as_nobody(path)
        permit(path, 0o400)
        assert "cannot be read" in open_as_nobody(path)


# ------------------------------------------------------------------------------------------- damage
async def test_a_file_that_lost_its_end_is_refused(database: Path) -> None:
    await filled(database, batches=100)
    cut(database, len(content_of(database)) // PAGE_BYTES // 2)
    with pytest.raises(StoreUnavailableError, match=r"damaged: it has \d+ bytes of \d+.*backup"):
        opened(database)


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    return int(row[0])


def scribble(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)


@pytest.mark.parametrize("quick_check_bytes_max", [0, opening.QUICK_CHECK_BYTES_MAX])
@pytest.mark.parametrize("tree", ["executions", "history_batches", "visibility_by_status"])
async def test_damage_is_found_at_start(
    database: Path, monkeypatch: pytest.MonkeyPatch, tree: str, quick_check_bytes_max: int
) -> None:
    monkeypatch.setattr(opening, "QUICK_CHECK_BYTES_MAX", quick_check_bytes_max)
    await filled(database, batches=100)
    scribble(database, root_page(database, tree))
    with pytest.raises(StoreUnavailableError, match=r"damaged.*backup.*recover"):
        opened(database)


async def test_damage_that_is_met_later_is_told_and_the_rest_is_served(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "QUICK_CHECK_BYTES_MAX", 0)
    await filled(database, batches=200)
    with closing(sqlite3.connect(database)) as connection:
        leaf = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'history_batches' AND pagetype = 'leaf'"
            " ORDER BY path LIMIT 1 OFFSET 20"
        ).fetchone()[0]
    scribble(database, leaf)
    store = opened(database)
    with pytest.raises(StoreUnavailableError, match=r"damaged.*backup"):
        await everything(store, [A], [QUEUE], [SHARD])
    assert await store.load_execution(A) is not None
    shard = await own(store)
    await put(store, shard, write(key("b", "run-b")))
    await store.close()


# --------------------------------------------------------------------------------------- migrations
def schema_of(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_a_newer_program_migrates_an_older_file() -> None:
    newest = known_migrations()[-1].version
    later = Migration(
        newest + 1, "ALTER TABLE shards ADD COLUMN note TEXT;\nCREATE TABLE more (x);\n"
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, known_migrations())
        connection.execute("INSERT INTO shards (shard_id, range_id, owner) VALUES (1, 7, 'me')")
        migrate(connection, [*known_migrations(), later])
        assert connection.execute("PRAGMA user_version").fetchone() == (newest + 1,)
        assert connection.execute("SELECT * FROM shards").fetchall() == [(1, 7, "me", None)]
        before = schema_of(connection)
        migrate(connection, [*known_migrations(), later])
        assert schema_of(connection) == before


def test_a_failed_migration_leaves_the_file_as_it_was() -> None:
    newest = known_migrations()[-1].version
    broken = Migration(newest + 1, "CREATE TABLE more (x);\nINSERT INTO absent VALUES (1);\n")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, known_migrations())
        before = schema_of(connection)
        with pytest.raises(sqlite3.OperationalError, match="absent"):
            migrate(connection, [*known_migrations(), broken])
        assert schema_of(connection) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (newest,)
        assert not connection.in_transaction


def test_migrations_mark_the_file_as_ours() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, known_migrations())
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        refuse_incompatible(connection, known_migrations(), "here")


def test_migrations_are_numbered_from_one_on() -> None:
    versions = [migration.version for migration in known_migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_statements_are_split_at_the_ends_of_lines() -> None:
    script = "-- a; comment;\nCREATE TABLE a (\n  x TEXT DEFAULT ';'\n);\n\nSELECT ';\n';\n-- end\n"
    assert [statement.strip() for statement in split_statements(script)] == [
        "-- a; comment;\nCREATE TABLE a (\n  x TEXT DEFAULT ';'\n);",
        "SELECT ';\n';",
    ]
