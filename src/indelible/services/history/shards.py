"""The shards of a node, and what goes on in each beside the requests.

Owns the acquisition of shards, the routing of workflow ids to them, and the wiring of steps to
wake-ups, transfers and watchers. Must not know any request.
"""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Final

import structlog

from indelible.base.ids import ChainKey, ShardId, WorkflowKey
from indelible.base.instants import NEVER
from indelible.base.limits import Limits
from indelible.engine.workflow.pending_work import pending_work_count
from indelible.engine.workflow.timer_sequence import DeadlineKind
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.services.history.entries import Entry, Unsaved
from indelible.services.history.query_buffer import QueryBuffer, is_asked_directly
from indelible.services.history.shard import Outlook, Shard, ShardParts
from indelible.services.history.transfers import Transfers
from indelible.services.history.update_registry import UpdateRegistry
from indelible.services.history.wakeups import Spawn, Wakeups
from indelible.services.history.watchers import Watchers

_log: Final = structlog.get_logger("indelible.history")


def shard_of(chain: ChainKey, shard_count: int) -> ShardId:
    """Return the shard of a workflow id: the same on every node, for as long as the store lives."""
    digest = blake2b(
        f"{chain.namespace_id}\x00{chain.workflow_id}".encode(), digest_size=8
    ).digest()
    return ShardId(int.from_bytes(digest, "big") % shard_count)


class _Work:
    """The background work of one shard."""

    __slots__ = ("transfers", "wakeups")

    def __init__(self, wakeups: Wakeups, transfers: Transfers) -> None:
        self.wakeups = wakeups
        self.transfers = transfers


class Shards:
    """All shards that this node owns."""

    def __init__(
        self,
        parts: ShardParts,
        *,
        shard_count: int,
        owner: str,
        spawn: Spawn,
    ) -> None:
        self._parts = parts
        self._shard_count = shard_count
        self._owner = owner
        self._spawn = spawn
        self._shards: list[Shard] = []
        self._work: list[_Work] = []
        self.watchers = Watchers(parts.clocks.node)
        self.queries = QueryBuffer()
        self.updates = UpdateRegistry(parts.clocks.node)

    def limits_of(self, namespace_name: str) -> Limits:
        """Return the limits of a namespace, by its name."""
        return self._parts.limits_of(namespace_name)

    async def start(
        self,
        *,
        wake: Callable[[Shard, WorkflowKey], Awaitable[None]],
        execute: Callable[[Shard, WorkflowKey, AnyTransfer], Awaitable[None]],
    ) -> None:
        """Take all shards, and take up what their last owner left."""
        for number in range(self._shard_count):
            shard_id = ShardId(number)
            range_id = await self._parts.store.acquire_shard(shard_id, owner=self._owner)
            shard = Shard(shard_id, range_id, self._parts, self)
            self._shards.append(shard)
            self._work.append(self._background(shard, wake, execute))
        for work in self._work:
            await work.wakeups.start()
            await work.transfers.start()

    def _background(
        self,
        shard: Shard,
        wake: Callable[[Shard, WorkflowKey], Awaitable[None]],
        execute: Callable[[Shard, WorkflowKey, AnyTransfer], Awaitable[None]],
    ) -> _Work:
        return _Work(
            Wakeups(shard, self._parts.clocks, self._spawn, lambda key: wake(shard, key)),
            Transfers(
                shard,
                self._parts.clocks,
                self._spawn,
                lambda key, task: execute(shard, key, task),
            ),
        )

    def stop(self) -> None:
        """Begin nothing any more, and let go whoever waits."""
        for work in self._work:
            work.wakeups.stop()
            work.transfers.stop()
        self.watchers.stop()
        self.queries.redirect_all()
        self.updates.stop()

    def of(self, chain: ChainKey) -> Shard:
        """Return the shard of a workflow id."""
        return self._shards[shard_of(chain, self._shard_count)]

    def all(self) -> Sequence[Shard]:
        """Return all shards."""
        return self._shards

    # The shards tell here what happens in them (`ShardListener`).

    def stepped(self, shard: Shard, entry: Entry) -> None:
        """Take note of the run's next deadline, and wake who watches it or waits for its task."""
        first = entry.next_deadline
        self._work[shard.shard_id].wakeups.note(
            entry.key,
            entry.wake_at,
            is_stored=not entry.has_unsaved_steps,
            is_idle=first is not None and first.kind is DeadlineKind.RETENTION,
        )
        self._occupy(entry.key, lambda: pending_work_count(entry.state))
        self.watchers.notify(entry.key)
        if is_asked_directly(entry.state.execution):
            self.queries.redirect(entry.key)
        if not entry.state.execution.is_open:
            self.updates.run_closed(entry.state)

    def stored(self, shard: Shard, entry: Entry, written: Unsaved) -> None:
        """Execute the transfer tasks that are durable now."""
        if written.transfers:
            self._work[shard.shard_id].transfers.offer(entry.key, written.transfers)

    def owed(self, shard: Shard, key: WorkflowKey, tasks: Sequence[AnyTransfer]) -> None:
        """Execute the tasks of an entity that are durable now."""
        self._work[shard.shard_id].transfers.offer(key, tasks)

    def is_owing(self, shard: Shard, key: WorkflowKey) -> bool:
        """Whether transfer tasks of a run are not done."""
        return self._work[shard.shard_id].transfers.is_owing(key)

    def deleted(self, shard: Shard, entry: Entry) -> None:
        """Wake the run no more, and tell who watches it."""
        self._work[shard.shard_id].wakeups.note(entry.key, None)
        self._occupy(entry.key, lambda: 0)
        self.watchers.notify(entry.key)
        self.updates.run_lost(entry.key)

    def _occupy(self, key: WorkflowKey, work: Callable[[], int]) -> None:
        self._parts.clocks.clock_of(key.namespace_id).occupy(key, work)

    def noted(self, shard: Shard, key: WorkflowKey, outlook: Outlook) -> None:
        """Take note of an entity's next deadline, and wake who watches it."""
        at = None if outlook.wake_at == NEVER else outlook.wake_at
        self._work[shard.shard_id].wakeups.note(key, at, is_idle=outlook.is_closed)
        self._occupy(key, lambda: outlook.work_count)
        self.watchers.notify(key)

    def doubted(self, shard: Shard, key: WorkflowKey) -> None:
        """Look into the store for wake-ups and tasks that were not told."""
        self._work[shard.shard_id].wakeups.reread()
        self._work[shard.shard_id].transfers.reread()
        self.watchers.notify(key)

    def forgotten(self, shard: Shard, entry: Entry) -> None:
        """Look into the store for what may be there and was not told."""
        work = self._work[shard.shard_id]
        work.wakeups.reread()
        if entry.unsaved.transfers:
            work.transfers.reread()
        self.watchers.notify(entry.key)
        self.updates.run_lost(entry.key)
