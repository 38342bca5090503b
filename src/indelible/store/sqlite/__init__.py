"""The store in one SQLite file."""

from indelible.store.sqlite.opening import Durability
from indelible.store.sqlite.store import SqliteStore

__all__ = ["Durability", "SqliteStore"]
