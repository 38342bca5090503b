"""History tasks: the durable outbox of a run.

Owns the closed list of what a step may ask the shell to do after the commit. A task is a hint that
names what to look at; who executes it asks the state again (style rule 6). Must not hold anything
that the state or the history holds.
"""

import msgspec
from temporalio.api.common.v1 import Priority

from indelible.base.fair_shares import UNKEYED, FairShare, fair_share
from indelible.base.ids import EventId, NamespaceId, RunId, TaskId, WorkflowId
from indelible.engine.workflow.state import ExecutionRecord


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A durable task. `task_id` orders the tasks of a shard and identifies this one."""

    task_id: TaskId


class WorkflowTaskDispatch(Task, frozen=True, kw_only=True, tag="workflow_task"):
    """Give the scheduled workflow task to a worker of the queue."""

    queue_name: str
    is_sticky: bool = False
    scheduled_event_id: EventId
    priority: int = 0
    share: FairShare = UNKEYED
    is_ramp_preferred: bool = False
    """The version that a ramp leads to gets the task, however small the ramp is."""


class ActivityTaskDispatch(Task, frozen=True, kw_only=True, tag="activity_task"):
    """Give the scheduled attempt of an activity to a worker of the queue."""

    queue_name: str
    scheduled_event_id: EventId
    priority: int = 0
    share: FairShare = UNKEYED


def workflow_task_dispatch(
    execution: ExecutionRecord,
    *,
    task_id: TaskId,
    queue_name: str,
    is_sticky: bool,
    scheduled_event_id: EventId,
    is_ramp_preferred: bool = False,
) -> WorkflowTaskDispatch:
    """Return the task that takes a run's workflow task to a worker, with the run's priority."""
    priority = Priority.FromString(execution.priority) if execution.priority else None
    return WorkflowTaskDispatch(
        task_id=task_id,
        queue_name=queue_name,
        is_sticky=is_sticky,
        scheduled_event_id=scheduled_event_id,
        priority=0 if priority is None else priority.priority_key,
        share=UNKEYED if priority is None else fair_share(priority),
        is_ramp_preferred=is_ramp_preferred,
    )


DispatchTask = WorkflowTaskDispatch | ActivityTaskDispatch
"""Tasks that lie in a task queue until a worker has them."""


class StartChild(Task, frozen=True, kw_only=True, tag="start_child"):
    """Start the child that the initiated event describes, and record the outcome."""

    initiated_event_id: EventId


class AskChild(Task, frozen=True, kw_only=True, tag="ask_child"):
    """Have a child that has closed tell this run how; it may have told a run that was closed."""

    initiated_event_id: EventId


class SignalExternal(Task, frozen=True, kw_only=True, tag="signal_external"):
    """Deliver a signal to another execution, and record the outcome."""

    initiated_event_id: EventId


class CancelExternal(Task, frozen=True, kw_only=True, tag="cancel_external"):
    """Deliver a cancellation request to another execution, and record the outcome."""

    initiated_event_id: EventId


class ReportToParent(Task, frozen=True, kw_only=True, tag="report_to_parent"):
    """Tell the parent how this run, the last of its chain, has closed."""


class ApplyParentClosePolicy(Task, frozen=True, kw_only=True, tag="parent_close_policy"):
    """Terminate or cancel a child of this closed run."""

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    first_run_id: RunId
    policy: int


class StartNexusOperation(Task, frozen=True, kw_only=True, tag="start_nexus_operation"):
    """Ask the handler of an operation to start it, and record the outcome."""

    scheduled_event_id: EventId
    attempt: int


class CancelNexusOperation(Task, frozen=True, kw_only=True, tag="cancel_nexus_operation"):
    """Ask the handler of a started operation to cancel it, and record the outcome."""

    scheduled_event_id: EventId
    attempt: int


class CallCallback(Task, frozen=True, kw_only=True, tag="call_callback"):
    """Tell somebody how the chain of this run has ended, and record the outcome."""

    callback_id: str
    attempt: int


CallTask = StartNexusOperation | CancelNexusOperation | CallCallback
"""Tasks that may wait long for somebody else."""

TransferTask = (
    StartChild
    | AskChild
    | SignalExternal
    | CancelExternal
    | ReportToParent
    | ApplyParentClosePolicy
    | StartNexusOperation
    | CancelNexusOperation
    | CallCallback
)
"""Tasks that the shard executes itself."""
