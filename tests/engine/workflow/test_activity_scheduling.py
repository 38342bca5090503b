"""Activities are scheduled: what the event says, what is refused (semantics 7.1, 7.10)."""

from typing import Final

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import (
    ActivityType,
    Payloads,
    Priority,
    RetryPolicy,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueResponse

from indelible.base.instants import DURATION_MAX, duration_message, seconds, timestamp
from indelible.base.limits import Limits
from indelible.base.task_token import decode_task_token
from indelible.engine.workflow.rules.activities import activity_task_response
from tests.engine.workflow.run import Run, at_second
from tests.engine.workflow.transcript import COMMANDS, Script, check, payload, played

LONG: Final = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 501


def test_all_timeouts_follow_from_schedule_to_close() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=10
        * schedule b s2c=10 s2s=20 stc=30 hb=40
        * schedule c s2c=10 s2s=2 stc=3 hb=1
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=10 s2s=10 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=10 s2s=10 stc=10 hb=10
          7 ActivityTaskScheduled c s2c=10 s2s=2 stc=3 hb=1
          > main activity 5
          > main activity 6
          > main activity 7
          < main workflow 2
        """
    )


def test_run_timeout_is_the_default_and_the_cap() -> None:
    check(
        """
        0 begin run=60
        0 complete
        * schedule a stc=10
        * schedule b stc=100 hb=100
        * schedule c s2c=100 s2s=100 stc=100
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=60 s2s=60 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=60 s2s=60 stc=60 hb=60
          7 ActivityTaskScheduled c s2c=60 s2s=60 stc=60 hb=0
          > main activity 5
          > main activity 6
          > main activity 7
          < main workflow 2
        """
    )


def test_eager_activity_lies_in_no_queue() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 eager
        * schedule b stc=10
        * schedule c stc=10 eager
        * cancel-activity 7
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=10 hb=0
          7 ActivityTaskScheduled c s2c=0 s2s=0 stc=10 hb=0
          8 ActivityTaskCancelRequested of=7
          9 ActivityTaskCanceled of=7 requested=8 details="ACTIVITY_ID_NOT_STARTED"
          10 WorkflowTaskScheduled
          > main activity 6
          > main workflow 10
          < main workflow 2
          = eager a
        1 result a 42
          11 ActivityTaskStarted of=5 attempt=1 at=0
          12 ActivityTaskCompleted of=5 started=11 result=42
        """
    )


def test_priority_orders_the_queue() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 priority=3 queue=other
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > other activity 5 priority=3
          < main workflow 2
        """
    )


def test_duplicate_id() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule a stc=20
          4 WorkflowTaskFailed cause=SCHEDULE_ACTIVITY_DUPLICATE_ID failure=(Server:
            ScheduleActivityDuplicateId: invalid history builder state for action:
            add-activitytask-scheduled-event, ActivityID: a)
          > main workflow 5
          < main workflow 2
          ! SCHEDULE_ACTIVITY_DUPLICATE_ID: invalid history builder state for action:
            add-activitytask-scheduled-event, ActivityID: a
        """
    )


def test_id_is_free_again_when_the_activity_has_closed() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 result a 42
          ~ ActivityTaskStarted of=5 attempt=1 at=0
          ~ ActivityTaskCompleted of=5 result=42
        3 complete
        * schedule a stc=20
          9 WorkflowTaskCompleted
          10 ActivityTaskScheduled a s2c=0 s2s=0 stc=20 hb=0
          11 ActivityTaskStarted of=5 attempt=1 at=0
          12 ActivityTaskCompleted of=5 started=11 result=42
          13 WorkflowTaskScheduled
          > main activity 10
          > main workflow 13
          < main workflow 7
        3 poll a
          < main activity 10
          = attempt 1
        4 result a 43
          14 ActivityTaskStarted of=10 attempt=1 at=3
          15 ActivityTaskCompleted of=10 started=14 result=43
        """
    )


def test_the_number_of_pending_activities_is_bounded() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule b stc=10
        * schedule c stc=10
          4 WorkflowTaskFailed cause=PENDING_ACTIVITIES_LIMIT_EXCEEDED failure=(Server:
            PendingActivitiesLimitExceeded: the number of pending activities, 2, has reached the
            per-workflow limit of 2)
          > main workflow 5
          < main workflow 2
          ! PENDING_ACTIVITIES_LIMIT_EXCEEDED: the number of pending activities, 2, has reached
            the per-workflow limit of 2
        """,
        Limits(pending_activities_max=2),
    )


def test_too_much_input_is_the_end_of_the_run() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 input=123456789
          4 WorkflowTaskFailed cause=BAD_SCHEDULE_ACTIVITY_ATTRIBUTES failure=(Server:
            BadScheduleActivityAttributes: ScheduleActivityTaskCommandAttributes.Input exceeds
            size limit.)
          5 WorkflowExecutionTerminated
          < main workflow 2
          ! BAD_SCHEDULE_ACTIVITY_ATTRIBUTES and terminate:
            ScheduleActivityTaskCommandAttributes.Input exceeds size limit.
        """,
        Limits(blob_bytes_max=30),
    )


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("stc=1", "activityId is not set"),
        ("a stc=1 type=", "activityType is not set"),
        (
            "a s2s=10 hb=1",
            (
                "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the "
                "activity. ActivityId=a ActivityType=Work"
            ),
        ),
        ("a stc=-1", "invalid StartToCloseTimeout: negative duration"),
        ("a s2c=-1", "invalid ScheduleToCloseTimeout: negative duration"),
        ("a stc=1 s2s=-1", "invalid ScheduleToStartTimeout: negative duration"),
        ("a stc=1 hb=-1", "invalid HeartbeatTimeout: negative duration"),
        ("a stc=1 queue=/_sys/a", "task queue name cannot start with reserved prefix /_sys/"),
        (f"a stc=1 queue={LONG}", "taskQueue length exceeds limit"),
        (f"{LONG} stc=1", "activityId exceeds length limit. Length=1002 Limit=1000"),
        (f"a stc=1 type={LONG}", "activityType exceeds length limit. Length=1002 Limit=1000"),
        ("a stc=1 priority=-1", "invalid priorities: priority key can't be negative"),
        ("a stc=1 coefficient=0.5", "BackoffCoefficient cannot be less than 1 on retry policy."),
        ("a stc=1 coefficient=nan", "BackoffCoefficient cannot be less than 1 on retry policy."),
        ("a stc=1 attempts=-1", "MaximumAttempts cannot be negative on retry policy."),
        ("a stc=1 initial=-1", "invalid InitialInterval set on retry policy: negative duration"),
        ("a stc=1 maximum=-1", "invalid MaximumInterval set on retry policy: negative duration"),
        (
            "a stc=1 initial=2 maximum=1",
            "MaximumInterval cannot be less than InitialInterval on retry policy.",
        ),
        ("a stc=1 except=TemporalTimeout:Lunch", "Invalid timeout type value: Lunch."),
    ],
)
def test_attributes_that_are_refused(attributes: str, message: str) -> None:
    run = Script()
    run.play("0 begin")
    answer = run.play("0 complete", f"* schedule {attributes}")[-1]
    assert answer == f"! BAD_SCHEDULE_ACTIVITY_ATTRIBUTES: {message}"


def test_a_command_without_attributes_is_refused() -> None:
    run = Run()
    run.start()
    run.start_task()
    refusal = run.complete_task(
        [Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)]
    )
    assert refusal is not None
    assert refusal.message == (
        "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand."
    )


def test_a_compatible_version_cannot_be_asked_for_on_another_queue() -> None:
    run = Run()
    run.start()
    run.start_task()
    command = COMMANDS["schedule"]({"0": "a", "stc": "1", "queue": "other"})
    command.schedule_activity_task_command_attributes.use_workflow_build_id = True
    refusal = run.complete_task([command])
    assert refusal is not None
    assert refusal.message == (
        "Activity with UseCompatibleVersion cannot run on different task queue."
    )


def test_without_a_queue_it_is_that_of_the_workflow() -> None:
    run = Run()
    run.start()
    run.start_task()
    command = COMMANDS["schedule"]({"0": "a", "stc": "1", "queue": ""})
    command.schedule_activity_task_command_attributes.header.fields["h"].data = b"1"
    assert run.complete_task([command]) is None
    record = run.state.activities[5]
    assert record.task_queue == "main"
    response = activity_task_response(run.state.execution, record, run.history[4])
    assert response.header.fields["h"].data == b"1"
    assert not response.HasField("input")
    assert not response.HasField("priority")


def test_absurd_durations_are_capped() -> None:
    run = played(
        """
        0 begin
        0 complete
        * schedule a stc=9e9
        """
    )
    record = run.state.activities[5]
    assert record.start_to_close_timeout == DURATION_MAX
    assert run.timers.earliest(run.state) is None


def test_the_worker_is_told_everything() -> None:
    run = played(
        """
        0 begin run=60
        0 complete
        * schedule a stc=10 hb=5 input=7 priority=2
        1 poll a
        2 fail a boom details=half
        3 fire
        4 poll a
        """
    )
    record = run.state.activities[5]
    response = activity_task_response(run.state.execution, record, run.history[4])
    assert decode_task_token(response.task_token) == run.token(record)
    expected = PollActivityTaskQueueResponse(
        task_token=response.task_token,
        workflow_namespace="namespace",
        workflow_type=WorkflowType(name="Workflow"),
        workflow_execution=WorkflowExecution(workflow_id="wf", run_id="run"),
        activity_type=ActivityType(name="Work"),
        activity_id="a",
        input=Payloads(payloads=[payload("7")]),
        heartbeat_details=Payloads(payloads=[payload("half")]),
        scheduled_time=timestamp(at_second(0)),
        current_attempt_scheduled_time=timestamp(at_second(3)),
        started_time=timestamp(at_second(4)),
        attempt=2,
        schedule_to_close_timeout=duration_message(seconds(60)),
        start_to_close_timeout=duration_message(seconds(10)),
        heartbeat_timeout=duration_message(seconds(5)),
        retry_policy=RetryPolicy(
            initial_interval=duration_message(seconds(1)),
            backoff_coefficient=2.0,
            maximum_interval=duration_message(seconds(100)),
        ),
        priority=Priority(priority_key=2),
    )
    assert response == expected
