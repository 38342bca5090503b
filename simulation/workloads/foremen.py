"""A simulated client of batch operations: it starts runs of its own, and has all ended at once.

Owns which runs each job is to end, so that the checkers can look for them. Nobody else knows these
runs, no worker polls their queue, and they have no timeout: what a job leaves out never ends.
"""

from typing import Final

from temporalio.api.batch.v1 import BatchOperationTermination
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import BatchOperationState
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    DescribeBatchOperationResponse,
    ListBatchOperationsRequest,
    ListBatchOperationsResponse,
    StartBatchOperationRequest,
    StartBatchOperationResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    StopBatchOperationRequest,
    StopBatchOperationResponse,
)

from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.checkers.promises import Promises
from simulation.workloads.calls import Calls
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_TYPE: Final = "batched"
_QUERY: Final = f"WorkflowType = '{_TYPE}' AND ExecutionStatus = 'Running'"
_RUNNING: Final = BatchOperationState.BATCH_OPERATION_STATE_RUNNING
_STOPPED: Final = 0.2
"""Of jobs that are stopped before they have ended."""


class Foreman:
    """Does many things at once."""

    def __init__(self, world: World, promises: Promises) -> None:
        self.name = "foreman"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._job_count = 0

    async def live(self) -> None:
        """Start a job now and then until things are calm, and end whatever is left."""
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 6 * SECOND)))
            targets = await self._hire()
            job_id = await self._start_job(targets, is_list=self._chance.random() < 0.5)
            if job_id is not None:
                await self._watch(job_id)
        while not await self._finish():
            await self._world.pause(SECOND)
        self.is_busy = False

    async def _hire(self) -> list[str]:
        """Start runs; return the ids of those that there are for sure."""
        started: list[str] = []
        for _ in range(self._chance.randint(1, 4)):
            workflow_id = self._calls.request_id()
            request = StartWorkflowExecutionRequest(
                namespace=NAMESPACE,
                workflow_id=workflow_id,
                workflow_type=WorkflowType(name=_TYPE),
                task_queue=TaskQueue(name="nobody"),
                request_id=workflow_id,
                identity=self.name,
            )
            answer = await self._calls.ask(request, StartWorkflowExecutionResponse, attempts=4)
            if answer is not None:
                started.append(workflow_id)
        return started

    async def _start_job(self, targets: list[str], *, is_list: bool) -> str | None:
        self._job_count += 1
        job_id = f"job{self._job_count}"
        request = StartBatchOperationRequest(
            namespace=NAMESPACE,
            job_id=job_id,
            reason="enough",
            termination_operation=BatchOperationTermination(identity=self.name),
        )
        if is_list and targets:
            request.executions.extend(WorkflowExecution(workflow_id=one) for one in targets)
            self._promises.batch_lists[job_id] = len(targets)
        else:
            request.visibility_query = _QUERY
        # Whether it was started or not: if there is a job of this name, these are its targets.
        self._promises.batch_targets[job_id] = targets
        answer = await self._calls.ask(request, StartBatchOperationResponse, attempts=4)
        return job_id if answer is not None else None

    async def _watch(self, job_id: str) -> None:
        if self._chance.random() < _STOPPED:
            request = StopBatchOperationRequest(
                namespace=NAMESPACE, job_id=job_id, reason="no more", identity=self.name
            )
            await self._calls.ask(request, StopBatchOperationResponse)
        await self._calls.ask(
            ListBatchOperationsRequest(namespace=NAMESPACE, page_size=10),
            ListBatchOperationsResponse,
        )
        await self._state(job_id)

    async def _state(self, job_id: str) -> int | None:
        request = DescribeBatchOperationRequest(namespace=NAMESPACE, job_id=job_id)
        answer = await self._calls.ask(request, DescribeBatchOperationResponse)
        return None if answer is None else answer.state

    async def _finish(self) -> bool:
        """Have every run ended that is left; False if another job is in the way."""
        job_id = await self._start_job([], is_list=False)
        if job_id is None:
            return False
        while await self._state(job_id) in {None, _RUNNING}:
            await self._world.pause(Duration(300 * MILLISECOND))
        return True
