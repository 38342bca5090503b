"""Queries that wait for a workflow task of their run.

Owns who waits, and what they are told. Queries live in memory: a caller whose node dies asks again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.query.v1 import WorkflowQuery

from indelible.base.errors import resource_exhausted
from indelible.base.ids import WorkflowKey
from indelible.engine.workflow.state import ExecutionRecord
from indelible.ports.clients import QueryAnswer


class Redirect(Enum):
    """There will be no workflow task to answer the query."""

    ASK_DIRECTLY = auto()


Outcome = asyncio.Future[QueryAnswer | Redirect | None]
"""None: the caller's time is over."""


class Waiting(NamedTuple):
    """A query, and where its caller waits."""

    query: WorkflowQuery
    outcome: Outcome


class QueryBuffer:
    """The waiting queries of all runs of a node, by run and query id."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[WorkflowKey, dict[str, Waiting]] = {}

    def add(
        self, key: WorkflowKey, query_id: str, query: WorkflowQuery, *, queries_max: int
    ) -> Outcome:
        """Let a query wait; `ResourceExhaustedError` if too many of the run do (trap 41)."""
        waiting = self._waiting.setdefault(key, {})
        if len(waiting) >= queries_max:
            raise resource_exhausted(
                "consistent query buffer is full, cannot accept new consistent queries",
                ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
            )
        outcome: Outcome = asyncio.get_running_loop().create_future()
        waiting[query_id] = Waiting(query, outcome)
        return outcome

    def remove(self, key: WorkflowKey, query_id: str) -> None:
        """Forget a query; nothing happens if it is gone."""
        waiting = self._waiting.get(key, {})
        waiting.pop(query_id, None)
        if not waiting:
            self._waiting.pop(key, None)

    def of_run(self, key: WorkflowKey) -> Mapping[str, WorkflowQuery]:
        """Return the waiting queries of a run, for its workflow task to answer."""
        return {query_id: query for query_id, (query, _) in self._waiting.get(key, {}).items()}

    def take(self, key: WorkflowKey, query_ids: Iterable[str]) -> dict[str, Waiting]:
        """Take out the queries that a worker has answered; unknown ones are left aside.

        The caller tells the answers when the completion that brought them is durable.
        """
        waiting = self._waiting.get(key, {})
        taken = {query_id: waiting[query_id] for query_id in query_ids if query_id in waiting}
        for query_id in taken:
            self.remove(key, query_id)
        return taken

    def put_back(self, key: WorkflowKey, taken: Mapping[str, Waiting]) -> None:
        """Let queries wait on: the completion that answered them did not count."""
        still = {query_id: query for query_id, query in taken.items() if not query.outcome.done()}
        if still:
            self._waiting.setdefault(key, {}).update(still)

    def redirect(self, key: WorkflowKey) -> None:
        """Have all waiting queries of a run asked directly: no workflow task is pending."""
        for _, outcome in self._waiting.pop(key, {}).values():
            if not outcome.done():
                outcome.set_result(Redirect.ASK_DIRECTLY)

    def redirect_all(self) -> None:
        """As `redirect`, for every run: the service stops, and asking directly will say so."""
        for key in list(self._waiting):
            self.redirect(key)


def is_asked_directly(execution: ExecutionRecord) -> bool:
    """Whether no workflow task is at hand that could answer a query on its way."""
    if not execution.is_open:
        return True
    return execution.workflow_task is None and execution.last_completed_task_started_event_id > 0
