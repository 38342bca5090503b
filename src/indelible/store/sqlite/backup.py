"""Copies a database while it is in use.

Owns the way to a complete, durable copy under a new name. Must not know what is in it.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite.failures import store_error


def write_backup(source: sqlite3.Connection, target: Path) -> None:
    """Copy what `source` sees into a new file; the name appears when the copy is complete.

    `StoreUnavailableError` if the file exists or cannot be written.
    """
    if target.exists():
        raise StoreUnavailableError(f"{target} exists already; a backup never overwrites a file")
    if not target.parent.is_dir():
        raise StoreUnavailableError(f"{target} cannot be written: its folder does not exist")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as copy:
            # All pages in one step: the snapshot is held for the whole copy, and commits go on
            # beside it.
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        _make_durable(partial)
        partial.rename(target)
        _make_durable(target.parent)
    except sqlite3.Error as error:
        raise store_error(error, str(target)) from error
    except OSError as error:
        raise StoreUnavailableError(f"{target} cannot be written ({error.strerror})") from error


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
