"""What a client says to a run that exists: signal, cancel, terminate, delete, unstick."""

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionRequest,
    ResetStickyTaskQueueRequest,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
)

from indelible.base.errors import workflow_already_completed, workflow_chain_not_found
from indelible.base.ids import ChainKey, WorkflowId
from indelible.base.instants import SECOND, Duration, elapsed
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.deltas import RetentionFixed
from indelible.engine.workflow.requests.request_cancel_workflow import request_cancel_workflow
from indelible.engine.workflow.requests.signal_workflow import signal_workflow
from indelible.engine.workflow.requests.terminate_workflow import (
    terminate_run,
    terminate_workflow,
)
from indelible.engine.workflow.rules.workflow_tasks import unstick
from indelible.engine.workflow.transition import Transition
from indelible.ports.stores import Commit
from indelible.services.history.entries import Entry
from indelible.services.history.event_links import request_link
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards

DELETION_REASON = "Delete workflow execution"
HISTORY_IDENTITY = "history-service"
DELETION_DELAY = SECOND


class MessageOperations:
    """Steps of existing runs that clients ask for."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def signal_workflow(
        self, namespace: Namespace, request: SignalWorkflowExecutionRequest
    ) -> SignalWorkflowExecutionResponse:
        """Record a signal; `NotFoundError` if the run is missing or closed."""
        chain, run_id = target(namespace, request.workflow_execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            await shard.step(entry, lambda step: signal_workflow(step, request))
            # Without a request id the link says no more than that there is such an event.
            signaled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
            execution = entry.state.execution
            return SignalWorkflowExecutionResponse(
                link=request_link(namespace, execution, request.request_id, signaled)
            )

    async def request_cancel(
        self, namespace: Namespace, request: RequestCancelWorkflowExecutionRequest
    ) -> None:
        """Record a cancellation request; a closed run is left as it is."""
        chain, run_id = target(namespace, request.workflow_execution)
        first_run_id = request.first_execution_run_id

        def decide(step: Transition) -> None:
            _check_chain(step, first_run_id)
            request_cancel_workflow(
                step,
                reason=request.reason,
                identity=request.identity,
                links=list(request.links),
            )

        await self._shards.of(chain).update(chain, "" if first_run_id else run_id, decide)

    async def terminate_workflow(
        self, namespace: Namespace, request: TerminateWorkflowExecutionRequest
    ) -> None:
        """End a run at once; `NotFoundError` if it is missing or closed."""
        chain, run_id = target(namespace, request.workflow_execution)
        first_run_id = request.first_execution_run_id

        def decide(step: Transition) -> None:
            _check_chain(step, first_run_id)
            terminate_workflow(
                step,
                reason=request.reason,
                identity=request.identity,
                details=request.details if request.HasField("details") else None,
            )

        await self._shards.of(chain).update(chain, "" if first_run_id else run_id, decide)

    async def delete_workflow(
        self, namespace: Namespace, request: DeleteWorkflowExecutionRequest
    ) -> None:
        """Remove a closed run with all that belongs to it; end an open one and remove it soon."""
        chain, run_id = target(namespace, request.workflow_execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            if entry.state.execution.is_open:
                await shard.step(entry, _end_for_deletion)
            else:
                await delete_run(shard, entry)

    async def reset_sticky(
        self, namespace: Namespace, request: ResetStickyTaskQueueRequest
    ) -> None:
        """Let the next workflow task of an open run go to any worker."""
        chain, run_id = target(namespace, request.execution)

        def decide(step: Transition) -> None:
            if not step.execution.is_open:
                raise workflow_already_completed()
            unstick(step)

        await self._shards.of(chain).update(chain, run_id, decide)


def target(namespace: Namespace, execution: WorkflowExecution) -> tuple[ChainKey, str]:
    """Return the chain and the run id (empty for the current run) that a request names."""
    return ChainKey(namespace.id, WorkflowId(execution.workflow_id)), execution.run_id


def _end_for_deletion(step: Transition) -> None:
    """End the run, and keep it just long enough for its parent to be told."""
    terminate_run(step, reason=DELETION_REASON, identity=HISTORY_IDENTITY)
    step.change(RetentionFixed(retention=DELETION_DELAY))


def _postpone_deletion(step: Transition) -> None:
    age = elapsed(step.execution.closed_at, step.now)
    step.change(RetentionFixed(retention=Duration(age + DELETION_DELAY)))


def _check_chain(step: Transition, first_run_id: str) -> None:
    """The current run must go back to the run that the client started."""
    if first_run_id and step.execution.first_run_id != first_run_id:
        raise workflow_chain_not_found()


async def delete_run(shard: Shard, entry: Entry) -> None:
    """Remove a closed run whose chain's lock the caller holds.

    A run that still has to tell its parent or its children how it closed stays a little longer.
    """
    if shard.is_owing(entry):
        await shard.step(entry, _postpone_deletion)
        return
    await shard.write(
        Commit(shard_id=shard.shard_id, range_id=shard.range_id, deleted=(entry.key,))
    )
    shard.drop(entry)
