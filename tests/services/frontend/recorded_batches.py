"""The part of the recorded history that is about batch operations."""

from dataclasses import dataclass, field

from google.protobuf.message import Message
from temporalio.api.workflowservice import v1 as api

from indelible.engine.namespace.record import Namespace


@dataclass
class RecordedBatches:
    """Says yes to everything and remembers what it was asked."""

    calls: list[tuple[str, Message]] = field(default_factory=list)
    open_max: int = 0
    deleted_batches: list[str] = field(default_factory=list)

    async def start_batch(
        self, namespace: Namespace, request: api.StartBatchOperationRequest, *, open_max: int
    ) -> None:
        self.calls.append(("start_batch", request))
        self.open_max = open_max

    async def stop_batch(
        self, namespace: Namespace, request: api.StopBatchOperationRequest
    ) -> None:
        self.calls.append(("stop_batch", request))

    async def describe_batch(
        self, namespace: Namespace, job_id: str
    ) -> api.DescribeBatchOperationResponse:
        return api.DescribeBatchOperationResponse(job_id=job_id)

    async def delete_batch(self, namespace: Namespace, job_id: str) -> None:
        self.deleted_batches.append(job_id)
