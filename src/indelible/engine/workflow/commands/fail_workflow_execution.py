"""FAIL_WORKFLOW_EXECUTION: the run has failed; a retry policy or cron schedule starts another."""

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import ContinueAsNewInitiator, WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionFailedEventAttributes

from indelible.engine.workflow.commands.close import close_by_command
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.successor import NextRun, plan_cron, plan_retry, start_next_run
from indelible.engine.workflow.transition import Transition

_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES


def fail_workflow_execution(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Close the run with its failure."""
    fault = _fault(command)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    failure = command.fail_workflow_execution_command_attributes.failure
    if failure.ByteSize() > step.settings.limits.blob_bytes_max:
        return TerminalRefusal(
            cause=_CAUSE,
            message="FailWorkflowExecutionCommandAttributes.Failure exceeds size limit.",
        )
    next_run, retry_state = plan_retry(step, failure)
    if next_run is None:
        next_run = plan_cron(step)
    close_by_command(
        step,
        command,
        WorkflowExecutionFailedEventAttributes(
            failure=failure,
            retry_state=retry_state,
            workflow_task_completed_event_id=context.completed_event_id,
            new_execution_run_id=next_run.run_id if next_run else "",
        ),
    )
    if next_run is not None:
        _start(step, command, next_run, context)
    return None


def _fault(command: Command) -> str | None:
    if not command.HasField("fail_workflow_execution_command_attributes"):
        return "FailWorkflowExecutionCommandAttributes is not set on FailWorkflowExecutionCommand."
    if not command.fail_workflow_execution_command_attributes.HasField("failure"):
        return "Failure is not set on FailWorkflowExecutionCommand."
    return None


def _start(step: Transition, command: Command, next_run: NextRun, context: CommandContext) -> None:
    """The result of an earlier run goes on to the next tick (trap 36), but not to a retry."""
    is_cron = next_run.initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    earlier = context.start_event.last_completion_result if context.start_event else None
    start_next_run(
        step,
        next_run,
        context.start_event,
        failure=command.fail_workflow_execution_command_attributes.failure,
        last_completion_result=earlier if is_cron else None,
    )
