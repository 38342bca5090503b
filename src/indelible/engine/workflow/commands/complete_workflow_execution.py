"""COMPLETE_WORKFLOW_EXECUTION: the run has its result, and a cron schedule starts the next one."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionCompletedEventAttributes

from indelible.engine.workflow.commands.close import close_by_command
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.successor import plan_cron, start_next_run
from indelible.engine.workflow.transition import Transition

_Cause = WorkflowTaskFailedCause
_CAUSE = _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES


def complete_workflow_execution(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Close the run with its result."""
    if not command.HasField("complete_workflow_execution_command_attributes"):
        return Refusal(
            cause=_CAUSE,
            message=(
                "CompleteWorkflowExecutionCommandAttributes is not set on "
                "CompleteWorkflowExecutionCommand."
            ),
        )
    given = command.complete_workflow_execution_command_attributes
    if given.result.ByteSize() > step.settings.limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE,
            message="CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit.",
        )
    next_run = plan_cron(step)
    close_by_command(
        step,
        command,
        WorkflowExecutionCompletedEventAttributes(
            result=given.result if given.HasField("result") else None,
            workflow_task_completed_event_id=context.completed_event_id,
            new_execution_run_id=next_run.run_id if next_run else "",
        ),
    )
    if next_run is not None:
        start_next_run(step, next_run, context.start_event, last_completion_result=given.result)
    return None
