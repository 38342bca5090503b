"""One server per file.

Owns a side file beside the database whose advisory lock dies with the process. Must not open the
database itself: closing any descriptor of it would drop SQLite's own locks.
"""

import fcntl
import os
from pathlib import Path

from indelible.ports.stores import StoreUnavailableError


class FileLock:
    """An exclusive lock on a database; held until `release` or until the process ends."""

    def __init__(self, database: Path) -> None:
        """Take the lock. `StoreUnavailableError` if another process, or this one, has it."""
        self._path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreUnavailableError(
                f"{self._path}: the lock file cannot be written ({error.strerror});"
                " check that the folder exists, its owner and its permissions"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            os.close(self._descriptor)
            raise StoreUnavailableError(
                f"{database} is in use by another server{holder};"
                " stop that server first, or choose another file"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> str:
        text = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
        return f" (process {text})" if text.isdigit() else ""

    def release(self) -> None:
        """Let another server have the file. The side file stays: removing it would be a race."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1
