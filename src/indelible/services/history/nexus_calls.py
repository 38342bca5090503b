"""Calls to the handlers of Nexus operations, and to those who wait for the end of a chain.

Owns the course of a call: what is asked, how long it may take, what its answer means for the run
that asked (semantics 9.2 and 9.5). Each part may happen twice, and the run that asked recognises a
repetition by its attempt. No lock is held while somebody else is spoken to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from temporalio.api.common.v1 import Callback, Link
from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.nexus.v1 import (
    CancelOperationRequest,
    Request as NexusRequest,
    StartOperationRequest,
)

from indelible.base.callback_token import (
    CallbackToken,
    decode_callback_token,
    encode_callback_token,
)
from indelible.base.errors import InvalidArgumentError, NotFoundError, ServiceError, StatusCode
from indelible.base.failures import server_failure
from indelible.base.ids import FIRST_EVENT_ID, QueueKey, QueueType, WorkflowKey
from indelible.base.instants import (
    MILLISECOND,
    SECOND,
    Duration,
    Instant,
    after,
    elapsed,
    timestamp,
)
from indelible.engine.nexus.endpoint import SYSTEM_ENDPOINT
from indelible.engine.nexus.failures import (
    NOT_FOUND,
    UPSTREAM_TIMEOUT,
    handler_failure,
    is_retryable_handler_failure,
)
from indelible.engine.workflow.records import CallRecord, CallState, NexusOperationRecord
from indelible.engine.workflow.requests.complete_nexus_operation import complete_nexus_operation
from indelible.engine.workflow.requests.record_callback_result import record_callback_result
from indelible.engine.workflow.requests.record_nexus_call import (
    record_nexus_cancel,
    record_nexus_start,
)
from indelible.engine.workflow.rules.callbacks import (
    OPERATION_TOKEN_HEADER,
    TOKEN_HEADER,
    operation_end,
)
from indelible.engine.workflow.rules.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationStarted,
    OperationTimedOut,
    StartOutcome,
)
from indelible.engine.workflow.tasks import (
    CallCallback,
    CallTask,
    CancelNexusOperation,
    StartNexusOperation,
)
from indelible.engine.workflow.transition import Transition
from indelible.ports.clients import MatchingClient, NexusAnswer, NexusTask
from indelible.ports.clock import Clocks
from indelible.services.history.nexus_answers import start_outcome
from indelible.services.history.nexus_links import nexus_link
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.system_operations import SystemOperations
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

SYSTEM_CALLBACK_URL: Final = "temporal://system"
CALL_TIMEOUT: Final = Duration(10 * SECOND)
CALL_TIMEOUT_MIN: Final = Duration(1_500 * MILLISECOND)
"""With less time left no call is made."""
OPERATION_TIMEOUT_HEADER: Final = "operation-timeout"

_FINAL_CODES: Final = frozenset(
    {
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNIMPLEMENTED,
    }
)
_Timeout = TimeoutType
_NOT_REGISTERED: Final = "endpoint not registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class NexusSurroundings:
    """What calls need of the node besides the shards."""

    endpoints: NexusEndpointRegistry
    namespaces: NamespaceRegistry
    matching: MatchingClient
    clocks: Clocks


class NexusCalls:
    """Makes the calls that transfer tasks ask for; raises if one must be tried again at once."""

    def __init__(self, shards: Shards, around: NexusSurroundings, system: SystemOperations) -> None:
        self._shards = shards
        self._around = around
        self._system = system

    async def execute(self, shard: Shard, key: WorkflowKey, task: CallTask) -> None:
        """Make a call and record its outcome; nothing if it is not wanted any more."""
        match task:
            case StartNexusOperation():
                await self._start(shard, key, task)
            case CancelNexusOperation():
                await self._cancel(shard, key, task)
            case CallCallback():
                await self._call_back(shard, key, task)

    # -- starting ----------------------------------------------------------------------------------

    async def _start(self, shard: Shard, key: WorkflowKey, task: StartNexusOperation) -> None:
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            if entry is None or not entry.state.execution.is_open:
                return
            record = entry.state.nexus_operations.get(task.scheduled_event_id)
            if record is None or not _is_wanted(record.start, task.attempt):
                return
            scheduled = await read_event(shard, entry, task.scheduled_event_id)
        outcome = await self._started(shard, key, record, scheduled)
        await _record(
            shard,
            key,
            lambda step: record_nexus_start(step, task.scheduled_event_id, task.attempt, outcome),
        )

    async def _started(
        self, shard: Shard, key: WorkflowKey, record: NexusOperationRecord, scheduled: HistoryEvent
    ) -> StartOutcome:
        now = shard.now_in(key.namespace_id)
        patience, timeout_type = _start_patience(record, now)
        if patience < CALL_TIMEOUT_MIN:
            return OperationTimedOut(timeout_type=timeout_type)
        link = self._scheduled_link(key, record)
        if record.endpoint == SYSTEM_ENDPOINT:
            namespace = self._around.namespaces.by_id(key.namespace_id)
            return await self._system.start(namespace, scheduled, Link(workflow_event=link))
        queue = self._queue(record)
        if queue is None:
            return OperationFailed(failure=handler_failure(NOT_FOUND, _NOT_REGISTERED))
        given = scheduled.nexus_operation_scheduled_event_attributes
        token = CallbackToken(
            key.namespace_id,
            key.workflow_id,
            key.run_id,
            record.scheduled_event_id,
            record.request_id,
        )
        request = NexusRequest(
            endpoint=record.endpoint,
            scheduled_time=timestamp(now),
            header=_start_header(record, given.nexus_header, now),
            start_operation=StartOperationRequest(
                service=record.service,
                operation=record.operation,
                request_id=record.request_id,
                callback=SYSTEM_CALLBACK_URL,
                callback_header={TOKEN_HEADER: encode_callback_token(token)},
                payload=given.input if given.HasField("input") else None,
                links=[nexus_link(link)],
            ),
        )
        answer = await self._ask(queue, request, patience)
        if isinstance(answer, Failure):
            return CallFailed(failure=answer)
        limits = shard.parts.limits_of(self._around.namespaces.by_id(key.namespace_id).name)
        return start_outcome(answer, result_bytes_max=limits.blob_bytes_max)

    def _scheduled_link(self, key: WorkflowKey, record: NexusOperationRecord) -> Link.WorkflowEvent:
        return Link.WorkflowEvent(
            namespace=self._around.namespaces.by_id(key.namespace_id).name,
            workflow_id=key.workflow_id,
            run_id=key.run_id,
            event_ref=Link.WorkflowEvent.EventReference(
                event_id=record.scheduled_event_id,
                event_type=EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
            ),
        )

    # -- canceling ---------------------------------------------------------------------------------

    async def _cancel(self, shard: Shard, key: WorkflowKey, task: CancelNexusOperation) -> None:
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            if entry is None or not entry.state.execution.is_open:
                return
            record = entry.state.nexus_operations.get(task.scheduled_event_id)
            if record is None or not _is_wanted(record.cancel, task.attempt):
                return
            scheduled = await read_event(shard, entry, task.scheduled_event_id)
        header = dict(scheduled.nexus_operation_scheduled_event_attributes.nexus_header)
        failure, is_retryable = await self._canceled(shard, key, record, header)
        await _record(
            shard,
            key,
            lambda step: record_nexus_cancel(
                step, task.scheduled_event_id, task.attempt, failure, is_retryable=is_retryable
            ),
        )

    async def _canceled(
        self, shard: Shard, key: WorkflowKey, record: NexusOperationRecord, header: dict[str, str]
    ) -> tuple[Failure | None, bool]:
        """Return why a cancellation could not be delivered, and whether it may be later."""
        queue = self._queue(record)
        if queue is None:
            return handler_failure(NOT_FOUND, _NOT_REGISTERED), False
        request = NexusRequest(
            endpoint=record.endpoint,
            scheduled_time=timestamp(shard.now_in(key.namespace_id)),
            header=header,
            cancel_operation=CancelOperationRequest(
                service=record.service,
                operation=record.operation,
                operation_id=record.operation_token,
                operation_token=record.operation_token,
            ),
        )
        answer = await self._ask(queue, request, CALL_TIMEOUT)
        if isinstance(answer, Failure):
            return answer, True
        if answer is None:
            return handler_failure(UPSTREAM_TIMEOUT, "upstream timeout"), True
        if answer.failure is not None:
            return answer.failure, is_retryable_handler_failure(answer.failure)
        return None, False

    # -- callbacks ---------------------------------------------------------------------------------

    async def _call_back(self, shard: Shard, key: WorkflowKey, task: CallCallback) -> None:
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            record = entry.state.callbacks.get(task.callback_id) if entry is not None else None
            if entry is None or record is None or not _is_wanted(record.call, task.attempt):
                return
            execution = entry.state.execution
            closing = await read_event(shard, entry, execution.close_event_id)
        header = Callback.FromString(record.callback).nexus.header
        started = OperationStarted(
            token=header.get(OPERATION_TOKEN_HEADER, ""),
            links=[self._start_link(key, record.request_id)],
            at=execution.started_at,
        )
        failure, is_retryable = await self._completed(dict(header), started, closing)
        await _record(
            shard,
            key,
            lambda step: record_callback_result(
                step, task.callback_id, task.attempt, failure, is_retryable=is_retryable
            ),
        )

    def _start_link(self, key: WorkflowKey, request_id: str) -> Link:
        """Return a link to the event by which the callback came to the run."""
        link = Link.WorkflowEvent(
            namespace=self._around.namespaces.by_id(key.namespace_id).name,
            workflow_id=key.workflow_id,
            run_id=key.run_id,
        )
        if request_id:
            link.request_id_ref.request_id = request_id
            link.request_id_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
        else:
            link.event_ref.event_id = FIRST_EVENT_ID
            link.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        return Link(workflow_event=link)

    async def _completed(
        self, header: dict[str, str], started: OperationStarted, closing: HistoryEvent
    ) -> tuple[Failure | None, bool]:
        """Return why an operation could not be completed, and whether it may be later."""
        try:
            token = decode_callback_token(header.get(TOKEN_HEADER, ""))
            target = self._shards.of(token.key.chain)
            await target.update(
                token.key.chain,
                token.run_id,
                lambda step: complete_nexus_operation(
                    step,
                    token.scheduled_event_id,
                    request_id=token.request_id,
                    started=started,
                    end=operation_end(closing),
                ),
            )
        except ServiceError as error:
            is_final = error.code in _FINAL_CODES
            return server_failure(error.message, is_non_retryable=is_final), not is_final
        return None, False

    # -- asking ------------------------------------------------------------------------------------

    def _queue(self, record: NexusOperationRecord) -> QueueKey | None:
        """Return the queue in which the handler of an operation looks for work."""
        endpoint = self._around.endpoints.find_by_id(record.endpoint_id)
        if endpoint is None or not endpoint.task_queue:
            return None
        try:
            namespace = self._around.namespaces.by_id(endpoint.namespace_id)
        except NotFoundError:
            return None
        return QueueKey(namespace.id, QueueType.NEXUS, endpoint.task_queue)

    async def _ask(
        self, queue: QueueKey, request: NexusRequest, patience: Duration
    ) -> NexusAnswer | Failure | None:
        """Return the answer of a worker, None if there is none in time, or why it was not asked."""
        request.capabilities.temporal_failure_responses = True
        deadline = after(self._around.clocks.node.now(), patience)
        try:
            return await self._around.matching.call_nexus(
                NexusTask(queue=queue, request=request), deadline=deadline
            )
        except InvalidArgumentError:
            raise
        except ServiceError as error:
            return server_failure(error.message, is_non_retryable=False)


async def _record(shard: Shard, key: WorkflowKey, decision: Callable[[Transition], None]) -> None:
    """Record an outcome with the run that asked; nothing if it is gone."""
    async with shard.locks.hold(key.chain):
        entry = await shard.find(key.chain, key.run_id)
        if entry is not None:
            await shard.step(entry, decision)


def _is_wanted(call: CallRecord | None, attempt: int) -> bool:
    return call is not None and call.state is CallState.SCHEDULED and call.attempt == attempt


def _start_patience(
    record: NexusOperationRecord, now: Instant
) -> tuple[Duration, "TimeoutType.ValueType"]:
    """Return how long the call may take, and which timeout says so."""
    spent = elapsed(record.scheduled_at, now)
    if record.schedule_to_start_timeout:
        left, timeout_type = (
            record.schedule_to_start_timeout - spent,
            _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_START,
        )
    elif record.schedule_to_close_timeout:
        left, timeout_type = (
            record.schedule_to_close_timeout - spent,
            _Timeout.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
        )
    else:
        return CALL_TIMEOUT, _Timeout.TIMEOUT_TYPE_UNSPECIFIED
    return Duration(min(CALL_TIMEOUT, left)), timeout_type


def _start_header(
    record: NexusOperationRecord, given: Mapping[str, str], now: Instant
) -> dict[str, str]:
    """Return the header of the caller, with the time that the operation has."""
    header = dict(given)
    spans = [record.start_to_close_timeout] if record.start_to_close_timeout else []
    if record.schedule_to_close_timeout:
        left = record.schedule_to_close_timeout - elapsed(record.scheduled_at, now)
        spans.append(Duration(left))
    if spans:
        header.setdefault(OPERATION_TIMEOUT_HEADER, f"{min(spans) // MILLISECOND}ms")
    return header
