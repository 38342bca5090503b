"""Calls to those who wait for the end of a chain (semantics 9.5).

Owns the course of such a call: who is called, what is told, what the answer means for the run that
owes it. No lock is held while somebody else is spoken to.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from temporalio.api.common.v1 import Callback, Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.callback_token import (
    ScheduleToken,
    decode_schedule_token,
    is_schedule_token,
)
from indelible.base.calls import is_wanted
from indelible.base.ids import FIRST_EVENT_ID, WorkflowKey
from indelible.base.instants import Instant, instant
from indelible.base.nexus_operations import (
    OPERATION_TOKEN_HEADER,
    TOKEN_HEADER,
    Completion,
    OperationEnd,
    OperationStarted,
)
from indelible.engine.workflow.records import CallbackRecord
from indelible.engine.workflow.requests.record_callback_result import record_callback_result
from indelible.engine.workflow.rules.callbacks import operation_end, update_end
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.tasks import CallCallback
from indelible.services.history.callback_delivery import CallbackDelivery, attempted
from indelible.services.history.entries import Entry
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.namespaces import NamespaceRegistry

ActionEnded = Callable[[ScheduleToken, ExecutionRecord, HistoryEvent], Awaitable[None]]
"""Records the end of a workflow with the schedule that has started it."""

_OPTIONS_UPDATED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED


class CallbackCalls:
    """Makes the calls that transfer tasks ask for; raises if one must be tried again at once."""

    def __init__(
        self,
        delivery: CallbackDelivery,
        namespaces: NamespaceRegistry,
        action_ended: ActionEnded,
    ) -> None:
        self._delivery = delivery
        self._namespaces = namespaces
        self._action_ended = action_ended

    async def call(self, shard: Shard, key: WorkflowKey, task: CallCallback) -> None:
        """Call somebody back, and record the outcome; nothing if it is not wanted any more."""
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            record = entry.state.callbacks.get(task.callback_id) if entry is not None else None
            if entry is None or record is None or not is_wanted(record.call, task.attempt):
                return
            execution = entry.state.execution
            end, closed_at = await _end(shard, entry, record)
            callback = Callback.FromString(record.callback).nexus
            token = callback.header.get(TOKEN_HEADER, "")
            is_scheduled = is_schedule_token(token) and not record.update_id
            closing = (
                await read_event(shard, entry, execution.close_event_id) if is_scheduled else None
            )
        namespace = self._namespaces.by_id(key.namespace_id)
        started = OperationStarted(
            token=callback.header.get(OPERATION_TOKEN_HEADER, ""),
            links=[self._start_link(execution, record)],
            at=execution.started_at,
        )
        if closing is not None:
            result = await attempted(self._tell_schedule(token, execution, closing))
        else:
            completion = Completion(started=started, end=end, closed_at=closed_at)
            result = await self._delivery.deliver(namespace, callback, completion)
        await shard.step_if_there(
            key,
            lambda step: record_callback_result(
                step,
                task.callback_id,
                task.attempt,
                result.failure,
                is_retryable=result.is_retryable,
            ),
        )

    async def _tell_schedule(
        self, token: str, execution: ExecutionRecord, closing: HistoryEvent
    ) -> None:
        """A schedule that has started the workflow hears more than others do: the whole end."""
        await self._action_ended(decode_schedule_token(token), execution, closing)

    def _start_link(self, execution: ExecutionRecord, record: CallbackRecord) -> Link:
        """Return a link to the event by which the callback came to the run."""
        key = execution.key
        link = Link.WorkflowEvent(
            namespace=self._namespaces.by_id(key.namespace_id).name,
            workflow_id=key.workflow_id,
            run_id=key.run_id,
        )
        if record.request_id:
            link.request_id_ref.request_id = record.request_id
            attached_by, _ = execution.request_ids.get(record.request_id, (0, 0))
            # The request id of an accepted update may have been forgotten for younger ones.
            link.request_id_ref.event_type = (
                EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
                if record.update_id and attached_by != _OPTIONS_UPDATED
                else _OPTIONS_UPDATED
            )
        else:
            link.event_ref.event_id = FIRST_EVENT_ID
            link.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        return Link(workflow_event=link)


async def _end(shard: Shard, entry: Entry, record: CallbackRecord) -> tuple[OperationEnd, Instant]:
    """Return what the one who waits is told, and since when it is so.

    That is how the chain has ended, or an update.
    """
    update = entry.state.updates.get(record.update_id)
    if update is not None and update.completed_event_id:
        completed = await read_event(shard, entry, update.completed_event_id)
        return update_end(completed), instant(completed.event_time)
    closing = await read_event(shard, entry, entry.state.execution.close_event_id)
    end = update_end(None) if record.update_id else operation_end(closing)
    return end, instant(closing.event_time)
