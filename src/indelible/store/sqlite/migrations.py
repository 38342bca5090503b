"""Brings a database to the newest schema.

Owns the numbered files in `schema/`, each applied once, in order, in a transaction of its own
together with the new version number. Forward only: a newer file than the program knows is refused.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from indelible.base.invariants import invariant
from indelible.ports.stores import StoreUnavailableError

APPLICATION_ID: Final = 0x1DE11B1E
"""Marks the file as ours in SQLite's header."""

_FILE_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")


class Migration(NamedTuple):
    """The step to `version` from the one before."""

    version: int
    script: str


@cache
def known_migrations() -> Sequence[Migration]:
    """Return all migrations, from version 1 on without a gap."""
    found: list[Migration] = []
    for file in resources.files("indelible.store.sqlite").joinpath("schema").iterdir():
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), file.read_text(encoding="utf-8")))
    found.sort()
    invariant(
        [migration.version for migration in found] == list(range(1, len(found) + 1)),
        "migrations are numbered from 1 on, without a gap",
    )
    return found


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the database's schema; 0 for an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def refuse_incompatible(
    connection: sqlite3.Connection, migrations: Sequence[Migration], location: str
) -> None:
    """Raise `StoreUnavailableError` for a newer schema, and for a database that is not ours.

    Writes nothing: another program's file stays as it is.
    """
    version = schema_version(connection)
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id != APPLICATION_ID and (application_id or version or tables):
        raise StoreUnavailableError(
            f"{location} is a SQLite database of another program; choose another file"
        )
    newest = migrations[-1].version
    if version > newest:
        raise StoreUnavailableError(
            f"{location} has schema version {version}, and this program knows versions up to"
            f" {newest}; use the version of Indelible that wrote it, or a newer one"
        )


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Apply, in order, every migration that the database has not seen."""
    for migration in migrations[schema_version(connection) :]:
        _apply(connection, migration)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in split_statements(migration.script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of a script. `executescript` would commit behind our back."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    invariant(not _code(statement), "the last statement of a migration ends with a semicolon")


def _code(text: str) -> str:
    return "".join(
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")
    )
