"""Commands of features that this server does not offer: updates and Nexus operations.

A worker sends them only if it was told of an update, or if a workflow uses Nexus. Both fail the
workflow task with the cause that the reference service gives when the feature is switched off.
"""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause

from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.transition import Transition


def protocol_message(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Refuse to process a message: none can be awaited, since none was sent to the worker."""
    message_id = command.protocol_message_command_attributes.message_id
    return Refusal(
        cause=(
            WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE
        ),
        message=(
            f"ProtocolMessageCommand referenced absent message ID {message_id}"
            if message_id
            else "MessageID is not set on ProtocolMessageCommand."
        ),
    )


def nexus_operation(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Refuse to schedule or cancel a Nexus operation."""
    return Refusal(
        cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FEATURE_DISABLED,
        message="Nexus operations disabled",
    )
