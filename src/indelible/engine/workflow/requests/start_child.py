"""From the initiated event of a child to the request that starts it.

Owns what a child takes from its parent (semantics 8.2). Must not know whether the child's id is
free.
"""

from typing import Final

from temporalio.api.common.v1 import Priority, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from indelible.base.ids import EventId, RunId
from indelible.base.instants import NO_DURATION, Duration
from indelible.engine.workflow.requests.start_workflow import Parentage
from indelible.engine.workflow.state import ExecutionRecord

_COPIED: Final = (
    "input",
    "header",
    "retry_policy",
    "memo",
    "search_attributes",
    "versioning_override",
    "time_skipping_config",
    "workflow_execution_timeout",
    "workflow_run_timeout",
)


def dedup_request_id(sender: ExecutionRecord, initiated_event_id: int) -> str:
    """Return the request id of what a run asks of another execution, however often it asks."""
    return f"{sender.run_id}:{initiated_event_id}"


def child_start_request(
    parent: ExecutionRecord, initiated: HistoryEvent
) -> StartWorkflowExecutionRequest:
    """Return the complete request that starts the child of an initiated event."""
    given = initiated.start_child_workflow_execution_initiated_event_attributes
    request = StartWorkflowExecutionRequest(
        namespace=given.namespace,
        workflow_id=given.workflow_id,
        workflow_type=given.workflow_type,
        task_queue=given.task_queue,
        workflow_task_timeout=given.workflow_task_timeout,
        request_id=dedup_request_id(parent, initiated.event_id),
        workflow_id_reuse_policy=given.workflow_id_reuse_policy,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
        cron_schedule=given.cron_schedule,
        user_metadata=initiated.user_metadata if initiated.HasField("user_metadata") else None,
    )
    for name in _COPIED:
        if given.HasField(name):
            getattr(request, name).CopyFrom(getattr(given, name))
    if parent.priority or given.HasField("priority"):
        request.priority.CopyFrom(_merged(Priority.FromString(parent.priority), given.priority))
    return request


def _merged(base: Priority, own: Priority) -> Priority:
    """What the command leaves open is as in the parent."""
    return Priority(
        priority_key=own.priority_key or base.priority_key,
        fairness_key=own.fairness_key or base.fairness_key,
        fairness_weight=own.fairness_weight or base.fairness_weight,
    )


def parentage(
    parent: ExecutionRecord,
    initiated_event_id: EventId,
    *,
    inherited: WorkflowExecutionStartedEventAttributes | None = None,
    skipped: Duration = NO_DURATION,
) -> Parentage:
    """Return what a child is told of its family, and takes from it."""
    return Parentage(
        namespace_id=parent.namespace_id,
        namespace_name=parent.namespace_name,
        workflow_id=parent.workflow_id,
        run_id=parent.run_id,
        initiated_event_id=initiated_event_id,
        inherited=inherited,
        skipped=skipped,
        root=WorkflowExecution(workflow_id=parent.root_workflow_id, run_id=parent.root_run_id),
        base_run_id=(
            parent.base_run_id if initiated_event_id < parent.forked_at_event_id else RunId("")
        ),
    )
