"""What became of the actions of a schedule: started, refused, ended.

Owns what is remembered of them (semantics 11.3 and 11.5). Each outcome may be told twice, and the
end of a workflow may be told before its start: the number of the action tells.
"""

from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import WorkflowExecutionStatus

from indelible.base.backoff import retry_interval
from indelible.base.ids import RunId
from indelible.base.instants import MINUTE, SECOND, Instant, after, duration_message
from indelible.engine.schedule.advancing import give_turns
from indelible.engine.schedule.state import (
    RECENT_ACTIONS_MAX,
    BufferedStart,
    RunningAction,
    StartedAction,
)
from indelible.engine.schedule.step import ScheduleStep

START_RETRY_POLICY: Final = RetryPolicy(
    initial_interval=duration_message(SECOND),
    backoff_coefficient=2.0,
    maximum_interval=duration_message(MINUTE),
)
_FAILED: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED
_TIMED_OUT: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT


class ActionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How the chain of runs of a started workflow has ended."""

    workflow_id: str
    first_run_id: RunId
    started_at: Instant
    status: int
    result: bytes = b""
    """Serialized `Payloads` of a workflow that completed."""
    failure: bytes = b""
    """A serialized `Failure` of one that did not."""
    message: str = ""
    """Of the failure."""


def record_started(
    step: ScheduleStep, number: int, *, workflow_id: str, run_id: RunId, started_at: Instant
) -> None:
    """Record that the workflow of a start runs; nothing if that is known."""
    start = _taken_start(step, number)
    if start is None:
        return
    action = StartedAction(
        number=number,
        at=start.at,
        started_at=started_at,
        workflow_id=workflow_id,
        first_run_id=run_id,
    )
    running = step.core.running
    if not start.is_overlapping:
        running = (
            *running,
            RunningAction(number=number, workflow_id=workflow_id, first_run_id=run_id),
        )
    step.change(
        action_count=step.core.action_count + 1,
        recent=(*step.core.recent, action)[-RECENT_ACTIONS_MAX:],
        running=running,
    )
    give_turns(step)


def record_refused(step: ScheduleStep, number: int) -> None:
    """Drop a start that can never be made, as when its workflow id is in use."""
    if _taken_start(step, number) is not None:
        give_turns(step)


def record_start_failed(step: ScheduleStep, number: int) -> None:
    """Have a start tried again later, or give it up."""
    start = _find(step, number)
    if start is None:
        return
    next_attempt_at = after(step.now, retry_interval(START_RETRY_POLICY, start.attempt))
    if next_attempt_at > start.give_up_at:
        step.change(missed_catchup_count=step.core.missed_catchup_count + 1)
        record_refused(step, number)
        return
    retried = replace(start, attempt=start.attempt + 1, next_attempt_at=next_attempt_at)
    step.change_buffer(tuple(retried if one.number == number else one for one in step.state.buffer))


def record_stop_delivered(step: ScheduleStep, number: int, stop: str) -> None:
    """Record that what runs knows that it is to stop."""
    step.change(
        running=tuple(
            replace(action, is_stop_delivered=True)
            if action.number == number and action.stop == stop
            else action
            for action in step.core.running
        )
    )


def record_ended(step: ScheduleStep, number: int, end: ActionEnd) -> None:
    """Record how an action has ended, and give the next one its turn."""
    record_started(
        step,
        number,
        workflow_id=end.workflow_id,
        run_id=end.first_run_id,
        started_at=end.started_at,
    )
    is_awaited = any(action.number == number for action in step.core.running)
    is_known = is_awaited or any(
        action.number == number and action.status != end.status for action in step.core.recent
    )
    if not is_known:
        return
    step.change(
        running=tuple(action for action in step.core.running if action.number != number),
        recent=tuple(
            replace(action, status=end.status) if action.number == number else action
            for action in step.core.recent
        ),
    )
    if is_awaited:
        _keep_outcome(step, end)
    if step.rules.pauses_on_failure and not step.core.is_paused:
        _pause_after(step, end)
    give_turns(step)


def _keep_outcome(step: ScheduleStep, end: ActionEnd) -> None:
    """Keep what the next action is told; a failure leaves the last result as it is."""
    if end.failure:
        step.state = step.state._replace(last_failure=end.failure)
    elif end.result:
        step.state = step.state._replace(last_result=end.result, last_failure=b"")


def _pause_after(step: ScheduleStep, end: ActionEnd) -> None:
    if end.status == _FAILED:
        notes = f"paused due to workflow failure: {end.workflow_id}: {end.message}"
    elif end.status == _TIMED_OUT:
        notes = f"paused due to workflow timeout: {end.workflow_id}"
    else:
        return
    step.change(is_paused=True, notes=notes, conflict_token=step.core.conflict_token + 1)


def _find(step: ScheduleStep, number: int) -> BufferedStart | None:
    for start in step.state.buffer:
        if start.number == number and start.attempt:
            return start
    return None


def _taken_start(step: ScheduleStep, number: int) -> BufferedStart | None:
    """Take a start that has its turn out of the buffer."""
    start = _find(step, number)
    if start is not None:
        step.change_buffer(tuple(one for one in step.state.buffer if one.number != number))
    return start
