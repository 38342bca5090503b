"""One batch operation, from where it stands to its end.

Owns the pace: groups of targets, some at the same time, so many per second. A group is about one
second's work, and is recorded when it is done; a crash repeats one group at most.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from indelible.base.errors import InvalidArgumentError, NotFoundError, ServiceError
from indelible.base.ids import WorkflowKey
from indelible.base.instants import SECOND, Duration, elapsed
from indelible.base.limits import BATCH_GROUP_TARGETS_MAX, Limits
from indelible.engine.batch.progress import Tried
from indelible.engine.batch.state import UNCOUNTED, BatchState
from indelible.engine.batch.targets import Target
from indelible.engine.matching.rate_limit import RateLimit
from indelible.ports.clock import Clocks
from indelible.ports.stores import StoreError, VisibilityStore
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.worker.batch_targets import BatchTargets
from indelible.services.worker.target_calls import Outcome, Perform, TargetCalls

RETRY_INTERVAL: Final = Duration(SECOND)
"""Between attempts to go on when the store is out of order."""

_log: Final = structlog.get_logger("indelible.batch")


class BatchRecords(Protocol):
    """The part of history that keeps batch operations; `NotFoundError` for one that is gone."""

    def listen(self, announce: Callable[[WorkflowKey], None]) -> None:
        """Have `announce` called with a job that is new, or that was ended from outside."""
        ...

    async def read(self, key: WorkflowKey) -> BatchState:
        """Return how a job stands."""
        ...

    async def note_total(self, key: WorkflowKey, total_count: int) -> None:
        """Record how many targets there seem to be."""
        ...

    async def go_on(self, key: WorkflowKey, tried: Tried) -> None:
        """Record a group of targets."""
        ...

    async def complete(self, key: WorkflowKey) -> None:
        """End a job that has no more targets."""
        ...

    async def fail(self, key: WorkflowKey, reason: str) -> None:
        """End a job whose targets cannot be found."""
        ...


class BatchSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What batch operations need of the node."""

    records: BatchRecords
    visibility: VisibilityStore
    namespaces: NamespaceRegistry
    clocks: Clocks
    limits_of: Callable[[str], Limits]
    perform: Perform


class BatchJob:
    """Carries out one batch operation."""

    def __init__(self, around: BatchSurroundings, key: WorkflowKey) -> None:
        self._around = around
        self._key = key
        self._clock = around.clocks.node
        self._limit = RateLimit()
        self._per_second = 0.0
        self._has_news = False

    def look_again(self) -> None:
        """Note that the job may have been stopped."""
        self._has_news = True

    async def run(self) -> None:
        """Return when the job has ended, by itself or otherwise."""
        while True:
            try:
                if await self._went_on():
                    continue
            except NotFoundError:
                return  # It was deleted, or was never stored.
            except InvalidArgumentError as error:
                await self.fail(error.message)
                continue
            except (ServiceError, StoreError) as error:
                await self._wait(error)
                continue
            return

    async def fail(self, reason: str) -> None:
        """End the job; if that fails, too, wait."""
        _log.warning("batch_failed", job_id=self._key.workflow_id, reason=reason)
        try:
            await self._around.records.fail(self._key, reason)
        except (ServiceError, StoreError) as error:
            await self._wait(error)

    async def _wait(self, error: Exception) -> None:
        _log.warning("batch_waits", job_id=self._key.workflow_id, error=repr(error))
        await self._clock.sleep(RETRY_INTERVAL)

    async def _went_on(self) -> bool:
        """Try the next group; return False if the job has ended."""
        around, records, key = self._around, self._around.records, self._key
        self._has_news = False
        state = await records.read(key)
        if not state.core.is_open:
            return False
        namespace = around.namespaces.by_id(key.namespace_id)
        request = state.parsed_request()
        targets = BatchTargets(around.visibility, namespace, request, state.core)
        if state.core.total_count == UNCOUNTED:
            await records.note_total(key, await targets.count())
        limits = around.limits_of(namespace.name)
        self._pace(limits, request.max_operations_per_second)
        group = await targets.behind(state.core.position, count_max=self._group_size())
        if not group.targets:
            await records.complete(key)
            return False
        calls = TargetCalls(
            around.perform,
            namespace,
            request,
            around.clocks.clock_of(namespace.id),
            state.core.started_at,
        )
        outcomes = await self._tried(calls, group.targets, max(1, limits.batch_targets_at_once_max))
        if not outcomes[Outcome.ENDED]:
            done, failed = outcomes[Outcome.DONE], outcomes[Outcome.FAILED]
            await records.go_on(key, Tried(group.position, done, failed))
        return True

    async def _tried(
        self, calls: TargetCalls, targets: Sequence[Target], at_once: int
    ) -> Counter[Outcome]:
        outcomes: Counter[Outcome] = Counter()
        waiting = iter(targets)

        async def work(rest: Iterator[Target]) -> None:
            for target in rest:
                outcomes[await calls.attempt(target, self._admitted)] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(targets))):
                group.create_task(work(waiting))
        return outcomes

    # -- the pace ----------------------------------------------------------------------------------

    def _pace(self, limits: Limits, asked_for: float) -> None:
        """Take the slower of what the operator allows and what the client asks for."""
        allowed = limits.batch_targets_per_second
        self._per_second = min(allowed, asked_for) if asked_for > 0 else allowed
        self._limit.change(self._per_second, self._clock.now())

    def _group_size(self) -> int:
        return max(1, min(BATCH_GROUP_TARGETS_MAX, int(self._per_second)))

    async def _admitted(self) -> bool:
        """Wait until the limit lets another attempt through; False if the job has ended."""
        while not self._limit.spend(self._clock.now()):
            ready_at = self._limit.ready_at()
            span = RETRY_INTERVAL
            if ready_at is not None:
                span = min(span, Duration(max(1, elapsed(self._clock.now(), ready_at))))
            await self._clock.sleep(Duration(span))
            if self._has_news and await self._has_ended():
                return False
        return not (self._has_news and await self._has_ended())

    async def _has_ended(self) -> bool:
        try:
            state = await self._around.records.read(self._key)
        except NotFoundError:
            return True
        return not state.core.is_open
