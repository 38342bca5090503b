"""UpdateWorkflowExecution, PollWorkflowExecutionUpdate: ask a run, and wait for its answer.

Owns the way of an update from its admission to the stage that its caller waits for (semantics 6).
The rules are in `engine.workflow`, the waiting updates in `update_registry`.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from temporalio.api.common.v1 import Link, WorkflowExecution
from temporalio.api.enums.v1 import EventType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.update.v1 import Outcome, UpdateRef
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from indelible.base.errors import NotFoundError, workflow_chain_not_found
from indelible.base.ids import ChainKey, QueueKey, QueueType, WorkflowKey
from indelible.base.instants import Instant, after
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.requests.admit_update import admit_update
from indelible.engine.workflow.rules.callbacks import CLOSED_BEFORE_ANSWER, check_callback_count
from indelible.engine.workflow.rules.updates import join_update
from indelible.engine.workflow.rules.versioning import workflow_task_queue
from indelible.engine.workflow.rules.workflow_tasks import unstick
from indelible.engine.workflow.transition import Transition
from indelible.ports.clients import MatchingClient
from indelible.ports.clock import Clocks
from indelible.services.history.entries import Entry
from indelible.services.history.messaging import target
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.update_registry import (
    Aborted,
    Rejected,
    UpdateRegistry,
    Waiter,
    lost,
)

_Stage = UpdateWorkflowExecutionLifecycleStage
UNSPECIFIED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
ADMITTED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
ACCEPTED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED

CONTINUATIONS_FOLLOWED_MAX: Final = 3
"""How often an update moves to the next run when the one it waited for has ended."""


class UpdateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far an update of a run has got."""

    key: WorkflowKey
    stage: "UpdateWorkflowExecutionLifecycleStage.ValueType"
    outcome: Outcome | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A caller who waits for an update of a run."""

    key: WorkflowKey
    update_id: str
    waiter: Waiter


class UpdateOperations:
    """Updates runs."""

    def __init__(self, shards: Shards, matching: MatchingClient, clocks: Clocks) -> None:
        self._shards = shards
        self._registry: UpdateRegistry = shards.updates
        self._matching = matching
        self._clocks = clocks

    async def update_workflow(
        self, namespace: Namespace, request: UpdateWorkflowExecutionRequest
    ) -> UpdateWorkflowExecutionResponse:
        """Admit an update, and wait up to 20 s for the stage that the request names (trap 43).

        The stage that was reached is the answer. Raises `ServiceError` if the run takes no updates,
        or ends before it accepts this one.
        """
        chain, run_id = target(namespace, request.workflow_execution)
        shard = self._shards.of(chain)
        until = self.patience(namespace)
        continuation_count = 0
        while True:
            async with shard.hold(chain, run_id) as entry:
                waiting = await self.admit(shard, entry, request)
            result = await self.follow(shard, waiting, stage_wanted(request), until)
            if not isinstance(result, Aborted):
                return update_response(namespace, request, result)
            continuation_count += 1
            is_followed = result.is_continued and not run_id
            if not is_followed or continuation_count > CONTINUATIONS_FOLLOWED_MAX:
                raise result.error

    async def poll_update(
        self, namespace: Namespace, request: PollWorkflowExecutionUpdateRequest
    ) -> PollWorkflowExecutionUpdateResponse:
        """Wait up to 20 s for a stage of a known update; without one, tell what it has reached.

        Raises `NotFoundError` for an unknown update or run.
        """
        ref = request.update_ref
        chain, run_id = target(namespace, ref.workflow_execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            if not self.knows(entry, ref.update_id):
                raise NotFoundError(f'update "{ref.update_id}" not found')
            waiting = self._wait(entry, ref.update_id)
        wanted = request.wait_policy.lifecycle_stage
        result = await self.follow(shard, waiting, wanted, self.patience(namespace))
        if isinstance(result, Aborted):
            raise result.error
        return PollWorkflowExecutionUpdateResponse(
            outcome=result.outcome,
            stage=result.stage,
            update_ref=_reference(result.key, ref.update_id),
        )

    def patience(self, namespace: Namespace) -> Instant:
        """Return until when a caller waits."""
        limits = self._shards.limits_of(namespace.name)
        return after(self._clocks.node.now(), limits.history_long_poll_span)

    def knows(self, entry: Entry, update_id: str) -> bool:
        """Whether an update was admitted to a run."""
        return update_id in entry.state.updates or update_id in self._registry.admitted(entry.key)

    async def admit(
        self, shard: Shard, entry: Entry, request: UpdateWorkflowExecutionRequest
    ) -> Waiting:
        """Let an update wait for the worker of a run whose lock the caller holds.

        An id that the run knows is the same update again, whatever it asks.
        """
        execution = entry.state.execution
        first_run_id = request.first_execution_run_id
        if first_run_id and execution.first_run_id != first_run_id:
            raise workflow_chain_not_found()
        update_id = request.request.meta.update_id
        if not self.knows(entry, update_id):
            await shard.step(entry, self._admission(entry, request))
            self._registry.admit(entry.key, request.request)
        elif request.request.completion_callbacks:
            await self._join(shard, entry, request)
        return self._wait(entry, update_id)

    async def _join(
        self, shard: Shard, entry: Entry, request: UpdateWorkflowExecutionRequest
    ) -> None:
        """Have somebody else called at the end of an update that was asked for before.

        Whoever comes after the end gets the answer by the call itself. Raises
        `FailedPreconditionError` if the run would have too many callbacks.
        """
        asked = request.request
        record = entry.state.updates.get(asked.meta.update_id)
        is_over = record is not None and record.completed_event_id
        if is_over or not entry.state.execution.is_open:
            return
        waiting = self._registry.callbacks(entry.key, asked.meta.update_id)
        namespace = shard.parts.namespaces.by_id(entry.key.namespace_id)
        check_callback_count(
            entry.state,
            [*waiting, *asked.completion_callbacks],
            count_max=shard.parts.limits_of(namespace.name).callbacks_per_execution_max,
        )
        if not self._registry.join(entry.key, asked):
            await shard.step(entry, lambda step: join_update(step, asked))

    def admit_to_new_run(self, entry: Entry, request: UpdateWorkflowExecutionRequest) -> Waiting:
        """Let an update wait for the first workflow task of a run that has just been started."""
        self._registry.admit(entry.key, request.request)
        return self._wait(entry, request.request.meta.update_id)

    def _admission(
        self, entry: Entry, request: UpdateWorkflowExecutionRequest
    ) -> Callable[[Transition], None]:
        admitted = self._registry.admitted(entry.key)

        def decide(step: Transition) -> None:
            sticky_queue = step.execution.sticky_queue
            if step.execution.workflow_task is None and not self._is_polled(entry, sticky_queue):
                unstick(step)
            queue_name = step.execution.sticky_queue or workflow_task_queue(step.execution)
            is_polled = self._is_polled(entry, queue_name)
            admit_update(step, request.request, admitted, may_speculate=is_polled)

        return decide

    def _is_polled(self, entry: Entry, queue_name: str) -> bool:
        queue = QueueKey(entry.key.namespace_id, QueueType.WORKFLOW, queue_name)
        return self._matching.has_recent_poller(queue)

    def _wait(self, entry: Entry, update_id: str) -> Waiting:
        waiter = self._registry.wait(entry.key, update_id)
        return Waiting(key=entry.key, update_id=update_id, waiter=waiter)

    async def follow(
        self,
        shard: Shard,
        waiting: Waiting,
        wanted: "UpdateWorkflowExecutionLifecycleStage.ValueType",
        until: Instant,
    ) -> UpdateStatus | Aborted:
        """Return how far an update has got as soon as it is far enough, or at `until`."""
        key, update_id, waiter = waiting.key, waiting.update_id, waiting.waiter
        is_last_look = False
        try:
            while True:
                status = await self._look(shard, key, update_id)
                if status is not None and (status.stage >= wanted or is_last_look):
                    return status
                news = await self._registry.news(waiter, until=until)
                if isinstance(news, Aborted):
                    return news
                if isinstance(news, Rejected):
                    outcome = Outcome(failure=news.failure)
                    return UpdateStatus(key=key, stage=COMPLETED, outcome=outcome)
                if is_last_look:
                    return Aborted(lost())
                is_last_look = news.is_late
                self._registry.leave(key, waiter)
                waiter = self._registry.wait(key, update_id)
        finally:
            self._registry.leave(key, waiter)

    async def _look(self, shard: Shard, key: WorkflowKey, update_id: str) -> UpdateStatus | None:
        chain = ChainKey(key.namespace_id, key.workflow_id)
        async with shard.hold(chain, key.run_id) as entry:
            return await self._status(shard, entry, update_id)

    async def _status(self, shard: Shard, entry: Entry, update_id: str) -> UpdateStatus | None:
        """Return how far an update has got; None if only its waiter knows."""
        key = entry.key
        record = entry.state.updates.get(update_id)
        if record is None or not (record.accepted_event_id or record.completed_event_id):
            is_known = record is not None or update_id in self._registry.admitted(key)
            return UpdateStatus(key=key, stage=ADMITTED) if is_known else None
        if record.completed_event_id:
            event = await read_event(shard, entry, record.completed_event_id)
            outcome = event.workflow_execution_update_completed_event_attributes.outcome
            return UpdateStatus(key=key, stage=COMPLETED, outcome=outcome)
        if entry.state.execution.is_open:
            return UpdateStatus(key=key, stage=ACCEPTED)
        return UpdateStatus(key=key, stage=COMPLETED, outcome=Outcome(failure=CLOSED_BEFORE_ANSWER))


def stage_wanted(
    request: UpdateWorkflowExecutionRequest,
) -> "UpdateWorkflowExecutionLifecycleStage.ValueType":
    """Return the stage that a caller waits for."""
    return request.wait_policy.lifecycle_stage


def update_response(
    namespace: Namespace, request: UpdateWorkflowExecutionRequest, status: UpdateStatus
) -> UpdateWorkflowExecutionResponse:
    """Return the answer to a caller whose update has got so far."""
    return UpdateWorkflowExecutionResponse(
        update_ref=_reference(status.key, request.request.meta.update_id),
        outcome=status.outcome,
        stage=status.stage,
        link=_link(namespace, request, status),
    )


def _reference(key: WorkflowKey, update_id: str) -> UpdateRef:
    return UpdateRef(
        workflow_execution=WorkflowExecution(workflow_id=key.workflow_id, run_id=key.run_id),
        update_id=update_id,
    )


def _link(
    namespace: Namespace, request: UpdateWorkflowExecutionRequest, status: UpdateStatus
) -> Link | None:
    """Point at the accepted event by the id of its request; a rejected update has none."""
    key = status.key
    if status.outcome is not None and status.outcome.HasField("failure"):
        return Link(
            workflow=Link.Workflow(
                namespace=namespace.name,
                workflow_id=key.workflow_id,
                run_id=key.run_id,
                reason="Update rejected",
            )
        )
    if status.stage < ACCEPTED:
        return None
    return Link(
        workflow_event=Link.WorkflowEvent(
            namespace=namespace.name,
            workflow_id=key.workflow_id,
            run_id=key.run_id,
            request_id_ref=Link.WorkflowEvent.RequestIdReference(
                request_id=request.request.request_id,
                event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
            ),
        )
    )
