"""The calls that workflows make to the handlers of Nexus operations.

Owns the course of a call: what is asked, how long it may take, what its answer means for the run
that asked (semantics 9.2). Each part may happen twice, and the run that asked recognises a
repetition by its attempt. No lock is held while somebody else is spoken to.
"""

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.callback_token import CallbackToken
from indelible.base.calls import is_wanted
from indelible.base.ids import WorkflowKey
from indelible.base.instants import Instant
from indelible.base.nexus_operations import (
    OperationTimedOut,
    StartOutcome,
    cancel_patience,
    start_header,
    start_patience,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus.endpoint import SYSTEM_ENDPOINT
from indelible.engine.workflow.records import NexusOperationRecord
from indelible.engine.workflow.requests.record_nexus_call import (
    record_nexus_cancel,
    record_nexus_start,
)
from indelible.engine.workflow.tasks import CancelNexusOperation, StartNexusOperation
from indelible.services.history.nexus_links import nexus_link
from indelible.services.history.operation_calls import (
    CallResult,
    CancelCall,
    OperationName,
    StartCall,
    too_late_to_cancel,
)
from indelible.services.history.operation_handlers import OperationHandlers
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.history.system_operations import SystemOperations
from indelible.services.namespaces import NamespaceRegistry


class NexusCalls:
    """Makes the calls that transfer tasks ask for; raises if one must be tried again at once."""

    def __init__(
        self, handlers: OperationHandlers, namespaces: NamespaceRegistry, system: SystemOperations
    ) -> None:
        self._handlers = handlers
        self._namespaces = namespaces
        self._system = system

    # -- starting ----------------------------------------------------------------------------------

    async def start(self, shard: Shard, key: WorkflowKey, task: StartNexusOperation) -> None:
        """Have an operation started, and record the outcome; nothing if it is not wanted."""
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            if entry is None or not entry.state.execution.is_open:
                return
            record = entry.state.nexus_operations.get(task.scheduled_event_id)
            if record is None or not is_wanted(record.start, task.attempt):
                return
            scheduled = await read_event(shard, entry, task.scheduled_event_id)
            now = shard.now_of(entry)
        outcome = await self._started(shard, key, record, scheduled, now)
        await shard.step_if_there(
            key,
            lambda step: record_nexus_start(step, task.scheduled_event_id, task.attempt, outcome),
        )

    async def _started(
        self,
        shard: Shard,
        key: WorkflowKey,
        record: NexusOperationRecord,
        scheduled: HistoryEvent,
        now: Instant,
    ) -> StartOutcome:
        patience = start_patience(record, now)
        if patience.is_too_short:
            return OperationTimedOut(timeout_type=patience.timeout_type)
        namespace = self._namespaces.by_id(key.namespace_id)
        link = _scheduled_link(namespace.name, key, record)
        if record.endpoint == SYSTEM_ENDPOINT:
            return await self._system.start(namespace, scheduled, Link(workflow_event=link))
        given = scheduled.nexus_operation_scheduled_event_attributes
        return await self._handlers.start(
            StartCall(
                namespace=namespace,
                target=_name(record),
                request_id=record.request_id,
                payload=given.input if given.HasField("input") else None,
                header=start_header(record, given.nexus_header, now),
                token=CallbackToken(
                    key.namespace_id,
                    key.workflow_id,
                    key.run_id,
                    record.scheduled_event_id,
                    record.request_id,
                ),
                link=nexus_link(link),
                patience=patience.span,
                limits=shard.parts.limits_of(namespace.name),
                now=now,
            )
        )

    # -- canceling ---------------------------------------------------------------------------------

    async def cancel(self, shard: Shard, key: WorkflowKey, task: CancelNexusOperation) -> None:
        """Have an operation canceled, and record the outcome; nothing if it is not wanted."""
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            if entry is None or not entry.state.execution.is_open:
                return
            record = entry.state.nexus_operations.get(task.scheduled_event_id)
            if record is None or not is_wanted(record.cancel, task.attempt):
                return
            scheduled = await read_event(shard, entry, task.scheduled_event_id)
            now = shard.now_of(entry)
        header = dict(scheduled.nexus_operation_scheduled_event_attributes.nexus_header)
        namespace = self._namespaces.by_id(key.namespace_id)
        result = await self._canceled(namespace, record, header, now)
        await shard.step_if_there(
            key,
            lambda step: record_nexus_cancel(
                step,
                task.scheduled_event_id,
                task.attempt,
                result.failure,
                is_retryable=result.is_retryable,
            ),
        )

    async def _canceled(
        self,
        namespace: Namespace,
        record: NexusOperationRecord,
        header: dict[str, str],
        now: Instant,
    ) -> CallResult:
        patience = cancel_patience(record, now)
        if patience.is_too_short:
            return too_late_to_cancel(patience)
        return await self._handlers.cancel(
            CancelCall(
                namespace=namespace,
                target=_name(record),
                operation_token=record.operation_token,
                header=header,
                patience=patience.span,
                now=now,
            )
        )


def _name(record: NexusOperationRecord) -> OperationName:
    return OperationName(
        endpoint=record.endpoint,
        endpoint_id=record.endpoint_id,
        service=record.service,
        operation=record.operation,
    )


def _scheduled_link(
    namespace_name: str, key: WorkflowKey, record: NexusOperationRecord
) -> Link.WorkflowEvent:
    return Link.WorkflowEvent(
        namespace=namespace_name,
        workflow_id=key.workflow_id,
        run_id=key.run_id,
        event_ref=Link.WorkflowEvent.EventReference(
            event_id=record.scheduled_event_id,
            event_type=EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
        ),
    )
