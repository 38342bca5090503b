"""START_CHILD_WORKFLOW_EXECUTION: a child is to be started after the commit.

Owns the validation and the defaults (semantics 4.7 and 8.2). Whether the child's id is free is
known only when the shell starts it.
"""

from typing import Final

from temporalio.api.command.v1 import Command, StartChildWorkflowExecutionCommandAttributes
from temporalio.api.enums.v1 import (
    ParentClosePolicy,
    WorkflowIdReusePolicy,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import StartChildWorkflowExecutionInitiatedEventAttributes

from indelible.base.attributes import (
    duration_fault,
    overlength,
    priority_fault,
    task_queue_fault,
)
from indelible.base.ids import EventId, NamespaceId
from indelible.base.instants import duration, duration_message
from indelible.base.retry_policies import complete_retry_policy, retry_policy_fault
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.commands.targets import namespace_fault, target_namespace
from indelible.engine.workflow.rules.cron import cron_fault
from indelible.engine.workflow.rules.start_options import run_timeout_within, task_timeout_within
from indelible.engine.workflow.rules.starting import remove_nulls
from indelible.engine.workflow.rules.successor import normal_queue
from indelible.engine.workflow.rules.time_skipping import pass_on_to_child
from indelible.engine.workflow.tasks import StartChild
from indelible.engine.workflow.transition import Transition

_Given = StartChildWorkflowExecutionCommandAttributes
_Cause = WorkflowTaskFailedCause
_CAUSE: Final = _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES
_COMMAND: Final = "StartChildWorkflowExecutionCommand"

_COPIED: Final = (
    "input",
    "header",
    "memo",
    "search_attributes",
    "priority",
    "versioning_override",
    "workflow_execution_timeout",
)


def start_child_workflow_execution(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Record that a child is to be started, and have the shell start it."""
    if not command.HasField("start_child_workflow_execution_command_attributes"):
        message = f"StartChildWorkflowExecutionCommandAttributes is not set on {_COMMAND}."
        return Refusal(cause=_CAUSE, message=message)
    given = command.start_child_workflow_execution_command_attributes
    namespace_id = target_namespace(step, context, given.namespace)
    refusal = (
        _refuse_attributes(step, given, namespace_id)
        or _refuse_search_attributes(given, context)
        or _refuse_priority_and_queue(step, given)
        or _refuse_size(step, given)
        or _refuse_count(step)
    )
    if refusal is not None:
        return refusal
    event = step.emit(
        _initiated(step, given, namespace_id, context),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    step.transfer(
        StartChild(task_id=step.next_task_id(), initiated_event_id=EventId(event.event_id))
    )
    return None


def _refuse_attributes(
    step: Transition, given: _Given, namespace_id: NamespaceId
) -> Refusal | None:
    fault = (
        namespace_fault(step, namespace_id)
        or _names_fault(step, given)
        or _timeouts_fault(given)
        or _repetition_fault(step, given)
    )
    return None if fault is None else Refusal(cause=_CAUSE, message=fault)


def _place(given: _Given) -> str:
    """Return the words with which most complaints end."""
    return (
        f"WorkflowId={given.workflow_id} WorkflowType={given.workflow_type.name} "
        f"Namespace={given.namespace}"
    )


def _names_fault(step: Transition, given: _Given) -> str | None:
    if not given.workflow_id:
        return (
            f"Required field WorkflowId is not set on {_COMMAND}. "
            f"WorkflowType={given.workflow_type.name} Namespace={given.namespace}"
        )
    if not given.workflow_type.name:
        return (
            f"Required field WorkflowType is not set on {_COMMAND}. "
            f"WorkflowId={given.workflow_id} Namespace={given.namespace}"
        )
    for what, name in (
        ("WorkflowId", given.workflow_id),
        ("WorkflowType", given.workflow_type.name),
    ):
        excess = overlength(name, step.settings.limits.id_bytes_max)
        if excess is not None:
            return f"{what} on {_COMMAND} exceeds length limit. {_place(given)} {excess}"
    return None


def _timeouts_fault(given: _Given) -> str | None:
    for what, timeout in (
        ("WorkflowExecutionTimeout", given.workflow_execution_timeout),
        ("WorkflowRunTimeout", given.workflow_run_timeout),
        ("WorkflowTaskTimeout", given.workflow_task_timeout),
    ):
        fault = duration_fault(timeout)
        if fault is not None:
            return f"Invalid {what} on {_COMMAND}: {fault}. {_place(given)}"
    return None


def _repetition_fault(step: Transition, given: _Given) -> str | None:
    if given.HasField("retry_policy"):
        fault = retry_policy_fault(complete_retry_policy(given.retry_policy))
        if fault is not None:
            return f"invalid WorkflowRetryPolicy on {_COMMAND}: {fault}. {_place(given)}"
    fault = cron_fault(given.cron_schedule, now=step.now, utc_offset=step.settings.utc_offset)
    if fault is not None:
        return f"invalid CronSchedule on {_COMMAND}: {fault}. {_place(given)}"
    return None


def _refuse_search_attributes(given: _Given, context: CommandContext) -> Refusal | None:
    fault = context.refuse_search_attributes(given.search_attributes.indexed_fields)
    if fault is None:
        return None
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
        message=f"invalid SearchAttributes on {_COMMAND}: {fault}. {_place(given)}",
    )


def _refuse_priority_and_queue(step: Transition, given: _Given) -> Refusal | None:
    fault = priority_fault(given.priority)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    queue_name = given.task_queue.name or step.execution.task_queue
    fault = task_queue_fault(queue_name, step.settings.limits.id_bytes_max)
    if fault is not None:
        place = f"{_place(given)} TaskQueue={queue_name}"
        message = f"invalid TaskQueue on {_COMMAND}: {fault}. {place}"
        return Refusal(cause=_CAUSE, message=message)
    return None


def _refuse_size(step: Transition, given: _Given) -> TerminalRefusal | None:
    limits = step.settings.limits
    if given.input.ByteSize() > limits.blob_bytes_max:
        message = "StartChildWorkflowExecutionCommandAttributes. Input exceeds size limit."
    elif given.memo.ByteSize() > limits.memo_bytes_max:
        message = "StartChildWorkflowExecutionCommandAttributes.Memo exceeds size limit."
    else:
        return None
    return TerminalRefusal(cause=_CAUSE, message=message)


def _refuse_count(step: Transition) -> Refusal | None:
    """Too many children fail the workflow task, not the workflow (trap 52)."""
    count = len(step.state.children)
    count_max = step.settings.limits.pending_children_max
    if count < count_max:
        return None
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED,
        message=(
            f"the number of pending child workflow executions, {count}, "
            f"has reached the per-workflow limit of {count_max}"
        ),
    )


def _initiated(
    step: Transition, given: _Given, namespace_id: NamespaceId, context: CommandContext
) -> StartChildWorkflowExecutionInitiatedEventAttributes:
    run_timeout = run_timeout_within(
        duration(given.workflow_run_timeout), duration(given.workflow_execution_timeout)
    )
    task_timeout = task_timeout_within(
        duration(given.workflow_task_timeout), run_timeout, step.settings.limits
    )
    has_policy = given.HasField("retry_policy")
    attributes = StartChildWorkflowExecutionInitiatedEventAttributes(
        namespace=given.namespace or step.settings.namespace_name,
        namespace_id=namespace_id,
        workflow_id=given.workflow_id,
        workflow_type=given.workflow_type,
        task_queue=normal_queue(given.task_queue.name or step.execution.task_queue),
        workflow_run_timeout=duration_message(run_timeout),
        workflow_task_timeout=duration_message(task_timeout),
        parent_close_policy=(
            given.parent_close_policy or ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
        ),
        control=given.control,
        workflow_task_completed_event_id=context.completed_event_id,
        workflow_id_reuse_policy=(
            given.workflow_id_reuse_policy
            or WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
        ),
        retry_policy=complete_retry_policy(given.retry_policy) if has_policy else None,
        cron_schedule=given.cron_schedule,
        inherit_build_id=given.inherit_build_id,
    )
    for name in _COPIED:
        if given.HasField(name):
            getattr(attributes, name).CopyFrom(getattr(given, name))
    remove_nulls(attributes.memo.fields)
    remove_nulls(attributes.search_attributes.indexed_fields)
    pass_on_to_child(step, attributes)
    return attributes
