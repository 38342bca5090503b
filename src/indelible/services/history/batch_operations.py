"""Batch operations: the records of all jobs, in their shards.

Owns what is durable of a job: its start, how far it has come, its end. Who tries the targets is
the worker service; it hears of new jobs from here and asks here how to go on.
"""

import asyncio
from collections.abc import Callable

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationResponse,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)

from indelible.base.errors import (
    batch_operation_not_found,
    resource_exhausted,
    workflow_already_completed,
    workflow_already_started,
)
from indelible.base.ids import Archetype, ChainKey, RunId, WorkflowId, WorkflowKey
from indelible.engine.batch import progress
from indelible.engine.batch.description import describe
from indelible.engine.batch.progress import Tried, is_expired, new_batch
from indelible.engine.batch.state import BatchCore, BatchState
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clocks
from indelible.ports.stores import CurrentWrite, VisibilityFilter, VisibilityStore
from indelible.services.history.batch_kind import OPEN_JOBS, BatchKind
from indelible.services.history.entities import Decided, EntityEntry
from indelible.services.history.entity_hosts import EntityHosts
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards

Announce = Callable[[WorkflowKey], None]


def _nobody_listens(_key: WorkflowKey) -> None:
    """A node without a worker service starts no job by itself."""


class BatchOperations:
    """Batch operations of all shards."""

    def __init__(self, shards: Shards, clocks: Clocks, visibility: VisibilityStore) -> None:
        self._hosts = EntityHosts(shards, clocks, BatchKind(), batch_operation_not_found)
        self._visibility = visibility
        self._announce: Announce = _nobody_listens
        self._start_lock = asyncio.Lock()
        """Two starts at once would both find a free place."""

    def listen(self, announce: Announce) -> None:
        """Have `announce` called with a job that is new, or that was stopped."""
        self._announce = announce

    # -- for clients -------------------------------------------------------------------------------

    async def start_batch(
        self, namespace: Namespace, request: StartBatchOperationRequest, *, open_max: int
    ) -> None:
        """Create a job; `AlreadyExistsError` for an id that was used, and never runs twice."""
        chain = _chain(namespace, request.job_id)
        host = self._hosts.of(chain)
        async with self._start_lock, host.shard.locks.hold(chain):
            await self._check_free(namespace, open_max)
            used = await host.find(chain)
            if used is not None:
                raise workflow_already_started(
                    f"batch operation already exists: {request.job_id}",
                    start_request_id="",
                    run_id=used.key.run_id,
                    first_run_id=used.key.run_id,
                )
            now = host.shard.now_in(chain.namespace_id)
            run_id = RunId(host.shard.fresh.run_id(now))
            state = new_batch(request, namespace_id=chain.namespace_id, run_id=run_id, now=now)
            entry = host.new_entry(state)
            try:
                await host.save(
                    entry,
                    Decided(state=state),
                    current=CurrentWrite(chain=chain, expected=None, run_id=run_id),
                )
            finally:
                # It may be stored even if that is not known.
                self._announce(entry.key)

    async def _check_free(self, namespace: Namespace, open_max: int) -> None:
        counts = await self._visibility.count_executions(
            VisibilityFilter(
                namespace_id=namespace.id,
                archetype=Archetype.BATCH_OPERATION,
                comparisons=[OPEN_JOBS],
            )
        )
        if sum(counts.values()) >= open_max:
            raise resource_exhausted(
                "Max concurrent batch operations is reached",
                ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
            )

    async def stop_batch(self, namespace: Namespace, request: StopBatchOperationRequest) -> None:
        """End a job before its time; `NotFoundError` if it is unknown or has ended."""
        chain = _chain(namespace, request.job_id)
        async with self._hosts.hold(chain, "") as entry:
            if not entry.state.core.is_open:
                raise workflow_already_completed()
            await self._stop(entry, reason=request.reason, identity=request.identity)
        self._announce(entry.key)

    async def describe_batch(
        self, namespace: Namespace, job_id: str
    ) -> DescribeBatchOperationResponse:
        """Return what is known of a job."""
        async with self._hosts.hold(_chain(namespace, job_id), "") as entry:
            return describe(entry.state)

    async def delete_batch(self, namespace: Namespace, job_id: str) -> None:
        """Remove a job, of which nothing is left to do from here on."""
        chain = _chain(namespace, job_id)
        async with self._hosts.hold(chain, "") as entry:
            await self._hosts.of(chain).delete(entry)
        self._announce(entry.key)

    # -- for the worker service --------------------------------------------------------------------

    async def read(self, key: WorkflowKey) -> BatchState:
        """Return how a job stands; raise `NotFoundError` if there is none."""
        async with self._hosts.hold(key.chain, key.run_id) as entry:
            return entry.state

    async def note_total(self, key: WorkflowKey, total_count: int) -> None:
        """Record how many targets there seem to be."""
        async with self._hosts.hold(key.chain, key.run_id) as entry:
            await self._save(entry, progress.counted(entry.state.core, total_count))

    async def go_on(self, key: WorkflowKey, tried: Tried) -> None:
        """Record a group of targets."""
        async with self._hosts.hold(key.chain, key.run_id) as entry:
            await self._save(entry, progress.went_on(entry.state.core, tried))

    async def complete(self, key: WorkflowKey) -> None:
        """End a job that has no more targets."""
        async with self._hosts.hold(key.chain, key.run_id) as entry:
            shard = self._hosts.of(key.chain).shard
            core = progress.completed(
                entry.state.core,
                now=shard.now_in(key.namespace_id),
                retention=shard.parts.namespaces.by_id(key.namespace_id).retention,
            )
            await self._save(entry, core)

    async def fail(self, key: WorkflowKey, reason: str) -> None:
        """End a job whose targets cannot be found."""
        async with self._hosts.hold(key.chain, key.run_id) as entry:
            if entry.state.core.is_open:
                await self._stop(entry, reason=reason, identity="")

    # -- by themselves -----------------------------------------------------------------------------

    async def wake(self, shard: Shard, key: WorkflowKey) -> None:
        """Remove a job whose retention has ended."""
        host = self._hosts.of(key.chain)
        async with shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is None:
                return
            if is_expired(entry.state.core, shard.now_in(key.namespace_id)):
                await host.delete(entry)
            else:
                host.note_deadline(entry)

    # -- the runtime -------------------------------------------------------------------------------

    async def _stop(self, entry: EntityEntry[BatchState], *, reason: str, identity: str) -> None:
        key = entry.key
        shard = self._hosts.of(key.chain).shard
        core = progress.stopped(
            entry.state.core,
            reason=reason,
            identity=identity,
            now=shard.now_in(key.namespace_id),
            retention=shard.parts.namespaces.by_id(key.namespace_id).retention,
        )
        await self._save(entry, core)

    async def _save(self, entry: EntityEntry[BatchState], core: BatchCore) -> None:
        if core != entry.state.core:
            state = entry.state._replace(core=core)
            await self._hosts.of(entry.key.chain).save(entry, Decided(state=state))


def _chain(namespace: Namespace, job_id: str) -> ChainKey:
    return ChainKey(namespace.id, WorkflowId(job_id), Archetype.BATCH_OPERATION)
