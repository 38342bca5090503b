"""Pauses of runs and activities, resets of activities, other options (semantics 2.9, 7.9)."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import ActivityType, Payload, Payloads, Priority, RetryPolicy
from temporalio.api.enums.v1 import CommandType, EventType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseWorkflowExecutionRequest,
    RecordActivityTaskHeartbeatRequest,
    ResetActivityRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskFailedRequest,
    UnpauseActivityRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from indelible.base.instants import duration_message, seconds
from indelible.engine.workflow.description import describe_workflow
from indelible.engine.workflow.requests.pause_activity import pause_activity, unpause_activity
from indelible.engine.workflow.requests.pause_workflow import pause_workflow, unpause_workflow
from indelible.engine.workflow.requests.record_activity_heartbeat import (
    record_activity_heartbeat,
)
from indelible.engine.workflow.requests.reset_activity import reset_activity
from indelible.engine.workflow.requests.respond_activity_task_failed import (
    respond_activity_task_failed,
)
from indelible.engine.workflow.requests.respond_workflow_task_failed import (
    respond_workflow_task_failed,
)
from indelible.engine.workflow.requests.update_activity_options import update_activity_options
from indelible.engine.workflow.requests.update_workflow_options import update_workflow_options
from indelible.engine.workflow.rules.system_attributes import system_entries
from indelible.engine.workflow.state import ActivityRecord, WorkflowStatus
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from tests.engine.workflow.run import Run, at_second

SCHEDULED = 5
UNHANDLED_FAILURE = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
)
ALL_PAUSED = PauseActivityRequest(id="it", identity="operator", reason="lunch", request_id="once")


def names(run: Run) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in run.history]


def schedule(activity_id: str = "it", **fields: Any) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=ScheduleActivityTaskCommandAttributes(
            activity_id=activity_id,
            activity_type=ActivityType(name="Work"),
            task_queue=TaskQueue(name="main"),
            start_to_close_timeout=duration_message(seconds(10)),
            **fields,
        ),
    )


def working(**fields: Any) -> Run:
    """A run with one activity, event 5, that waits for a worker."""
    run = Run()
    run.start()
    run.start_task()
    run.complete_task([schedule(**fields)])
    return run


def activity(run: Run) -> ActivityRecord:
    return run.state.activities[SCHEDULED]


def poll(run: Run) -> ActivityRecord | None:
    task = [task for task in run.dispatched if isinstance(task, ActivityTaskDispatch)][-1]
    return run.poll(task)


def fail(run: Run) -> None:
    token = run.token(activity(run))
    failure = Failure(message="no", application_failure_info=ApplicationFailureInfo(type="No"))
    request = RespondActivityTaskFailedRequest(failure=failure)
    run.take(lambda step: respond_activity_task_failed(step, request, token))


def pause(run: Run, request_id: str = "") -> None:
    request = PauseWorkflowExecutionRequest(identity="me", reason="why", request_id=request_id)
    run.take(lambda step: pause_workflow(step, request))


def unpause(run: Run) -> None:
    run.take(lambda step: unpause_workflow(step, UnpauseWorkflowExecutionRequest()))


def reset(run: Run, **fields: Any) -> None:
    run.take(lambda step: reset_activity(step, ResetActivityRequest(id="it", **fields), {}))


def heartbeat(run: Run) -> tuple[bool, bool]:
    token = run.token(activity(run))
    details = Payloads(payloads=[Payload(data=b"half")])
    answer = run.take(
        lambda step: record_activity_heartbeat(
            step, RecordActivityTaskHeartbeatRequest(details=details), token
        )
    )
    return answer.activity_paused, answer.activity_reset


# -- runs ------------------------------------------------------------------------------------------


def test_a_pause_takes_the_task_that_nobody_has() -> None:
    run = Run()
    run.start()
    pause(run)
    assert names(run)[2:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_PAUSED"]
    assert not run.queued
    assert run.state.execution.status is WorkflowStatus.PAUSED
    run.signal("s")
    assert run.state.execution.workflow_task is None
    unpause(run)
    assert names(run)[4:] == [
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UNPAUSED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    task = run.state.execution.workflow_task
    assert task is not None
    assert task.attempt == 1


def test_a_task_that_a_worker_has_may_end_and_none_follows() -> None:
    run = Run()
    run.start()
    run.start_task()
    pause(run)
    run.signal("s")
    run.complete_task([schedule()])
    assert names(run)[3:] == [
        "WORKFLOW_TASK_COMPLETED",
        "ACTIVITY_TASK_SCHEDULED",
        "WORKFLOW_EXECUTION_PAUSED",
        "WORKFLOW_EXECUTION_SIGNALED",
    ]
    assert not run.queued
    unpause(run)
    assert sorted(type(task).__name__ for task in run.queued.values()) == [
        "ActivityTaskDispatch",
        "WorkflowTaskDispatch",
    ]


def test_a_failed_task_of_a_paused_run_is_not_tried_again_at_once() -> None:
    run = Run()
    run.start()
    run.start_task()
    pause(run)
    run.fail_task()
    assert run.state.execution.workflow_task is None
    unpause(run)
    assert run.state.execution.workflow_task is not None


def test_a_retry_interval_may_end_while_the_run_is_paused() -> None:
    run = working()
    poll(run)
    fail(run)
    pause(run)
    run.now = at_second(5)
    assert run.fire()
    assert not run.queued
    unpause(run)
    assert poll(run) is not None


def test_who_may_pause_a_run() -> None:
    run = Run()
    run.start()
    with pytest.raises(FailedPreconditionError, match="not paused"):
        unpause(run)
    pause(run, "once")
    pause(run, "once")
    with pytest.raises(FailedPreconditionError, match="already paused"):
        pause(run, "twice")
    with pytest.raises(FailedPreconditionError, match="already paused"):
        pause(run)
    assert system_entries(run.state) == {"TemporalPauseInfo": ["Workflow:wf", "Reason:why"]}
    run.terminate()
    for refused in (pause, unpause):
        with pytest.raises(NotFoundError):
            refused(run)


# -- activities ------------------------------------------------------------------------------------


def test_a_paused_activity_leaves_its_queue_and_comes_back() -> None:
    run = working(schedule_to_start_timeout=duration_message(seconds(3)))
    run.take(lambda step: pause_activity(step, ALL_PAUSED))
    assert not any(isinstance(task, ActivityTaskDispatch) for task in run.queued.values())
    assert poll(run) is None
    run.take(lambda step: pause_activity(step, ALL_PAUSED))
    with pytest.raises(FailedPreconditionError):
        run.take(lambda step: pause_activity(step, PauseActivityRequest(type="Work")))
    entries = system_entries(run.state)
    assert entries == {"TemporalPauseInfo": ["property:activityType=Work"]}
    assert not run.fire()
    run.now = at_second(100)
    assert not run.fire(), "the clocks of a paused activity stand still"
    run.take(lambda step: unpause_activity(step, UnpauseActivityRequest(unpause_all=True)))
    assert poll(run) is not None
    assert not system_entries(run.state)


def test_what_was_pending_when_a_run_was_closed_is_told_on() -> None:
    run = working()
    poll(run)
    fail(run)
    run.terminate()
    described = describe_workflow(run.state, run.now)
    [pending] = described.pending_activities
    assert (pending.attempt, pending.HasField("last_failure")) == (2, True)
    assert not described.HasField("pending_workflow_task")


def test_a_paused_attempt_goes_on_and_the_next_one_waits() -> None:
    run = working(retry_policy=RetryPolicy(maximum_attempts=1))
    poll(run)
    run.take(lambda step: pause_activity(step, ALL_PAUSED))
    assert heartbeat(run) == (True, False)
    fail(run)
    assert (activity(run).attempt, activity(run).is_started) == (2, False)
    assert describe_workflow(run.state, run.now).pending_activities[0].paused
    request = UnpauseActivityRequest(id="it", reset_attempts=True, reset_heartbeat=True)
    run.take(lambda step: unpause_activity(step, request))
    started = poll(run)
    assert started is not None
    assert (started.attempt, started.heartbeat_details) == (1, b"")


def test_an_activity_that_closes_is_not_counted_as_paused() -> None:
    run = working()
    run.take(lambda step: pause_activity(step, ALL_PAUSED))
    assert run.state.execution.paused_activity_count == 1
    run.terminate()
    assert (
        describe_workflow(run.state, run.now).workflow_execution_info.status
        == WorkflowStatus.TERMINATED
    )


def test_a_waiting_activity_is_reset_at_once() -> None:
    run = working(retry_policy=RetryPolicy(initial_interval=duration_message(seconds(60))))
    poll(run)
    heartbeat(run)
    fail(run)
    assert activity(run).attempt == 2
    reset(run, reset_heartbeat=True)
    started = poll(run)
    assert started is not None
    assert (started.attempt, started.heartbeat_details) == (1, b"")


def test_a_running_activity_is_told_of_its_reset() -> None:
    run = working()
    poll(run)
    reset(run, reset_heartbeat=True)
    assert heartbeat(run) == (False, True)
    fail(run)
    after = activity(run)
    assert (after.attempt, after.is_reset, after.heartbeat_details) == (2, False, b"")


def test_a_reset_ends_a_pause_unless_it_is_to_be_kept() -> None:
    run = working()
    run.take(lambda step: pause_activity(step, ALL_PAUSED))
    reset(run, keep_paused=True)
    assert activity(run).pause is not None
    reset(run, jitter=duration_message(seconds(5)))
    assert activity(run).pause is None
    assert at_second(0) <= activity(run).scheduled_at < at_second(5)


def test_operators_must_mean_an_activity() -> None:
    run = working()
    for request in (PauseActivityRequest(id="no"), PauseActivityRequest(type="No")):
        with pytest.raises(NotFoundError):
            run.take(lambda step, meant=request: pause_activity(step, meant))


def update(run: Run, *paths: str, restore: bool = False, **fields: Any) -> ActivityOptions:
    """Make the step by hand: other options are not what the history says."""
    request = UpdateActivityOptionsRequest(
        id="it",
        activity_options=ActivityOptions(**fields),
        update_mask=FieldMask(paths=paths),
        restore_original=restore,
    )
    originals = {SCHEDULED: run.history[SCHEDULED - 1].activity_task_scheduled_event_attributes}
    return update_activity_options(run.begin(), request, originals)


def test_options_are_merged_by_their_mask_and_restored() -> None:
    run = working()
    changed = update(
        run,
        "task_queue.name",
        "retry_policy.maximum_attempts",
        "priority",
        "heartbeat_timeout",
        task_queue=TaskQueue(name="other"),
        retry_policy=RetryPolicy(maximum_attempts=3),
        priority=Priority(priority_key=1),
        heartbeat_timeout=duration_message(seconds(4)),
    )
    assert changed.task_queue.name == "other"
    assert (changed.retry_policy.maximum_attempts, changed.retry_policy.backoff_coefficient) == (
        3,
        2,
    )
    assert changed.start_to_close_timeout == duration_message(seconds(10))
    record = activity(run)
    assert record.dispatch is not None
    assert record.dispatch.queue_name == "other"
    restored = update(run, restore=True)
    assert restored.task_queue.name == "main"
    assert activity(run).heartbeat_timeout == 0


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("unknown", {}),
        ("retry_policy.unknown", {}),
        ("task_queue.kind", {}),
        ("task_queue.name", {}),
        ("retry_policy", {}),
        ("start_to_close_timeout", {}),
        ("heartbeat_timeout", {"heartbeat_timeout": duration_message(seconds(-1))}),
    ],
)
def test_options_that_cannot_be(path: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        update(working(), path, **fields)


def test_a_start_delay_means_nothing_to_the_activity_of_a_workflow() -> None:
    delay = duration_message(seconds(30))
    changed = update(working(), "start_delay", "heartbeat_timeout", start_delay=delay)
    assert not changed.HasField("start_delay")


def test_a_retry_follows_its_new_interval() -> None:
    run = working()
    poll(run)
    fail(run)
    assert activity(run).scheduled_at == at_second(1)
    policy = RetryPolicy(
        initial_interval=duration_message(seconds(7)),
        backoff_coefficient=1,
        maximum_interval=duration_message(seconds(7)),
    )
    update(run, "retry_policy", retry_policy=policy)
    assert activity(run).scheduled_at == at_second(7)


# -- options of runs -------------------------------------------------------------------------------


def test_only_a_change_of_options_leaves_an_event() -> None:
    run = Run()
    run.start()
    options = WorkflowExecutionOptions(priority=Priority(priority_key=5, fairness_key="f"))
    request = UpdateWorkflowExecutionOptionsRequest(
        workflow_execution_options=options,
        update_mask=FieldMask(paths=["priority.priority_key"]),
    )
    for _ in range(2):
        answer = run.take(lambda step: update_workflow_options(step, request))
        assert answer.priority == Priority(priority_key=5)
    assert names(run).count("WORKFLOW_EXECUTION_OPTIONS_UPDATED") == 1
    for path in ("versioning_override.behavior", "versioning_override.pinned", "priority.no"):
        request.update_mask.paths[:] = [path]
        with pytest.raises(InvalidArgumentError):
            run.take(lambda step: update_workflow_options(step, request))
    run.terminate()
    with pytest.raises(NotFoundError):
        run.take(lambda step: update_workflow_options(step, request))


# -- problems --------------------------------------------------------------------------------------


def test_a_task_that_fails_five_times_in_a_row_is_reported_until_one_completes() -> None:
    run = Run()
    run.start()
    for _ in range(5):
        assert not system_entries(run.state)
        run.start_task()
        token = run.workflow_task_token()
        request = RespondWorkflowTaskFailedRequest(cause=UNHANDLED_FAILURE)
        run.take(lambda step, of=token, by=request: respond_workflow_task_failed(step, by, of))
    assert system_entries(run.state) == {
        "TemporalReportedProblems": (
            "category=WorkflowTaskFailed",
            "cause=WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure",
        )
    }
    run.start_task()
    run.complete_task()
    assert not system_entries(run.state)
