"""One lock per chain, for as long as somebody wants it."""

import asyncio

from indelible.base.ids import ChainKey


class ChainLocks:
    """Locks by chain, first come first served; a lock that nobody wants takes no memory."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[ChainKey, tuple[asyncio.Lock, int]] = {}

    def hold(self, chain: ChainKey) -> "HeldChain":
        """Hold the lock of a chain, as an async context."""
        return HeldChain(self, chain)

    def is_free(self, chain: ChainKey) -> bool:
        """Whether nobody has the lock of a chain; then `acquire` does not wait."""
        return chain not in self._locks

    async def acquire(self, chain: ChainKey) -> None:
        """Wait until the lock of a chain is the caller's, who releases it."""
        lock, users = self._locks.get(chain) or (asyncio.Lock(), 0)
        self._locks[chain] = (lock, users + 1)
        try:
            await lock.acquire()
        except BaseException:
            self._leave(chain)
            raise

    def release(self, chain: ChainKey) -> None:
        """Give a lock back that was acquired."""
        self._locks[chain][0].release()
        self._leave(chain)

    def _leave(self, chain: ChainKey) -> None:
        lock, users = self._locks[chain]
        if users == 1:
            del self._locks[chain]
        else:
            self._locks[chain] = (lock, users - 1)


class HeldChain:
    """The lock of a chain, held for a while. A class: a generator costs twice that per step."""

    __slots__ = ("_chain", "_locks")

    def __init__(self, locks: ChainLocks, chain: ChainKey) -> None:
        self._locks = locks
        self._chain = chain

    async def __aenter__(self) -> None:
        await self._locks.acquire(self._chain)

    async def __aexit__(self, *_error: object) -> None:
        self._locks.release(self._chain)
