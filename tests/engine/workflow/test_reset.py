"""Resets: what a run that goes on from the middle of another one begins with (semantics 2.11)."""

from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.command.v1 import Command, StartChildWorkflowExecutionCommandAttributes
from temporalio.api.common.v1 import Priority, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    CommandType,
    EventType,
    ParentClosePolicy,
    ResetReapplyExcludeType,
    ResetReapplyType,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PostResetOperation
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import RunId
from indelible.base.instants import seconds
from indelible.engine.workflow.replay import replay
from indelible.engine.workflow.requests.record_child_started import record_child_started
from indelible.engine.workflow.requests.reset_workflow import (
    ResetPlan,
    check_kept,
    check_reset_point,
    end_for_reset,
    is_repeated,
    note_reset,
    reset_workflow,
)
from indelible.engine.workflow.state import MutableState
from indelible.engine.workflow.tasks import AskChild, StartChild
from indelible.engine.workflow.timer_sequence import TimerSequence
from indelible.engine.workflow.transition import Transition
from tests.engine.workflow.run import SEED, Run
from tests.engine.workflow.test_control import schedule

NEW_RUN = RunId("new")
SIGNALS = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL


def names(events: Sequence[HistoryEvent]) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events]


def reset(
    base: Run, event_id: int, *, kept_end: int | None = None, **fields: Any
) -> tuple[MutableState, Transition]:
    """Reset a run as the shell does; return the new run, and its first step."""
    request = ResetWorkflowExecutionRequest(
        workflow_execution=WorkflowExecution(workflow_id="wf"),
        reason="again",
        workflow_task_finish_event_id=event_id,
        request_id="reset",
        **fields,
    )
    check_reset_point(base.state, event_id)
    kept = base.history[: event_id - 1]
    state = replay(_seed(), kept)
    state.accept()
    check_kept(state, event_id)
    plan = ResetPlan(
        base=base.state.execution,
        start=kept[0],
        kept_bytes=sum(event.ByteSize() for event in kept),
        following=base.history[event_id - 1 : kept_end],
    )
    step = base.begin().fork(state)
    reset_workflow(step, request, plan)
    step.close()
    return state, step


def start_child(workflow_id: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        start_child_workflow_execution_command_attributes=(
            StartChildWorkflowExecutionCommandAttributes(
                workflow_id=workflow_id,
                workflow_type=WorkflowType(name="Child"),
                task_queue=TaskQueue(name="main"),
                parent_close_policy=ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE,
            )
        ),
    )


def _seed() -> Any:
    return type(SEED)(namespace_id=SEED.namespace_id, workflow_id=SEED.workflow_id, run_id=NEW_RUN)


def started(*commands: Any) -> Run:
    """A run whose first workflow task is done; a reset to event 4 does it again."""
    run = Run()
    run.start(seconds(60))
    run.start_task()
    run.complete_task(commands)
    return run


def test_the_kept_task_fails_and_another_one_is_scheduled() -> None:
    base = started()
    base.now = type(base.now)(base.now + seconds(30))
    state, step = reset(base, 4)
    assert names(step.events) == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]
    assert [event.event_id for event in step.events] == [4, 5]
    failed = step.events[0].workflow_task_failed_event_attributes
    assert (failed.base_run_id, failed.new_run_id) == ("run", "new")
    assert failed.failure.message == "again"
    execution = state.execution
    assert execution.started_at == base.now
    assert execution.original_started_at < base.now
    assert execution.run_expires_at == base.now + seconds(60)
    assert (execution.base_run_id, execution.first_run_id) == ("run", "run")
    assert execution.history_size_bytes == sum(event.ByteSize() for event in base.history[:3])
    assert is_repeated(state, ResetWorkflowExecutionRequest(request_id="reset"))
    assert not is_repeated(state, ResetWorkflowExecutionRequest(request_id="other"))
    assert not is_repeated(None, ResetWorkflowExecutionRequest(request_id="reset"))


def test_a_task_that_was_not_started_is_started_first() -> None:
    state, step = reset(started(), 3)
    assert names(step.events)[:2] == ["WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED"]
    task = state.execution.workflow_task
    assert task is not None
    assert (task.attempt, task.scheduled_event_id) == (1, 5)


@pytest.mark.parametrize("event_id", [0, 1, 2, 5, 99])
def test_points_at_which_nothing_can_go_on(event_id: int) -> None:
    base = started(schedule())
    with pytest.raises(InvalidArgumentError):
        reset(base, event_id)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 2),
        ({"reset_reapply_exclude_types": [SIGNALS]}, 0),
        ({"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_NONE}, 0),
        ({"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL}, 2),
    ],
)
def test_signals_go_on_unless_they_are_excluded(fields: dict[str, Any], count: int) -> None:
    base = started()
    base.signal("one")
    base.signal("two")
    base.request_cancel()
    state, step = reset(base, 4, **fields)
    assert names(step.events)[1:-1] == ["WORKFLOW_EXECUTION_SIGNALED"] * count
    assert state.execution.signal_count == count
    assert not state.execution.is_cancel_requested


def test_pending_activities_count_as_scheduled_now() -> None:
    base = started(schedule())
    base.signal("wake")
    base.start_task()
    base.now = type(base.now)(base.now + seconds(9))
    point = len(base.history) + 1
    base.complete_task()
    state, step = reset(base, point)
    (record,) = state.activities.values()
    assert (record.first_scheduled_at, record.scheduled_at) == (base.now, base.now)
    assert record.dispatch is not None
    assert len(step.dispatches) == 2
    assert TimerSequence(state).earliest(state) is not None


def test_a_child_that_started_later_is_taken_over() -> None:
    base = started(start_child("kid"))
    initiated = base.history[4]
    base.signal("wake")
    base.start_task()
    point = len(base.history) + 1
    base.complete_task()
    _, without = reset(base, point)
    assert [type(task) for task in without.transfers] == [StartChild]
    base.take(lambda step: record_child_started(step, initiated, RunId("child-run")))
    state, step = reset(base, point)
    assert "CHILD_WORKFLOW_EXECUTION_STARTED" in names(step.events)
    assert state.children[5].is_started
    # The child may have closed after the run before: then only it can say how.
    assert [type(task) for task in step.transfers] == [AskChild]


def test_the_end_by_a_reset_tells_nobody() -> None:
    base = started(start_child("kid"))
    initiated = base.history[4]
    base.take(lambda step: record_child_started(step, initiated, RunId("child-run")))
    base.transfers.clear()
    base.take(lambda step: end_for_reset(step, "again"))
    assert names(base.history)[-1] == "WORKFLOW_EXECUTION_TERMINATED"
    terminated = base.history[-1].workflow_execution_terminated_event_attributes
    assert (terminated.identity, terminated.reason) == ("history-resetter", "again")
    assert not base.transfers
    base.take(lambda step: note_reset(step, NEW_RUN))
    assert base.state.execution.reset_run_id == NEW_RUN


def test_options_can_be_changed_with_the_reset() -> None:
    operation = PostResetOperation()
    change = operation.update_workflow_options
    change.workflow_execution_options.priority.CopyFrom(Priority(priority_key=2))
    change.update_mask.paths.append("priority")
    state, step = reset(started(), 4, post_reset_operations=[operation])
    assert "WORKFLOW_EXECUTION_OPTIONS_UPDATED" in names(step.events)
    assert Priority.FromString(state.execution.priority).priority_key == 2
