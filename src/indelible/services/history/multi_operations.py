"""ExecuteMultiOperation: start a run and update it, or update the one there is (semantics 6.5)."""

from typing import Final

from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdConflictPolicy
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from indelible.base.errors import AbortedError, NotFoundError, ServiceError, UnavailableError
from indelible.base.ids import ChainKey, WorkflowId
from indelible.base.multi_operation import multi_operation_failed, operation_aborted
from indelible.engine.namespace.record import Namespace
from indelible.services.history.entries import Entry
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.starting import StartOperations
from indelible.services.history.update_registry import Aborted
from indelible.services.history.updating import (
    UpdateOperations,
    Waiting,
    stage_wanted,
    update_response,
)

ATTEMPTS_MAX: Final = 2
"""A run may close before it accepts the update; the next one gets it, once."""
USE_EXISTING: Final = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING

_Response = ExecuteMultiOperationResponse.Response


class MultiOperations:
    """Starts and updates in one step."""

    def __init__(self, shards: Shards, starts: StartOperations, updates: UpdateOperations) -> None:
        self._shards = shards
        self._starts = starts
        self._updates = updates

    async def update_with_start(
        self,
        namespace: Namespace,
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> ExecuteMultiOperationResponse:
        """Update the open run of the id if the policy allows it, else start one with the update.

        A new run and its update are there together, or neither is: the first workflow task brings
        the update. Raises one error with a status for each operation.
        """
        chain = ChainKey(namespace.id, WorkflowId(start.workflow_id))
        shard = self._shards.of(chain)
        until = self._updates.patience(namespace)
        for attempt in range(ATTEMPTS_MAX):
            async with shard.locks.hold(chain):
                started, waiting = await self._apply(shard, chain, namespace, start, update)
            result = await self._updates.follow(shard, waiting, stage_wanted(update), until)
            if not isinstance(result, Aborted):
                return _response(started, update_response(namespace, update, result))
            if started.started:
                raise multi_operation_failed([None, result.error])
            is_last = attempt == ATTEMPTS_MAX - 1
            if is_last or not (isinstance(result.error, NotFoundError) or result.is_continued):
                raise multi_operation_failed([operation_aborted(), _retryable(result.error)])
        raise multi_operation_failed([operation_aborted(), operation_aborted()])

    async def _apply(
        self,
        shard: Shard,
        chain: ChainKey,
        namespace: Namespace,
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> tuple[StartWorkflowExecutionResponse, Waiting]:
        """Admit the update to the run that there is, or to a new one."""
        current = await shard.find(chain)
        if current is not None and self._is_updated_only(current, start, update):
            try:
                waiting = await self._updates.admit(shard, current, update)
            except ServiceError as error:
                raise multi_operation_failed([operation_aborted(), error]) from error
            return _existing(current), waiting
        try:
            response = await self._starts.start_under_lock(shard, chain, namespace, start)
            if current is not None and response.run_id == current.key.run_id:
                raise UnavailableError("Workflow was not started: its request was served before.")
        except ServiceError as error:
            raise multi_operation_failed([error, operation_aborted()]) from error
        entry = await shard.require(chain, response.run_id)
        return response, self._updates.admit_to_new_run(entry, update)

    def _is_updated_only(
        self,
        current: Entry,
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> bool:
        """Whether the current run takes the update: it has the answer, or may be used as it is."""
        execution = current.state.execution
        update_id = update.request.meta.update_id
        record = current.state.updates.get(update_id)
        if record is not None and record.completed_event_id:
            return True
        return execution.is_open and (
            start.request_id == execution.start_request_id
            or self._updates.knows(current, update_id)
            or start.workflow_id_conflict_policy == USE_EXISTING
        )


def _existing(current: Entry) -> StartWorkflowExecutionResponse:
    execution = current.state.execution
    return StartWorkflowExecutionResponse(
        run_id=execution.run_id,
        started=False,
        status=WorkflowExecutionStatus.ValueType(execution.status),
        first_execution_run_id=execution.first_run_id,
    )


def _retryable(error: ServiceError) -> ServiceError:
    """A run that closed may be followed by another attempt of the client (code ABORTED)."""
    return AbortedError(error.message) if isinstance(error, NotFoundError) else error


def _response(
    started: StartWorkflowExecutionResponse, updated: UpdateWorkflowExecutionResponse
) -> ExecuteMultiOperationResponse:
    return ExecuteMultiOperationResponse(
        responses=[_Response(start_workflow=started), _Response(update_workflow=updated)]
    )
