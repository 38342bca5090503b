"""RECORD_MARKER: the SDK notes something for itself (semantics 4.7, 8.4)."""

from temporalio.api.command.v1 import Command, RecordMarkerCommandAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import MarkerRecordedEventAttributes

from indelible.base.attributes import overlength, utf8_length
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.transition import Transition

_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES


def record_marker(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Write a marker. Its name and details mean nothing here."""
    fault = _fault(step, command)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    given = command.record_marker_command_attributes
    if _details_size(given) > step.settings.limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE, message="RecordMarkerCommandAttributes.Details exceeds size limit."
        )
    step.emit(
        MarkerRecordedEventAttributes(
            marker_name=given.marker_name,
            details=given.details,
            workflow_task_completed_event_id=context.completed_event_id,
            header=given.header if given.HasField("header") else None,
            failure=given.failure if given.HasField("failure") else None,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    return None


def _fault(step: Transition, command: Command) -> str | None:
    if not command.HasField("record_marker_command_attributes"):
        return "RecordMarkerCommandAttributes is not set on RecordMarkerCommand."
    name = command.record_marker_command_attributes.marker_name
    if not name:
        return "MarkerName is not set on RecordMarkerCommand."
    excess = overlength(name, step.settings.limits.id_bytes_max)
    if excess is not None:
        return f"MarkerName on RecordMarkerCommand exceeds length limit. MarkerName={name} {excess}"
    return None


def _details_size(given: RecordMarkerCommandAttributes) -> int:
    return sum(utf8_length(key) + value.ByteSize() for key, value in given.details.items())
