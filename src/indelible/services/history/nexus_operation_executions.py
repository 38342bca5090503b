"""Standalone Nexus operations: started by clients, carried out by handlers, found by their id.

Owns the shell around `engine.nexus_operation`: locks, commits, long polls, calls, wake-ups
(semantics 9.6).
"""

from collections.abc import Callable
from typing import Final, TypeVar

from temporalio.api.common.v1 import Link, Payload
from temporalio.api.workflowservice.v1 import (
    DeleteNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionResponse,
    PollNexusOperationExecutionRequest,
    PollNexusOperationExecutionResponse,
    RequestCancelNexusOperationExecutionRequest,
    StartNexusOperationExecutionRequest,
    StartNexusOperationExecutionResponse,
    TerminateNexusOperationExecutionRequest,
)

from indelible.base.callback_token import CallbackToken
from indelible.base.calls import is_wanted
from indelible.base.errors import NotFoundError, nexus_operation_not_found
from indelible.base.fresh_ids import uuid_text
from indelible.base.id_policies import IdDecision
from indelible.base.ids import Archetype, ChainKey, EventId, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import SECOND
from indelible.base.nexus_operations import (
    OperationEnd,
    OperationStarted,
    OperationTimedOut,
    StartOutcome,
    cancel_patience,
    start_header,
    start_patience,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus_operation import client_requests
from indelible.engine.nexus_operation.deadlines import fire_due, is_expired
from indelible.engine.nexus_operation.description import (
    add_outcome,
    callbacks,
    describe,
    poll_response,
)
from indelible.engine.nexus_operation.outcomes import complete, record_cancel, record_start
from indelible.engine.nexus_operation.starting import (
    attach,
    begin_operation,
    decide_on_id,
    new_operation,
)
from indelible.engine.nexus_operation.state import OperationState
from indelible.engine.nexus_operation.step import OperationStep
from indelible.engine.nexus_operation.tasks import (
    CancelOperationExecution,
    OperationCall,
    StartOperationExecution,
)
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.ports.stores import CurrentWrite
from indelible.services.history.blocked_calls import mark_callbacks, mark_operations
from indelible.services.history.circuit_breakers import CircuitBreakers
from indelible.services.history.entities import Decided, Entities, EntityEntry
from indelible.services.history.entity_hosts import (
    EntityHosts,
    LongPollToken,
    decode_long_poll_token,
    encode_long_poll_token,
)
from indelible.services.history.nexus_links import operation_link
from indelible.services.history.nexus_operation_kind import NexusOperationKind, state_size
from indelible.services.history.operation_calls import (
    CallResult,
    CancelCall,
    OperationName,
    StartCall,
    too_late_to_cancel,
)
from indelible.services.history.operation_handlers import OperationHandlers
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards

T = TypeVar("T")

DELETION_DELAY: Final = SECOND
"""A deleted operation that was open is kept so long, for those who wait for its outcome."""


class NexusOperationExecutions:
    """Standalone Nexus operations of all shards."""

    def __init__(
        self,
        shards: Shards,
        clocks: Clocks,
        handlers: OperationHandlers,
        breakers: CircuitBreakers,
    ) -> None:
        self._hosts = EntityHosts(shards, clocks, NexusOperationKind(), nexus_operation_not_found)
        self._handlers = handlers
        self._breakers = breakers

    # -- for clients -------------------------------------------------------------------------------

    async def start_nexus_operation(
        self, namespace: Namespace, request: StartNexusOperationExecutionRequest, endpoint_id: str
    ) -> StartNexusOperationExecutionResponse:
        """Start an operation, or say which has the id; `AlreadyExistsError` if it may not."""
        chain = _chain(namespace, request.operation_id)
        host = self._hosts.of(chain)
        async with host.shard.locks.hold(chain):
            current = await host.find(chain)
            decision = decide_on_id(current.state if current else None, request)
            if current is None or decision is IdDecision.CREATE:
                entry = await self._create(host, chain, current, request, endpoint_id)
            else:
                entry = current
                if decision is IdDecision.USE_EXISTING:
                    await self._step(host, entry, lambda step: attach(step, request))
        return StartNexusOperationExecutionResponse(
            run_id=entry.key.run_id, started=decision is IdDecision.CREATE
        )

    async def describe_nexus_operation(
        self, namespace: Namespace, request: DescribeNexusOperationExecutionRequest, call: Call
    ) -> DescribeNexusOperationExecutionResponse:
        """Describe an operation; with a token wait until there is news, up to 60 s."""
        chain = _chain(namespace, request.operation_id)
        seen = decode_long_poll_token(request.long_poll_token, run_id=request.run_id)

        def news(state: OperationState) -> DescribeNexusOperationExecutionResponse | None:
            core = state.core
            if seen is not None and not seen.is_news(core.run_id, core.transition_count):
                return None
            return self._description(chain, namespace, state, request)

        answer = await self._hosts.await_answer(chain, request.run_id, call, news)
        return answer or DescribeNexusOperationExecutionResponse()

    async def poll_nexus_operation(
        self, namespace: Namespace, request: PollNexusOperationExecutionRequest, call: Call
    ) -> PollNexusOperationExecutionResponse:
        """Wait until an operation has reached a stage, up to 60 s; then answer empty."""
        answer = await self._hosts.await_answer(
            _chain(namespace, request.operation_id),
            request.run_id,
            call,
            lambda state: poll_response(state, request.wait_stage),
        )
        return answer or PollNexusOperationExecutionResponse()

    async def request_cancel_nexus_operation(
        self, namespace: Namespace, request: RequestCancelNexusOperationExecutionRequest
    ) -> None:
        """Have an operation stopped; `FailedPreconditionError` if that is too late or repeated."""
        await self._update(
            _chain(namespace, request.operation_id),
            request.run_id,
            lambda step: client_requests.request_cancel(step, request),
        )

    async def terminate_nexus_operation(
        self, namespace: Namespace, request: TerminateNexusOperationExecutionRequest
    ) -> None:
        """Close an operation at once; `FailedPreconditionError` if it has ended otherwise."""
        await self._update(
            _chain(namespace, request.operation_id),
            request.run_id,
            lambda step: client_requests.terminate(step, request),
        )

    async def delete_nexus_operation(
        self, namespace: Namespace, request: DeleteNexusOperationExecutionRequest
    ) -> None:
        """Remove a closed operation; end an open one and remove it soon."""
        chain = _chain(namespace, request.operation_id)
        host = self._hosts.of(chain)
        async with self._hosts.hold(chain, request.run_id) as entry:
            if entry.state.core.is_open:
                await self._step(host, entry, _end_for_deletion)
            else:
                await host.delete(entry)

    # -- for handlers ------------------------------------------------------------------------------

    async def complete(
        self, key: WorkflowKey, *, request_id: str, started: OperationStarted, end: OperationEnd
    ) -> None:
        """Record the end that a handler reports; `NotFoundError` if nobody waits for it."""
        await self._update(
            key.chain,
            key.run_id,
            lambda step: complete(step, request_id=request_id, started=started, end=end),
        )

    # -- calls -------------------------------------------------------------------------------------

    async def execute(self, shard: Shard, key: WorkflowKey, task: OperationCall) -> None:
        """Make a call and record its outcome; nothing if it is not wanted any more."""
        host = self._hosts.of(key.chain)
        async with shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is None or not _wants(entry.state, task):
                return
            state = entry.state
        match task:
            case StartOperationExecution():
                outcome = await self._started(shard, state)
                await self.record(key, lambda step: record_start(step, task.attempt, outcome))
            case CancelOperationExecution():
                result = await self._canceled(shard, state)
                await self.record(
                    key,
                    lambda step: record_cancel(
                        step, task.attempt, result.failure, is_retryable=result.is_retryable
                    ),
                )

    async def _started(self, shard: Shard, state: OperationState) -> StartOutcome:
        core, request = state.core, state.request
        now = shard.now_in(core.namespace_id)
        patience = start_patience(core, now)
        if patience.is_too_short:
            return OperationTimedOut(timeout_type=patience.timeout_type)
        namespace = shard.parts.namespaces.by_id(core.namespace_id)
        link = link_to(namespace, state)
        return await self._handlers.start(
            StartCall(
                namespace=namespace,
                target=_name(state),
                request_id=core.request_id,
                payload=Payload.FromString(request.input) if request.input else None,
                header=start_header(core, request.header, now),
                token=CallbackToken(
                    core.namespace_id,
                    WorkflowId(core.operation_id),
                    core.run_id,
                    EventId(0),
                    core.request_id,
                    Archetype.NEXUS_OPERATION,
                ),
                link=operation_link(link.nexus_operation),
                patience=patience.span,
                limits=shard.parts.limits_of(namespace.name),
                now=now,
            )
        )

    async def _canceled(self, shard: Shard, state: OperationState) -> CallResult:
        now = shard.now_in(state.core.namespace_id)
        patience = cancel_patience(state.core, now)
        if patience.is_too_short:
            return too_late_to_cancel(patience)
        return await self._handlers.cancel(
            CancelCall(
                namespace=shard.parts.namespaces.by_id(state.core.namespace_id),
                target=_name(state),
                operation_token=state.core.operation_token,
                header=state.request.header,
                patience=patience.span,
                now=now,
            )
        )

    async def find_state(self, shard: Shard, key: WorkflowKey) -> OperationState | None:
        """Return the state of an operation; None if it is gone."""
        async with shard.locks.hold(key.chain):
            entry = await self._hosts.of(key.chain).find(key.chain, key.run_id)
            return entry.state if entry is not None else None

    async def record(self, key: WorkflowKey, decision: Callable[[OperationStep], None]) -> None:
        """Record an outcome; nothing if the operation is gone."""
        try:
            await self._update(key.chain, key.run_id, decision)
        except NotFoundError:
            return

    # -- by themselves -----------------------------------------------------------------------------

    async def wake(self, shard: Shard, key: WorkflowKey, *, may_remove: bool) -> bool:
        """Fire what is due in an operation, or remove it when its retention has ended.

        Returns false if it has to be removed, and may not be.
        """
        host = self._hosts.of(key.chain)
        async with shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is None:
                return True
            if is_expired(entry.state, shard.now_in(key.namespace_id)):
                if not may_remove:
                    return False
                await host.delete(entry)
            elif not await self._step(host, entry, _fire):
                host.note_deadline(entry)
        return True

    # -- the runtime -------------------------------------------------------------------------------

    async def _create(
        self,
        host: Entities[OperationState],
        chain: ChainKey,
        current: EntityEntry[OperationState] | None,
        request: StartNexusOperationExecutionRequest,
        endpoint_id: str,
    ) -> EntityEntry[OperationState]:
        now = host.shard.now_in(chain.namespace_id)
        run_id = RunId(host.shard.fresh.run_id(now))
        entry = host.new_entry(
            new_operation(
                request,
                namespace_id=chain.namespace_id,
                run_id=run_id,
                endpoint_id=endpoint_id,
                request_id=uuid_text(host.shard.parts.entropy.token(16)),
                now=now,
            )
        )
        expected = current.key.run_id if current is not None else None
        await self._step(
            host,
            entry,
            lambda step: begin_operation(step, request),
            current=CurrentWrite(chain=chain, expected=expected, run_id=run_id),
        )
        return entry

    async def _update(
        self, chain: ChainKey, run_id: str, decision: Callable[[OperationStep], T]
    ) -> T:
        host = self._hosts.of(chain)
        async with self._hosts.hold(chain, run_id) as entry:
            return await self._step(host, entry, decision)

    async def _step(
        self,
        host: Entities[OperationState],
        entry: EntityEntry[OperationState],
        decision: Callable[[OperationStep], T],
        *,
        current: CurrentWrite | None = None,
    ) -> T:
        """Make one step, save it if it changed anything, and return the reply."""
        namespace = host.shard.parts.namespaces.by_id(entry.key.namespace_id)
        step = OperationStep(
            entry.state,
            now=host.shard.now_in(entry.key.namespace_id),
            next_task_id=host.shard.next_task_id,
            retention=namespace.retention,
            limits=host.shard.parts.limits_of(namespace.name),
        )
        reply = decision(step)
        if step.state == entry.state and entry.version:
            return reply
        step.change(transition_count=step.core.transition_count + 1)
        await host.save(entry, Decided(state=step.state, transfers=step.calls), current=current)
        return reply

    def _description(
        self,
        chain: ChainKey,
        namespace: Namespace,
        state: OperationState,
        request: DescribeNexusOperationExecutionRequest,
    ) -> DescribeNexusOperationExecutionResponse:
        core = state.core
        described = describe(state, now=self._hosts.of(chain).shard.now_in(namespace.id))
        described.state_size_bytes = state_size(state)
        described.search_attributes.CopyFrom(
            typed_attributes(state.request.search_attributes, namespace.search_attributes)
        )
        response = DescribeNexusOperationExecutionResponse(
            run_id=core.run_id,
            info=described,
            completion_callbacks=callbacks(state),
            long_poll_token=encode_long_poll_token(
                LongPollToken(core.run_id, core.transition_count)
            ),
        )
        mark_operations(self._breakers, namespace, [response.info])
        mark_callbacks(
            self._breakers, namespace, (told.info for told in response.completion_callbacks)
        )
        if request.include_input and state.request.input:
            response.input.ParseFromString(state.request.input)
        if request.include_outcome:
            add_outcome(response, state)
        return response


def _chain(namespace: Namespace, operation_id: str) -> ChainKey:
    return ChainKey(namespace.id, WorkflowId(operation_id), Archetype.NEXUS_OPERATION)


def _name(state: OperationState) -> OperationName:
    core = state.core
    return OperationName(
        endpoint=core.endpoint,
        endpoint_id=core.endpoint_id,
        service=core.service,
        operation=core.operation,
    )


def link_to(namespace: Namespace, state: OperationState) -> Link:
    """Return a link to an operation."""
    core = state.core
    return Link(
        nexus_operation=Link.NexusOperation(
            namespace=namespace.name, operation_id=core.operation_id, run_id=core.run_id
        )
    )


def _wants(state: OperationState, task: OperationCall) -> bool:
    core = state.core
    call = core.start if isinstance(task, StartOperationExecution) else core.cancel
    return core.is_open and is_wanted(call, task.attempt)


def _end_for_deletion(step: OperationStep) -> None:
    client_requests.end(step, reason=client_requests.DELETION_REASON, identity="", request_id="")
    step.change(retention=DELETION_DELAY)


def _fire(step: OperationStep) -> bool:
    """Fire what is due; return whether anything was."""
    before = step.state
    fire_due(step)
    return step.state != before
