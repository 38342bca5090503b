"""What each transfer task does: one run speaks to another.

Owns the conversation of two runs: deliver, then record the outcome with the one that asked. Every
part may happen twice, and both sides recognise a repetition. No lock is held while the other run is
spoken to.
"""

from collections.abc import Callable
from typing import Final, assert_never

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    ParentClosePolicy,
    SignalExternalWorkflowExecutionFailedCause,
    StartChildWorkflowExecutionFailedCause,
)
from temporalio.api.history.v1 import (
    HistoryEvent,
    StartChildWorkflowExecutionInitiatedEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest

from indelible.base.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from indelible.base.ids import ChainKey, EventId, NamespaceId, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import duration
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.requests.record_child_closed import record_child_closed
from indelible.engine.workflow.requests.record_child_start_failed import (
    record_child_start_failed,
)
from indelible.engine.workflow.requests.record_child_started import record_child_started
from indelible.engine.workflow.requests.record_external_result import (
    is_own_workflow,
    record_external_cancel,
    record_external_signal,
)
from indelible.engine.workflow.requests.request_cancel_workflow import request_cancel_workflow
from indelible.engine.workflow.requests.schedule_first_task import schedule_first_task
from indelible.engine.workflow.requests.signal_workflow import signal_workflow
from indelible.engine.workflow.requests.start_child import (
    child_start_request,
    dedup_request_id,
    parentage,
)
from indelible.engine.workflow.requests.start_workflow import HISTORY_IDENTITY
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.rules.versioning import inherited_by_child
from indelible.engine.workflow.state import ExecutionRecord, ExternalRequestRecord
from indelible.engine.workflow.tasks import (
    ApplyParentClosePolicy,
    AskChild,
    CallCallback,
    CancelExternal,
    CancelNexusOperation,
    ReportToParent,
    SignalExternal,
    StartChild,
    StartNexusOperation,
    TransferTask,
)
from indelible.engine.workflow.transition import Transition
from indelible.services.history.callback_calls import CallbackCalls
from indelible.services.history.nexus_calls import NexusCalls
from indelible.services.history.reading import read_event
from indelible.services.history.resetting import last_run, reset_successor
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.starting import StartOperations
from indelible.services.namespaces import NamespaceRegistry

CLOSE_POLICY_REASON: Final = "by parent close policy"

_Start = StartChildWorkflowExecutionFailedCause
_Signal = SignalExternalWorkflowExecutionFailedCause
_Cancel = CancelExternalWorkflowExecutionFailedCause

_SIGNAL = "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_"
_CANCEL = "CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_"
_NOT_FOUND = "EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
SIGNAL_TARGET_NOT_FOUND: Final = _Signal.Value(_SIGNAL + _NOT_FOUND)
SIGNAL_COUNT_EXCEEDED: Final = _Signal.Value(_SIGNAL + "SIGNAL_COUNT_LIMIT_EXCEEDED")
CANCEL_TARGET_NOT_FOUND: Final = _Cancel.Value(_CANCEL + _NOT_FOUND)


class TransferExecutor:
    """Executes transfer tasks; raises if one must be tried again."""

    def __init__(
        self,
        shards: Shards,
        starts: StartOperations,
        namespaces: NamespaceRegistry,
        calls: NexusCalls,
        callbacks: CallbackCalls,
    ) -> None:
        self._shards = shards
        self._starts = starts
        self._namespaces = namespaces
        self._calls = calls
        self._callbacks = callbacks

    async def execute(self, shard: Shard, key: WorkflowKey, task: TransferTask) -> None:
        """Do what the task of a run wants done; nothing if it is not wanted any more."""
        match task:
            case StartChild():
                await self._start_child(shard, key, task)
            case AskChild():
                await self._ask_child(shard, key, task)
            case SignalExternal():
                await self._signal(shard, key, task)
            case CancelExternal():
                await self._cancel(shard, key, task)
            case ReportToParent():
                await self._report(shard, key)
            case ApplyParentClosePolicy():
                await self._apply_close_policy(key, task)
            case StartNexusOperation():
                await self._calls.start(shard, key, task)
            case CancelNexusOperation():
                await self._calls.cancel(shard, key, task)
            case CallCallback():
                await self._callbacks.call(shard, key, task)
            case _:
                assert_never(task)

    # -- children ----------------------------------------------------------------------------------

    async def _start_child(self, shard: Shard, key: WorkflowKey, task: StartChild) -> None:
        chain = key.chain
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None or task.initiated_event_id not in entry.state.children:
                return
            execution = entry.state.execution
            is_started = entry.state.children[task.initiated_event_id].is_started
            initiated = await read_event(shard, entry, task.initiated_event_id)
        given = initiated.start_child_workflow_execution_initiated_event_attributes
        family = parentage(
            execution,
            task.initiated_event_id,
            inherited=_inherited(shard, execution, given),
            skipped=duration(given.time_skipping_state_propagation.initial_skipped_duration),
        )
        namespace = self._find_namespace(given.namespace_id)
        if not execution.is_open and not is_started:
            # The parent has dropped the child; but an earlier try, whose outcome could not be
            # recorded, may have started it, and nobody else would let it run or end it.
            if namespace is not None:
                found = await self._starts.find_child(namespace, given.workflow_id, family)
                if found is not None:
                    await self._release_child(shard, key, initiated, _child(initiated, found))
            return
        if namespace is None:
            cause = _Start.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
            await self._fail_start(key, initiated, cause)
            return
        try:
            run_id = await self._starts.start_child(
                namespace, child_start_request(execution, initiated), family
            )
        except AlreadyExistsError:
            cause = _Start.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS
            await self._fail_start(key, initiated, cause)
            return
        await self._release_child(shard, key, initiated, _child(initiated, run_id))

    async def _fail_start(
        self,
        key: WorkflowKey,
        initiated: HistoryEvent,
        cause: "StartChildWorkflowExecutionFailedCause.ValueType",
    ) -> None:
        await self._tell(
            key, lambda step: record_child_start_failed(step, initiated, cause), is_chain=False
        )

    async def _release_child(
        self, shard: Shard, key: WorkflowKey, initiated: HistoryEvent, child: WorkflowKey
    ) -> None:
        """Tell the parent of the start; only then let the child run (trap 30).

        A parent that closed meanwhile has dropped the child: its close policy decides at once.
        """
        chain = key.chain
        is_known = False
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is not None:
                is_known = await shard.step(
                    entry, lambda step: record_child_started(step, initiated, child.run_id)
                )
                is_known = is_known or entry.state.execution.is_open
        await self._tell(child, schedule_first_task, is_chain=False)
        if not is_known:
            given = initiated.start_child_workflow_execution_initiated_event_attributes
            await self._close_child(key, child, given.parent_close_policy)

    async def _ask_child(self, shard: Shard, key: WorkflowKey, task: AskChild) -> None:
        """Have a child report once more if the last run of its chain is closed.

        The reference service (1.32) does not ask, and the new run waits for ever for a child that
        ended between the close of the old run and its reset.
        """
        async with shard.locks.hold(key.chain):
            entry = await shard.find(key.chain, key.run_id)
            child = entry.state.children.get(task.initiated_event_id) if entry else None
        if child is None:
            return
        chain = ChainKey(child.namespace_id, child.workflow_id)
        child_shard = self._shards.of(chain)
        async with child_shard.locks.hold(chain):
            last = await last_run(child_shard, chain, child.run_id)
        if last is not None and not last.state.execution.is_open:
            await self._report(child_shard, last.key)

    async def _report(self, shard: Shard, key: WorkflowKey) -> None:
        """Tell the parent how this run has closed."""
        chain = key.chain
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None:
                return
            execution = entry.state.execution
            closing = await read_event(shard, entry, execution.close_event_id)
        parent = execution.parent
        if parent is None:
            return
        parent_key = WorkflowKey(parent.namespace_id, parent.workflow_id, parent.run_id)
        parent_chain = parent_key.chain
        parent_shard = self._shards.of(parent_chain)
        async with parent_shard.locks.hold(parent_chain):
            waiting = await reset_successor(parent_shard, parent_key)
            if waiting is not None:
                await parent_shard.step(
                    waiting, lambda step: record_child_closed(step, execution, closing)
                )

    async def _apply_close_policy(self, key: WorkflowKey, task: ApplyParentClosePolicy) -> None:
        child = WorkflowKey(task.namespace_id, task.workflow_id, task.first_run_id)
        await self._close_child(key, child, task.policy)

    async def _close_child(self, parent: WorkflowKey, child: WorkflowKey, policy: int) -> None:
        def decide(step: Transition) -> None:
            if not step.execution.is_open:
                return
            if policy == ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE:
                terminate_run(step, reason=CLOSE_POLICY_REASON, identity=HISTORY_IDENTITY)
            elif policy == ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
                request_cancel_workflow(
                    step,
                    reason="",
                    identity=HISTORY_IDENTITY,
                    links=[],
                    sender=_execution(parent),
                )

        await self._tell(child, decide, is_chain=True)

    # -- messages ----------------------------------------------------------------------------------

    async def _signal(self, shard: Shard, key: WorkflowKey, task: SignalExternal) -> None:
        chain = key.chain
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None or task.initiated_event_id not in entry.state.external_signals:
                return
            target = entry.state.external_signals[task.initiated_event_id]
            initiated = await read_event(shard, entry, task.initiated_event_id)
            sender = entry.state.execution
        cause = await self._deliver_signal(sender, target, initiated)
        await self._tell(
            key, lambda step: record_external_signal(step, initiated, cause), is_chain=False
        )

    async def _deliver_signal(
        self, sender: ExecutionRecord, target: ExternalRequestRecord, initiated: HistoryEvent
    ) -> "SignalExternalWorkflowExecutionFailedCause.ValueType | None":
        """Deliver a signal; return why it cannot be delivered."""
        if self._find_namespace(target.namespace_id) is None:
            return _Signal.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
        if is_own_workflow(sender, target):
            return SIGNAL_TARGET_NOT_FOUND
        given = initiated.signal_external_workflow_execution_initiated_event_attributes
        request = SignalWorkflowExecutionRequest(
            signal_name=given.signal_name,
            input=given.input if given.HasField("input") else None,
            header=given.header if given.HasField("header") else None,
            identity=HISTORY_IDENTITY,
            request_id=dedup_request_id(sender, initiated.event_id),
        )

        def decide(step: Transition) -> None:
            if given.child_workflow_only:
                _require_child(step, sender)
            signal_workflow(step, request, sender=_execution(sender.key))

        try:
            await self._shards.of(_target_chain(target)).update(
                _target_chain(target), target.run_id, decide
            )
        except NotFoundError:
            return SIGNAL_TARGET_NOT_FOUND
        except InvalidArgumentError:
            return SIGNAL_COUNT_EXCEEDED
        return None

    async def _cancel(self, shard: Shard, key: WorkflowKey, task: CancelExternal) -> None:
        chain = key.chain
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None or task.initiated_event_id not in entry.state.external_cancels:
                return
            target = entry.state.external_cancels[task.initiated_event_id]
            initiated = await read_event(shard, entry, task.initiated_event_id)
            sender = entry.state.execution
        cause = await self._deliver_cancel(sender, target, initiated)
        await self._tell(
            key, lambda step: record_external_cancel(step, initiated, cause), is_chain=False
        )

    async def _deliver_cancel(
        self, sender: ExecutionRecord, target: ExternalRequestRecord, initiated: HistoryEvent
    ) -> "CancelExternalWorkflowExecutionFailedCause.ValueType | None":
        """Deliver a cancellation request; return why it cannot be delivered."""
        if self._find_namespace(target.namespace_id) is None:
            return _Cancel.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
        if is_own_workflow(sender, target):
            return CANCEL_TARGET_NOT_FOUND
        given = initiated.request_cancel_external_workflow_execution_initiated_event_attributes

        def decide(step: Transition) -> None:
            if given.child_workflow_only:
                _require_child(step, sender)
            request_cancel_workflow(
                step,
                reason=given.reason,
                identity=HISTORY_IDENTITY,
                links=[],
                sender=_execution(sender.key),
                sender_initiated_event_id=EventId(initiated.event_id),
            )

        try:
            await self._shards.of(_target_chain(target)).update(
                _target_chain(target), target.run_id, decide
            )
        except NotFoundError:
            return CANCEL_TARGET_NOT_FOUND
        return None

    async def _tell(
        self, key: WorkflowKey, decision: Callable[[Transition], None], *, is_chain: bool
    ) -> None:
        """Make a step of a run, or of the last run of its chain; nothing if it is gone."""
        chain = key.chain
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, "" if is_chain else key.run_id)
            if entry is None:
                return
            if is_chain and entry.state.execution.first_run_id != key.run_id:
                return
            await shard.step(entry, decision)

    def _find_namespace(self, namespace_id: str) -> Namespace | None:
        try:
            return self._namespaces.by_id(namespace_id)
        except NotFoundError:
            return None


def _require_child(step: Transition, sender: ExecutionRecord) -> None:
    """Refuse a message for children alone if the target is no child of the sender."""
    parent = step.execution.parent
    if (
        parent is None
        or parent.workflow_id != sender.workflow_id
        or parent.run_id not in (sender.run_id, sender.base_run_id)
    ):
        raise NotFoundError("the target is no child of the sender")


def _child(initiated: HistoryEvent, run_id: RunId) -> WorkflowKey:
    given = initiated.start_child_workflow_execution_initiated_event_attributes
    return WorkflowKey(NamespaceId(given.namespace_id), WorkflowId(given.workflow_id), run_id)


def _target_chain(target: ExternalRequestRecord) -> ChainKey:
    return ChainKey(target.namespace_id, target.workflow_id)


def _execution(key: WorkflowKey) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=key.workflow_id, run_id=key.run_id)


def _inherited(
    shard: Shard,
    parent: ExecutionRecord,
    given: StartChildWorkflowExecutionInitiatedEventAttributes,
) -> WorkflowExecutionStartedEventAttributes | None:
    """Return the version that a child takes from its parent; none in another namespace."""
    if given.namespace_id != parent.namespace_id:
        return None
    routing = shard.parts.routing_of(parent.namespace_id)
    inherited = inherited_by_child(parent, routing, given.task_queue.name)
    if not given.inherit_build_id:
        inherited.ClearField("inherited_build_id")
    return inherited
