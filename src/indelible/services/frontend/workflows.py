"""Requests about workflow executions: start, signal, query, look at, stop.

Owns their validation; the work is history's. Must not know how a run is kept.
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import HistoryEventFilterType, QueryRejectCondition
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowExecutionResponse,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    QueryWorkflowRequest,
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    ResetStickyTaskQueueRequest,
    ResetStickyTaskQueueResponse,
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.fresh_ids import uuid_text
from indelible.base.instants import after, seconds
from indelible.base.limits import HISTORY_PAGE_EVENTS_MAX, LONG_POLL_SECONDS_MAX
from indelible.base.time_zones import UtcOffset
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clocks
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import History, LimitsOf
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.start_requests import (
    StartRules,
    complete_signal_with_start,
    complete_start,
)
from indelible.services.frontend.validation import (
    check_blob,
    check_execution,
    check_identity,
    check_length,
    check_links,
    check_run_id,
)

_TERMINATE_REASON: Final = "terminated by user via frontend"
_TERMINATE_IDENTITY: Final = "frontend-service"


class WorkflowHandlers:
    """Answers the requests about workflow executions."""

    def __init__(
        self,
        *,
        history: History,
        clocks: Clocks,
        entropy: Entropy,
        utc_offset: UtcOffset,
        limits_of: LimitsOf,
    ) -> None:
        self._history = history
        self._clocks = clocks
        self._entropy = entropy
        self._utc_offset = utc_offset
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "StartWorkflowExecution": namespace_route(StartWorkflowExecutionRequest, self._start),
            "SignalWithStartWorkflowExecution": namespace_route(
                SignalWithStartWorkflowExecutionRequest, self._signal_with_start
            ),
            "SignalWorkflowExecution": namespace_route(
                SignalWorkflowExecutionRequest, self._signal
            ),
            "RequestCancelWorkflowExecution": namespace_route(
                RequestCancelWorkflowExecutionRequest, self._request_cancel
            ),
            "TerminateWorkflowExecution": namespace_route(
                TerminateWorkflowExecutionRequest, self._terminate
            ),
            "DeleteWorkflowExecution": namespace_route(
                DeleteWorkflowExecutionRequest, self._delete
            ),
            "DescribeWorkflowExecution": namespace_route(
                DescribeWorkflowExecutionRequest, self._describe
            ),
            "GetWorkflowExecutionHistory": namespace_route(
                GetWorkflowExecutionHistoryRequest, self._get_history
            ),
            "GetWorkflowExecutionHistoryReverse": namespace_route(
                GetWorkflowExecutionHistoryReverseRequest, self._get_history_reverse
            ),
            "QueryWorkflow": namespace_route(QueryWorkflowRequest, self._query),
            "ResetStickyTaskQueue": namespace_route(
                ResetStickyTaskQueueRequest, self._reset_sticky
            ),
        }

    async def _start(
        self, request: StartWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        complete_start(request, namespace=namespace, rules=self.rules(namespace))
        return await self._history.start_workflow(namespace, request)

    async def _signal_with_start(
        self, request: SignalWithStartWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        complete_signal_with_start(request, namespace=namespace, rules=self.rules(namespace))
        return await self._history.signal_with_start(namespace, request)

    async def _signal(
        self, request: SignalWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        if not request.signal_name:
            raise InvalidArgumentError("SignalName is not set on request.")
        check_length(request.signal_name, "SignalName")
        check_length(request.request_id, "RequestId")
        check_identity(request.identity)
        check_links(request.links, self._limits_of(namespace.name))
        check_blob(request.input, self._limits_of(namespace.name).blob_bytes_max)
        return await self._history.signal_workflow(namespace, request)

    async def _request_cancel(
        self, request: RequestCancelWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        check_run_id(request.first_execution_run_id)
        check_length(request.request_id, "RequestId")
        check_identity(request.identity)
        check_links(request.links, self._limits_of(namespace.name))
        await self._history.request_cancel(namespace, request)
        return RequestCancelWorkflowExecutionResponse()

    async def _terminate(
        self, request: TerminateWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        check_run_id(request.first_execution_run_id)
        check_identity(request.identity)
        check_links(request.links, self._limits_of(namespace.name))
        check_blob(request.details, self._limits_of(namespace.name).blob_bytes_max)
        # So that a history tells the user's terminations from the service's own.
        request.reason = request.reason or _TERMINATE_REASON
        request.identity = request.identity or _TERMINATE_IDENTITY
        await self._history.terminate_workflow(namespace, request)
        return TerminateWorkflowExecutionResponse()

    async def _delete(
        self, request: DeleteWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        await self._history.delete_workflow(namespace, request)
        return DeleteWorkflowExecutionResponse()

    async def _describe(
        self, request: DescribeWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.execution, is_set=request.HasField("execution"))
        return await self._history.describe_workflow(namespace, request)

    async def _get_history(
        self, request: GetWorkflowExecutionHistoryRequest, namespace: Namespace, call: Call
    ) -> Message:
        check_execution(request.execution, is_set=request.HasField("execution"))
        request.maximum_page_size = self._page_size(request.maximum_page_size, namespace)
        event_filter = request.history_event_filter_type
        if not event_filter:
            request.history_event_filter_type = (
                HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT
            )
        elif event_filter not in HistoryEventFilterType.values():
            raise InvalidArgumentError(f"Invalid HistoryEventFilterType: {event_filter}")
        return await self._history.get_history(namespace, request, call)

    async def _get_history_reverse(
        self,
        request: GetWorkflowExecutionHistoryReverseRequest,
        namespace: Namespace,
        _call: Call,
    ) -> Message:
        check_execution(request.execution, is_set=request.HasField("execution"))
        request.maximum_page_size = self._page_size(request.maximum_page_size, namespace)
        return await self._history.get_history_reverse(namespace, request)

    async def _query(
        self, request: QueryWorkflowRequest, namespace: Namespace, call: Call
    ) -> Message:
        check_execution(request.execution, is_set=request.HasField("execution"))
        if not request.HasField("query"):
            raise InvalidArgumentError("WorkflowQuery is not set on request.")
        if not request.query.query_type:
            raise InvalidArgumentError("QueryType is not set on request.")
        check_length(request.query.query_type, "QueryType")
        if not request.query_reject_condition:
            request.query_reject_condition = QueryRejectCondition.QUERY_REJECT_CONDITION_NONE
        elif request.query_reject_condition not in QueryRejectCondition.values():
            raise InvalidArgumentError(
                f"Invalid QueryRejectCondition: {request.query_reject_condition}"
            )
        check_blob(request.query.query_args, self._limits_of(namespace.name).blob_bytes_max)
        deadline = call.deadline
        if deadline is None:
            # Nobody waits for ever: the query would be forgotten only with the process.
            deadline = after(self._clocks.node.now(), seconds(LONG_POLL_SECONDS_MAX))
        return await self._history.query_workflow(namespace, request, deadline)

    async def _reset_sticky(
        self, request: ResetStickyTaskQueueRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_execution(request.execution, is_set=request.HasField("execution"))
        await self._history.reset_sticky(namespace, request)
        return ResetStickyTaskQueueResponse()

    def rules(self, namespace: Namespace) -> StartRules:
        """Return what a request that starts a run in a namespace is completed with."""
        return StartRules(
            limits=self._limits_of(namespace.name),
            now=self._clocks.clock_of(namespace.id).now(),
            utc_offset=self._utc_offset,
            fresh_request_id=uuid_text(self._entropy.token(16)),
        )

    def _page_size(self, asked: int, namespace: Namespace) -> int:
        size = asked if asked > 0 else self._limits_of(namespace.name).history_page_events_default
        return max(1, min(size, HISTORY_PAGE_EVENTS_MAX))
