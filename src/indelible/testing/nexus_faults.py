"""What faults do to the Nexus tasks of one namespace, which is that of the handlers.

Owns the tasks that workers have there. A request whose answer is lost is failed at once, with an
error that the caller takes for silence, because a caller's patience is real time.
"""

from typing import Final, TypeAlias

from google.protobuf.message import Message
from temporalio.api.nexus.v1 import Failure, HandlerError
from temporalio.api.workflowservice.v1 import (
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
    RespondNexusTaskCompletedRequest,
    RespondNexusTaskCompletedResponse,
    RespondNexusTaskFailedRequest,
)

from indelible.base.errors import NotFoundError
from indelible.ports.rpc import Call, Handler
from indelible.testing.faults import IDENTITY, Faults, Occasion

_Report: TypeAlias = RespondNexusTaskCompletedRequest | RespondNexusTaskFailedRequest


class NexusFaults:
    """Hands out Nexus tasks and takes their answers, as the plan has it."""

    def __init__(self, faults: Faults, ask: Handler) -> None:
        self._faults: Final = faults
        self._ask: Final = ask
        self._tasks: Final[dict[bytes, PollNexusTaskQueueResponse]] = {}
        self._dead: Final[set[bytes]] = set()

    def kill(self) -> None:
        """Lose the answers to all that workers have."""
        self._dead.update(self._tasks)

    async def answer(self, request: PollNexusTaskQueueRequest | _Report, call: Call) -> Message:
        """Answer a poll or a report of a worker."""
        if isinstance(request, PollNexusTaskQueueRequest):
            return await self._poll(request, call)
        return await self._report(request, call)

    async def _poll(self, request: PollNexusTaskQueueRequest, call: Call) -> Message:
        """Hand out a task, unless this attempt is to fail before a worker gets it."""
        task = await self._ask(request, call)
        if not isinstance(task, PollNexusTaskQueueResponse) or not task.task_token:
            return task
        if self._occurs(Occasion.NEXUS_ATTEMPT, task):
            failed = _failed(task.task_token, request.namespace, "INTERNAL", "before it began")
            await self._ask(failed, call)
            return PollNexusTaskQueueResponse()  # The worker polls again.
        self._tasks[task.task_token] = task
        return task

    async def _report(self, request: _Report, call: Call) -> Message:
        """Pass on what a worker has made of a task, or let the caller believe in silence."""
        token = request.task_token
        task = self._tasks.pop(token, None)
        if task is None:
            return await self._ask(request, call)
        is_dead = token in self._dead
        is_lost = (
            not is_dead
            and isinstance(request, RespondNexusTaskCompletedRequest)
            and self._occurs(Occasion.NEXUS_ANSWER, task)
        )
        if not is_dead and not is_lost:
            return await self._ask(request, call)
        self._dead.discard(token)
        lost = _failed(token, request.namespace, "UPSTREAM_TIMEOUT", "and its answer was lost")
        await self._ask(lost, call)
        if is_dead:
            raise NotFoundError("the worker was killed")
        return RespondNexusTaskCompletedResponse()

    def _occurs(self, occasion: Occasion, task: PollNexusTaskQueueResponse) -> bool:
        """Count it if it is about a start; cancellations are not counted."""
        if not task.request.HasField("start_operation"):
            return False
        start = task.request.start_operation
        return self._faults.occur(occasion, start.service, start.operation) is not None


def _failed(token: bytes, namespace: str, kind: str, when: str) -> RespondNexusTaskFailedRequest:
    """Return an answer after which the caller asks again."""
    failure = Failure(message=f"the test failed this request {when}")
    return RespondNexusTaskFailedRequest(
        task_token=token,
        namespace=namespace,
        identity=IDENTITY,
        error=HandlerError(error_type=kind, failure=failure),
    )
