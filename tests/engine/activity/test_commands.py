"""What operators make of a standalone activity: pause, unpause, reset, other options."""

from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, RetryPolicy
from temporalio.api.enums.v1 import ActivityExecutionStatus, PendingActivityState
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeActivityExecutionRequest,
    PauseActivityExecutionRequest,
    RecordActivityTaskHeartbeatRequest,
    RequestCancelActivityExecutionRequest,
    ResetActivityExecutionRequest,
    RespondActivityTaskCompletedRequest,
    TerminateActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
)

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from indelible.base.instants import SECOND, Instant, duration
from indelible.engine.activity import attempts, client_requests, pauses, resets
from indelible.engine.activity.attempts import ActivityTarget
from indelible.engine.activity.description import describe
from indelible.engine.activity.options import update_options
from indelible.engine.activity.state import OPEN_STATUSES, ActivityStatus
from tests.engine.activity.an_activity import BOOM, BY_ID, Activity, failed, payloads

S = ActivityStatus
FINAL = Failure(message="no", application_failure_info=ApplicationFailureInfo(non_retryable=True))


def pause(activity: Activity, now: int, request_id: str = "p") -> None:
    pauses.pause(activity.at(now), PauseActivityExecutionRequest(request_id=request_id))
    activity.accept()


def unpause(activity: Activity, now: int, request_id: str = "u", *, at: int = 0) -> None:
    pauses.unpause(
        activity.at(now),
        UnpauseActivityExecutionRequest(request_id=request_id),
        at=Instant((at or now) * SECOND),
    )
    activity.accept()


def reset(activity: Activity, now: int, request_id: str = "r", *, at: int = 0, **how: bool) -> None:
    resets.reset(
        activity.at(now),
        ResetActivityExecutionRequest(
            request_id=request_id,
            reset_heartbeat=how.get("heartbeat", False),
            keep_paused=how.get("keep_paused", False),
            restore_original_options=how.get("restore", False),
        ),
        at=Instant((at or now) * SECOND),
    )
    activity.accept()


def update(
    activity: Activity, now: int, request_id: str = "o", **options: object
) -> ActivityOptions:
    asked = UpdateActivityExecutionOptionsRequest(
        request_id=request_id,
        activity_options=ActivityOptions(**options),  # pyright: ignore[reportArgumentType]
        update_mask=FieldMask(paths=list(options)),
    )
    answer = update_options(activity.at(now), asked)
    activity.accept()
    return answer


def restore(activity: Activity, now: int) -> ActivityOptions:
    asked = UpdateActivityExecutionOptionsRequest(request_id="restore", restore_original=True)
    answer = update_options(activity.at(now), asked)
    activity.accept()
    return answer


def fail(activity: Activity, now: int, target: ActivityTarget, failure: Failure = BOOM) -> None:
    attempts.fail(activity.at(now), failed(failure), target)
    activity.accept()


def beat(activity: Activity, now: int, target: ActivityTarget) -> str:
    """Return what the worker is told."""
    request = RecordActivityTaskHeartbeatRequest(details=payloads("half"))
    answer = attempts.record_heartbeat(activity.at(now), request, target)
    activity.accept()
    return " ".join(field.name for field, _ in answer.ListFields())


def shown(activity: Activity) -> tuple[str, str]:
    """Return the status and the state as clients see them."""
    info = describe(
        activity.state, DescribeActivityExecutionRequest(), now=Instant(activity.now * SECOND)
    )
    status = ActivityExecutionStatus.Name(info.status)
    state = PendingActivityState.Name(info.run_state)
    return (
        status.removeprefix("ACTIVITY_EXECUTION_STATUS_"),
        state.removeprefix("PENDING_ACTIVITY_STATE_"),
    )


# -- pause -----------------------------------------------------------------------------------------


def test_a_paused_activity_waits_for_nobody_but_an_operator() -> None:
    activity = Activity(schedule_to_start_timeout=3, start_to_close_timeout=10)
    (task,) = activity.step.dispatches
    pause(activity, 101)
    assert (activity.status, shown(activity)) == (S.PAUSED, ("PAUSED", "PAUSED"))
    assert activity.step.released == [("queue", task.task_id)]
    assert activity.wake_at == 0
    unpause(activity, 200)
    assert activity.status is S.SCHEDULED
    assert len(activity.step.dispatches) == 1
    assert activity.wake_at == 203
    assert activity.take(201).attempt == 1


def test_the_whole_time_goes_on_while_it_is_paused() -> None:
    activity = Activity(schedule_to_close_timeout=10)
    pause(activity, 101)
    assert activity.wake_at == 110
    activity.fire(110)
    assert activity.status is S.TIMED_OUT


def test_a_worker_learns_of_a_pause_and_its_failure_is_the_last_for_now() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    pause(activity, 102)
    assert (activity.status, shown(activity)) == (S.PAUSE_REQUESTED, ("RUNNING", "PAUSE_REQUESTED"))
    assert beat(activity, 103, taken) == "activity_paused"
    assert activity.wake_at == 111
    fail(activity, 104, taken)
    assert (activity.status, activity.state.core.attempt) == (S.PAUSED, 2)
    assert not activity.step.dispatches
    unpause(activity, 104)
    assert activity.wake_at == 105, "its interval is not over"
    activity.fire(105)
    assert activity.take(106).attempt == 2


def test_a_pause_that_is_taken_back_in_time_changes_nothing() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    pause(activity, 102)
    unpause(activity, 103)
    assert (activity.status, beat(activity, 104, taken)) == (S.STARTED, "")


def test_an_attempt_that_times_out_while_a_pause_is_requested_is_followed_by_none() -> None:
    activity = Activity(start_to_close_timeout=10)
    activity.take(101)
    pause(activity, 102)
    activity.fire(111)
    assert activity.status is S.PAUSED


def test_a_final_failure_closes_whatever_was_requested() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    pause(activity, 102)
    fail(activity, 103, taken, FINAL)
    assert activity.status is S.FAILED


def test_unpausing_respects_the_start_delay_and_the_jitter() -> None:
    activity = Activity(start_delay=50, start_to_close_timeout=10)
    pause(activity, 101)
    assert activity.wake_at == 0
    unpause(activity, 102, at=105)
    assert activity.wake_at == 150
    other = Activity(start_to_close_timeout=10)
    pause(other, 101)
    unpause(other, 102, at=105)
    assert (other.wake_at, other.step.dispatches) == (105, [])


def test_a_repeated_pause_does_not_pause_again() -> None:
    activity = Activity(start_to_close_timeout=10)
    pause(activity, 101)
    pause(activity, 102)
    unpause(activity, 103)
    pause(activity, 104)
    assert activity.status is S.SCHEDULED
    pause(activity, 105, "another")
    unpause(activity, 106)
    assert activity.status is S.PAUSED, "the request to unpause was a repeated one"


# -- reset -----------------------------------------------------------------------------------------


def second_attempt(**options: int) -> Activity:
    """Return an activity whose second attempt waits, from 102 on."""
    activity = Activity(**{"start_to_close_timeout": 10, **options})
    taken = activity.take(101)
    beat(activity, 101, taken)
    fail(activity, 101, taken)
    return activity


def test_a_reset_of_what_waits_begins_at_once() -> None:
    activity = second_attempt()
    reset(activity, 101, heartbeat=True)
    core = activity.state.core
    assert (core.attempt, core.status, activity.state.heartbeat_details) == (1, S.SCHEDULED, b"")
    assert len(activity.step.dispatches) == 1
    reset(activity, 102)
    assert not activity.step.dispatches, "a repeated request"
    reset(activity, 102, "again", at=110)
    assert (activity.wake_at, activity.state.core.dispatch_task_id) == (110, 0)


def test_a_reset_lets_a_paused_activity_go_on_unless_it_is_to_stay_paused() -> None:
    activity = second_attempt()
    pause(activity, 101)
    reset(activity, 102, keep_paused=True)
    assert (activity.status, activity.state.core.attempt) == (S.PAUSED, 1)
    reset(activity, 103, "other")
    assert activity.status is S.SCHEDULED
    assert len(activity.step.dispatches) == 1


@pytest.mark.parametrize("is_by_timeout", [False, True])
def test_a_reset_of_what_a_worker_has_waits_for_its_failure(is_by_timeout: bool) -> None:
    activity = Activity(start_to_close_timeout=10)
    old = activity.take(101)
    beat(activity, 102, old)
    reset(activity, 102, heartbeat=True)
    assert (activity.status, shown(activity)) == (S.RESET_REQUESTED, ("RUNNING", "STARTED"))
    assert activity.state.heartbeat_details
    assert beat(activity, 103, old) == "activity_reset"
    if is_by_timeout:
        activity.fire(111)
    else:
        fail(activity, 111, old, FINAL)
    assert (activity.status, activity.state.core.attempt) == (S.SCHEDULED, 1)
    assert not activity.state.heartbeat_details
    new = activity.take(112)
    with pytest.raises(NotFoundError):
        fail(activity, 113, old)
    fail(activity, 113, new)
    assert activity.state.core.attempt == 2


@pytest.mark.parametrize(("keep_paused", "status"), [(True, S.PAUSED), (False, S.SCHEDULED)])
def test_a_reset_while_a_pause_is_requested(keep_paused: bool, status: ActivityStatus) -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    pause(activity, 102)
    reset(activity, 103, keep_paused=keep_paused)
    assert shown(activity)[1] == ("PAUSE_REQUESTED" if keep_paused else "STARTED")
    fail(activity, 104, taken)
    assert (activity.status, activity.state.core.attempt) == (status, 1)


def test_a_reset_brings_the_first_options_back() -> None:
    activity = Activity(start_to_close_timeout=10)
    update(activity, 101, start_to_close_timeout=DurationMessage(seconds=20))
    taken = activity.take(102)
    reset(activity, 103, restore=True)
    assert activity.wake_at == 122, "the attempt under way keeps its time"
    fail(activity, 104, taken)
    activity.take(105)
    assert activity.wake_at == 115


def test_a_cancellation_takes_precedence_over_a_reset() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    reset(activity, 102, restore=True)
    with pytest.raises(FailedPreconditionError, match="pending reset"):
        reset(activity, 102, "other")
    cancel = RequestCancelActivityExecutionRequest(request_id="c")
    client_requests.request_cancel(activity.at(103), cancel)
    activity.accept()
    with pytest.raises(FailedPreconditionError, match="pending cancellation"):
        reset(activity, 104, "other")
    fail(activity, 105, taken)
    assert activity.status is S.FAILED


# -- options ---------------------------------------------------------------------------------------


def test_other_options_queue_a_waiting_attempt_anew() -> None:
    activity = Activity(start_to_close_timeout=10)
    (task,) = activity.step.dispatches
    answer = update(
        activity, 101, task_queue=TaskQueue(name="other"), priority=Priority(priority_key=1)
    )
    assert (answer.task_queue.name, answer.priority.priority_key) == ("other", 1)
    assert duration(answer.start_to_close_timeout) == 10 * SECOND
    assert activity.step.released == [("queue", task.task_id)]
    (new,) = activity.step.dispatches
    assert (new.queue_name, new.priority) == ("other", 1)
    again = update(activity, 102, task_queue=TaskQueue(name="third"))
    assert again.task_queue.name == "other", "a repeated request"


def test_a_running_attempt_gets_other_deadlines() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    update(activity, 102, start_to_close_timeout=DurationMessage(seconds=30))
    assert activity.wake_at == 131
    fail(activity, 103, taken)
    assert activity.state.core.attempt == 2


def slower(seconds: int) -> RetryPolicy:
    return RetryPolicy(initial_interval=DurationMessage(seconds=seconds), backoff_coefficient=2)


def test_another_policy_changes_an_interval_that_has_begun() -> None:
    activity = second_attempt()
    assert activity.wake_at == 102
    update(activity, 101, retry_policy=slower(30))
    assert activity.wake_at == 131
    restore(activity, 101)
    assert activity.wake_at == 102


def test_an_interval_that_the_worker_named_stays() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    named = ApplicationFailureInfo(next_retry_delay=DurationMessage(seconds=7))
    fail(activity, 102, taken, Failure(application_failure_info=named))
    update(activity, 103, retry_policy=slower(30))
    assert activity.wake_at == 109


def test_the_start_delay_can_be_changed_until_the_first_attempt() -> None:
    activity = Activity(start_delay=50, start_to_close_timeout=10)
    update(activity, 101, start_delay=DurationMessage(seconds=20))
    assert activity.wake_at == 120
    activity.fire(120)
    with pytest.raises(FailedPreconditionError, match="already been dispatched"):
        update(activity, 121, "other", start_delay=DurationMessage(seconds=30))
    pause(activity, 121)
    update(activity, 121, "third", start_delay=DurationMessage(seconds=90))
    unpause(activity, 122)
    assert activity.wake_at == 190


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start_to_close_timeout": DurationMessage()}, "must be set on the activity"),
        ({"heartbeat_timeout": DurationMessage(seconds=-1)}, "HeartbeatTimeout"),
        ({"retry_policy": RetryPolicy(backoff_coefficient=0.5)}, "BackoffCoefficient"),
        ({"priority": Priority(priority_key=-1)}, "priorities"),
        ({"start_delay": DurationMessage(seconds=-1)}, "StartDelay"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], words: str) -> None:
    activity = Activity(start_to_close_timeout=10)
    before = activity.state
    with pytest.raises(InvalidArgumentError, match=words):
        update(activity, 101, "o", **options)
    assert activity.state == before


def test_an_activity_from_before_there_were_commands_cannot_be_restored() -> None:
    activity = Activity(start_to_close_timeout=10)
    request = type(activity.state.request)()
    activity.state = activity.state._replace(request=request)
    for command in (restore, lambda one, now: reset(one, now, restore=True)):
        with pytest.raises(InvalidArgumentError, match="cannot restore original options"):
            command(activity, 101)


# -- every status ----------------------------------------------------------------------------------


def in_status(status: ActivityStatus) -> Activity:
    """Return an activity in an open status."""
    activity = Activity(start_to_close_timeout=10, schedule_to_close_timeout=1_000)
    if status not in {S.SCHEDULED, S.PAUSED}:
        activity.take(101)
    if status in {S.PAUSED, S.PAUSE_REQUESTED}:
        pause(activity, 101)
    if status is S.RESET_REQUESTED:
        reset(activity, 101)
    if status is S.CANCEL_REQUESTED:
        cancel = RequestCancelActivityExecutionRequest(request_id="c")
        client_requests.request_cancel(activity.at(101), cancel)
        activity.accept()
    assert activity.status is status
    return activity


@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_any_open_activity_can_be_completed_by_id_terminated_and_timed_out(
    status: ActivityStatus,
) -> None:
    activity = in_status(status)
    attempts.complete(activity.at(102), RespondActivityTaskCompletedRequest(), BY_ID)
    activity.accept()
    assert activity.status is S.COMPLETED
    activity = in_status(status)
    client_requests.terminate(activity.at(102), TerminateActivityExecutionRequest(request_id="t"))
    activity.accept()
    assert activity.status is S.TERMINATED
    activity = in_status(status)
    activity.fire(1_100)
    assert activity.status is S.TIMED_OUT


Command = Callable[[Activity, int, str], object]


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (pause, {S.PAUSED, S.PAUSE_REQUESTED, S.RESET_REQUESTED, S.CANCEL_REQUESTED}),
        (unpause, {S.SCHEDULED, S.STARTED, S.RESET_REQUESTED, S.CANCEL_REQUESTED}),
        (reset, {S.RESET_REQUESTED, S.CANCEL_REQUESTED}),
        (update, {S.RESET_REQUESTED, S.CANCEL_REQUESTED}),
    ],
)
def test_a_command_that_comes_at_the_wrong_time_is_refused(
    command: Command, refused: set[ActivityStatus]
) -> None:
    for status in sorted(OPEN_STATUSES):
        activity = in_status(status)
        if status in refused:
            with pytest.raises(FailedPreconditionError):
                command(activity, 102, "new")
        else:
            command(activity, 102, "new")
    closed = in_status(S.STARTED)
    closed.fire(1_100)
    with pytest.raises(FailedPreconditionError):
        command(closed, 1_101, "new")
