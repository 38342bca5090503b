"""REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: another execution, or a child, is asked to stop.

Owns the validation (semantics 4.7). What becomes of the request is recorded when the shell has
delivered it.
"""

from typing import Final

from temporalio.api.command.v1 import (
    Command,
    RequestCancelExternalWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import (
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
)

from indelible.base.attributes import overlength
from indelible.base.ids import EventId
from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.commands.targets import is_uuid, namespace_fault, target_namespace
from indelible.engine.workflow.tasks import CancelExternal
from indelible.engine.workflow.transition import Transition

_Given = RequestCancelExternalWorkflowExecutionCommandAttributes
_Cause = WorkflowTaskFailedCause
_CAUSE: Final = (
    _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES
)
_COMMAND: Final = "RequestCancelExternalWorkflowExecutionCommand"


def request_cancel_external(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Record that another execution is to be canceled, and have the shell ask it."""
    if not command.HasField("request_cancel_external_workflow_execution_command_attributes"):
        message = (
            f"RequestCancelExternalWorkflowExecutionCommandAttributes is not set on {_COMMAND}."
        )
        return Refusal(cause=_CAUSE, message=message)
    given = command.request_cancel_external_workflow_execution_command_attributes
    namespace_id = target_namespace(step, context, given.namespace)
    fault = namespace_fault(step, namespace_id) or _fault(step, given, context)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    refusal = _refuse_count(step)
    if refusal is not None:
        return refusal
    event = step.emit(
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
            workflow_task_completed_event_id=context.completed_event_id,
            namespace=given.namespace or step.settings.namespace_name,
            namespace_id=namespace_id,
            workflow_execution=WorkflowExecution(
                workflow_id=given.workflow_id, run_id=given.run_id
            ),
            control=given.control,
            child_workflow_only=given.child_workflow_only,
            reason=given.reason,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    step.transfer(
        CancelExternal(task_id=step.next_task_id(), initiated_event_id=EventId(event.event_id))
    )
    return None


def _fault(step: Transition, given: _Given, context: CommandContext) -> str | None:
    place = f"RunId={given.run_id} Namespace={given.namespace}"
    if not given.workflow_id:
        return f"WorkflowId is not set on {_COMMAND}. {place}"
    excess = overlength(given.workflow_id, step.settings.limits.id_bytes_max)
    if excess is not None:
        return (
            f"WorkflowId on {_COMMAND} exceeds length limit. WorkflowId={given.workflow_id} "
            f"{excess} {place}"
        )
    place = f"WorkflowId={given.workflow_id} {place}"
    if given.run_id and not is_uuid(given.run_id):
        return f"Invalid RunId set on {_COMMAND}. {place}"
    if _is_started_by_this_task(step, given.workflow_id, context):
        return (
            "Start and RequestCancel for child workflow is not allowed in same workflow task. "
            f"{place}"
        )
    return None


def _is_started_by_this_task(step: Transition, workflow_id: str, context: CommandContext) -> bool:
    return any(
        child.workflow_id == workflow_id and child.initiated_event_id > context.completed_event_id
        for child in step.state.children.values()
    )


def _refuse_count(step: Transition) -> Refusal | None:
    count = len(step.state.external_cancels)
    count_max = step.settings.limits.pending_cancels_max
    if count < count_max:
        return None
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED,
        message=(
            f"the number of pending requests to cancel external workflows, {count}, "
            f"has reached the per-workflow limit of {count_max}"
        ),
    )
