"""REQUEST_CANCEL_ACTIVITY_TASK: a running activity is told to stop, another one ends here.

Owns the rules of semantics 4.7 and 7.7.
"""

from typing import Final

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import (
    ActivityTaskCanceledEventAttributes,
    ActivityTaskCancelRequestedEventAttributes,
    HistoryEvent,
)

from indelible.engine.workflow.commands.outcome import CommandContext, Outcome, Refusal
from indelible.engine.workflow.history_events import ACTIVITY_CLOSINGS, attributes_of
from indelible.engine.workflow.rules.activities import close_activity
from indelible.engine.workflow.transition import Transition

_Cause = WorkflowTaskFailedCause

NOT_STARTED_DETAILS: Final = Payloads(
    payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'"ACTIVITY_ID_NOT_STARTED"')]
)
"""What the canceled event of an activity says that no worker had."""


def request_cancel_activity_task(
    step: Transition, command: Command, context: CommandContext
) -> Outcome:
    """Request the cancellation of an activity; without a worker it is canceled at once (trap 27).

    The canceled event is deferred, so that a workflow task follows this one.
    """
    if not command.HasField("request_cancel_activity_task_command_attributes"):
        return _refusal(
            "RequestCancelActivityTaskCommandAttributes is not set on "
            "RequestCancelActivityTaskCommand."
        )
    given = command.request_cancel_activity_task_command_attributes
    scheduled_event_id = given.scheduled_event_id
    if scheduled_event_id <= 0:
        return _refusal("ScheduledEventId is not set on RequestCancelActivityTaskCommand.")
    record = step.state.activities.get(scheduled_event_id)
    if not (
        _is_close_held_back(step, scheduled_event_id)
        if record is None
        else not record.is_cancel_requested
    ):
        return _refusal(
            "invalid history builder state for action: "
            f"add-activitytask-cancel-requested-event, ScheduledEventID: {scheduled_event_id}"
        )
    event = step.emit(
        ActivityTaskCancelRequestedEventAttributes(
            scheduled_event_id=scheduled_event_id,
            workflow_task_completed_event_id=context.completed_event_id,
        ),
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
    if record is not None and not record.is_started:
        close_activity(
            step,
            record,
            ActivityTaskCanceledEventAttributes(
                details=NOT_STARTED_DETAILS,
                latest_cancel_requested_event_id=event.event_id,
                identity=context.identity,
            ),
        )
    return None


def _refusal(message: str) -> Refusal:
    return Refusal(
        cause=_Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES,
        message=message,
    )


def _is_close_held_back(step: Transition, scheduled_event_id: int) -> bool:
    """Whether the activity has closed, and the worker could not know it."""

    def is_its_close(event: HistoryEvent) -> bool:
        closed: int | None = getattr(attributes_of(event), "scheduled_event_id", None)
        return event.event_type in ACTIVITY_CLOSINGS and closed == scheduled_event_id

    return step.holds_back(is_its_close)
