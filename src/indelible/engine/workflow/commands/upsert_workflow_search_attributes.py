"""UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: search attributes are set or removed.

Owns the rules of semantics 4.7 and 16; the context knows which names and values there are.
"""

from collections.abc import Mapping

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import UpsertWorkflowSearchAttributesEventAttributes

from indelible.base.limits import Limits
from indelible.base.payloads import content_size, fields_size, merged_fields
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.transition import Transition

_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES


def upsert_workflow_search_attributes(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Merge search attributes into those of the run, name by name."""
    fault = _fault(command)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    given = command.upsert_workflow_search_attributes_command_attributes.search_attributes
    upserted = given.indexed_fields
    fault = context.refuse_search_attributes(upserted)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    limits = step.settings.limits
    merged = merged_fields(step.state.search_attributes, upserted)
    if len(merged) > limits.search_attribute_keys_max:
        return Refusal(
            cause=_CAUSE,
            message=(
                f"number of search attributes {len(merged)} exceeds limit "
                f"{limits.search_attribute_keys_max}"
            ),
        )
    fault = _size_fault(upserted, merged, limits)
    if fault is not None:
        return TerminalRefusal(cause=_CAUSE, message=fault)
    step.emit(
        UpsertWorkflowSearchAttributesEventAttributes(
            workflow_task_completed_event_id=context.completed_event_id, search_attributes=given
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    return None


def _fault(command: Command) -> str | None:
    if not command.HasField("upsert_workflow_search_attributes_command_attributes"):
        return (
            "UpsertWorkflowSearchAttributesCommandAttributes is not set on "
            "UpsertWorkflowSearchAttributesCommand."
        )
    given = command.upsert_workflow_search_attributes_command_attributes
    if not given.HasField("search_attributes"):
        return "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand."
    if not given.search_attributes.indexed_fields:
        return "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand."
    return None


def _size_fault(
    upserted: Mapping[str, Payload], merged: Mapping[str, bytes], limits: Limits
) -> str | None:
    if content_size(upserted) > limits.blob_bytes_max:
        return "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit."
    for name in sorted(upserted):
        size = len(upserted[name].data)
        if size > limits.search_attribute_value_bytes_max:
            return (
                f"search attribute {name} value size {size} exceeds size limit "
                f"{limits.search_attribute_value_bytes_max}"
            )
    total = fields_size(merged)
    if total > limits.search_attributes_bytes_max:
        return (
            f"total size of search attributes {total} exceeds size limit "
            f"{limits.search_attributes_bytes_max}"
        )
    return None
