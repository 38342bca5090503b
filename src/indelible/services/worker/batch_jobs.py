"""All batch operations that run.

Owns which jobs are carried out: those that a start of the node finds open, and those that history
announces. A job is carried out once, whoever names it. Must not know what a job does.
"""

from collections.abc import Callable, Coroutine
from typing import Final

import structlog

from indelible.base.errors import ServiceError
from indelible.base.ids import Archetype, WorkflowId, WorkflowKey
from indelible.base.instants import SECOND, Duration
from indelible.base.limits import VISIBILITY_PAGE_ROWS_MAX
from indelible.engine.namespace.record import Namespace
from indelible.ports.stores import StoreError, VisibilityFilter
from indelible.services.history.batch_kind import OPEN_JOBS
from indelible.services.worker.batch_job import BatchJob, BatchSurroundings

Spawn = Callable[[str, Coroutine[object, object, None]], None]
"""Runs a background task, by name, as long as the node lives."""
SEARCH_INTERVAL: Final = Duration(SECOND)
"""Between attempts to find the open jobs when the store is out of order."""

_log: Final = structlog.get_logger("indelible.batch")


class BatchJobs:
    """Carries out batch operations."""

    def __init__(self, around: BatchSurroundings, *, spawn: Spawn) -> None:
        self._around = around
        self._spawn = spawn
        self._running: dict[WorkflowKey, BatchJob] = {}

    def announce(self, key: WorkflowKey) -> None:
        """Carry out a job, or have it looked at again if it is carried out already."""
        running = self._running.get(key)
        if running is not None:
            running.look_again()
            return
        job = self._running[key] = BatchJob(self._around, key)
        self._spawn(f"batch operation {key.workflow_id}", self._watched(key, job))

    async def resume(self) -> None:
        """Carry out the jobs that are open; return when all of them are found."""
        for namespace in self._around.namespaces.in_order():
            while True:
                try:
                    await self._resume_in(namespace)
                    break
                except (ServiceError, StoreError) as error:
                    _log.warning("search_failed", error=repr(error))
                    await self._around.clocks.node.sleep(SEARCH_INTERVAL)

    async def _resume_in(self, namespace: Namespace) -> None:
        rows = await self._around.visibility.list_executions(
            VisibilityFilter(
                namespace_id=namespace.id,
                archetype=Archetype.BATCH_OPERATION,
                comparisons=[OPEN_JOBS],
            ),
            after=None,
            limit=VISIBILITY_PAGE_ROWS_MAX,
        )
        for row in rows:
            self.announce(
                WorkflowKey(
                    namespace.id,
                    WorkflowId(row.workflow_id),
                    row.run_id,
                    Archetype.BATCH_OPERATION,
                )
            )

    async def _watched(self, key: WorkflowKey, job: BatchJob) -> None:
        try:
            await job.run()
        except Exception:  # noqa: BLE001 - a job's edge: a defect must not take the node along
            _log.exception("batch_died", job_id=key.workflow_id)
            await job.fail("internal error")
        finally:
            self._running.pop(key, None)
