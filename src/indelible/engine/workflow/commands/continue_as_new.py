"""CONTINUE_AS_NEW_WORKFLOW_EXECUTION: the run ends, and another one goes on with a fresh history.

Owns what the command may leave out and what the next run takes from it (semantics 2.6 and 4.7).
"""

from typing import Final

from temporalio.api.command.v1 import (
    Command,
    ContinueAsNewWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import Priority, RetryPolicy
from temporalio.api.enums.v1 import ContinueAsNewInitiator, WorkflowTaskFailedCause
from temporalio.api.history.v1 import (
    WorkflowExecutionContinuedAsNewEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)

from indelible.base.attributes import (
    duration_fault,
    overlength,
    task_queue_fault,
)
from indelible.base.ids import RunId
from indelible.base.instants import Duration, duration, duration_message
from indelible.base.retry_policies import complete_retry_policy, retry_policy_fault
from indelible.engine.workflow.commands.close import close_by_command
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.start_options import run_timeout_within, task_timeout_within
from indelible.engine.workflow.rules.starting import remove_nulls
from indelible.engine.workflow.rules.successor import normal_queue, paced, start_successor
from indelible.engine.workflow.rules.versioning import inherit_by_continuation
from indelible.engine.workflow.transition import Transition

_Given = ContinueAsNewWorkflowExecutionCommandAttributes
_Cause = WorkflowTaskFailedCause
_CAUSE: Final = _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES
_COMMAND: Final = "ContinueAsNewWorkflowExecutionCommand"

_COPIED: Final = ("input", "header", "memo", "search_attributes", "last_completion_result")
"""What the event and the next run say in the words of the command."""


def continue_as_new(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Close the run and start the one that goes on."""
    if not command.HasField("continue_as_new_workflow_execution_command_attributes"):
        message = f"ContinueAsNewWorkflowExecutionCommandAttributes is not set on {_COMMAND}."
        return Refusal(cause=_CAUSE, message=message)
    given = _Given()
    given.CopyFrom(command.continue_as_new_workflow_execution_command_attributes)
    fault = _fault(step, given)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    refusal = _refuse_search_attributes(given, context) or _refuse_size(step, given)
    if refusal is not None:
        return refusal
    _normalise(step, given)
    run_id = RunId(step.fresh.run_id(step.now))
    started = _started(step, given)
    close_by_command(step, command, _closed(given, run_id, context))
    start_successor(step, run_id, started)
    return None


def _fault(step: Transition, given: _Given) -> str | None:
    """Return what is wrong with the attributes by themselves, in the reference service's words."""
    workflow_type = given.workflow_type.name or step.execution.workflow_type
    queue_name = given.task_queue.name or step.execution.task_queue
    suffix = f"WorkflowType={workflow_type} TaskQueue={queue_name}"
    excess = overlength(workflow_type, step.settings.limits.id_bytes_max)
    if excess is not None:
        return (
            f"WorkflowType on {_COMMAND} exceeds length limit. "
            f"WorkflowType={workflow_type} {excess}"
        )
    fault = task_queue_fault(queue_name, step.settings.limits.id_bytes_max)
    if fault is not None:
        return f"error validating {_COMMAND} TaskQueue: {fault}. {suffix}"
    for what, timeout in (
        ("WorkflowRunTimeout", given.workflow_run_timeout),
        ("WorkflowTaskTimeout", given.workflow_task_timeout),
        ("BackoffStartInterval", given.backoff_start_interval),
    ):
        fault = duration_fault(timeout)
        if fault is not None:
            return f"Invalid {what} on {_COMMAND}: {fault}. {suffix}"
    if given.HasField("retry_policy"):
        fault = retry_policy_fault(complete_retry_policy(given.retry_policy))
        if fault is not None:
            return f"invalid WorkflowRetryPolicy on {_COMMAND}: {fault}. {suffix}"
    return None


def _refuse_search_attributes(given: _Given, context: CommandContext) -> Refusal | None:
    fault = context.refuse_search_attributes(given.search_attributes.indexed_fields)
    if fault is None:
        return None
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
        message=f"invalid SearchAttributes on {_COMMAND}: {fault}",
    )


def _refuse_size(step: Transition, given: _Given) -> TerminalRefusal | None:
    limits = step.settings.limits
    for what, size, bytes_max in (
        ("Input", given.input.ByteSize(), limits.blob_bytes_max),
        ("Memo", given.memo.ByteSize(), limits.memo_bytes_max),
    ):
        if size > bytes_max:
            return TerminalRefusal(
                cause=_CAUSE,
                message=(
                    f"ContinueAsNewWorkflowExecutionCommandAttributes. {what} exceeds size limit."
                ),
            )
    return None


def _normalise(step: Transition, given: _Given) -> None:
    """Fill in what the command leaves out: the run that ends has it."""
    execution = step.execution
    given.workflow_type.name = given.workflow_type.name or execution.workflow_type
    given.task_queue.CopyFrom(normal_queue(given.task_queue.name or execution.task_queue))
    run_timeout = run_timeout_within(
        duration(given.workflow_run_timeout) or execution.run_timeout, execution.execution_timeout
    )
    task_timeout = task_timeout_within(
        duration(given.workflow_task_timeout) or execution.task_timeout,
        run_timeout,
        step.settings.limits,
    )
    given.workflow_run_timeout.CopyFrom(duration_message(run_timeout))
    given.workflow_task_timeout.CopyFrom(duration_message(task_timeout))
    remove_nulls(given.memo.fields)
    remove_nulls(given.search_attributes.indexed_fields)


def _closed(
    given: _Given, run_id: RunId, context: CommandContext
) -> WorkflowExecutionContinuedAsNewEventAttributes:
    attributes = WorkflowExecutionContinuedAsNewEventAttributes(
        new_execution_run_id=run_id,
        workflow_type=given.workflow_type,
        task_queue=given.task_queue,
        workflow_run_timeout=given.workflow_run_timeout,
        workflow_task_timeout=given.workflow_task_timeout,
        workflow_task_completed_event_id=context.completed_event_id,
        initiator=given.initiator,
        inherit_build_id=given.inherit_build_id,
        initial_versioning_behavior=given.initial_versioning_behavior,
        failure=given.failure if given.HasField("failure") else None,
    )
    if given.HasField("backoff_start_interval"):
        attributes.backoff_start_interval.CopyFrom(given.backoff_start_interval)
    _copy(given, attributes)
    return attributes


def _started(step: Transition, given: _Given) -> WorkflowExecutionStartedEventAttributes:
    """Return what the next run begins with. Its pace counts from the run that ends (trap 35)."""
    execution = step.execution
    is_retry = given.initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    backoff = paced(step, Duration(duration(given.backoff_start_interval)))
    attributes = WorkflowExecutionStartedEventAttributes(
        workflow_type=given.workflow_type,
        task_queue=given.task_queue,
        workflow_run_timeout=given.workflow_run_timeout,
        workflow_task_timeout=given.workflow_task_timeout,
        cron_schedule=given.cron_schedule,
        initiator=given.initiator or ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW,
        attempt=execution.attempt + 1 if is_retry else 1,
        first_workflow_task_backoff=duration_message(backoff),
        continued_failure=given.failure if given.HasField("failure") else None,
        retry_policy=_complete_policy(given),
        priority=Priority.FromString(execution.priority) if execution.priority else None,
    )
    _copy(given, attributes)
    inherit_by_continuation(step, attributes, given.initial_versioning_behavior)
    if not given.inherit_build_id:
        attributes.ClearField("inherited_build_id")
    return attributes


def _complete_policy(given: _Given) -> RetryPolicy | None:
    """No policy means no retries: it is not taken from the run that ends."""
    return complete_retry_policy(given.retry_policy) if given.HasField("retry_policy") else None


def _copy(
    given: _Given,
    attributes: (
        WorkflowExecutionContinuedAsNewEventAttributes | WorkflowExecutionStartedEventAttributes
    ),
) -> None:
    for name in _COPIED:
        if given.HasField(name):
            getattr(attributes, name).CopyFrom(getattr(given, name))
