"""Nexus tasks that wait for a worker's answer.

Owns their ids and tokens. A task lives as long as its caller waits, in memory alone: the caller
asks again if it gets no answer. Must not know how a task finds its worker.
"""

import asyncio
from typing import Final

from temporalio.api.nexus.v1 import Request
from temporalio.api.workflowservice.v1 import PollNexusTaskQueueResponse

from indelible.base.errors import NotFoundError, ServiceError
from indelible.base.instants import MILLISECOND, Instant, elapsed
from indelible.base.task_token import NexusTaskToken, encode_task_token
from indelible.ports.clients import NexusAnswer, NexusTask

REQUEST_TIMEOUT_HEADERS: Final = ("request-timeout", "Request-Timeout")
"""The name of the protocol, and the one that older workers look for."""


class PendingNexusTask:
    """One task and the future of its answer, which is None when the deadline has passed."""

    __slots__ = ("answer", "deadline", "query_id", "task")

    def __init__(self, task_id: str, task: NexusTask, deadline: Instant) -> None:
        self.query_id: Final = task_id
        """It waits for a poller in the line of the queries."""
        self.task: Final = task
        self.deadline: Final = deadline
        self.answer: Final[asyncio.Future[NexusAnswer | None]] = (
            asyncio.get_running_loop().create_future()
        )

    def settle(self, answer: NexusAnswer | None) -> None:
        """Give the caller an answer, or None for none in time; the first one counts."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def refuse(self, error: ServiceError) -> None:
        """Give the caller an error, unless it has an answer already."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def poll_response(self, now: Instant) -> PollNexusTaskQueueResponse:
        """Return what the poll of a worker gets."""
        request = Request()
        request.CopyFrom(self.task.request)
        left = elapsed(now, self.deadline) // MILLISECOND
        for name in REQUEST_TIMEOUT_HEADERS:
            request.header[name] = f"{left}ms"
        queue = self.task.queue
        token = NexusTaskToken(queue.namespace_id, queue.name, self.query_id)
        return PollNexusTaskQueueResponse(task_token=encode_task_token(token), request=request)


class PendingNexusTasks:
    """The Nexus tasks of this node by id."""

    def __init__(self) -> None:
        self._tasks: dict[str, PendingNexusTask] = {}

    def open(self, task_id: str, task: NexusTask, deadline: Instant) -> PendingNexusTask:
        """Register a task."""
        pending = self._tasks[task_id] = PendingNexusTask(task_id, task, deadline)
        return pending

    def close(self, pending: PendingNexusTask) -> None:
        """Forget a task whose caller waits no longer."""
        self._tasks.pop(pending.query_id, None)

    def respond(self, token: NexusTaskToken, answer: NexusAnswer) -> None:
        """Settle a task with a worker's answer; raise `NotFoundError` if nobody waits for it."""
        pending = self._tasks.get(token.task_id)
        if pending is None or pending.answer.done() or not _belongs(pending.task, token):
            raise NotFoundError("Nexus task not found or already expired")
        pending.settle(answer)

    def refuse_all(self, error: ServiceError) -> None:
        """Refuse every task."""
        for pending in list(self._tasks.values()):
            pending.refuse(error)


def _belongs(task: NexusTask, token: NexusTaskToken) -> bool:
    return (task.queue.namespace_id, task.queue.name) == (token.namespace_id, token.queue_name)
