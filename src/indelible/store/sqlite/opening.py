"""Opens the database file, or refuses it in words that help.

Owns the connections' settings and the checks at start: lock, folder, header, truncation, foreign
and newer files, damage. Must not know what is stored.
"""

import sqlite3
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite.failures import damage, store_error
from indelible.store.sqlite.file_lock import FileLock
from indelible.store.sqlite.migrations import known_migrations, migrate, refuse_incompatible
from indelible.store.sqlite.statements import METADATA, PUT_METADATA

Durability = Literal["full", "normal"]
"""`full`: a commit is on the disk when it is acknowledged. `normal`: a power failure may take the
last commits, a crash of the process does not; the file stays sound in both."""

MEMORY: Final = ":memory:"
SQLITE_VERSION_MIN: Final = (3, 34, 0)
QUICK_CHECK_BYTES_MAX: Final = 64 * 1024 * 1024
"""Larger files are searched for damage at the edges of their trees; all of it takes too long."""
WAL_BYTES_KEPT_MAX: Final = 64 * 1024 * 1024
WRITER_CACHE_BYTES: Final = 16 * 1024 * 1024
SPILL_PAGES: Final = 8_192
"""Changed pages that a transaction holds in memory: 32 MB."""
READER_CACHE_BYTES: Final = 4 * 1024 * 1024
# Other programs are the only ones to wait for, and the event loop waits with us.
BUSY_SECONDS_MAX: Final = 0.1

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = struct.Struct(">16sH10xI")
"""Magic, page size, (ten bytes), page count: the beginning of SQLite's file header."""


class OpenedFile(msgspec.Struct, kw_only=True):
    """A database that is ready. Without a lock it lives in memory."""

    location: str
    writer: sqlite3.Connection
    lock: FileLock | None
    schema_version: int
    cluster_id: str
    shard_count: int

    @property
    def is_in_memory(self) -> bool:
        """Whether there is no file, and therefore only this connection."""
        return self.lock is None

    def connect_reader(self) -> sqlite3.Connection:
        """Return one more connection, that cannot write."""
        reader = _connect(self.location)
        reader.execute(f"PRAGMA cache_size = -{READER_CACHE_BYTES // 1024}")
        reader.execute("PRAGMA query_only = ON")
        return reader

    def close(self) -> None:
        """Copy the whole log into the database, close it, and let another server have it."""
        with suppress(sqlite3.Error):  # The log is durable: the next start copies it.
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.writer.close()
        if self.lock is not None:
            self.lock.release()


def open_file(
    path: str | Path, *, durability: Durability, cluster_id: str, shard_count: int
) -> OpenedFile:
    """Open or create a database and bring its schema up to date.

    `cluster_id` and `shard_count` are written on creation and otherwise ignored. Raises
    `StoreUnavailableError` with a sentence that says what to do.
    """
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        raise StoreUnavailableError(
            f"SQLite {sqlite3.sqlite_version} is too old;"
            f" Indelible needs {'.'.join(map(str, SQLITE_VERSION_MIN))} or newer"
        )
    if path == MEMORY:
        return _open_connection(MEMORY, None, durability, cluster_id, shard_count)
    database = Path(path).resolve()
    _check_place(database)
    lock = FileLock(database)
    try:
        _check_header(database)
        return _open_connection(str(database), lock, durability, cluster_id, shard_count)
    except BaseException:
        lock.release()
        raise


def _check_place(database: Path) -> None:
    if not database.parent.is_dir():
        raise StoreUnavailableError(
            f"the folder {database.parent} does not exist; create it, or choose another file"
        )
    if database.is_dir():
        raise StoreUnavailableError(f"{database} is a folder; name a file in it")


def _check_header(database: Path) -> None:
    """Refuse what is no database, and a file that lost its end. Runs before SQLite opens it."""
    try:
        with database.open("rb") as file:
            header = file.read(_HEADER.size)
        size = database.stat().st_size
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailableError(
            f"{database} cannot be read ({error.strerror}); check its owner and permissions"
        ) from error
    if not header:
        return
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise StoreUnavailableError(
            f"{database} is not a SQLite database; choose another file, or restore a backup"
        )
    _, page_size, page_count = _HEADER.unpack(header)
    expected = page_count * (page_size if page_size > 1 else 65_536)
    # While a log waits to be copied, the header may be ahead of the file.
    wal = database.with_name(database.name + "-wal")
    has_log = wal.exists() and wal.stat().st_size > 0
    if size < expected and not has_log:
        raise StoreUnavailableError(
            f"{database} is damaged: it has {size} bytes of {expected}; keep a copy of the file,"
            " and restore a backup or let `sqlite3 FILE .recover` save what it can"
        )


def _open_connection(
    location: str,
    lock: FileLock | None,
    durability: Durability,
    cluster_id: str,
    shard_count: int,
) -> OpenedFile:
    migrations = known_migrations()
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(location)
        refuse_incompatible(connection, migrations, location)
        _check_damage(connection)
        _set_up_writer(connection, durability)
        migrate(connection, migrations)
        metadata = _metadata(connection, cluster_id, shard_count)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise store_error(error, location) from error
        raise
    return OpenedFile(
        location=location,
        writer=connection,
        lock=lock,
        schema_version=migrations[-1].version,
        cluster_id=str(metadata["cluster_id"]),
        shard_count=int(metadata["shard_count"]),
    )


def _connect(location: str) -> sqlite3.Connection:
    return sqlite3.connect(
        location, timeout=BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
    )


def _check_damage(connection: sqlite3.Connection) -> None:
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    if pages * page_size > QUICK_CHECK_BYTES_MAX:
        _read_edges(connection)
        return
    verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise damage(verdict)


def _read_edges(connection: sqlite3.Connection) -> None:
    """Walk down the first and the last branch of every tree; SQLite checks what it reads."""
    trees: list[tuple[str, str, str, str | None]] = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE rootpage > 0 AND name <> 'metadata'"
    ).fetchall()
    for kind, name, table, definition in trees:
        source = f'"{table}"'
        if kind == "index" and not name.startswith("sqlite_autoindex"):
            source += f' INDEXED BY "{name}"'
            _, is_partial, condition = (definition or "").partition(" WHERE ")
            source += is_partial + condition  # A partial index wants its condition.
        keys = _key_columns(connection, kind, name)
        for is_backward in (False, True):
            order = ", ".join(
                f'"{column}" {"DESC" if is_descending != is_backward else "ASC"}'
                for column, is_descending in keys
            )
            connection.execute(
                f"SELECT * FROM {source} ORDER BY {order} LIMIT 1"  # noqa: S608 - our own names
            ).fetchone()


def _key_columns(connection: sqlite3.Connection, kind: str, name: str) -> list[tuple[str, bool]]:
    """Return the columns by which a tree is ordered, each with "is descending"."""
    if kind == "index":
        columns = connection.execute(f'PRAGMA index_xinfo("{name}")').fetchall()
        return [(column[2], bool(column[3])) for column in columns if column[5] and column[1] >= 0]
    columns = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    keys = sorted((column[5], column[1]) for column in columns if column[5])
    indexes = connection.execute(f'PRAGMA index_list("{name}")').fetchall()
    for _, index, _, origin, _ in indexes:
        if origin == "pk":  # A table without row numbers has the order of its key.
            return _key_columns(connection, "index", index)[: len(keys)]
    return [(column, False) for _, column in keys]


def _set_up_writer(connection: sqlite3.Connection, durability: Durability) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {durability}")
    # On macOS a plain fsync leaves the bytes in the disk's own cache; elsewhere these say nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    # The worker thread decides when, after it has acknowledged the commit.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}")
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_BYTES // 1024}")
    # Statements run on the event loop: unless a group is huge, nothing is written before COMMIT.
    connection.execute(f"PRAGMA cache_spill = {SPILL_PAGES}")
    connection.execute("PRAGMA temp_store = MEMORY")


def _metadata(
    connection: sqlite3.Connection, cluster_id: str, shard_count: int
) -> dict[str, str | int]:
    """Return the metadata, written now if the database is new."""
    connection.execute("BEGIN IMMEDIATE")
    metadata: dict[str, str | int] = dict(connection.execute(METADATA).fetchall())
    for name, value in (("cluster_id", cluster_id), ("shard_count", shard_count)):
        if name not in metadata:
            connection.execute(PUT_METADATA, (name, value))
            metadata[name] = value
    connection.execute("COMMIT")
    return metadata
