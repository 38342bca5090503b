"""What becomes of a namespace that was deleted: its executions go, then its record.

Owns the order and the pace. It holds nothing: whatever a stop interrupts is found again in the
store. Must not know how an execution is removed.
"""

from typing import Final

import structlog
from msgspec.structs import replace
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteNexusOperationExecutionRequest,
    DeleteWorkflowExecutionRequest,
)

from indelible.base.errors import NotFoundError, ServiceError
from indelible.base.ids import Archetype
from indelible.base.instants import NEVER, SECOND, Duration, Instant, elapsed
from indelible.engine.namespace.record import DELETED, Namespace
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.clock import Clock
from indelible.ports.stores import StoreError, VisibilityFilter, VisibilityStore
from indelible.services.frontend.backends import History
from indelible.services.namespaces import NamespaceRegistry

SWEEP_INTERVAL: Final = Duration(10 * SECOND)
SWEEP_EXECUTIONS_MAX: Final = 1_000
"""How many executions one sweep removes, so that the living are served in between."""

_log: Final = structlog.get_logger("indelible.deleted_namespaces")


class DeletedNamespaces:
    """Removes what belongs to deleted namespaces, a little at a time."""

    def __init__(
        self, *, registry: NamespaceRegistry, history: History, visibility: VisibilityStore
    ) -> None:
        self._registry = registry
        self._history = history
        self._visibility = visibility

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
        """Remove up to `SWEEP_EXECUTIONS_MAX` executions of each kind per deleted namespace."""
        for namespace in self._registry.in_order():
            if namespace.state == DELETED and not await self._remove_executions(namespace):
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
        """Return whether there was anything to remove."""
        found = False
        for archetype in Archetype:
            rows = await self._visibility.list_executions(
                VisibilityFilter(namespace_id=namespace.id, archetype=archetype),
                after=None,
                limit=SWEEP_EXECUTIONS_MAX,
            )
            found = found or bool(rows)
            for row in rows:
                try:
                    await self._remove(namespace, row)
                except NotFoundError:
                    continue  # Retention was faster.
                except ServiceError as error:
                    # One that cannot go now must not keep the others.
                    _log.warning("removal_failed", run=row.run_id, error=repr(error))
        return found

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
