"""StartWorkflowExecution: what becomes of a workflow id that is in use, and how a new run begins.

Owns the id policies and the request deduplication (semantics 2.2). The request is complete and
valid: defaults were filled in at the edge.
"""

from enum import Enum, auto
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import (
    ContinueAsNewInitiator,
    EventType,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.history.v1 import (
    WorkflowExecutionSignaledEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.errors import workflow_already_started
from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import (
    NO_DURATION,
    Duration,
    after,
    duration,
    duration_message,
    timestamp,
)
from indelible.base.messages import copy_present
from indelible.base.queue_kinds import NORMAL_QUEUE
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.rules.starting import emit_started, first_workflow_task
from indelible.engine.workflow.rules.time_skipping import inherited_time
from indelible.engine.workflow.rules.workflow_tasks import start_workflow_task
from indelible.engine.workflow.state import ExecutionRecord, StateView, WorkflowStatus
from indelible.engine.workflow.transition import Transition

StartRequest = StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest

RETRIABLE_STATUSES: Final = frozenset(
    {
        WorkflowStatus.FAILED,
        WorkflowStatus.CANCELED,
        WorkflowStatus.TERMINATED,
        WorkflowStatus.TIMED_OUT,
    }
)
"""How a run must have ended for ALLOW_DUPLICATE_FAILED_ONLY."""

_COPIED: Final = (
    "input",
    "header",
    "memo",
    "search_attributes",
    "retry_policy",
    "priority",
    "versioning_override",
    "time_skipping_config",
    "workflow_execution_timeout",
    "workflow_run_timeout",
)
TERMINATION_REASON: Final = "TerminateIfRunning WorkflowIdReusePolicy"
HISTORY_IDENTITY: Final = "history-service"
_NO_RUN: Final = RunId("")


class IdDecision(Enum):
    """What a start makes of the current run of its workflow id."""

    CREATE = auto()
    """There is none, or it is closed and may be followed."""
    USE_EXISTING = auto()
    TERMINATE_EXISTING = auto()
    REPEAT_STARTED = auto()
    """The request started the current run before: the same answer again (trap 6)."""
    REPEAT_ATTACHED = auto()
    """The request was attached to the current run before."""


class Parentage(msgspec.Struct, frozen=True, kw_only=True):
    """Who started a child workflow."""

    namespace_id: NamespaceId
    namespace_name: str
    workflow_id: WorkflowId
    run_id: RunId
    initiated_event_id: EventId
    root: WorkflowExecution
    inherited: WorkflowExecutionStartedEventAttributes | None = None
    """The version of the workers that the child takes from its parent."""
    base_run_id: RunId = _NO_RUN
    """The run that may have started the child before, if the parent comes from a reset of it."""
    skipped: Duration = NO_DURATION
    """How far the clock of the parent was ahead when it asked: the child begins in its time."""


def decide_on_id(current: StateView | None, request: StartRequest) -> IdDecision:
    """Return what to do about the current run, or raise `AlreadyExistsError`."""
    if current is None:
        return IdDecision.CREATE
    execution = current.execution
    if request.request_id == execution.start_request_id:
        return IdDecision.REPEAT_STARTED
    known = execution.request_ids.get(request.request_id)
    if known is not None:
        is_start = known[0] == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        return IdDecision.REPEAT_STARTED if is_start else IdDecision.REPEAT_ATTACHED
    if execution.is_open:
        return _decide_on_open(execution, request)
    return _decide_on_closed(execution, request)


def _decide_on_open(execution: ExecutionRecord, request: StartRequest) -> IdDecision:
    policy = request.workflow_id_conflict_policy
    if policy == WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING:
        return IdDecision.USE_EXISTING
    if policy == WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING:
        return IdDecision.TERMINATE_EXISTING
    raise workflow_already_started(
        "Workflow execution is already running. "
        f"WorkflowId: {execution.workflow_id}, RunId: {execution.run_id}.",
        start_request_id=execution.start_request_id,
        run_id=execution.run_id,
        first_run_id=execution.first_run_id,
    )


def _decide_on_closed(execution: ExecutionRecord, request: StartRequest) -> IdDecision:
    policy = request.workflow_id_reuse_policy
    rejects = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    failed_only = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
    if policy == rejects or (policy == failed_only and execution.status not in RETRIABLE_STATUSES):
        raise workflow_already_started(
            "Workflow execution already finished"
            f"{' successfully' if policy == failed_only else ''}. "
            f"WorkflowId: {execution.workflow_id}, RunId: {execution.run_id}. "
            f"Workflow Id reuse policy: {WorkflowIdReusePolicy.Name(policy)}.",
            start_request_id=execution.start_request_id,
            run_id=execution.run_id,
            first_run_id=execution.first_run_id,
        )
    return IdDecision.CREATE


def terminate_for_successor(step: Transition, new_run_id: RunId) -> None:
    """End the current run because a new one takes its id."""
    text = f"terminated by new runID: {new_run_id}"
    details = Payloads(
        payloads=[Payload(metadata={"encoding": b"json/plain"}, data=f'"{text}"'.encode())]
    )
    terminate_run(step, reason=TERMINATION_REASON, identity=HISTORY_IDENTITY, details=details)


def start_workflow(
    step: Transition,
    request: StartRequest,
    *,
    backoff: Duration,
    parentage: Parentage | None = None,
    is_eager: bool = False,
) -> None:
    """Begin a run.

    `backoff` is the wait before the first workflow task: the start delay, or the time to the first
    cron tick. A child's first workflow task is scheduled when its parent knows of it (trap 30). An
    eager one is started at once, for the client that asked.
    """
    attributes = _started_attributes(step, request, backoff, parentage)
    attributes.eager_execution_accepted = is_eager
    emit_started(
        step,
        attributes,
        request_id=request.request_id,
        user_metadata=request.user_metadata,
        links=request.links,
    )
    if isinstance(request, SignalWithStartWorkflowExecutionRequest):
        _emit_signal(step, request)
    if parentage is None:
        first_workflow_task(step, is_inline=is_eager)
    if is_eager:
        start_workflow_task(step, request_id=request.request_id, identity=request.identity)


def _emit_signal(step: Transition, request: SignalWithStartWorkflowExecutionRequest) -> None:
    step.emit(
        WorkflowExecutionSignaledEventAttributes(
            signal_name=request.signal_name,
            input=request.signal_input if request.HasField("signal_input") else None,
            identity=request.identity,
            header=request.header if request.HasField("header") else None,
            request_id=request.request_id,
        ),
        links=request.links,
    )


def _started_attributes(
    step: Transition,
    request: StartRequest,
    backoff: Duration,
    parentage: Parentage | None,
) -> WorkflowExecutionStartedEventAttributes:
    attributes = WorkflowExecutionStartedEventAttributes(
        workflow_type=request.workflow_type,
        task_queue=TaskQueue(name=request.task_queue.name, kind=NORMAL_QUEUE),
        workflow_task_timeout=request.workflow_task_timeout,
        identity=request.identity,
        cron_schedule=request.cron_schedule,
        first_workflow_task_backoff=duration_message(backoff),
    )
    copy_present(request, attributes, _COPIED)
    if isinstance(request, StartWorkflowExecutionRequest):
        copy_present(request, attributes, ("continued_failure", "last_completion_result"))
        attributes.completion_callbacks.extend(request.completion_callbacks)
    timeout = duration(request.workflow_execution_timeout)
    if timeout:
        expires_at = after(step.now, timeout)
        attributes.workflow_execution_expiration_time.CopyFrom(timestamp(expires_at))
    if request.cron_schedule:
        attributes.initiator = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    if parentage is not None:
        _add_parent(attributes, parentage)
    return attributes


def _add_parent(attributes: WorkflowExecutionStartedEventAttributes, parentage: Parentage) -> None:
    attributes.parent_workflow_namespace = parentage.namespace_name
    attributes.parent_workflow_namespace_id = parentage.namespace_id
    attributes.parent_workflow_execution.workflow_id = parentage.workflow_id
    attributes.parent_workflow_execution.run_id = parentage.run_id
    attributes.parent_initiated_event_id = parentage.initiated_event_id
    attributes.root_workflow_execution.CopyFrom(parentage.root)
    if parentage.inherited is not None and not attributes.HasField("versioning_override"):
        attributes.MergeFrom(parentage.inherited)
    if parentage.skipped:
        inherited = inherited_time(parentage.skipped)
        attributes.time_skipping_state_propagation.CopyFrom(inherited)


def start_delay(request: StartRequest) -> Duration:
    """Return the delay that a client asked for."""
    return (
        duration(request.workflow_start_delay)
        if request.HasField("workflow_start_delay")
        else NO_DURATION
    )
