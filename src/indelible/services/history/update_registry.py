"""Updates that wait for their worker, and callers that wait for updates.

Owns what is known of an update before the history knows it, and who is told what becomes of it.
All of it lives in memory: if it is lost, the callers are told to ask again, and do (semantics 6.6).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.common.v1 import Callback
from temporalio.api.failure.v1 import Failure
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Request

from indelible.base.errors import (
    NotFoundError,
    ServiceError,
    UnavailableError,
    workflow_not_ready,
)
from indelible.base.ids import EventId, WorkflowKey
from indelible.base.instants import Instant
from indelible.engine.workflow.requests.admit_update import workflow_is_closing
from indelible.engine.workflow.rules.updates import AdmittedUpdate, request_message_id
from indelible.engine.workflow.state import StateView
from indelible.ports.clock import Clock


class Rejected(msgspec.Struct, frozen=True):
    """The worker, or the service for it, has refused the update."""

    failure: Failure


class Aborted(msgspec.Struct, frozen=True):
    """Nothing will become of the update."""

    error: ServiceError
    is_continued: bool = False
    """Another run follows, and may take the update."""


class Progress(msgspec.Struct, frozen=True):
    """The update has got further, or the wait is over: look at the run."""

    is_late: bool = False


News = Rejected | Aborted | Progress
Waiter = asyncio.Future[News]


class UpdateRegistry:
    """The updates of all runs of a node. A run without any takes no memory."""

    __slots__ = ("_admitted", "_clock", "_is_stopped", "_waiting")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._admitted: dict[WorkflowKey, dict[str, AdmittedUpdate]] = {}
        self._waiting: dict[WorkflowKey, dict[Waiter, str]] = {}
        self._is_stopped = False

    # -- updates -----------------------------------------------------------------------------------

    def admitted(self, key: WorkflowKey) -> Mapping[str, AdmittedUpdate]:
        """Return the updates of a run that its history does not know, oldest first."""
        return self._admitted.get(key, {})

    def admit(self, key: WorkflowKey, request: Request) -> None:
        """Let an update wait for the next workflow task of its run."""
        updates = self._admitted.setdefault(key, {})
        updates[request.meta.update_id] = AdmittedUpdate(request=request)

    def callbacks(self, key: WorkflowKey, update_id: str) -> list[Callback]:
        """Return whom an update that waits here will have called at its end."""
        update = self.admitted(key).get(update_id)
        asked = () if update is None else (update.request, *update.joined)
        return [callback for one in asked for callback in one.completion_callbacks]

    def join(self, key: WorkflowKey, request: Request) -> bool:
        """Have another caller of an update called at its end; False if it is not waiting here.

        A request that came already joins once.
        """
        updates = self._admitted.get(key, {})
        update = updates.get(request.meta.update_id)
        if update is None:
            return False
        if request.request_id not in {one.request_id for one in (update.request, *update.joined)}:
            joined = (*update.joined, request)
            updates[request.meta.update_id] = replace(update, joined=joined)
        return True

    def send(
        self, key: WorkflowKey, *, started_event_id: EventId, is_first_time_only: bool
    ) -> list[Message]:
        """Return the messages for a workflow task that has just been started.

        A worker that went on without looking at its updates is given the new ones only.
        """
        updates = self._admitted.get(key, {})
        messages: list[Message] = []
        for update_id, update in updates.items():
            if update.is_sent and is_first_time_only:
                continue
            updates[update_id] = replace(update, is_sent=True)
            message = Message(
                id=request_message_id(update_id),
                protocol_instance_id=update_id,
                event_id=started_event_id - 1,
            )
            message.body.Pack(update.request)
            messages.append(message)
        return messages

    def decide(self, key: WorkflowKey, update_ids: Iterable[str]) -> None:
        """Keep updates no longer that a workflow task has decided about; `settle` is to follow."""
        self._forget(key, update_ids)

    def settle(
        self, key: WorkflowKey, settled: Iterable[str], rejected: Mapping[str, Failure]
    ) -> None:
        """Tell what a completed workflow task has made of its updates, when that is durable."""
        news: dict[str, News] = {update_id: Progress() for update_id in settled}
        news |= {update_id: Rejected(failure) for update_id, failure in rejected.items()}
        self._tell(key, news)

    def task_failed(self, key: WorkflowKey) -> None:
        """Give up the updates of a run whose worker sent commands that cannot be carried out.

        The task is tried again, but not what it was given: the caller decides.
        """
        news: dict[str, News] = {}
        for update_id, update in self.admitted(key).items():
            news[update_id] = Aborted(task_failure() if update.is_sent else lost())
        self._forget(key, news)
        self._tell(key, news)

    def run_closed(self, state: StateView) -> None:
        """Give up the updates of a run that has ended; those it accepted are looked at again."""
        execution, key = state.execution, state.execution.key
        if key not in self._admitted and key not in self._waiting:
            return
        if execution.successor_run_id:
            abort = Aborted(workflow_is_closing(), is_continued=True)
        else:
            abort = Aborted(NotFoundError("workflow update was aborted by closing workflow"))
        news: dict[str, News] = dict.fromkeys(self._admitted.pop(key, {}), abort)
        news.update(dict.fromkeys(state.updates, Progress()))
        self._tell(key, news)

    def run_lost(self, key: WorkflowKey) -> None:
        """Give up the updates of a run that must be read again: its workflow task may be lost."""
        self._admitted.pop(key, None)
        for waiter in self._waiting.get(key, {}):
            _settle(waiter, Aborted(lost()))

    def stop(self) -> None:
        """Let everybody go: the service stops."""
        self._is_stopped = True
        for key in [*self._admitted, *self._waiting]:
            self.run_lost(key)

    def _forget(self, key: WorkflowKey, update_ids: Iterable[str]) -> None:
        updates = self._admitted.get(key)
        if updates is None:
            return
        for update_id in update_ids:
            updates.pop(update_id, None)
        if not updates:
            del self._admitted[key]

    # -- callers -----------------------------------------------------------------------------------

    def wait(self, key: WorkflowKey, update_id: str) -> Waiter:
        """Begin to wait for news of an update; to be ended by `leave`."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        if self._is_stopped:
            waiter.set_result(Aborted(lost()))
        self._waiting.setdefault(key, {})[waiter] = update_id
        return waiter

    def leave(self, key: WorkflowKey, waiter: Waiter) -> None:
        """End a wait."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.pop(waiter, None)
            if not waiting:
                del self._waiting[key]

    async def news(self, waiter: Waiter, *, until: Instant) -> News:
        """Return what is new before `until`, by the node's clock."""
        timer = self._clock.call_at(until, lambda: _settle(waiter, Progress(is_late=True)))
        try:
            return await waiter
        finally:
            timer.cancel()

    def _tell(self, key: WorkflowKey, news: Mapping[str, News]) -> None:
        for waiter, update_id in list(self._waiting.get(key, {}).items()):
            if update_id in news:
                _settle(waiter, news[update_id])


def lost() -> ServiceError:
    """Return the error that has clients send an update again."""
    return UnavailableError("workflow update was aborted")


def task_failure() -> ServiceError:
    """Return the error for an update that a failed workflow task had been given."""
    return workflow_not_ready(_TASK_FAILED)


_TASK_FAILED: Final = (
    "Unable to perform workflow execution update due to unexpected workflow task failure."
)


def _settle(waiter: Waiter, news: News) -> None:
    if not waiter.done():
        waiter.set_result(news)
