"""Queries that wait for a worker's answer.

Owns their ids and tokens. A query lives as long as its caller waits: whatever comes later is
refused as unknown. Must not know how a query finds its worker.
"""

import asyncio
from typing import Final

from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.workflowservice.v1 import RespondQueryTaskCompletedRequest

from indelible.base.errors import InvalidArgumentError, NotFoundError, ServiceError
from indelible.base.task_token import QueryTaskToken, encode_task_token
from indelible.ports.clients import QueryAnswer, QueryTask


class PendingQuery:
    """One query and the future of its answer, which is None when the deadline has passed."""

    __slots__ = ("answer", "query_id", "task")

    def __init__(self, query_id: str, task: QueryTask) -> None:
        self.query_id: Final = query_id
        self.task: Final = task
        self.answer: Final[asyncio.Future[QueryAnswer | None]] = (
            asyncio.get_running_loop().create_future()
        )

    def settle(self, answer: QueryAnswer | None) -> None:
        """Give the caller an answer, or None for none in time; the first one counts."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def refuse(self, error: ServiceError) -> None:
        """Give the caller an error, unless it has an answer already."""
        if not self.answer.done():
            self.answer.set_exception(error)


class PendingQueries:
    """The queries of this node by id."""

    def __init__(self) -> None:
        self._queries: dict[str, PendingQuery] = {}

    def open(self, query_id: str, task: QueryTask) -> PendingQuery:
        """Register a query and put its token into the response that a worker will get."""
        token = QueryTaskToken(task.queue.namespace_id, task.queue.name, query_id)
        task.response.task_token = encode_task_token(token)
        pending = self._queries[query_id] = PendingQuery(query_id, task)
        return pending

    def close(self, pending: PendingQuery) -> None:
        """Forget a query whose caller waits no longer."""
        self._queries.pop(pending.query_id, None)

    def respond(self, token: QueryTaskToken, request: RespondQueryTaskCompletedRequest) -> None:
        """Settle a query with a worker's answer; raise `NotFoundError` if nobody waits for it."""
        pending = self._queries.get(token.query_id)
        if pending is None or pending.answer.done() or not _belongs(pending.task, token):
            raise NotFoundError("query task not found, or already expired")
        pending.settle(_answer(request))

    def refuse_all(self, error: ServiceError) -> None:
        """Refuse every query."""
        for pending in list(self._queries.values()):
            pending.refuse(error)


def _belongs(task: QueryTask, token: QueryTaskToken) -> bool:
    return (task.queue.namespace_id, task.queue.name) == (token.namespace_id, token.queue_name)


def _answer(request: RespondQueryTaskCompletedRequest) -> QueryAnswer:
    match request.completed_type:
        case QueryResultType.QUERY_RESULT_TYPE_ANSWERED:
            return QueryAnswer(is_success=True, result=request.query_result.SerializeToString())
        case QueryResultType.QUERY_RESULT_TYPE_FAILED:
            return QueryAnswer(
                is_success=False,
                error_message=request.error_message,
                failure=request.failure.SerializeToString(),
            )
        case _:
            raise InvalidArgumentError("Query result type is not set or unknown.")
