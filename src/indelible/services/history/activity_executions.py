"""Standalone activities: started by clients, carried out by workers, found by their id.

Owns the shell around `engine.activity`: locks, commits, long polls, wake-ups. A task token or a
request without a workflow id comes here (semantics 7.11).
"""

from collections.abc import Callable
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import Link
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DescribeActivityExecutionRequest,
    DescribeActivityExecutionResponse,
    PauseActivityExecutionRequest,
    PollActivityExecutionRequest,
    PollActivityExecutionResponse,
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RequestCancelActivityExecutionRequest,
    ResetActivityExecutionRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
    UpdateActivityExecutionOptionsResponse,
)

from indelible.base.errors import activity_execution_not_found
from indelible.base.id_policies import IdDecision
from indelible.base.ids import (
    Archetype,
    ChainKey,
    QueueKey,
    QueueType,
    RunId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import NO_DURATION, SECOND, Duration, Instant, after, duration
from indelible.base.owed_callbacks import record_callback
from indelible.engine.activity import attempts, client_requests, pauses, resets
from indelible.engine.activity.attempts import ActivityTarget
from indelible.engine.activity.deadlines import fire_due, is_expired
from indelible.engine.activity.description import activity_task, callbacks, describe, outcome
from indelible.engine.activity.options import update_options
from indelible.engine.activity.starting import (
    attach,
    begin_activity,
    decide_on_id,
    new_activity,
)
from indelible.engine.activity.state import ActivityState
from indelible.engine.activity.step import ActivityStep
from indelible.engine.activity.tasks import ActivityExecutionDispatch, CallActivityCallback
from indelible.engine.activity.told_end import told_end
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.ports.clients import Poller
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.ports.stores import CurrentWrite
from indelible.services.history.activity_kind import ActivityKind, state_size
from indelible.services.history.blocked_calls import mark_callbacks
from indelible.services.history.callback_delivery import Deliver
from indelible.services.history.circuit_breakers import CircuitBreakers
from indelible.services.history.dispatching import drop_obsolete
from indelible.services.history.entities import Decided, Entities, EntityEntry
from indelible.services.history.entity_hosts import (
    EntityHosts,
    LongPollToken,
    decode_long_poll_token,
    encode_long_poll_token,
)
from indelible.services.history.owed_calls import Owing, call_back
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards

T = TypeVar("T")

DELETION_DELAY: Final = SECOND
"""A deleted activity that was open is kept so long, for those who wait for its outcome."""


class ActivityExecutions:
    """Standalone activities of all shards."""

    def __init__(
        self, shards: Shards, clocks: Clocks, deliver: Deliver, breakers: CircuitBreakers
    ) -> None:
        self._deliver = deliver
        self._breakers = breakers
        self._hosts = EntityHosts(shards, clocks, ActivityKind(), activity_execution_not_found)

    # -- for clients -------------------------------------------------------------------------------

    async def start_activity(
        self, namespace: Namespace, request: StartActivityExecutionRequest
    ) -> StartActivityExecutionResponse:
        """Start an activity, or say which has the id; `AlreadyExistsError` if that is forbidden."""
        chain = _chain(namespace, request.activity_id)
        host = self._hosts.of(chain)
        async with host.shard.locks.hold(chain):
            current = await host.find(chain)
            decision = decide_on_id(current.state if current else None, request)
            if current is None or decision is IdDecision.CREATE:
                entry = await self._create(host, chain, current, request)
            else:
                entry = current
                if decision is IdDecision.USE_EXISTING:
                    await self._step(host, entry, lambda step: attach(step, request))
        return StartActivityExecutionResponse(
            run_id=entry.key.run_id,
            started=decision is not IdDecision.USE_EXISTING,
            link=_link(namespace, entry.state),
        )

    async def describe_activity(
        self, namespace: Namespace, request: DescribeActivityExecutionRequest, call: Call
    ) -> DescribeActivityExecutionResponse:
        """Describe an activity; with a token wait until there is news, then up to 60 s."""
        chain = _chain(namespace, request.activity_id)
        seen = decode_long_poll_token(request.long_poll_token, run_id=request.run_id)

        def news(state: ActivityState) -> DescribeActivityExecutionResponse | None:
            core = state.core
            if seen is None or not core.is_open:
                return self._description(chain, namespace, state, request)
            if not seen.is_news(core.run_id, core.transition_count):
                return None
            return self._description(chain, namespace, state, request)

        answer = await self._hosts.await_answer(chain, request.run_id, call, news)
        return answer or DescribeActivityExecutionResponse()

    async def poll_activity(
        self, namespace: Namespace, request: PollActivityExecutionRequest, call: Call
    ) -> PollActivityExecutionResponse:
        """Wait for the outcome of an activity, up to 60 s; then answer empty."""
        chain = _chain(namespace, request.activity_id)

        def ended(state: ActivityState) -> PollActivityExecutionResponse | None:
            if state.core.is_open:
                return None
            return PollActivityExecutionResponse(run_id=state.core.run_id, outcome=outcome(state))

        answer = await self._hosts.await_answer(chain, request.run_id, call, ended)
        return answer or PollActivityExecutionResponse()

    async def request_cancel_activity(
        self, namespace: Namespace, request: RequestCancelActivityExecutionRequest
    ) -> None:
        """Have an activity stopped; `FailedPreconditionError` if that is too late or repeated."""
        await self._update(
            _chain(namespace, request.activity_id),
            request.run_id,
            lambda step: client_requests.request_cancel(step, request),
        )

    async def terminate_activity(
        self, namespace: Namespace, request: TerminateActivityExecutionRequest
    ) -> None:
        """Close an activity at once; `FailedPreconditionError` if it has closed otherwise."""
        await self._update(
            _chain(namespace, request.activity_id),
            request.run_id,
            lambda step: client_requests.terminate(step, request),
        )

    async def delete_activity(
        self, namespace: Namespace, request: DeleteActivityExecutionRequest
    ) -> None:
        """Remove a closed activity; end an open one and remove it soon."""
        chain = _chain(namespace, request.activity_id)
        host = self._hosts.of(chain)
        async with self._hosts.hold(chain, request.run_id) as entry:
            if entry.state.core.is_open:
                await self._step(host, entry, _end_for_deletion)
            else:
                await host.delete(entry)

    # -- for operators -----------------------------------------------------------------------------

    async def pause_activity_execution(
        self, namespace: Namespace, request: PauseActivityExecutionRequest
    ) -> None:
        """Let no further attempt begin; `FailedPreconditionError` if that makes no sense."""
        await self._update(
            _chain(namespace, request.activity_id),
            request.run_id,
            lambda step: pauses.pause(step, request),
        )

    async def unpause_activity_execution(
        self, namespace: Namespace, request: UnpauseActivityExecutionRequest
    ) -> None:
        """Let a paused activity go on; `FailedPreconditionError` if it is not paused."""
        chain = _chain(namespace, request.activity_id)
        at = self._jittered(chain, request.jitter)
        await self._update(chain, request.run_id, lambda step: pauses.unpause(step, request, at=at))

    async def reset_activity_execution(
        self, namespace: Namespace, request: ResetActivityExecutionRequest
    ) -> None:
        """Begin with the first attempt again; `FailedPreconditionError` if that is too late."""
        chain = _chain(namespace, request.activity_id)
        at = self._jittered(chain, request.jitter)
        await self._update(chain, request.run_id, lambda step: resets.reset(step, request, at=at))

    async def update_activity_execution_options(
        self, namespace: Namespace, request: UpdateActivityExecutionOptionsRequest
    ) -> UpdateActivityExecutionOptionsResponse:
        """Change options of an activity, and return those that it has then."""
        options = await self._update(
            _chain(namespace, request.activity_id),
            request.run_id,
            lambda step: update_options(step, request),
        )
        return UpdateActivityExecutionOptionsResponse(activity_options=options)

    def _jittered(self, chain: ChainKey, jitter: DurationMessage) -> Instant:
        """Return an instant between now and the end of a jitter."""
        shard = self._hosts.of(chain).shard
        now, span = shard.now_in(chain.namespace_id), duration(jitter)
        if span <= NO_DURATION:
            return now
        drawn = int.from_bytes(shard.parts.entropy.token(8), "big")
        return after(now, Duration(drawn % span))

    # -- for workers -------------------------------------------------------------------------------

    async def start_attempt(
        self, key: WorkflowKey, task: ActivityExecutionDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        """Give an attempt to a worker, durably; None if the task is obsolete."""
        host = self._hosts.of(key.chain)
        async with host.shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            is_started = entry is not None and await self._step(
                host,
                entry,
                lambda step: attempts.start_attempt(
                    step,
                    task,
                    identity=poller.identity,
                    request_id=poller.request_id,
                    sdk_name=poller.sdk.name,
                    sdk_version=poller.sdk.version,
                ),
            )
            if entry is None or not is_started:
                await drop_obsolete(host.shard, key, task)
                return None
            namespace = host.shard.parts.namespaces.by_id(key.namespace_id)
            return activity_task(entry.state, namespace.name)

    async def respond_completed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity with its result; `NotFoundError` if it is not open."""
        await self._report(namespace, target, lambda step: attempts.complete(step, request, target))

    async def respond_failed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> None:
        """Fail an attempt: it is tried again, or the activity is closed."""
        await self._report(namespace, target, lambda step: attempts.fail(step, request, target))

    async def respond_canceled(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity that was asked to stop; `InvalidArgumentError` if it was not."""
        await self._report(
            namespace, target, lambda step: attempts.report_canceled(step, request, target)
        )

    async def record_heartbeat(
        self,
        namespace: Namespace,
        request: RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> RecordActivityTaskHeartbeatResponse:
        """Keep what an attempt reports, and tell its worker what is wanted of it."""
        return await self._report(
            namespace, target, lambda step: attempts.record_heartbeat(step, request, target)
        )

    # -- callbacks ---------------------------------------------------------------------------------

    async def call_back(self, shard: Shard, key: WorkflowKey, task: CallActivityCallback) -> None:
        """Tell somebody how an activity has ended, and record the outcome of that."""
        host = self._hosts.of(key.chain)
        async with shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            state = entry.state if entry is not None else None
        end = told_end(state) if state is not None else None
        if state is None or end is None:
            return
        namespace = shard.parts.namespaces.by_id(key.namespace_id)
        owing = Owing(
            callbacks=state.callbacks,
            end=end,
            link=_link(namespace, state),
            began_at=state.core.created_at,
            closed_at=state.core.closed_at,
        )
        result = await call_back(self._deliver, namespace, owing, task.number, task.attempt)
        if result is None:
            return
        async with shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is not None:
                await self._step(
                    host,
                    entry,
                    lambda step: record_callback(
                        step,
                        task.number,
                        task.attempt,
                        result.failure,
                        is_retryable=result.is_retryable,
                    ),
                )

    # -- by themselves -----------------------------------------------------------------------------

    async def wake(self, shard: Shard, key: WorkflowKey, *, may_remove: bool) -> bool:
        """Fire what is due in an activity, or remove it when its retention has ended.

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
        host: Entities[ActivityState],
        chain: ChainKey,
        current: EntityEntry[ActivityState] | None,
        request: StartActivityExecutionRequest,
    ) -> EntityEntry[ActivityState]:
        now = host.shard.now_in(chain.namespace_id)
        run_id = RunId(host.shard.fresh.run_id(now))
        entry = host.new_entry(
            new_activity(request, namespace_id=chain.namespace_id, run_id=run_id, now=now)
        )
        expected = current.key.run_id if current is not None else None
        await self._step(
            host,
            entry,
            lambda step: begin_activity(step, request),
            current=CurrentWrite(chain=chain, expected=expected, run_id=run_id),
        )
        return entry

    async def _update(
        self, chain: ChainKey, run_id: str, decision: Callable[[ActivityStep], T]
    ) -> T:
        host = self._hosts.of(chain)
        async with self._hosts.hold(chain, run_id) as entry:
            return await self._step(host, entry, decision)

    async def _report(
        self, namespace: Namespace, target: ActivityTarget, decision: Callable[[ActivityStep], T]
    ) -> T:
        return await self._update(_chain(namespace, target.activity_id), target.run_id, decision)

    async def _step(
        self,
        host: Entities[ActivityState],
        entry: EntityEntry[ActivityState],
        decision: Callable[[ActivityStep], T],
        *,
        current: CurrentWrite | None = None,
    ) -> T:
        """Make one step, save it if it changed anything, and return the reply."""
        namespace = host.shard.parts.namespaces.by_id(entry.key.namespace_id)
        step = ActivityStep(
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
        decided = Decided(
            state=step.state,
            dispatches=step.dispatches,
            transfers=step.calls,
            released=[
                (QueueKey(entry.key.namespace_id, QueueType.ACTIVITY, queue), task_id)
                for queue, task_id in step.released
            ],
        )
        await host.save(entry, decided, current=current)
        return reply

    def _description(
        self,
        chain: ChainKey,
        namespace: Namespace,
        state: ActivityState,
        request: DescribeActivityExecutionRequest,
    ) -> DescribeActivityExecutionResponse:
        now = self._hosts.of(chain).shard.now_in(namespace.id)
        described = describe(state, request, now=now)
        described.state_size_bytes = state_size(state)
        described.search_attributes.CopyFrom(
            typed_attributes(state.request.search_attributes, namespace.search_attributes)
        )
        response = DescribeActivityExecutionResponse(
            run_id=state.core.run_id, info=described, callbacks=callbacks(state)
        )
        mark_callbacks(self._breakers, namespace, (told.info for told in response.callbacks))
        if request.include_input and state.request.input:
            response.input.ParseFromString(state.request.input)
        ended = outcome(state)
        if ended is None:
            token = LongPollToken(state.core.run_id, state.core.transition_count)
            response.long_poll_token = encode_long_poll_token(token)
        elif request.include_outcome:
            response.outcome.CopyFrom(ended)
        return response


def _chain(namespace: Namespace, activity_id: str) -> ChainKey:
    return ChainKey(namespace.id, WorkflowId(activity_id), Archetype.ACTIVITY)


def _link(namespace: Namespace, state: ActivityState) -> Link:
    return Link(
        activity=Link.Activity(
            namespace=namespace.name,
            activity_id=state.core.activity_id,
            run_id=state.core.run_id,
        )
    )


def _end_for_deletion(step: ActivityStep) -> None:
    client_requests.end(step, reason=client_requests.DELETION_REASON, identity="", request_id="")
    step.change(retention=DELETION_DELAY)


def _fire(step: ActivityStep) -> bool:
    """Fire what is due; return whether anything was."""
    before = step.state
    fire_due(step)
    return step.state != before
