"""The disk of the world: the memory store, and who watches what is written to it.

Owns that a dead process writes nothing any more, and that every commit which took effect is told,
whatever its caller was told.
"""

import asyncio
from collections.abc import Callable

from indelible.base.ids import RangeId, ShardId
from indelible.ports.stores import Commit
from indelible.store.memory.store import MemoryStore
from simulation.world.process import current_process

Watcher = Callable[[Commit], None]


class Disk(MemoryStore):
    """The real memory store; a subclass, so that nothing but the two methods can differ."""

    def __init__(self, *, shard_count: int) -> None:
        super().__init__(shard_count=shard_count)
        self.watcher: Watcher | None = None

    async def acquire_shard(self, shard_id: ShardId, *, owner: str) -> RangeId:
        """Take a shard."""
        _require_life()
        return await super().acquire_shard(shard_id, owner=owner)

    async def commit(self, *commits: Commit) -> None:
        """Write everything, or raise and write nothing."""
        _require_life()
        await super().commit(*commits)
        if self.watcher is not None:
            for commit in commits:
                self.watcher(commit)


def _require_life() -> None:
    """What runs in a dead process is its clearing away, and must not reach the disk."""
    process = current_process()
    if process is not None and process.is_dead:
        raise asyncio.CancelledError
