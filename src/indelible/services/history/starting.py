"""Starts: by a client, with a signal, or by a parent.

Owns the order in which a start looks at the current run, creates the new one and answers. The rules
are in `engine.workflow.requests.start_workflow`.
"""

from typing import Final

from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    SignalWithStartWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import ChainKey, NamespaceId, RunId, WorkflowId
from indelible.base.instants import NO_DURATION, Duration, Instant
from indelible.base.versions import version_of_options
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.requests.attach_to_run import attach_to_run
from indelible.engine.workflow.requests.signal_workflow import signal_workflow
from indelible.engine.workflow.requests.start_workflow import (
    IdDecision,
    Parentage,
    StartRequest,
    decide_on_id,
    start_delay,
    start_workflow,
    terminate_for_successor,
)
from indelible.engine.workflow.rules.cron import cron_backoff
from indelible.engine.workflow.rules.versioning import check_override
from indelible.engine.workflow.state import ExecutionRecord, StateView
from indelible.engine.workflow.time_skipping import clock_ahead_by
from indelible.engine.workflow.versioning import override_version
from indelible.ports.stores import CurrentWrite
from indelible.services.history.entries import Entry
from indelible.services.history.event_links import request_link, started_link
from indelible.services.history.prepared import Prepared
from indelible.services.history.shard import Shard, Stepped
from indelible.services.history.shards import Shards
from indelible.services.history.workflow_tasks import WorkflowTaskOperations

OPTIONS_UPDATED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
SIGNALED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


class StartOperations:
    """Starts runs."""

    def __init__(self, shards: Shards, tasks: WorkflowTaskOperations) -> None:
        self._shards = shards
        self._tasks = tasks

    async def start_workflow(
        self, namespace: Namespace, request: StartWorkflowExecutionRequest
    ) -> StartWorkflowExecutionResponse:
        """Start a run, or say which has the id; `AlreadyExistsError` if the policies forbid it."""
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            return await self.start_under_lock(shard, chain, namespace, request)

    async def start_under_lock(
        self,
        shard: Shard,
        chain: ChainKey,
        namespace: Namespace,
        request: StartWorkflowExecutionRequest,
    ) -> StartWorkflowExecutionResponse:
        """As `start_workflow`, for a caller who holds the lock of the chain."""
        current = await shard.find(chain)
        decision = decide_on_id(current.state if current else None, request)
        if current is not None and decision in _EXISTING:
            return await self._existing(shard, current, decision, namespace, request)
        is_eager = (
            request.request_eager_execution
            and not _backoff(shard, namespace.id, request)
            and _is_for_client(shard, chain, request)
        )
        entry, task = await self._create(
            shard, chain, current, decision, request, is_eager=is_eager
        )
        return StartWorkflowExecutionResponse(
            run_id=entry.key.run_id,
            started=True,
            status=WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
            first_execution_run_id=entry.key.run_id,
            eager_workflow_task=task,
            link=started_link(namespace, entry.state.execution),
        )

    def prepare_start(
        self, shard: Shard, chain: ChainKey, request: StartWorkflowExecutionRequest
    ) -> tuple[RunId, Prepared]:
        """Begin a run, for a caller who commits it; an eager one is not offered.

        The caller holds the lock of the chain, and knows that it has no run.
        """
        entry, backoff = _new_run(shard, chain, request)
        _, begun = shard.decide(entry, lambda step: start_workflow(step, request, backoff=backoff))
        run_id = entry.key.run_id
        return run_id, shard.prepare_start(
            begun, CurrentWrite(chain=chain, expected=None, run_id=run_id)
        )

    async def signal_with_start(
        self, namespace: Namespace, request: SignalWithStartWorkflowExecutionRequest
    ) -> SignalWithStartWorkflowExecutionResponse:
        """Signal the open run of the id, or start one with the signal as its second event."""
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            current = await shard.find(chain)
            decision = decide_on_id(current.state if current else None, request)
            if current is not None and decision in _EXISTING:
                is_repeated = decision is IdDecision.REPEAT_STARTED
                if not is_repeated:
                    await shard.step(current, lambda step: signal_workflow(step, request))
                return _signal_with_start_response(
                    namespace, current, request, is_started=is_repeated
                )
            entry, _ = await self._create(shard, chain, current, decision, request, is_eager=False)
        return _signal_with_start_response(namespace, entry, request, is_started=True)

    async def start_child(
        self, namespace: Namespace, request: StartWorkflowExecutionRequest, parentage: Parentage
    ) -> RunId:
        """Start a child, whose first workflow task waits for its parent; return its first run.

        Done once per initiated event, however often it is asked. Raises `AlreadyExistsError`.
        """
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            current = await shard.find(chain)
            decision = _decide_on_child(current.state if current else None, request, parentage)
            if current is not None and decision in _EXISTING:
                return current.state.execution.first_run_id
            entry, _ = await self._create(
                shard, chain, current, decision, request, parentage=parentage, is_eager=False
            )
            return entry.key.run_id

    async def find_child(
        self, namespace: Namespace, workflow_id: str, parentage: Parentage
    ) -> RunId | None:
        """Return the first run of the child that was started for an initiated event, if it was."""
        chain = ChainKey(namespace.id, WorkflowId(workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            current = await shard.find(chain)
            if current is None or not _is_child_of(current.state.execution, parentage):
                return None
            return current.state.execution.first_run_id

    async def _existing(
        self,
        shard: Shard,
        current: Entry,
        decision: IdDecision,
        namespace: Namespace,
        request: StartWorkflowExecutionRequest,
    ) -> StartWorkflowExecutionResponse:
        if decision is IdDecision.USE_EXISTING and request.HasField("on_conflict_options"):
            await shard.step(current, lambda step: attach_to_run(step, request))
        execution = current.state.execution
        is_repeated = decision is IdDecision.REPEAT_STARTED
        is_attached = request.request_id in execution.request_ids and not is_repeated
        return StartWorkflowExecutionResponse(
            run_id=execution.run_id,
            started=is_repeated,
            status=WorkflowExecutionStatus.ValueType(execution.status),
            first_execution_run_id=execution.first_run_id,
            eager_workflow_task=(
                await self._tasks.repeat_eager_task(shard, current) if is_repeated else None
            ),
            link=(
                request_link(namespace, execution, request.request_id, OPTIONS_UPDATED)
                if is_attached
                else started_link(namespace, execution)
            ),
        )

    async def _create(
        self,
        shard: Shard,
        chain: ChainKey,
        current: Entry | None,
        decision: IdDecision,
        request: StartRequest,
        *,
        is_eager: bool,
        parentage: Parentage | None = None,
    ) -> tuple[Entry, PollWorkflowTaskQueueResponse | None]:
        skipped = NO_DURATION if parentage is None else parentage.skipped
        entry, backoff = _new_run(shard, chain, request, skipped)
        run_id = entry.key.run_id
        steps: list[Stepped] = []
        if current is not None and decision is IdDecision.TERMINATE_EXISTING:
            _, ended = shard.decide(current, lambda step: terminate_for_successor(step, run_id))
            steps.append(ended)
        _, begun = shard.decide(
            entry,
            lambda step: start_workflow(
                step, request, backoff=backoff, parentage=parentage, is_eager=is_eager
            ),
        )
        steps.append(begun)
        expected = current.key.run_id if current is not None else None
        await shard.save(
            *steps, current=CurrentWrite(chain=chain, expected=expected, run_id=run_id)
        )
        task = await self._tasks.started_task(shard, entry, is_sticky=False) if is_eager else None
        return entry, task


def _new_run(
    shard: Shard, chain: ChainKey, request: StartRequest, skipped: Duration = NO_DURATION
) -> tuple[Entry, Duration]:
    """Return a run that has not begun, and how long it waits; raise if it may not begin.

    Its clock is ahead by what its parent has `skipped`.
    """
    now = shard.now_in(chain.namespace_id)
    record = ExecutionRecord(
        namespace_id=chain.namespace_id,
        workflow_id=chain.workflow_id,
        run_id=RunId(shard.fresh.run_id(now)),
        time_skipping=clock_ahead_by(skipped),
    )
    check_override(
        shard.parts.routing_of(chain.namespace_id),
        request.versioning_override,
        request.task_queue.name,
    )
    return shard.new_entry(record), _backoff(shard, chain.namespace_id, request, skipped)


def _signal_with_start_response(
    namespace: Namespace,
    entry: Entry,
    request: SignalWithStartWorkflowExecutionRequest,
    *,
    is_started: bool,
) -> SignalWithStartWorkflowExecutionResponse:
    execution = entry.state.execution
    return SignalWithStartWorkflowExecutionResponse(
        run_id=entry.key.run_id,
        first_execution_run_id=execution.first_run_id,
        started=is_started,
        signal_link=request_link(namespace, execution, request.request_id, SIGNALED),
    )


def _is_for_client(shard: Shard, chain: ChainKey, request: StartWorkflowExecutionRequest) -> bool:
    """Whether the client's own worker is of the version that the first task is meant for."""
    version = version_of_options(request.eager_worker_deployment_options)
    demanded = override_version(request.versioning_override)
    if demanded is None:
        routing = shard.parts.routing_of(chain.namespace_id)
        demanded, _ = routing.target(request.task_queue.name, chain.workflow_id)
    return version == demanded


def _backoff(
    shard: Shard, namespace_id: NamespaceId, request: StartRequest, skipped: Duration = NO_DURATION
) -> Duration:
    """How long the new run waits: for the first tick of its cron schedule, or as it was asked."""
    if not request.cron_schedule:
        return start_delay(request)
    now = Instant(shard.now_in(namespace_id) + skipped)
    wait = cron_backoff(
        request.cron_schedule, scheduled_at=now, now=now, utc_offset=shard.parts.utc_offset
    )
    if wait is None:
        raise InvalidArgumentError(f"invalid CronSchedule: {request.cron_schedule} never fires")
    return wait


_EXISTING: Final = frozenset(
    {IdDecision.USE_EXISTING, IdDecision.REPEAT_STARTED, IdDecision.REPEAT_ATTACHED}
)


def _decide_on_child(
    current: StateView | None, request: StartWorkflowExecutionRequest, parentage: Parentage
) -> IdDecision:
    """As `decide_on_id`, but the parent's run and event identify a repeated start."""
    if current is not None and _is_child_of(current.execution, parentage):
        return IdDecision.REPEAT_STARTED
    return decide_on_id(current, request)


def _is_child_of(execution: ExecutionRecord, parentage: Parentage) -> bool:
    parent = execution.parent
    return (
        parent is not None
        and parent.run_id in (parentage.run_id, parentage.base_run_id)
        and parent.initiated_event_id == parentage.initiated_event_id
    )
