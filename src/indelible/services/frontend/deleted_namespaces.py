"""What becomes of a namespace that was deleted: its executions go, then its record.

Owns the order and the pace. It holds nothing but its place in a list: whatever a stop interrupts is
found again in the store. Must not know how an execution is removed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec.structs import replace
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteNexusOperationExecutionRequest,
    DeleteWorkflowExecutionRequest,
)

from indelible.base.errors import NotFoundError, ServiceError
from indelible.base.ids import Archetype, NamespaceId
from indelible.base.instants import NEVER, SECOND, Duration, Instant, elapsed
from indelible.base.limits import Limits
from indelible.engine.namespace.record import DELETED, Namespace
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.clock import Clock
from indelible.ports.stores import (
    StoreError,
    VisibilityCursor,
    VisibilityFilter,
    VisibilityStore,
)
from indelible.services.frontend.backends import History
from indelible.services.namespaces import NamespaceRegistry

SWEEP_INTERVAL: Final = Duration(SECOND)
AT_ONCE_MAX: Final = 32
"""Removals that share a commit, and leave room in it for the living."""

_log: Final = structlog.get_logger("indelible.deleted_namespaces")


class DeletedNamespaces:
    """Removes what belongs to deleted namespaces, a little at a time."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        history: History,
        visibility: VisibilityStore,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._registry = registry
        self._history = history
        self._visibility = visibility
        self._limits_of = limits_of
        self._places: dict[tuple[NamespaceId, Archetype], VisibilityCursor] = {}
        """Behind what was removed last: what cannot go now keeps nothing behind it."""

    async def run(self, clock: Clock) -> None:
        """Sweep for ever; the owner of the task cancels it."""
        while True:
            await clock.sleep(SWEEP_INTERVAL)
            try:
                await self.sweep(clock.now())
            except (ServiceError, StoreError) as error:
                # The next sweep begins where this one ended.
                _log.warning("sweep_failed", error=repr(error))

    async def sweep(self, now: Instant) -> None:
        """Remove as many executions of each deleted namespace as may go in a second."""
        for namespace in self._registry.in_order():
            if namespace.state != DELETED:
                continue
            is_empty = namespace.emptied_at != NEVER
            if is_empty or not await self._remove_executions(namespace):
                await self._finish(namespace, now)

    async def _finish(self, namespace: Namespace, now: Instant) -> None:
        """Remove the record of a namespace without executions, if it need not stay for a while."""
        if namespace.delete_delay and namespace.emptied_at == NEVER:
            namespace = await self._registry.change(
                namespace.id, lambda newest: replace(newest, emptied_at=now)
            )
        if elapsed(namespace.emptied_at, now) >= namespace.delete_delay:
            await self._registry.remove(namespace.id)

    async def _remove_executions(self, namespace: Namespace) -> bool:
        """Return whether there was anything to remove, or may be."""
        found = False
        left = max(1, self._limits_of(namespace.name).namespace_deletions_per_second)
        for archetype in Archetype:
            if left:
                rows, is_end = await self._next_rows(namespace, archetype, left)
                left -= len(rows)
                found = found or bool(rows) or not is_end
                for first in range(0, len(rows), AT_ONCE_MAX):
                    async with asyncio.TaskGroup() as removals:
                        for row in rows[first : first + AT_ONCE_MAX]:
                            removals.create_task(self._try_to_remove(namespace, row))
        return found

    async def _next_rows(
        self, namespace: Namespace, archetype: Archetype, limit: int
    ) -> tuple[Sequence[VisibilityRecord], bool]:
        """Return the rows behind the place, and whether all rows were looked at for them."""
        place = self._places.pop((namespace.id, archetype), None)
        rows = await self._visibility.list_executions(
            VisibilityFilter(namespace_id=namespace.id, archetype=archetype),
            after=place,
            limit=limit,
        )
        if len(rows) == limit:
            last = rows[-1]
            self._places[namespace.id, archetype] = VisibilityCursor(
                close_time=last.close_time, start_time=last.start_time, run_id=last.run_id
            )
        return rows, place is None

    async def _try_to_remove(self, namespace: Namespace, row: VisibilityRecord) -> None:
        try:
            await self._remove(namespace, row)
        except NotFoundError:
            return  # Retention was faster.
        except (ServiceError, StoreError) as error:
            # One that cannot go now must not keep the others; it is found again.
            _log.warning("removal_failed", run=row.run_id, error=repr(error))

    async def _remove(self, namespace: Namespace, row: VisibilityRecord) -> None:
        match row.archetype:
            case Archetype.WORKFLOW:
                request = DeleteWorkflowExecutionRequest(namespace=namespace.name)
                request.workflow_execution.workflow_id = row.workflow_id
                request.workflow_execution.run_id = row.run_id
                await self._history.delete_workflow(namespace, request)
            case Archetype.ACTIVITY:
                await self._history.delete_activity(
                    namespace,
                    DeleteActivityExecutionRequest(
                        namespace=namespace.name, activity_id=row.workflow_id, run_id=row.run_id
                    ),
                )
            case Archetype.NEXUS_OPERATION:
                await self._history.delete_nexus_operation(
                    namespace,
                    DeleteNexusOperationExecutionRequest(
                        namespace=namespace.name, operation_id=row.workflow_id, run_id=row.run_id
                    ),
                )
            case Archetype.SCHEDULE:
                await self._history.delete_schedule(namespace, row.workflow_id)
            case Archetype.BATCH_OPERATION:
                await self._history.delete_batch(namespace, row.workflow_id)
