"""The store in memory: complete, deterministic, gone with the process."""

from indelible.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
