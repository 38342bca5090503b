"""The life of a standalone activity: what each request and each deadline makes of it."""

from typing import Final

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import (
    ActivityIdConflictPolicy,
    ActivityIdReusePolicy,
    RetryState,
    TimeoutType,
)
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    DescribeActivityExecutionRequest,
    RecordActivityTaskHeartbeatRequest,
    RequestCancelActivityExecutionRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    TerminateActivityExecutionRequest,
)

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from indelible.base.id_policies import IdDecision
from indelible.base.instants import HOUR, SECOND, Instant
from indelible.base.limits import Limits
from indelible.engine.activity import attempts, client_requests
from indelible.engine.activity.deadlines import is_expired
from indelible.engine.activity.description import activity_task, describe, outcome
from indelible.engine.activity.starting import (
    attach,
    decide_on_id,
)
from indelible.engine.activity.state import ACTIVITY_TRANSITIONS, OPEN_STATUSES, ActivityStatus
from tests.engine.activity.an_activity import BY_ID, RUN, Activity, failed, payloads, request, token


def test_the_table_of_life_leads_from_open_statuses_alone() -> None:
    assert {status for status, _ in ACTIVITY_TRANSITIONS} == OPEN_STATUSES
    assert set(ACTIVITY_TRANSITIONS.values()) == set(ActivityStatus)


def test_an_activity_is_dispatched_taken_and_completed() -> None:
    activity = Activity(schedule_to_close_timeout=10)
    (task,) = activity.step.dispatches
    assert (task.queue_name, activity.state.core.dispatch_task_id) == ("queue", task.task_id)
    activity.take(101)
    assert activity.step.released == [("queue", task.task_id)]
    response = RespondActivityTaskCompletedRequest(result=payloads("r"), identity="worker")
    attempts.complete(activity.at(103), response, token())
    activity.accept()
    assert activity.status is ActivityStatus.COMPLETED
    ended = outcome(activity.state)
    assert ended is not None
    assert ended.result == payloads("r")
    assert activity.wake_at == 103 + HOUR / SECOND
    assert not is_expired(activity.state, Instant(104 * SECOND))
    assert is_expired(activity.state, Instant(103 * SECOND + HOUR))


def test_a_start_delay_shifts_every_clock() -> None:
    activity = Activity(start_delay=5, schedule_to_start_timeout=3, start_to_close_timeout=4)
    assert not activity.step.dispatches
    assert activity.wake_at == 105
    described = describe(
        activity.state, DescribeActivityExecutionRequest(), now=Instant(100 * SECOND)
    )
    assert described.next_attempt_schedule_time.seconds == 105
    assert not described.HasField("current_retry_interval")
    activity.fire(105)
    assert len(activity.step.dispatches) == 1
    assert activity.wake_at == 108
    activity.fire(108)
    assert activity.status is ActivityStatus.TIMED_OUT
    assert (
        activity.failure.timeout_failure_info.timeout_type
        == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    )


def test_a_failed_attempt_is_told_with_its_sdk_and_no_more_of_the_failure_than_is_allowed() -> None:
    activity = Activity(Limits(last_failure_bytes_max=3), start_to_close_timeout=10)
    first = activity.take(101)
    attempts.fail(activity.at(102), failed(), first)
    activity.accept()
    asked = DescribeActivityExecutionRequest(include_last_failure=True)
    described = describe(activity.state, asked, now=Instant(102 * SECOND))
    assert described.last_failure.message == "Failure exceeds size limit."
    assert (described.sdk_name, described.sdk_version) == ("sdk", "1.0")


def test_a_failed_attempt_is_tried_again_after_its_interval() -> None:
    activity = Activity(start_to_close_timeout=10)
    first = activity.take(101)
    attempts.fail(activity.at(102), failed(), first)
    activity.accept()
    assert (activity.status, activity.state.core.attempt) == (ActivityStatus.SCHEDULED, 2)
    assert activity.wake_at == 103
    asked = DescribeActivityExecutionRequest(include_last_failure=True)
    described = describe(activity.state, asked, now=Instant(102 * SECOND))
    assert described.last_failure.message == "boom"
    assert described.current_retry_interval.seconds == 1
    activity.fire(103)
    second = activity.take(104)
    assert second.attempt == 2
    with pytest.raises(NotFoundError):
        attempts.fail(activity.at(105), failed(), first)
    attempts.fail(activity.at(105), failed(), second)
    activity.accept()
    assert activity.wake_at == 107


@pytest.mark.parametrize(
    ("failure", "retry_state"),
    [
        (
            Failure(
                message="no", application_failure_info=ApplicationFailureInfo(non_retryable=True)
            ),
            RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
        ),
        (
            Failure(
                message="later",
                application_failure_info=ApplicationFailureInfo(
                    next_retry_delay=DurationMessage(seconds=60)
                ),
            ),
            RetryState.RETRY_STATE_TIMEOUT,
        ),
    ],
)
def test_a_failure_that_permits_no_other_attempt_closes(failure: Failure, retry_state: int) -> None:
    activity = Activity(schedule_to_close_timeout=10)
    taken = activity.take(101)
    attempts.fail(activity.at(102), failed(failure), taken)
    activity.accept()
    assert (activity.status, activity.retry_state) == (ActivityStatus.FAILED, retry_state)
    assert activity.failure == failure


def test_a_failure_without_details_still_is_an_outcome() -> None:
    activity = Activity(start_to_close_timeout=10)
    taken = activity.take(101)
    client_requests.request_cancel(
        activity.at(101), RequestCancelActivityExecutionRequest(request_id="c")
    )
    activity.accept()
    attempts.fail(activity.at(102), RespondActivityTaskFailedRequest(), taken)
    activity.accept()
    assert activity.failure.message == "activity task failed without failure details"
    assert activity.retry_state == RetryState.RETRY_STATE_CANCEL_REQUESTED


def test_heartbeats_postpone_the_timeout_and_their_details_go_to_the_next_attempt() -> None:
    activity = Activity(start_to_close_timeout=100, heartbeat_timeout=5)
    taken = activity.take(101)
    assert activity.wake_at == 106
    beat = RecordActivityTaskHeartbeatRequest(details=payloads("half"))
    answer = attempts.record_heartbeat(activity.at(104), beat, taken)
    activity.accept()
    assert not answer.cancel_requested
    assert activity.wake_at == 109
    activity.fire(109)
    assert activity.status is ActivityStatus.SCHEDULED
    activity.fire(110)
    activity.take(110)
    told = activity_task(activity.state, "default")
    assert told.heartbeat_details == payloads("half")
    assert (told.attempt, told.activity_run_id, told.workflow_execution.workflow_id) == (2, RUN, "")


def test_no_time_for_another_attempt_is_told_as_such() -> None:
    activity = Activity(schedule_to_close_timeout=3, start_to_close_timeout=2)
    activity.take(101)
    activity.fire(103)
    assert activity.status is ActivityStatus.TIMED_OUT
    assert activity.failure.message.startswith("Not enough time to schedule next retry")
    timeout_type = activity.failure.timeout_failure_info.timeout_type
    assert timeout_type == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE


def test_the_overall_timeout_closes_whoever_has_the_activity() -> None:
    activity = Activity(schedule_to_close_timeout=3)
    activity.take(101)
    activity.fire(103)
    assert activity.failure.message == "activity ScheduleToClose timeout"
    assert activity.retry_state == RetryState.RETRY_STATE_TIMEOUT
    with pytest.raises(NotFoundError):
        attempts.complete(activity.at(104), RespondActivityTaskCompletedRequest(), token())


def test_nobody_has_it_so_a_cancellation_is_done_at_once() -> None:
    activity = Activity(start_to_close_timeout=3)
    cancel = RequestCancelActivityExecutionRequest(request_id="c", reason="why")
    client_requests.request_cancel(activity.at(101), cancel)
    activity.accept()
    assert activity.status is ActivityStatus.CANCELED
    assert activity.step.released
    details = activity.failure.canceled_failure_info.details.payloads
    assert details[0].data == b'"why"'
    client_requests.request_cancel(activity.at(102), cancel)
    cancel.request_id = "other"
    with pytest.raises(FailedPreconditionError, match="terminal state Canceled"):
        client_requests.request_cancel(activity.at(102), cancel)


def test_a_worker_is_asked_to_stop_and_may_do_so() -> None:
    activity = Activity(start_to_close_timeout=30)
    taken = activity.take(101)
    stopped = RespondActivityTaskCanceledRequest(details=payloads("d"))
    with pytest.raises(InvalidArgumentError, match="without activity being request canceled"):
        attempts.report_canceled(activity.at(102), stopped, taken)
    client_requests.request_cancel(
        activity.at(102), RequestCancelActivityExecutionRequest(request_id="c", identity="me")
    )
    activity.accept()
    with pytest.raises(FailedPreconditionError, match="already requested with request ID c"):
        client_requests.request_cancel(
            activity.at(102), RequestCancelActivityExecutionRequest(request_id="other")
        )
    beat = attempts.record_heartbeat(activity.at(103), RecordActivityTaskHeartbeatRequest(), taken)
    activity.accept()
    assert beat.cancel_requested
    attempts.report_canceled(activity.at(104), stopped, taken)
    activity.accept()
    assert activity.status is ActivityStatus.CANCELED
    assert activity.failure.canceled_failure_info.details == payloads("d")
    assert activity.failure.canceled_failure_info.identity == "me"


def test_termination_is_final_and_repeatable_by_its_own_request() -> None:
    activity = Activity(start_to_close_timeout=30)
    activity.take(101)
    request_ = TerminateActivityExecutionRequest(request_id="t", reason="why", identity="me")
    client_requests.terminate(activity.at(102), request_)
    activity.accept()
    assert activity.status is ActivityStatus.TERMINATED
    assert activity.failure.message == "why"
    assert activity.failure.terminated_failure_info.identity == "me"
    client_requests.terminate(activity.at(103), request_)
    with pytest.raises(FailedPreconditionError, match="already terminated with request ID t"):
        client_requests.terminate(
            activity.at(103), TerminateActivityExecutionRequest(request_id="u")
        )


def test_by_id_an_activity_can_be_completed_that_no_worker_has() -> None:
    activity = Activity(start_to_close_timeout=30)
    with pytest.raises(NotFoundError):
        attempts.fail(activity.at(101), failed(), BY_ID)
    attempts.complete(activity.at(101), RespondActivityTaskCompletedRequest(), BY_ID)
    activity.accept()
    assert activity.status is ActivityStatus.COMPLETED
    assert activity.step.released
    assert activity.state.core.last_started_at == 101 * SECOND


def test_a_delivery_is_repeated_only_by_its_own_request_id() -> None:
    activity = Activity(start_to_close_timeout=30)
    task = activity.step.dispatches[0]
    activity.take(101, "d")
    for request_id, is_given in (("d", True), ("e", False), ("", False)):
        step = activity.at(102)
        before = step.state
        found = attempts.start_attempt(
            step, task, identity="w", request_id=request_id, sdk_name="", sdk_version=""
        )
        assert (found, step.state) == (is_given, before)


def test_the_task_of_an_earlier_attempt_is_obsolete() -> None:
    activity = Activity(start_to_close_timeout=30)
    first = activity.step.dispatches[0]
    taken = activity.take(101)
    attempts.fail(activity.at(102), failed(), taken)
    activity.accept()
    activity.fire(103)
    assert not attempts.start_attempt(
        activity.at(104), first, identity="w", request_id="r", sdk_name="", sdk_version=""
    )


_FAIL: Final = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_FAIL
_USE: Final = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
_ANY: Final = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE
_AFTER_FAILURE: Final = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
_NEVER: Final = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE


@pytest.mark.parametrize(
    ("end", "reuse", "conflict", "decision"),
    [
        ("", _ANY, _FAIL, None),
        ("", _NEVER, _USE, IdDecision.USE_EXISTING),
        ("complete", _ANY, _FAIL, IdDecision.CREATE),
        ("complete", _AFTER_FAILURE, _USE, None),
        ("complete", _NEVER, _USE, None),
        ("terminate", _AFTER_FAILURE, _FAIL, IdDecision.CREATE),
        ("terminate", _NEVER, _FAIL, None),
    ],
)
def test_policies_decide_about_an_id_in_use(
    end: str,
    reuse: ActivityIdReusePolicy.ValueType,
    conflict: ActivityIdConflictPolicy.ValueType,
    decision: IdDecision | None,
) -> None:
    activity = Activity(start_to_close_timeout=30)
    if end == "complete":
        attempts.complete(activity.at(101), RespondActivityTaskCompletedRequest(), BY_ID)
    elif end:
        client_requests.end(activity.at(101), reason="", identity="", request_id="t")
    activity.accept()
    again = request(start_to_close_timeout=30)
    again.id_reuse_policy, again.id_conflict_policy = reuse, conflict
    assert decide_on_id(activity.state, again) is IdDecision.REPEAT
    again.request_id = "other"
    if decision is not None:
        assert decide_on_id(activity.state, again) is decision
        return
    with pytest.raises(AlreadyExistsError) as refusal:
        decide_on_id(activity.state, again)
    assert "run" in str(refusal.value.details[0])


def test_links_of_another_start_are_added_once() -> None:
    activity = Activity(start_to_close_timeout=30)
    other = request(start_to_close_timeout=30)
    other.links.append(Link(activity=Link.Activity(namespace="n", activity_id="b", run_id="r")))
    attach(activity.at(101), other)
    activity.accept()
    assert not activity.state.request.links, "it did not ask for that"
    other.on_conflict_options.attach_links = True
    for _ in range(2):
        attach(activity.at(101), other)
        activity.accept()
    assert len(activity.state.request.links) == 1
