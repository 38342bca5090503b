"""REQUEST_CANCEL_NEXUS_OPERATION: the handler of an operation is told to stop it.

Owns the rules of semantics 9.2. What the workflow makes of the answer is the SDK's business.
"""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, NexusOperationCancelRequestedEventAttributes

from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.history_events import NEXUS_CLOSINGS, event_reference
from indelible.engine.workflow.rules.nexus_operations import call_cancel_if_started
from indelible.engine.workflow.transition import Transition

_CAUSE = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES
)


def request_cancel_nexus_operation(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Request the cancellation of an operation; it is delivered once it is started (trap 55).

    An operation whose end the worker could not know gets the event too, and no call.
    """
    if not command.HasField("request_cancel_nexus_operation_command_attributes"):
        return Refusal(cause=_CAUSE, message="empty CancelNexusOperationCommandAttributes")
    scheduled_event_id = (
        command.request_cancel_nexus_operation_command_attributes.scheduled_event_id
    )
    record = step.state.nexus_operations.get(scheduled_event_id)
    if record is None and not _is_close_held_back(step, scheduled_event_id):
        return Refusal(
            cause=_CAUSE,
            message=(
                "requested cancelation for a non-existing or already completed operation with "
                f"scheduled event ID of {scheduled_event_id}"
            ),
        )
    if record is not None and record.cancel is not None:
        return Refusal(
            cause=_CAUSE,
            message=(
                "cancelation was already requested for an operation with scheduled event ID "
                f"{scheduled_event_id}"
            ),
        )
    step.emit(
        NexusOperationCancelRequestedEventAttributes(
            scheduled_event_id=scheduled_event_id,
            workflow_task_completed_event_id=context.completed_event_id,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    call_cancel_if_started(step, scheduled_event_id)
    return None


def _is_close_held_back(step: Transition, scheduled_event_id: int) -> bool:
    def is_its_close(event: HistoryEvent) -> bool:
        return (
            event.event_type in NEXUS_CLOSINGS
            and event_reference(event, "scheduled_event_id") == scheduled_event_id
        )

    return step.holds_back(is_its_close)
