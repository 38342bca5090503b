"""How the history and the matching service call each other."""

from typing import Final, Protocol

import msgspec
from temporalio.api.failure.v1 import Failure
from temporalio.api.nexus.v1 import Request as NexusRequest, Response as NexusResponse
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
)

from indelible.base.ids import NamespaceId, QueueKey, WorkflowKey
from indelible.base.instants import Instant
from indelible.base.versions import Version
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.dispatch_tasks import (
    AnyActivityDispatch,
    AnyDispatch,
)


class QueuedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A committed dispatch task on its way to a worker."""

    queue: QueueKey
    key: WorkflowKey
    created_at: Instant
    task: AnyDispatch
    pass_number: int = 0
    """Its turn among the tasks of the same priority; see `MatchingClient.assign_pass`."""


class Sdk(msgspec.Struct, frozen=True):
    """What a worker says of its library: empty if it says nothing."""

    name: str = ""
    version: str = ""


NO_SDK: Final = Sdk()


class Poller(msgspec.Struct, frozen=True, kw_only=True):
    """The worker that polls, as far as a started task must tell."""

    identity: str
    request_id: str
    """A fresh UUID per delivery. A repeated one asks for the outcome of a start that may have
    happened: if it did, the answer is the same again."""
    build_id: str = ""
    is_sticky_poll: bool = False
    sdk: Sdk = NO_SDK
    version: Version | None = None
    """The version that the worker works under; None for an unversioned one."""


class QueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """A query for a worker, outside of a workflow task. It lives in memory and may be lost."""

    queue: QueueKey
    key: WorkflowKey
    query: WorkflowQuery
    response: PollWorkflowTaskQueueResponse
    """What the worker's poll returns, complete but for the task token."""


class QueryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker said to a query: serialized `Payloads`, or a message and a `Failure`."""

    is_success: bool
    result: bytes = b""
    error_message: str = ""
    failure: bytes = b""


class NexusTask(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a Nexus operation for a worker. It lives in memory and may be lost."""

    queue: QueueKey
    request: NexusRequest


class NexusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker made of a Nexus task: a response, or the failure of its handler."""

    response: NexusResponse | None = None
    failure: Failure | None = None


class HistoryClient(Protocol):
    """What matching asks of history: is a task still wanted, and what must the worker know?"""

    async def start_workflow_task(
        self, key: WorkflowKey, task: WorkflowTaskDispatch, poller: Poller
    ) -> PollWorkflowTaskQueueResponse | None:
        """Mark the workflow task as started; None if nobody may start it (any more).

        The row of an obsolete task is then removed. The row of a task whose start is not yet
        durable must stay: matching may ask again for it, because it reads rows, and after a crash
        it must find it. Any error means that the outcome is unknown; matching asks again later,
        with the same request id.
        """
        ...

    async def start_activity_task(
        self, key: WorkflowKey, task: AnyActivityDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        """Mark the attempt as started, durably; otherwise as `start_workflow_task`."""
        ...


class MatchingClient(Protocol):
    """What history asks of matching."""

    def assign_pass(self, queue: QueueKey, task: AnyDispatch) -> int:
        """Return the turn of a task that is about to be written; once for each row.

        With the priority it is the place of the task in its queue for good.
        """
        ...

    def offer(self, task: QueuedTask) -> None:
        """Hand over a committed task: to a waiting poller at once, else it waits in its queue.

        Its row must be visible to readers of the store. Offers may come in any order, and more than
        once.
        """
        ...

    def recheck(self, queue: QueueKey) -> None:
        """Read the rows of a queue again, because one of them may have come without an offer.

        Called when the outcome of a commit that adds tasks is unknown, and when a start that was
        not durable is lost.
        """
        ...

    def has_recent_poller(self, queue: QueueKey) -> bool:
        """Whether someone polled the queue in the last ten seconds (semantics 4.1)."""
        ...

    async def query(self, task: QueryTask, *, deadline: Instant) -> QueryAnswer | None:
        """Give a query to a worker and wait for its answer; None if the deadline passed first.

        The deadline is one of the node's clock. `task.response` gets its task token here.
        Raises `FailedPreconditionError` if the queue has had no poller for long,
        `ResourceExhaustedError` if too many queries wait, `UnavailableError` if the node stops.
        """
        ...

    async def call_nexus(self, task: NexusTask, *, deadline: Instant) -> NexusAnswer | None:
        """Give a Nexus task to a worker and wait for its answer; None if there is none in time.

        The deadline is one of the node's clock. Raises `ResourceExhaustedError` if too many tasks
        wait, `UnavailableError` if the node stops.
        """
        ...

    def forget_sticky(self, namespace_id: NamespaceId, queue_name: str) -> None:
        """Treat a sticky queue as having no worker any more."""
        ...
