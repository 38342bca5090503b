"""SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: a signal for another execution, or for a child.

Owns the validation (semantics 4.7). What becomes of the signal is recorded when the shell has
delivered it.
"""

from typing import Final

from temporalio.api.command.v1 import Command, SignalExternalWorkflowExecutionCommandAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import SignalExternalWorkflowExecutionInitiatedEventAttributes

from indelible.base.attributes import overlength
from indelible.base.ids import EventId
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.commands.targets import is_uuid, namespace_fault, target_namespace
from indelible.engine.workflow.tasks import SignalExternal
from indelible.engine.workflow.transition import Transition

_Given = SignalExternalWorkflowExecutionCommandAttributes
_Cause = WorkflowTaskFailedCause
_CAUSE: Final = _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES
_COMMAND: Final = "SignalExternalWorkflowExecutionCommand"


def signal_external(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Record that another execution is to be signaled, and have the shell deliver the signal."""
    if not command.HasField("signal_external_workflow_execution_command_attributes"):
        message = f"SignalExternalWorkflowExecutionCommandAttributes is not set on {_COMMAND}."
        return Refusal(cause=_CAUSE, message=message)
    given = command.signal_external_workflow_execution_command_attributes
    if not given.HasField("execution"):
        return Refusal(cause=_CAUSE, message=f"Execution is not set on {_COMMAND}.")
    namespace_id = target_namespace(step, context, given.namespace)
    fault = namespace_fault(step, namespace_id) or _fault(step, given)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    refusal = _refuse_by_limits(step, given)
    if refusal is not None:
        return refusal
    event = step.emit(
        SignalExternalWorkflowExecutionInitiatedEventAttributes(
            workflow_task_completed_event_id=context.completed_event_id,
            namespace=given.namespace or step.settings.namespace_name,
            namespace_id=namespace_id,
            workflow_execution=given.execution,
            signal_name=given.signal_name,
            input=given.input if given.HasField("input") else None,
            control=given.control,
            child_workflow_only=given.child_workflow_only,
            header=given.header if given.HasField("header") else None,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    step.transfer(
        SignalExternal(task_id=step.next_task_id(), initiated_event_id=EventId(event.event_id))
    )
    return None


def _fault(step: Transition, given: _Given) -> str | None:
    workflow_id, run_id = given.execution.workflow_id, given.execution.run_id
    place = f"Namespace={given.namespace} RunId={run_id} SignalName={given.signal_name}"
    if not workflow_id:
        return f"WorkflowId is not set on {_COMMAND}. {place}"
    for what, name in (("WorkflowId", workflow_id), ("SignalName", given.signal_name)):
        excess = overlength(name, step.settings.limits.id_bytes_max)
        if excess is not None:
            return (
                f"{what} on {_COMMAND} exceeds length limit. WorkflowId={workflow_id} "
                f"{excess} {place}"
            )
    place = f"WorkflowId={workflow_id} {place}"
    if run_id and not is_uuid(run_id):
        return f"Invalid RunId set on {_COMMAND}. {place}"
    if not given.signal_name:
        return f"SignalName is not set on {_COMMAND}. {place}"
    return None


def _refuse_by_limits(step: Transition, given: _Given) -> Refusal | TerminalRefusal | None:
    limits = step.settings.limits
    count = len(step.state.external_signals)
    if count >= limits.pending_signals_max:
        return Refusal(
            cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_SIGNALS_LIMIT_EXCEEDED,
            message=(
                f"the number of pending signals to external workflows, {count}, "
                f"has reached the per-workflow limit of {limits.pending_signals_max}"
            ),
        )
    if given.input.ByteSize() > limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE,
            message="SignalExternalWorkflowExecutionCommandAttributes.Input exceeds size limit.",
        )
    return None
