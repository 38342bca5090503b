"""Why a run does not go on.

Owns the reasons, each a sentence that names what is missing. Must not ask a server: it is given
what the server says of the run.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from indelible.base.instants import Instant, after, duration, elapsed, instant
from indelible.testing.timelines import failure_text, span_text

_ANSWERS: Final = ("timer_fired_event_attributes", "timer_canceled_event_attributes")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an open run."""

    description: DescribeWorkflowExecutionResponse
    events: Sequence[HistoryEvent]
    workflow_pollers: int
    """Of the run's own task queue."""
    activity_pollers: Mapping[str, int]
    """By task queue."""
    now: Instant
    """By the clock of the run."""


def reasons(facts: Facts) -> list[str]:
    """Return every reason why an open run has not ended, in the order in which it can be helped."""
    found = [
        *_workflow_task(facts),
        *_activities(facts),
        *_timers(facts),
        *_children(facts),
        *_operations(facts),
    ]
    return found or ["nothing is pending: it waits for a signal, an update or a condition"]


def _workflow_task(facts: Facts) -> Iterator[str]:
    description = facts.description
    if not description.HasField("pending_workflow_task"):
        return
    task = description.pending_workflow_task
    queue = description.execution_config.task_queue.name
    if not facts.workflow_pollers:
        yield f'a workflow task waits, and no worker polls the task queue "{queue}"'
    elif task.attempt > 1:
        last = next((_failure(one) for one in reversed(facts.events) if _failure(one)), "")
        yield f"its workflow task fails, attempt {task.attempt}{': ' + last if last else ''}"
    elif task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED:
        since = span_text(elapsed(instant(task.started_time), facts.now))
        yield f"a worker has had its workflow task for {since}: is the workflow's thread blocked?"
    else:
        yield f'a workflow task waits in the task queue "{queue}"'


def _failure(event: HistoryEvent) -> str:
    if event.HasField("workflow_task_failed_event_attributes"):
        return failure_text(event.workflow_task_failed_event_attributes.failure)
    return ""


def _activities(facts: Facts) -> Iterator[str]:
    for activity in facts.description.pending_activities:
        label = f"activity {activity.activity_type.name} ({activity.activity_id})"
        yield f"{label} {_activity_state(activity, facts)}"


def _activity_state(activity: PendingActivityInfo, facts: Facts) -> str:
    last = failure_text(activity.last_failure) if activity.HasField("last_failure") else ""
    because = f"; the last one failed: {last}" if last else ""
    if activity.paused:
        return f"is paused{because}"
    if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
        since = span_text(elapsed(instant(activity.last_started_time), facts.now))
        return f"runs its attempt {activity.attempt} for {since}{because}"
    if activity.HasField("next_attempt_schedule_time"):
        due = elapsed(facts.now, instant(activity.next_attempt_schedule_time))
        if due > 0:
            return f"begins attempt {activity.attempt} in {span_text(due)}{because}"
    queue = activity.activity_options.task_queue.name
    polled = (
        "" if facts.activity_pollers.get(queue) else ", and no worker polls for activities there"
    )
    return f'waits in the task queue "{queue}" for attempt {activity.attempt}{polled}{because}'


def _timers(facts: Facts) -> Iterator[str]:
    ended = {
        getattr(event, answer).started_event_id
        for event in facts.events
        for answer in _ANSWERS
        if event.HasField(answer)
    }
    for event in facts.events:
        if event.HasField("timer_started_event_attributes") and event.event_id not in ended:
            timer = event.timer_started_event_attributes
            fires_at = after(instant(event.event_time), duration(timer.start_to_fire_timeout))
            yield f"timer {timer.timer_id} fires in {span_text(elapsed(facts.now, fires_at))}"


def _children(facts: Facts) -> Iterator[str]:
    for child in facts.description.pending_children:
        yield f"child workflow {child.workflow_type_name} ({child.workflow_id}) has not ended"


def _operations(facts: Facts) -> Iterator[str]:
    for operation in facts.description.pending_nexus_operations:
        last = (
            f"; the last attempt failed: {failure_text(operation.last_attempt_failure)}"
            if operation.HasField("last_attempt_failure")
            else ""
        )
        yield f"Nexus operation {operation.service}/{operation.operation} has not ended{last}"
