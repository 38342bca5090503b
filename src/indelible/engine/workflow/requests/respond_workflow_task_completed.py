"""RespondWorkflowTaskCompleted: what the worker makes of a workflow task, command by command.

Owns the order of semantics 4.5. The shell makes the step, and saves it, unless a command was
refused: then it rolls the step back and makes another one with `refuse_workflow_task`. Must not
know what a command means.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import (
    CommandType,
    VersioningBehavior,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ServiceError,
    workflow_task_not_found,
)
from indelible.base.failures import server_failure
from indelible.base.ids import UNASSIGNED_EVENT_ID, EventId, NamespaceId
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant, after, duration
from indelible.base.task_token import WorkflowTaskToken
from indelible.base.versions import VERSIONED
from indelible.engine.workflow import deltas
from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    FindNexusTarget,
    Refusal,
    TerminalRefusal,
    no_nexus_target,
)
from indelible.engine.workflow.commands.protocol_message import process_message
from indelible.engine.workflow.commands.registry import CLOSING_COMMANDS, COMMANDS, check_sequence
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.rules.activities import start_eagerly
from indelible.engine.workflow.rules.updates import AdmittedUpdate, IncomingMessages
from indelible.engine.workflow.rules.versioning import is_in_transition
from indelible.engine.workflow.rules.workflow_tasks import (
    complete_workflow_task,
    fail_workflow_task,
    schedule_speculative_task,
    schedule_workflow_task,
    start_workflow_task,
    time_out_workflow_task,
)
from indelible.engine.workflow.state import WorkflowTaskRecord
from indelible.engine.workflow.transition import Transition

INLINE_REQUEST_ID: Final = "request-from-RespondWorkflowTaskCompleted"
"""Of a workflow task that is started within the completion of the one before."""
SERVICE_IDENTITY: Final = "history-service"
EVENTS_REPEATED_MAX: Final = 10
"""A speculative task that brought more events to its worker is kept."""

_Request = RespondWorkflowTaskCompletedRequest
_UNHANDLED: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND


class CompletionSources(msgspec.Struct, frozen=True, kw_only=True):
    """What the commands may ask that the run does not know."""

    find_namespace: Callable[[str], NamespaceId | None]
    refuse_search_attributes: Callable[[Mapping[str, Payload]], str | None]
    start_event: WorkflowExecutionStartedEventAttributes | None
    """Of the run; needed only if it has a retry policy or a cron schedule."""
    find_nexus_target: FindNexusTarget = no_nexus_target
    updates: Mapping[str, AdmittedUpdate] = msgspec.field(default_factory=dict[str, AdmittedUpdate])
    """The updates that wait for an answer, in the order of their admission."""


class CompletionReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the shell must do about the step."""

    refusal: Refusal | TerminalRefusal | None = None
    """Roll the step back, and call `refuse_workflow_task` on a new one."""
    error: ServiceError | None = None
    """To be raised when the step is saved."""
    eager_activities: tuple[EventId, ...] = ()
    """Scheduled event ids of activities that were started, to be returned with the answer."""
    is_inline_task_started: bool = False
    """The next workflow task is started, to be returned with the answer."""
    is_heartbeat: bool = False
    """The worker has not looked at updates that it was given."""
    settled_updates: tuple[str, ...] = ()
    """Ids of updates that were accepted or completed."""
    rejected_updates: Mapping[str, Failure] = msgspec.field(default_factory=dict[str, Failure])
    reset_history_event_id: EventId = UNASSIGNED_EVENT_ID
    """The task has left no trace: the worker goes back to this event (trap 45)."""


def require_started_task(step: Transition, token: WorkflowTaskToken) -> WorkflowTaskRecord:
    """Return the started workflow task of a token; `NotFoundError` if it is gone (trap 17)."""
    task = step.execution.workflow_task
    if (
        not step.execution.is_open
        or task is None
        or not task.is_started
        or task.scheduled_event_id != token.scheduled_event_id
        or task.started_event_id != token.started_event_id
        or task.attempt != token.attempt
        or task.started_at != token.started_at
    ):
        raise workflow_task_not_found()
    return task


def respond_workflow_task_completed(
    step: Transition,
    request: RespondWorkflowTaskCompletedRequest,
    token: WorkflowTaskToken,
    sources: CompletionSources,
) -> CompletionReply:
    """Carry out the commands of a workflow task.

    Raises `ServiceError` if the task is gone or the request is malformed; the task then stays as it
    was.
    """
    task = require_started_task(step, token)
    _check(step, request)
    is_heartbeat = request.force_create_new_workflow_task and not (
        request.commands or request.messages
    )
    if is_heartbeat and _is_heartbeat_overdue(step, task):
        return _end_heartbeats(step)
    messages = IncomingMessages(request.messages, sources.updates)
    is_discarded = _is_discarded(step, task, request, messages)
    context = CommandContext(
        completed_event_id=_complete(step, request, is_discarded=is_discarded),
        messages=messages,
        find_namespace=sources.find_namespace,
        find_nexus_target=sources.find_nexus_target,
        refuse_search_attributes=sources.refuse_search_attributes,
        identity=request.identity,
        start_event=sources.start_event,
    )
    _stick(step, request)
    refusal = _carry_out(step, request, context)
    if refusal is not None:
        return CompletionReply(refusal=refusal)
    if step.execution.is_open and not request.force_create_new_workflow_task:
        messages.reject_unprocessed()
    eager = [
        scheduled_event_id
        for scheduled_event_id in context.eager_activities
        if start_eagerly(step, scheduled_event_id, identity=request.identity) is not None
    ]
    last_completed = step.execution.last_completed_task_started_event_id
    is_inline = _go_on(
        step, request, messages, task.original_scheduled_at if is_heartbeat else NEVER
    )
    if is_discarded:
        step.is_volatile = not step.events
    return CompletionReply(
        eager_activities=tuple(eager),
        is_inline_task_started=is_inline,
        is_heartbeat=request.force_create_new_workflow_task,
        settled_updates=(*messages.accepted, *messages.completed),
        rejected_updates=messages.rejected,
        reset_history_event_id=last_completed if is_discarded else UNASSIGNED_EVENT_ID,
    )


def _is_discarded(
    step: Transition, task: WorkflowTaskRecord, request: _Request, messages: IncomingMessages
) -> bool:
    """Whether a speculative task has changed nothing, so that it need not have happened.

    The events that it brought to the worker are sent again with the next one, which not every
    worker can take, and which must not go on for ever.
    """
    if not task.is_speculative or request.commands or request.force_create_new_workflow_task:
        return False
    can_repeat = request.capabilities.discard_speculative_workflow_task_with_events
    event_count = (
        step.execution.next_event_id - step.execution.last_completed_task_started_event_id - 2
    )
    return messages.only_reject() and event_count <= (EVENTS_REPEATED_MAX if can_repeat else 0)


def _complete(step: Transition, request: _Request, *, is_discarded: bool) -> EventId:
    if not is_discarded:
        return complete_workflow_task(step, request)
    step.change(deltas.WorkflowTaskDropped())
    return UNASSIGNED_EVENT_ID


def _check(step: Transition, request: _Request) -> None:
    """Refuse what fails the call and not the workflow task."""
    if request.intermediate_page or request.page_number > 0:
        raise FailedPreconditionError(
            "workflow task completion pagination is disabled for this namespace "
            f"{step.settings.namespace_name}"
        )
    if step.execution.pause is not None and request.force_create_new_workflow_task:
        raise FailedPreconditionError(
            "Workflow is paused and force create new workflow task is not allowed."
        )
    is_versioned = request.HasField("deployment") or (
        request.deployment_options.worker_versioning_mode == VERSIONED
    )
    behavior = request.versioning_behavior
    if behavior != VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED and not is_versioned:
        raise InvalidArgumentError(
            "versioning behavior cannot be specified without deployment options "
            "being set with versioned mode"
        )
    check_sequence(request.commands)


def _is_heartbeat_overdue(step: Transition, task: WorkflowTaskRecord) -> bool:
    longest = step.settings.limits.workflow_task_heartbeat_timeout
    return step.now > after(task.original_scheduled_at, longest)


def _end_heartbeats(step: Transition) -> CompletionReply:
    """Give the run to another worker: this one has made no progress for too long (trap 19)."""
    time_out_workflow_task(step)
    schedule_workflow_task(step)
    return CompletionReply(error=NotFoundError("workflow task heartbeat timeout"))


def _stick(step: Transition, request: _Request) -> None:
    """Let the next workflow tasks go to the worker's own queue, if it names one."""
    queue_name, timeout = "", NO_DURATION
    if request.sticky_attributes.HasField("worker_task_queue"):
        queue_name = request.sticky_attributes.worker_task_queue.name
        given = duration(request.sticky_attributes.schedule_to_start_timeout)
        timeout = Duration(max(given, NO_DURATION))
    execution = step.execution
    if (queue_name, timeout) != (
        execution.sticky_queue,
        execution.sticky_schedule_to_start_timeout,
    ):
        step.change(
            deltas.StickinessChanged(queue_name=queue_name, schedule_to_start_timeout=timeout)
        )


def _carry_out(
    step: Transition, request: _Request, context: CommandContext
) -> Refusal | TerminalRefusal | None:
    """Carry out the commands in order, up to the first that is refused.

    A run does not close over events that its worker has not seen (trap 14), unless a canceled timer
    takes back the only one (trap 15). Events that the commands themselves caused do not count.
    """
    has_unseen_events = step.has_deferred_events
    for command in request.commands:
        if has_unseen_events and command.command_type in CLOSING_COMMANDS:
            return Refusal(cause=_UNHANDLED, message="")
        outcome = COMMANDS[command.command_type](step, command, context)
        if outcome is not None:
            return outcome
        if command.command_type == CommandType.COMMAND_TYPE_CANCEL_TIMER:
            has_unseen_events = has_unseen_events and step.has_deferred_events
    for message in context.messages.take_all():
        outcome = process_message(step, message, context)
        if outcome is not None:
            return outcome
    return None


def _go_on(
    step: Transition,
    request: _Request,
    messages: IncomingMessages,
    original_scheduled_at: Instant,
) -> bool:
    """Schedule the next workflow task if there is a reason; return whether it is started."""
    if not step.execution.is_open:
        return False
    if step.execution.pause is not None:
        step.flush()
        return False
    is_inline = request.return_new_workflow_task
    is_moving = is_in_transition(step.execution)
    if request.force_create_new_workflow_task or step.has_deferred_events or is_moving:
        schedule_workflow_task(
            step, original_scheduled_at=original_scheduled_at, is_inline=is_inline
        )
    elif not messages.has_waiting_updates:
        return False
    elif is_inline:
        schedule_speculative_task(step, is_inline=True)
    else:
        schedule_workflow_task(step)
    if is_inline:
        start_workflow_task(step, request_id=INLINE_REQUEST_ID, identity=request.identity)
    return is_inline


def refuse_workflow_task(
    step: Transition, refusal: Refusal | TerminalRefusal, request: _Request
) -> ServiceError:
    """Fail the task because of a refused command; return the error for the worker (trap 16).

    To be called on a fresh step after the other one was rolled back; the error is raised when the
    step is saved. A task that was refused before changes nothing: it is left to time out, which
    slows the worker down.
    """
    message = refusal_message(refusal)
    error = InvalidArgumentError(message)
    task = step.execution.workflow_task
    if task is None or (task.is_transient and refusal.cause != _UNHANDLED):
        return error
    fail_workflow_task(
        step,
        refusal.cause,
        failure=server_failure(message, is_non_retryable=False),
        identity=request.identity,
        binary_checksum=request.binary_checksum,
    )
    if isinstance(refusal, TerminalRefusal):
        terminate_run(step, reason=message, identity=SERVICE_IDENTITY)
    else:
        schedule_workflow_task(step)
    return error


def refusal_message(refusal: Refusal | TerminalRefusal) -> str:
    """Return the words of a refusal: the name of its cause, then the detail if there is one."""
    name = cause_name(refusal.cause)
    return f"{name}: {refusal.message}" if refusal.message else name


def cause_name(cause: "WorkflowTaskFailedCause.ValueType") -> str:
    """Return the name of a cause as the reference service writes it: `BadStartTimerAttributes`."""
    name = WorkflowTaskFailedCause.Name(cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
    return name.title().replace("_", "")
