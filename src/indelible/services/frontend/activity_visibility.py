"""Requests that find standalone activities.

Owns how a row becomes an `ActivityExecutionListInfo` (semantics 12.3). They share the rows' table
with workflows, and never meet them in a list.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityExecutionListInfo
from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import ActivityExecutionStatus
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountActivityExecutionsResponse,
    ListActivityExecutionsRequest,
    ListActivityExecutionsResponse,
)

from indelible.base.ids import Archetype
from indelible.base.instants import NEVER, duration_message, elapsed, timestamp
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.query import ACTIVITIES
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityStore
from indelible.services.frontend.found_rows import FoundRows, RowKind
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.visibility_pages import status_name

_KIND: Final = RowKind(
    archetype=Archetype.ACTIVITY,
    vocabulary=ACTIVITIES,
    status_names={
        number: status_name(name, "ACTIVITY_EXECUTION_STATUS_")
        for name, number in ActivityExecutionStatus.items()
    },
)


class ActivityVisibilityHandlers:
    """Answers the requests that find standalone activities."""

    def __init__(self, *, store: VisibilityStore, limits_of: Callable[[str], Limits]) -> None:
        self._rows = FoundRows(_KIND, store=store, limits_of=limits_of)

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "ListActivityExecutions": namespace_route(ListActivityExecutionsRequest, self._list),
            "CountActivityExecutions": namespace_route(CountActivityExecutionsRequest, self._count),
        }

    async def _list(
        self, request: ListActivityExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        rows, token = await self._rows.page(
            namespace,
            request.query,
            page_size=request.page_size,
            token=request.next_page_token,
        )
        return ListActivityExecutionsResponse(
            executions=[_execution(row, namespace) for row in rows], next_page_token=token
        )

    async def _count(
        self, request: CountActivityExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        counts = await self._rows.counts(namespace, request.query)
        response = CountActivityExecutionsResponse(count=counts.total)
        for value, count in counts.groups:
            response.groups.add(count=count, group_values=[value])
        return response


def _execution(row: VisibilityRecord, namespace: Namespace) -> ActivityExecutionListInfo:
    execution = ActivityExecutionListInfo(
        activity_id=row.workflow_id,
        run_id=row.run_id,
        activity_type=ActivityType(name=row.workflow_type),
        schedule_time=timestamp(row.start_time),
        execution_time=timestamp(row.execution_time),
        status=ActivityExecutionStatus.ValueType(row.status),
        task_queue=row.task_queue,
        search_attributes=typed_attributes(row.search_attributes, namespace.search_attributes),
        state_transition_count=row.state_transition_count,
        state_size_bytes=row.history_size_bytes,
    )
    if row.close_time != NEVER:
        execution.close_time.CopyFrom(timestamp(row.close_time))
        span = elapsed(row.start_time, row.close_time)
        execution.execution_duration.CopyFrom(duration_message(span))
    return execution
