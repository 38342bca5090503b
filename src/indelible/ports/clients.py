"""How the history and the matching service call each other."""

from dataclasses import dataclass
from typing import Protocol

from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
)

from indelible.base.ids import NamespaceId, QueueKey, WorkflowKey
from indelible.base.instants import Instant
from indelible.engine.workflow.tasks import ActivityTaskDispatch, DispatchTask, WorkflowTaskDispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A committed dispatch task on its way to a worker."""

    queue: QueueKey
    key: WorkflowKey
    created_at: Instant
    task: DispatchTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """The worker that polls, as far as a started task must tell."""

    identity: str
    request_id: str
    """A fresh UUID per delivery."""
    build_id: str = ""
    is_sticky_poll: bool = False
    client_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTask:
    """A query for a worker, outside of a workflow task. It lives in memory and may be lost."""

    queue: QueueKey
    key: WorkflowKey
    query: WorkflowQuery
    response: PollWorkflowTaskQueueResponse
    """What the worker's poll returns, complete but for the task token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """What a worker said to a query: a serialized `Payloads`, or a message and a serialized `Failure`."""

    is_success: bool
    result: bytes = b""
    error_message: str = ""
    failure: bytes = b""


class HistoryClient(Protocol):
    """What matching asks of history: whether a task is still wanted, and what the worker must know."""

    async def start_workflow_task(
        self, key: WorkflowKey, task: WorkflowTaskDispatch, poller: Poller
    ) -> PollWorkflowTaskQueueResponse | None:
        """Mark the workflow task as started; None if the task is obsolete (its row is then removed)."""
        ...

    async def start_activity_task(
        self, key: WorkflowKey, task: ActivityTaskDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        """Mark the attempt as started, durably; None if the task is obsolete."""
        ...


class MatchingClient(Protocol):
    """What history asks of matching."""

    def offer(self, task: QueuedTask) -> None:
        """Hand over a committed task: to a waiting poller at once, else it waits in its queue.

        Tasks of one queue must be offered in the order of their ids.
        """
        ...

    def has_recent_poller(self, queue: QueueKey) -> bool:
        """Whether someone polled the queue in the last ten seconds (semantics 4.1)."""
        ...

    async def query(self, task: QueryTask, *, deadline: Instant) -> QueryAnswer | None:
        """Give a query to a worker and wait for its answer; None if the deadline passed first.

        Raises `FailedPreconditionError` if the queue has had no poller for long.
        """
        ...

    def forget_sticky(self, namespace_id: NamespaceId, queue_name: str) -> None:
        """Treat a sticky queue as having no worker any more."""
        ...
