"""CANCEL_WORKFLOW_EXECUTION: the run ends as canceled, and with it its retries and cron ticks."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionCanceledEventAttributes

from indelible.engine.workflow.commands.close import close_by_command
from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.transition import Transition

_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES


def cancel_workflow_execution(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Close the run as canceled. That nobody asked for it is the workflow's affair."""
    if not command.HasField("cancel_workflow_execution_command_attributes"):
        return Refusal(
            cause=_CAUSE,
            message=(
                "CancelWorkflowExecutionCommandAttributes is not set on "
                "CancelWorkflowExecutionCommand."
            ),
        )
    given = command.cancel_workflow_execution_command_attributes
    close_by_command(
        step,
        command,
        WorkflowExecutionCanceledEventAttributes(
            workflow_task_completed_event_id=context.completed_event_id,
            details=given.details if given.HasField("details") else None,
        ),
    )
    return None
