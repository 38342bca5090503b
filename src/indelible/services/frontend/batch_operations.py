"""Requests about batch operations.

Owns their validation; the records are history's, the work is the worker service's.
"""

from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import Message
from temporalio.api.batch.v1 import BatchOperationInfo
from temporalio.api.enums.v1 import BatchOperationType
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    DescribeBatchOperationResponse,
    ListBatchOperationsRequest,
    ListBatchOperationsResponse,
    StartBatchOperationRequest,
    StartBatchOperationResponse,
    StopBatchOperationRequest,
    StopBatchOperationResponse,
)

from indelible.base.errors import InvalidArgumentError, permission_denied
from indelible.base.ids import Archetype
from indelible.base.instants import NEVER, timestamp
from indelible.base.limits import Limits
from indelible.engine.batch.description import public_state
from indelible.engine.batch.targets import is_about_activities, operation_name, query_of
from indelible.engine.batch.validation import check_batch
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.query import ACTIVITIES, WORKFLOWS, compile_query
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityFilter, VisibilityStore
from indelible.services.frontend.control import complete_workflow_options
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_length
from indelible.services.frontend.visibility_pages import read_page


class Batches(Protocol):
    """The part of history that keeps batch operations; changes are durable on return."""

    async def start_batch(
        self, namespace: Namespace, request: StartBatchOperationRequest, *, open_max: int
    ) -> None:
        """Start a job; refuse it if its id was used, or if there are `open_max` already."""
        ...

    async def stop_batch(self, namespace: Namespace, request: StopBatchOperationRequest) -> None:
        """End a job before its time."""
        ...

    async def describe_batch(
        self, namespace: Namespace, job_id: str
    ) -> DescribeBatchOperationResponse:
        """Return what is known of a job."""
        ...

    async def delete_batch(self, namespace: Namespace, job_id: str) -> None:
        """Remove a job."""
        ...


class BatchOperationHandlers:
    """Answers the requests about batch operations."""

    def __init__(
        self, *, batches: Batches, store: VisibilityStore, limits_of: Callable[[str], Limits]
    ) -> None:
        self._batches = batches
        self._store = store
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "StartBatchOperation": namespace_route(StartBatchOperationRequest, self._start),
            "StopBatchOperation": namespace_route(StopBatchOperationRequest, self._stop),
            "DescribeBatchOperation": namespace_route(
                DescribeBatchOperationRequest, self._describe
            ),
            "ListBatchOperations": namespace_route(ListBatchOperationsRequest, self._list),
        }

    async def _start(
        self, request: StartBatchOperationRequest, namespace: Namespace, _call: Call
    ) -> Message:
        limits = self._enabled(namespace)
        has_operation = request.WhichOneof("operation") is not None
        is_for_activities = has_operation and is_about_activities(request)
        if is_for_activities and not limits.batch_operations_on_activities:
            raise InvalidArgumentError(
                f"The operation type {operation_name(request)} is not supported for this namespace"
            )
        check_batch(request)
        if request.HasField("update_workflow_options_operation"):
            operation = request.update_workflow_options_operation
            complete_workflow_options(operation.workflow_execution_options, limits)
        check_length(request.job_id, "JobId")
        if request.visibility_query:
            _check_query(request, namespace)
        request.namespace = namespace.name
        await self._batches.start_batch(
            namespace, request, open_max=limits.batch_operations_open_max
        )
        return StartBatchOperationResponse()

    async def _stop(
        self, request: StopBatchOperationRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_job_id(request.job_id)
        if not request.reason:
            raise InvalidArgumentError("Reason is not set on request.")
        self._enabled(namespace)
        await self._batches.stop_batch(namespace, request)
        return StopBatchOperationResponse()

    async def _describe(
        self, request: DescribeBatchOperationRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_job_id(request.job_id)
        self._enabled(namespace)
        return await self._batches.describe_batch(namespace, request.job_id)

    async def _list(
        self, request: ListBatchOperationsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._enabled(namespace)
        rows, token = await read_page(
            self._store,
            VisibilityFilter(namespace_id=namespace.id, archetype=Archetype.BATCH_OPERATION),
            page_size=request.page_size,
            rows_max=self._limits_of(namespace.name).visibility_page_rows_max,
            token=request.next_page_token,
        )
        return ListBatchOperationsResponse(operation_info=map(_entry, rows), next_page_token=token)

    def _enabled(self, namespace: Namespace) -> Limits:
        limits = self._limits_of(namespace.name)
        if not limits.batch_operations:
            raise permission_denied("batch operations are disabled on this namespace")
        return limits


def _check_job_id(job_id: str) -> None:
    if not job_id:
        raise InvalidArgumentError("JobId is not set on request.")


def _check_query(request: StartBatchOperationRequest, namespace: Namespace) -> None:
    """Refuse what could only fail later; the reference lets a wrong name pass."""
    vocabulary = ACTIVITIES if is_about_activities(request) else WORKFLOWS
    try:
        query = compile_query(query_of(request), namespace.search_attributes, vocabulary)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"invalid visibility query: {error.message}") from error
    if query.group_by is not None:
        raise InvalidArgumentError("invalid visibility query: 'GROUP BY' clause")


def _entry(row: VisibilityRecord) -> BatchOperationInfo:
    entry = BatchOperationInfo(
        job_id=row.workflow_id,
        state=public_state(row.status),
        start_time=timestamp(row.start_time),
        operation_type=BatchOperationType.ValueType(int(row.workflow_type)),
    )
    if row.close_time != NEVER:
        entry.close_time.CopyFrom(timestamp(row.close_time))
    return entry
