"""MODIFY_WORKFLOW_PROPERTIES: memo fields are set or removed (semantics 4.7, 16)."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowPropertiesModifiedEventAttributes

from indelible.base.payloads import content_size, fields_size, merged_fields
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.transition import Transition

_CAUSE = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES
)


def modify_workflow_properties(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Merge memo fields into those of the run, name by name."""
    fault = _fault(command)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    memo = command.modify_workflow_properties_command_attributes.upserted_memo
    limits = step.settings.limits
    if content_size(memo.fields) > limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE, message="ModifyWorkflowPropertiesCommandAttributes exceeds size limit."
        )
    merged = merged_fields(step.state.memo, memo.fields)
    if fields_size(merged) > limits.memo_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE,
            message="ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit.",
        )
    step.emit(
        WorkflowPropertiesModifiedEventAttributes(
            workflow_task_completed_event_id=context.completed_event_id, upserted_memo=memo
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    return None


def _fault(command: Command) -> str | None:
    if not command.HasField("modify_workflow_properties_command_attributes"):
        return (
            "ModifyWorkflowPropertiesCommandAttributes is not set on "
            "ModifyWorkflowPropertiesCommand."
        )
    given = command.modify_workflow_properties_command_attributes
    if not given.HasField("upserted_memo"):
        return "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand."
    if not given.upserted_memo.fields:
        return "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand."
    return None
