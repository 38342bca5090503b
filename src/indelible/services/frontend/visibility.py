"""Requests that find executions.

Owns pages, their tokens and how a row becomes a `WorkflowExecutionInfo` (semantics 12.2 and 12.5).
What a query means is `engine.visibility`'s, finding the rows is the store's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from google.protobuf.message import Message
from temporalio.api.common.v1 import Memo, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.filter.v1 import StartTimeFilter
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListArchivedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsRequest,
    ListClosedWorkflowExecutionsResponse,
    ListOpenWorkflowExecutionsRequest,
    ListOpenWorkflowExecutionsResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
    ScanWorkflowExecutionsRequest,
    ScanWorkflowExecutionsResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import (
    NEVER,
    SECOND,
    duration_message,
    elapsed,
    instant,
    timestamp,
)
from indelible.base.limits import ARCHIVED_PAGE_ROWS_MAX, Limits
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.filters import Comparison, Filter
from indelible.engine.visibility.ordering import SortKey
from indelible.engine.visibility.query import NOT_OWN, VisibilityQuery, compile_query, listed
from indelible.engine.visibility.query_syntax import not_supported
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityFilter, VisibilityStore
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.visibility_pages import count_rows, read_page, status_name

_RUNNING: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_YEAR_ONE: Final = -62_135_596_800 * SECOND
_STATUS_NAMES: Final[Mapping[int, str]] = {
    number: status_name(name, "WORKFLOW_EXECUTION_STATUS_")
    for name, number in WorkflowExecutionStatus.items()
}
_NOT_RUNNING: Final = tuple(number for number in _STATUS_NAMES if number not in {0, _RUNNING})


class _Page(NamedTuple):
    """Rows as clients see them, and where to go on."""

    executions: list[WorkflowExecutionInfo]
    next_page_token: bytes


class VisibilityHandlers:
    """Answers the requests that find executions."""

    def __init__(self, *, store: VisibilityStore, limits_of: Callable[[str], Limits]) -> None:
        self._store = store
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "ListWorkflowExecutions": namespace_route(ListWorkflowExecutionsRequest, self._list),
            "ListArchivedWorkflowExecutions": namespace_route(
                ListArchivedWorkflowExecutionsRequest, self._list_archived
            ),
            "ScanWorkflowExecutions": namespace_route(ScanWorkflowExecutionsRequest, self._scan),
            "CountWorkflowExecutions": namespace_route(CountWorkflowExecutionsRequest, self._count),
            "ListOpenWorkflowExecutions": namespace_route(
                ListOpenWorkflowExecutionsRequest, self._list_open
            ),
            "ListClosedWorkflowExecutions": namespace_route(
                ListClosedWorkflowExecutionsRequest, self._list_closed
            ),
        }

    async def _list(
        self, request: ListWorkflowExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        page = await self._found(
            namespace, request.query, request.page_size, request.next_page_token
        )
        return ListWorkflowExecutionsResponse(
            executions=page.executions, next_page_token=page.next_page_token
        )

    async def _list_archived(
        self, request: ListArchivedWorkflowExecutionsRequest, _namespace: Namespace, _call: Call
    ) -> Message:
        if request.page_size > ARCHIVED_PAGE_ROWS_MAX:
            raise InvalidArgumentError(f"PageSize is larger than allowed {ARCHIVED_PAGE_ROWS_MAX}.")
        # There is no archive: what every service says whose cluster has none.
        raise InvalidArgumentError("Cluster is not configured for visibility archival.")

    async def _scan(
        self, request: ScanWorkflowExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        page = await self._found(
            namespace, request.query, request.page_size, request.next_page_token
        )
        return ScanWorkflowExecutionsResponse(
            executions=page.executions, next_page_token=page.next_page_token
        )

    async def _count(
        self, request: CountWorkflowExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        query = compile_query(request.query, namespace.search_attributes)
        counts = await count_rows(
            self._store,
            _filter(namespace, listed(query)),
            group_by=query.group_by,
            status_names=_STATUS_NAMES,
        )
        response = CountWorkflowExecutionsResponse(count=counts.total)
        for value, count in counts.groups:
            response.groups.add(count=count, group_values=[value])
        return response

    async def _list_open(
        self, request: ListOpenWorkflowExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        comparisons = [
            NOT_OWN,
            _row("status", "=", _RUNNING),
            *_within("start_time", request.start_time_filter),
        ]
        if request.HasField("execution_filter"):
            comparisons.append(_row("workflow_id", "=", request.execution_filter.workflow_id))
        elif request.HasField("type_filter"):
            comparisons.append(_row("workflow_type", "=", request.type_filter.name))
        page = await self._page(
            namespace,
            _filter(namespace, comparisons),
            request.maximum_page_size,
            request.next_page_token,
        )
        return ListOpenWorkflowExecutionsResponse(
            executions=page.executions, next_page_token=page.next_page_token
        )

    async def _list_closed(
        self, request: ListClosedWorkflowExecutionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        # The filter is named after the start time, and is about the close time (trap 61). A paused
        # run is in this list, as on the reference service, although it is open.
        comparisons = [
            NOT_OWN,
            _row("status", "in", _NOT_RUNNING),
            *_within("close_time", request.start_time_filter),
        ]
        if request.HasField("execution_filter"):
            comparisons.append(_row("workflow_id", "=", request.execution_filter.workflow_id))
        elif request.HasField("type_filter"):
            comparisons.append(_row("workflow_type", "=", request.type_filter.name))
        elif request.HasField("status_filter"):
            status = request.status_filter.status
            if status not in _STATUS_NAMES or status in {0, _RUNNING}:
                raise InvalidArgumentError(
                    "StatusFilter must be specified and must be not Running."
                )
            comparisons.append(_row("status", "=", status))
        page = await self._page(
            namespace,
            _filter(namespace, comparisons),
            request.maximum_page_size,
            request.next_page_token,
        )
        return ListClosedWorkflowExecutionsResponse(
            executions=page.executions, next_page_token=page.next_page_token
        )

    async def _found(self, namespace: Namespace, query: str, page_size: int, token: bytes) -> _Page:
        compiled: VisibilityQuery = compile_query(query, namespace.search_attributes)
        if compiled.group_by is not None:
            raise not_supported("'GROUP BY' clause")
        wanted = _filter(namespace, listed(compiled), compiled.order_by)
        return await self._page(namespace, wanted, page_size, token)

    async def _page(
        self,
        namespace: Namespace,
        wanted: VisibilityFilter,
        page_size: int,
        token: bytes,
    ) -> _Page:
        rows, next_page_token = await read_page(
            self._store,
            wanted,
            page_size=page_size,
            rows_max=self._limits_of(namespace.name).visibility_page_rows_max,
            token=token,
        )
        return _Page([_execution(row, namespace) for row in rows], next_page_token)


def _filter(
    namespace: Namespace, comparisons: Iterable[Filter], order_by: Sequence[SortKey] = ()
) -> VisibilityFilter:
    return VisibilityFilter(
        namespace_id=namespace.id, comparisons=tuple(comparisons), order_by=tuple(order_by)
    )


def _row(field: str, operator: str, value: str | int | Sequence[int]) -> Comparison:
    return Comparison(field=field, is_search_attribute=False, operator=operator, value=value)


def _within(field: str, window: StartTimeFilter) -> list[Comparison]:
    comparisons: list[Comparison] = []
    earliest, latest = _moment(window, "earliest_time"), _moment(window, "latest_time")
    if earliest is not None and latest is not None and earliest > latest:
        raise InvalidArgumentError(
            "EarliestTime in StartTimeFilter should not be larger than LatestTime."
        )
    if earliest is not None:
        comparisons.append(_row(field, ">=", _bounded(earliest)))
    if latest is not None:
        comparisons.append(_row(field, "<=", _bounded(latest)))
    return comparisons


def _moment(window: StartTimeFilter, name: Literal["earliest_time", "latest_time"]) -> int | None:
    """Return a bound of a window; what Go's clients send for none is the beginning of year 1."""
    if not window.HasField(name):
        return None
    moment = instant(getattr(window, name))
    return None if moment == _YEAR_ONE else moment


def _bounded(at: int) -> int:
    """Keep an instant within what a store can compare: 64 bits."""
    return max(-(2**63), min(at, 2**63 - 1))


def _execution(row: VisibilityRecord, namespace: Namespace) -> WorkflowExecutionInfo:
    execution = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=row.workflow_id, run_id=row.run_id),
        type=WorkflowType(name=row.workflow_type),
        start_time=timestamp(row.start_time),
        execution_time=timestamp(row.execution_time or row.start_time),
        status=WorkflowExecutionStatus.ValueType(row.status),
        task_queue=row.task_queue,
        memo=Memo.FromString(row.memo),
        search_attributes=typed_attributes(row.search_attributes, namespace.search_attributes),
        root_execution=WorkflowExecution(
            workflow_id=row.root_workflow_id or row.workflow_id,
            run_id=row.root_run_id or row.run_id,
        ),
    )
    if row.parent_workflow_id:
        execution.parent_execution.workflow_id = row.parent_workflow_id
        execution.parent_execution.run_id = row.parent_run_id
    if row.close_time != NEVER:
        execution.close_time.CopyFrom(timestamp(row.close_time))
        span = elapsed(row.execution_time or row.start_time, row.close_time)
        execution.execution_duration.CopyFrom(duration_message(span))
        execution.history_length = row.history_length
        execution.history_size_bytes = row.history_size_bytes
        execution.state_transition_count = row.state_transition_count
    return execution
