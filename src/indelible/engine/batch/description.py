"""What is told of a batch operation to clients that ask. Must not know who asks."""

from collections.abc import Mapping
from typing import Final

from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
from temporalio.api.workflowservice.v1 import DescribeBatchOperationResponse

from indelible.base.instants import NEVER, timestamp
from indelible.engine.batch.state import BatchState, BatchStatus
from indelible.engine.batch.targets import listed_executions

_PUBLIC: Final[Mapping[BatchStatus, "BatchOperationState.ValueType"]] = {
    BatchStatus.RUNNING: BatchOperationState.BATCH_OPERATION_STATE_RUNNING,
    BatchStatus.COMPLETED: BatchOperationState.BATCH_OPERATION_STATE_COMPLETED,
    BatchStatus.FAILED: BatchOperationState.BATCH_OPERATION_STATE_FAILED,
}


def public_state(status: int) -> "BatchOperationState.ValueType":
    """Return the state as clients know it; a row has it as a number."""
    return _PUBLIC[BatchStatus(status)]


def describe(state: BatchState) -> DescribeBatchOperationResponse:
    """Return all there is to tell."""
    core, request = state.core, state.parsed_request()
    described = DescribeBatchOperationResponse(
        operation_type=BatchOperationType.ValueType(core.operation_type),
        job_id=core.job_id,
        state=public_state(core.status),
        start_time=timestamp(core.started_at),
        total_operation_count=max(core.total_count, 0),
        complete_operation_count=core.complete_count,
        failure_operation_count=core.failure_count,
        identity=core.identity,
        reason=core.reason,
        query=request.visibility_query,
        executions=listed_executions(request),
    )
    if core.closed_at != NEVER:
        described.close_time.CopyFrom(timestamp(core.closed_at))
    return described
