"""SCHEDULE_NEXUS_OPERATION: the handler behind an endpoint is asked to start an operation.

Owns the validation and the timeouts of semantics 9.2.
"""

from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.command.v1 import Command, ScheduleNexusOperationCommandAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import NexusOperationScheduledEventAttributes

from indelible.base.attributes import duration_fault, utf8_length
from indelible.base.instants import Duration, duration, duration_message
from indelible.base.limits import Limits
from indelible.base.nexus_operations import header_bytes
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.nexus_operations import call_start
from indelible.engine.workflow.transition import Transition

_Given = ScheduleNexusOperationCommandAttributes
_Cause = WorkflowTaskFailedCause
_CAUSE: Final = _Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES
_ATTRIBUTES: Final = "ScheduleNexusOperationCommandAttributes"


def schedule_nexus_operation(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Make an operation pending, and have its handler called."""
    if not command.HasField("schedule_nexus_operation_command_attributes"):
        return Refusal(cause=_CAUSE, message="empty ScheduleNexusOperationCommandAttributes")
    given = command.schedule_nexus_operation_command_attributes
    request_id = step.fresh.uuid()
    target = context.find_nexus_target(given, request_id)
    if target.fault is not None:
        return Refusal(cause=_CAUSE, message=target.fault)
    limits = step.settings.limits
    fault = _names_fault(given, limits) or _timeouts_fault(given)
    if fault is not None:
        return Refusal(cause=_CAUSE, message=fault)
    if not target.is_system and given.input.ByteSize() > limits.blob_bytes_max:
        return TerminalRefusal(cause=_CAUSE, message=f"{_ATTRIBUTES}.Input exceeds size limit")
    header = {name.lower(): value for name, value in given.nexus_header.items()}
    refusal = _refuse_header(given, header, limits) or _refuse_count(step)
    if refusal is not None:
        return refusal
    close, start, work = _normal_timeouts(
        given, step.execution.run_timeout, limits.nexus_operation_timeout_max
    )
    event = step.emit(
        NexusOperationScheduledEventAttributes(
            endpoint=given.endpoint,
            endpoint_id=target.endpoint_id,
            service=given.service,
            operation=given.operation,
            input=given.input if given.HasField("input") else None,
            schedule_to_close_timeout=_shown(close),
            schedule_to_start_timeout=_shown(start),
            start_to_close_timeout=_shown(work),
            nexus_header=header,
            workflow_task_completed_event_id=context.completed_event_id,
            request_id=request_id,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    call_start(step, step.state.nexus_operations[event.event_id])
    return None


def _shown(timeout: Duration) -> DurationMessage | None:
    """A timeout that there is not is left out."""
    return duration_message(timeout) if timeout else None


def _names_fault(given: _Given, limits: Limits) -> str | None:
    for what, name, bytes_max in (
        ("Service", given.service, limits.nexus_service_name_bytes_max),
        ("Operation", given.operation, limits.nexus_operation_name_bytes_max),
    ):
        if utf8_length(name) > bytes_max:
            return f"{_ATTRIBUTES}.{what} exceeds length limit of {bytes_max}"
    return None


def _timeouts_fault(given: _Given) -> str | None:
    for what, timeout in (
        ("ScheduleToCloseTimeout", given.schedule_to_close_timeout),
        ("ScheduleToStartTimeout", given.schedule_to_start_timeout),
        ("StartToCloseTimeout", given.start_to_close_timeout),
    ):
        fault = duration_fault(timeout)
        if fault is not None:
            return f"{_ATTRIBUTES}.{what} is invalid: {fault}"
    return None


def _refuse_header(given: _Given, header: dict[str, str], limits: Limits) -> Refusal | None:
    for name in given.nexus_header:
        if name.lower() in limits.nexus_headers_disallowed:
            message = f'{_ATTRIBUTES}.NexusHeader contains a disallowed header key: "{name}"'
            return Refusal(cause=_CAUSE, message=message)
    if header_bytes(header) > limits.nexus_header_bytes_max:
        return Refusal(cause=_CAUSE, message=f"{_ATTRIBUTES}.NexusHeader exceeds size limit")
    return None


def _refuse_count(step: Transition) -> Refusal | None:
    count_max = step.settings.limits.pending_nexus_operations_max
    if len(step.state.nexus_operations) < count_max:
        return None
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED,
        message=(
            f"workflow has reached the pending nexus operation limit of {count_max} "
            "for this namespace"
        ),
    )


def _normal_timeouts(given: _Given, *longest: Duration) -> tuple[Duration, Duration, Duration]:
    """Return (to close, to start, start to close): none outlasts what contains it.

    `longest` are the bounds of the whole: of the run, and of the namespace.
    """
    close = duration(given.schedule_to_close_timeout)
    start = duration(given.schedule_to_start_timeout)
    work = duration(given.start_to_close_timeout)
    for bound in longest:
        if bound:
            close = min(close or bound, bound)
    if close:
        start, work = min(start, close), min(work, close)
    return close, start, work
