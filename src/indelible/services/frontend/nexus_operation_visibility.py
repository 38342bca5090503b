"""Requests that find standalone Nexus operations.

Owns how a row becomes a `NexusOperationExecutionListInfo`. They share the rows' table with
workflows, and never meet them in a list.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import NexusOperationExecutionStatus
from temporalio.api.nexus.v1 import NexusOperationExecutionListInfo
from temporalio.api.workflowservice.v1 import (
    CountNexusOperationExecutionsRequest,
    CountNexusOperationExecutionsResponse,
    ListNexusOperationExecutionsRequest,
    ListNexusOperationExecutionsResponse,
)

from indelible.base.ids import Archetype
from indelible.base.instants import NEVER, duration_message, elapsed, timestamp
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.query import (
    NEXUS_OPERATIONS,
    OPERATION_ENDPOINT,
    OPERATION_SERVICE,
)
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityStore
from indelible.services.frontend.found_rows import FoundRows, RowKind
from indelible.services.frontend.nexus_operation_executions import check_enabled
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.visibility_pages import status_name

_KIND: Final = RowKind(
    archetype=Archetype.NEXUS_OPERATION,
    vocabulary=NEXUS_OPERATIONS,
    status_names={
        number: status_name(name, "NEXUS_OPERATION_EXECUTION_STATUS_")
        for name, number in NexusOperationExecutionStatus.items()
    },
)


class NexusOperationVisibilityHandlers:
    """Answers the requests that find standalone Nexus operations."""

    def __init__(self, *, store: VisibilityStore, limits_of: Callable[[str], Limits]) -> None:
        self._rows = FoundRows(_KIND, store=store, limits_of=limits_of)
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "ListNexusOperationExecutions": namespace_route(
                ListNexusOperationExecutionsRequest, self._list
            ),
            "CountNexusOperationExecutions": namespace_route(
                CountNexusOperationExecutionsRequest, self._count
            ),
        }

    async def _list(
        self, request: ListNexusOperationExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_enabled(self._limits_of(namespace.name))
        rows, token = await self._rows.page(
            namespace,
            request.query,
            page_size=request.page_size,
            token=request.next_page_token,
        )
        return ListNexusOperationExecutionsResponse(
            operations=[_operation(row, namespace) for row in rows], next_page_token=token
        )

    async def _count(
        self, request: CountNexusOperationExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_enabled(self._limits_of(namespace.name))
        counts = await self._rows.counts(namespace, request.query)
        response = CountNexusOperationExecutionsResponse(count=counts.total)
        for value, count in counts.groups:
            response.groups.add(count=count, group_values=[value])
        return response


def _operation(row: VisibilityRecord, namespace: Namespace) -> NexusOperationExecutionListInfo:
    operation = NexusOperationExecutionListInfo(
        operation_id=row.workflow_id,
        run_id=row.run_id,
        endpoint=str(row.indexed_values.get(OPERATION_ENDPOINT, "")),
        service=str(row.indexed_values.get(OPERATION_SERVICE, "")),
        operation=row.workflow_type,
        schedule_time=timestamp(row.start_time),
        status=NexusOperationExecutionStatus.ValueType(row.status),
        search_attributes=typed_attributes(row.search_attributes, namespace.search_attributes),
        state_transition_count=row.state_transition_count,
        state_size_bytes=row.history_size_bytes,
    )
    if row.close_time != NEVER:
        operation.close_time.CopyFrom(timestamp(row.close_time))
        span = elapsed(row.start_time, row.close_time)
        operation.execution_duration.CopyFrom(duration_message(span))
    return operation
