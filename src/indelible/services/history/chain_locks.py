"""One lock per chain, for as long as somebody wants it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from indelible.base.ids import ChainKey


class ChainLocks:
    """Locks by chain, first come first served; a lock that nobody wants takes no memory."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[ChainKey, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, chain: ChainKey) -> AsyncGenerator[None]:
        """Hold the lock of a chain."""
        lock, users = self._locks.get(chain) or (asyncio.Lock(), 0)
        self._locks[chain] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[chain]
            if users == 1:
                del self._locks[chain]
            else:
                self._locks[chain] = (lock, users - 1)
