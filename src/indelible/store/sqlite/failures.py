"""What SQLite's errors mean, in words that help.

Owns the translation of driver errors into the port's. Must not know what was being done.
"""

import sqlite3
from typing import Final

from indelible.ports.stores import CommitConflictError, StoreError, StoreUnavailableError

_DISK_FULL: Final = "the disk is full; free some space, and commits succeed again by themselves"
_DISK_FAILED: Final = (
    "the disk failed, or is full, or the file has reached its size limit;"
    " commits succeed again as soon as the disk takes them"
)
_DAMAGED: Final = (
    "the file is damaged; stop the server, keep a copy of the file,"
    " and restore a backup or let `sqlite3 FILE .recover` save what it can"
)
_NOT_OURS: Final = "the file is not an Indelible database, or its first page is damaged"
_NOT_WRITABLE: Final = "the file or its folder may not be written; check owner and permissions"
_NOT_OPENED: Final = "the file cannot be opened; check that its folder exists and may be written"
_DENIED: Final = "access to the file is denied; check owner and permissions"
_IN_USE: Final = "another program keeps the file locked; close it"

_ADVICE: Final = {
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR: _DISK_FAILED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _NOT_OURS,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_OPENED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_BUSY: _IN_USE,
    sqlite3.SQLITE_LOCKED: _IN_USE,
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
_PRIMARY_CODE: Final = 0xFF
"""Extended error codes carry the primary one in their lowest byte."""


def store_error(error: Exception, location: str) -> Exception:
    """Return a new error of the port for what the driver raised; others as they are."""
    if isinstance(error, sqlite3.IntegrityError):
        return CommitConflictError(f"{location}: a row of the commit exists already ({error})")
    if not isinstance(error, sqlite3.Error):
        return error
    advice = _ADVICE.get(_primary_code(error))
    if advice is None:
        return StoreError(f"{location}: {error}")
    return StoreUnavailableError(f"{location}: {advice} ({error})")


def concerns_all(error: Exception) -> bool:
    """Whether an error says something about the file rather than about one commit's values."""
    return _primary_code(error) in _ADVICE


def damage(verdict: str) -> sqlite3.DatabaseError:
    """Return the error that SQLite raises when it meets damage."""
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _primary_code(error: Exception) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE
