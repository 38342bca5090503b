"""Activities that are held back, and the workflow rules that do it (semantics 15.2).

Owns when a rule of the namespace is about an activity, and what it does then. Must not know how a
rule is written, nor who asks.
"""

from typing import Final

from temporalio.api.failure.v1 import Failure

from indelible.base.facts import Facts
from indelible.base.instants import NEVER, SECOND
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.workflow import deltas
from indelible.engine.workflow.state import ActivityRecord, ExecutionRecord, PauseRecord
from indelible.engine.workflow.transition import Transition

_FIRST_RETRY: Final = 2


def hold(step: Transition, record: ActivityRecord) -> None:
    """Take an attempt that no worker has out of its queue."""
    if not record.is_started and record.dispatch is not None:
        step.release(record.dispatch)
        step.change(deltas.ActivityHeld(scheduled_event_id=record.scheduled_event_id))


def pause_by_rules(step: Transition, record: ActivityRecord) -> bool:
    """Pause an activity that is about to start, if a rule says so; return whether one did."""
    now = step.now
    return any(
        not rule.is_expired(now) and pause_by_rule(step, record, rule)
        for rule in step.settings.workflow_rules
    )


def pause_by_rule(step: Transition, record: ActivityRecord, rule: WorkflowRule) -> bool:
    """Pause an activity that a rule is about, and that is not paused; return whether it was."""
    if record.pause is not None or not rule.is_about_run(_facts_of_run(step.execution)):
        return False
    if not rule.is_about_activity(_facts_of_activity(step.execution, record)):
        return False
    hold(step, record)
    pause = PauseRecord(
        paused_at=step.now, identity=rule.identity, reason=rule.description, rule_id=rule.id
    )
    step.change(deltas.ActivityPaused(scheduled_event_id=record.scheduled_event_id, pause=pause))
    return True


def _facts_of_run(execution: ExecutionRecord) -> Facts:
    return {
        "WorkflowId": execution.workflow_id,
        "WorkflowType": execution.workflow_type,
        "StartTime": execution.started_at,
        "ExecutionStatus": execution.status.name.title(),
    }


def _facts_of_activity(execution: ExecutionRecord, record: ActivityRecord) -> Facts:
    state = _state(record)
    backoff: int | None = None
    if record.attempt >= _FIRST_RETRY:
        backoff = (record.scheduled_at - record.last_attempt_completed_at) // SECOND
    return {
        "ActivityId": record.activity_id,
        "ActivityType": record.activity_type,
        "ActivityState": state,
        "ActivityStatus": state,
        "Attempts": record.attempt,
        "ActivityAttempt": record.attempt,
        "BackoffInterval": backoff,
        "LastFailure": Failure.FromString(record.last_failure).message or None,
        "TaskQueue": record.task_queue or execution.task_queue,
        "StartedTime": record.started_at if record.started_at != NEVER else None,
    }


def _state(record: ActivityRecord) -> str:
    """Return the word for it; a worker that has the attempt counts more than a wish to cancel."""
    if record.is_started:
        return "Started"
    return "CancelRequested" if record.is_cancel_requested else "Scheduled"
