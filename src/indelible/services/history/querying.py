"""QueryWorkflow: ask a worker about a run (semantics section 5).

Owns the way of a query: rejected at once, answered by the next workflow task, or asked directly of
the sticky worker and then of any. Queries write nothing but the loss of a sticky worker.
"""

from typing import Final

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import QueryRejectCondition, WorkflowExecutionStatus
from temporalio.api.errordetails.v1 import QueryFailedFailure
from temporalio.api.failure.v1 import Failure
from temporalio.api.query.v1 import QueryRejected
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest, QueryWorkflowResponse

from indelible.base.errors import (
    DeadlineExceededError,
    InvalidArgumentError,
    workflow_not_ready,
)
from indelible.base.fresh_ids import uuid_text
from indelible.base.ids import QueueKey, QueueType, WorkflowKey
from indelible.base.instants import Instant, after
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.rules.versioning import (
    is_up_to_date,
    version_of_run,
    workflow_task_queue,
)
from indelible.engine.workflow.rules.workflow_tasks import unstick
from indelible.engine.workflow.state import ExecutionRecord, WorkflowStatus
from indelible.ports.clients import MatchingClient, QueryAnswer, QueryTask
from indelible.ports.clock import Clocks
from indelible.ports.entropy import Entropy
from indelible.services.history.entries import Entry
from indelible.services.history.messaging import target
from indelible.services.history.query_buffer import Redirect, is_asked_directly
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.task_responses import query_response

FAILING_ATTEMPT: Final = 3
"""From this attempt of a workflow task on, a query would only wait in vain."""


class QueryOperations:
    """Answers queries."""

    def __init__(
        self,
        shards: Shards,
        matching: MatchingClient,
        clocks: Clocks,
        entropy: Entropy,
    ) -> None:
        self._shards = shards
        self._buffer = shards.queries
        self._matching = matching
        self._clocks = clocks
        self._entropy = entropy

    async def query_workflow(
        self, namespace: Namespace, request: QueryWorkflowRequest, deadline: Instant
    ) -> QueryWorkflowResponse:
        """Return a worker's answer. `deadline` is one of the node's clock.

        Raises `FailedPreconditionError` if the run cannot be asked, `InvalidArgumentError` if the
        worker's handler failed, `DeadlineExceededError` if nobody answered.
        """
        clock, owner = self._clocks.clock_of(namespace.id), object()
        clock.occupy(owner, lambda: 1)
        try:
            return await self._query(namespace, request, deadline)
        finally:
            clock.occupy(owner, lambda: 0)

    async def _query(
        self, namespace: Namespace, request: QueryWorkflowRequest, deadline: Instant
    ) -> QueryWorkflowResponse:
        chain, run_id = target(namespace, request.execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            rejected = _rejection(entry.state.execution, request.query_reject_condition)
            if rejected is not None:
                return QueryWorkflowResponse(query_rejected=rejected)
            _check_readiness(entry.state.execution)
            query_id = uuid_text(self._entropy.token(16))
            if is_asked_directly(entry.state.execution):
                outcome = None
            else:
                limits = shard.parts.limits_of(namespace.name)
                outcome = self._buffer.add(
                    entry.key, query_id, request.query, queries_max=limits.buffered_queries_max
                )
            key = entry.key
        if outcome is None:
            return _response(await self._ask_directly(shard, key, request, deadline))
        timer = self._clocks.node.call_at(
            deadline, lambda: None if outcome.done() else outcome.set_result(None)
        )
        try:
            answer = await outcome
        finally:
            timer.cancel()
            self._buffer.remove(key, query_id)
        if isinstance(answer, Redirect):
            answer = await self._ask_directly(shard, key, request, deadline)
        return _response(answer)

    async def _ask_directly(
        self, shard: Shard, key: WorkflowKey, request: QueryWorkflowRequest, deadline: Instant
    ) -> QueryAnswer | None:
        answer = await self._ask_sticky_worker(shard, key, request, deadline)
        if answer is not None:
            return answer
        async with shard.hold(key.chain, key.run_id) as entry:
            queue_name = workflow_task_queue(entry.state.execution)
            task = await self._query_task(shard, entry, request, queue_name)
        return await self._matching.query(task, deadline=deadline)

    async def _ask_sticky_worker(
        self, shard: Shard, key: WorkflowKey, request: QueryWorkflowRequest, deadline: Instant
    ) -> QueryAnswer | None:
        """Ask the worker that knows the run; None if there is none, or it is silent."""
        async with shard.hold(key.chain, key.run_id) as entry:
            execution = entry.state.execution
            queue_name = execution.sticky_queue
            if not queue_name:
                return None
            queue = QueueKey(key.namespace_id, QueueType.WORKFLOW, queue_name)
            patience = after(self._clocks.node.now(), execution.sticky_schedule_to_start_timeout)
            task: QueryTask | None = None
            if self._matching.has_recent_poller(queue) and _is_up_to_date(shard, execution):
                task = await self._query_task(shard, entry, request, queue_name, is_sticky=True)
        if task is not None:
            answer = await self._matching.query(task, deadline=min(deadline, patience))
            if answer is not None:
                return answer
        async with shard.hold(key.chain, key.run_id) as entry:
            if entry.state.execution.sticky_queue == queue_name:
                await shard.step(entry, unstick)
        return None

    async def _query_task(
        self,
        shard: Shard,
        entry: Entry,
        request: QueryWorkflowRequest,
        queue_name: str,
        *,
        is_sticky: bool = False,
    ) -> QueryTask:
        return QueryTask(
            queue=QueueKey(entry.key.namespace_id, QueueType.WORKFLOW, queue_name),
            key=entry.key,
            query=request.query,
            response=await query_response(shard, entry, request.query, is_sticky=is_sticky),
        )


def _is_up_to_date(shard: Shard, execution: ExecutionRecord) -> bool:
    """Whether the worker that has the run in its cache is still meant to go on with it."""
    now = version_of_run(execution)
    routing = shard.parts.routing_of(execution.namespace_id)
    return now.pinned is not None or is_up_to_date(execution, now.version, routing)


def _rejection(
    execution: ExecutionRecord, condition: "QueryRejectCondition.ValueType"
) -> QueryRejected | None:
    not_open = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN
    not_clean = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY
    status = execution.status
    is_rejected = (condition == not_open and not execution.is_open) or (
        condition == not_clean and not execution.is_open and status is not WorkflowStatus.COMPLETED
    )
    if not is_rejected and status is not WorkflowStatus.PAUSED:
        return None
    return QueryRejected(status=WorkflowExecutionStatus.ValueType(status))


def _check_readiness(execution: ExecutionRecord) -> None:
    has_history = execution.last_completed_task_started_event_id > 0
    if not execution.is_open and not has_history:
        raise workflow_not_ready(
            "Workflow was closed before the first workflow task completed, cannot be queried."
        )
    task = execution.workflow_task
    attempt = task.attempt if task is not None else execution.workflow_task_attempt
    if execution.is_open and attempt >= FAILING_ATTEMPT:
        raise workflow_not_ready("Unable to query workflow due to Workflow Task in failed state.")


def _response(answer: QueryAnswer | Redirect | None) -> QueryWorkflowResponse:
    if not isinstance(answer, QueryAnswer):
        raise DeadlineExceededError("query timed out before a worker could process it")
    if answer.is_success:
        return QueryWorkflowResponse(query_result=Payloads.FromString(answer.result))
    raise InvalidArgumentError(
        answer.error_message,
        QueryFailedFailure(failure=Failure.FromString(answer.failure)),
    )
