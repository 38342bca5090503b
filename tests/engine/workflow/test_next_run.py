"""The next run of a chain: continue-as-new, retry, cron."""

from typing import Any

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import (
    Callback,
    Header,
    Payload,
    Priority,
    RetryPolicy,
    SearchAttributes,
    WorkflowType,
)
from temporalio.api.enums.v1 import (
    CommandType,
    ContinueAsNewInitiator,
    RetryState,
)
from temporalio.api.history.v1 import WorkflowExecutionOptionsUpdatedEventAttributes
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)

from indelible.base.ids import RunId
from indelible.base.instants import MINUTE, SECOND, duration, instant, seconds
from indelible.base.invariants import InvariantError
from indelible.base.limits import Limits
from indelible.engine.workflow.requests.pause_workflow import pause_workflow, unpause_workflow
from indelible.engine.workflow.rules.successor import NextRun, start_next_run
from indelible.engine.workflow.state import WorkflowStatus
from tests.engine.workflow.chain import (
    START,
    Chain,
    Refused,
    again,
    application_failure,
    backoff,
    command,
    complete,
    fail,
    lines,
    memo,
    payloads,
    policy,
    span,
    started,
    timer,
)

Initiator = ContinueAsNewInitiator


# -- continue-as-new -------------------------------------------------------------------------------


def test_a_run_goes_on_with_a_fresh_history() -> None:
    chain = Chain()
    chain.start(priority=Priority(priority_key=3))
    chain.at(5)
    chain.work(
        timer(),
        again(
            input=payloads("next"),
            header=Header(fields={"h": Payload(data=b"1")}),
            memo=memo(kept=b'"x"', dropped=b"null"),
            search_attributes=SearchAttributes(indexed_fields={"City": Payload(data=b'"Bern"')}),
            last_completion_result=payloads("last"),
        ),
    )
    first, second = chain.runs
    assert first.lines(since=4) == lines(
        """
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 WorkflowExecutionContinuedAsNew
        """
    )
    assert first.state.execution.status is WorkflowStatus.CONTINUED_AS_NEW
    closed = first.event("WorkflowExecutionContinuedAsNew")
    assert closed.new_execution_run_id == second.seed.run_id
    assert closed.initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_UNSPECIFIED  # As in the command.
    assert closed.workflow_task_completed_event_id == 4
    assert second.lines() == ["1 WorkflowExecutionStarted", "2 WorkflowTaskScheduled"]
    begun = started(chain)
    assert begun.initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
    (point,) = begun.prev_auto_reset_points.points
    assert (point.run_id, point.first_workflow_task_completed_id) == (first.seed.run_id, 4)
    assert point.HasField("expire_time")
    assert (begun.input, begun.header.fields["h"].data) == (payloads("next"), b"1")
    assert list(begun.memo.fields) == ["kept"]
    assert begun.search_attributes.indexed_fields["City"].data == b'"Bern"'
    assert begun.last_completion_result == payloads("last")
    assert begun.priority == Priority(priority_key=3)


def test_a_chain_knows_its_runs() -> None:
    chain = Chain()
    chain.start(workflow_execution_timeout=span(100))
    expires_at = started(chain).workflow_execution_expiration_time
    for second in (10, 20):
        chain.at(second)
        chain.work(again())
    first, second_run, third = chain.runs
    begun = started(chain)
    assert begun.first_execution_run_id == first.seed.run_id
    assert begun.continued_execution_run_id == second_run.seed.run_id
    assert begun.original_execution_run_id == third.seed.run_id
    assert begun.workflow_id == chain.workflow_id
    assert (begun.attempt, begun.initiator) == (1, Initiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW)
    assert begun.workflow_execution_expiration_time == expires_at
    assert duration(begun.workflow_execution_timeout) == seconds(100)
    assert instant(expires_at) == START + seconds(100)


def test_what_the_command_leaves_out_is_as_before() -> None:
    chain = Chain()
    chain.start(workflow_run_timeout=span(50), retry_policy=policy())
    chain.at(5)
    chain.work(again())
    begun = started(chain)
    assert (begun.workflow_type.name, begun.task_queue.name) == ("Workflow", "main")
    assert duration(begun.workflow_run_timeout) == seconds(50)
    assert duration(begun.workflow_task_timeout) == seconds(10)
    assert not begun.HasField("retry_policy")
    assert not begun.HasField("memo")


def test_what_the_command_says_counts_within_bounds() -> None:
    chain = Chain()
    chain.start(workflow_execution_timeout=span(100))
    chain.at(5)
    chain.work(
        again(
            workflow_type=WorkflowType(name="Other"),
            task_queue=TaskQueue(name="elsewhere"),
            workflow_run_timeout=span(500),
            workflow_task_timeout=span(300),
            retry_policy=RetryPolicy(maximum_attempts=3),
            cron_schedule="@hourly",
        )
    )
    begun = started(chain)
    assert (begun.workflow_type.name, begun.task_queue.name) == ("Other", "elsewhere")
    assert duration(begun.workflow_run_timeout) == seconds(100)
    assert duration(begun.workflow_task_timeout) == seconds(100)
    assert duration(begun.retry_policy.initial_interval) == SECOND
    assert begun.cron_schedule == "@hourly"
    scheduled = chain.current.event("WorkflowTaskScheduled")
    assert scheduled.task_queue.name == "elsewhere"


@pytest.mark.parametrize(
    ("worked", "asked", "expected"),
    [(0.3, 0, 0.7), (0.3, 0.2, 0.7), (0.3, 5, 5), (1, 0, 0), (60, 0, 0), (60, 2, 2)],
)
def test_runs_begin_a_second_apart(worked: float, asked: float, expected: float) -> None:
    """Trap 35."""
    chain = Chain()
    chain.start()
    chain.at(worked)
    chain.work(again(backoff_start_interval=span(asked)))
    assert backoff(chain) == expected
    assert chain.is_task_pending() == (expected == 0)
    if expected:
        chain.wake()
        assert chain.now == START + seconds(worked + expected)
        assert chain.current.lines() == ["1 WorkflowExecutionStarted", "2 WorkflowTaskScheduled"]


def test_the_pace_counts_from_when_a_run_began_to_work() -> None:
    chain = Chain()
    chain.start()
    chain.work(again())
    chain.wake()
    chain.work(again())
    assert backoff(chain) == 1


def test_a_retry_asked_for_by_the_command_counts_on() -> None:
    chain = Chain()
    chain.start()
    chain.at(5)
    retry = Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    chain.work(again(initiator=retry, failure=application_failure()))
    assert (started(chain).attempt, started(chain).initiator) == (2, retry)
    assert started(chain).continued_failure == application_failure()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            Command(command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION),
            "ContinueAsNewWorkflowExecutionCommandAttributes is not set",
        ),
        (again(workflow_type=WorkflowType(name="x" * 1_001)), "WorkflowType on .* Length=1001"),
        (again(task_queue=TaskQueue(name="/_sys/mine")), "reserved prefix"),
        (again(workflow_run_timeout=span(-1)), "Invalid WorkflowRunTimeout .*: negative duration"),
        (again(workflow_task_timeout=span(-1)), "Invalid WorkflowTaskTimeout"),
        (again(backoff_start_interval=span(-1)), "Invalid BackoffStartInterval"),
        (again(retry_policy=RetryPolicy(backoff_coefficient=0.5)), "invalid WorkflowRetryPolicy"),
    ],
)
def test_a_bad_command(given: Command, message: str) -> None:
    chain = Chain()
    chain.start()
    chain.poll()
    with pytest.raises(Refused, match=f"^BadContinueAsNewAttributes: .*{message}"):
        chain.respond(given)
    assert len(chain.runs) == 1


def test_a_search_attribute_that_does_not_exist() -> None:
    chain = Chain()
    chain.start()
    chain.refused_attribute = "City"
    chain.poll()
    attributes = SearchAttributes(indexed_fields={"City": Payload(data=b"1")})
    with pytest.raises(Refused, match=r"^BadSearchAttributes: .*City is not defined"):
        chain.respond(again(search_attributes=attributes))


@pytest.mark.parametrize(
    ("attributes", "what"),
    [({"input": payloads("x" * 100)}, "Input"), ({"memo": memo(m=b"x" * 100)}, "Memo")],
)
def test_too_much_for_the_next_run_ends_the_chain(attributes: dict[str, Any], what: str) -> None:
    chain = Chain(Limits(blob_bytes_max=50, memo_bytes_max=50))
    chain.start()
    chain.poll()
    with pytest.raises(Refused, match=f"{what} exceeds size limit"):
        chain.respond(again(**attributes))
    assert chain.current.state.execution.status is WorkflowStatus.TERMINATED


# -- retry -----------------------------------------------------------------------------------------


def test_a_failed_run_is_retried_as_it_was_started() -> None:
    """Trap 34: what was upserted since is lost."""
    chain = Chain()
    chain.start(
        retry_policy=policy(),
        input=payloads("in"),
        header=Header(fields={"h": Payload(data=b"1")}),
        memo=memo(m=b"1"),
        search_attributes=SearchAttributes(indexed_fields={"A": Payload(data=b"1")}),
        workflow_run_timeout=span(100),
        cron_schedule="@hourly",
    )
    chain.at(5)
    upsert = command("modify_workflow_properties", upserted_memo=memo(m=b"2"))
    chain.work(upsert, fail(application_failure("first")))
    first, second = chain.runs
    failed = first.event("WorkflowExecutionFailed")
    assert failed.retry_state == RetryState.RETRY_STATE_IN_PROGRESS
    assert failed.new_execution_run_id == second.seed.run_id
    assert second.lines() == ["1 WorkflowExecutionStarted"]
    begun = started(chain)
    assert (begun.attempt, begun.initiator) == (2, Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY)
    assert begun.continued_failure == application_failure("first")
    assert (begun.input, begun.memo, begun.header.fields["h"].data) == (
        payloads("in"),
        memo(m=b"1"),
        b"1",
    )
    assert begun.search_attributes.indexed_fields["A"].data == b"1"
    assert duration(begun.workflow_run_timeout) == seconds(100)
    assert begun.retry_policy == policy()
    assert begun.cron_schedule == "@hourly"
    assert begun.first_execution_run_id == first.seed.run_id
    assert begun.identity == ""
    assert backoff(chain) == 2
    assert second.state.execution.run_expires_at == START + seconds(5 + 2 + 100)
    chain.wake()
    assert chain.now == START + seconds(7)
    assert second.lines(since=2) == ["2 WorkflowTaskScheduled"]


def test_intervals_grow_until_the_attempts_are_exhausted() -> None:
    chain = Chain()
    chain.start(retry_policy=policy(maximum_attempts=3))
    waits: list[float] = []
    for attempt in (1, 2):
        chain.at(attempt * 100)
        if chain.current.state.execution.is_in_backoff:
            chain.fire()
        chain.work(fail())
        waits.append(backoff(chain))
    assert waits == [2, 4]
    chain.wake()
    chain.work(fail())
    assert len(chain.runs) == 3
    failed = chain.current.event("WorkflowExecutionFailed")
    assert failed.retry_state == RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    assert failed.new_execution_run_id == ""


@pytest.mark.parametrize(
    ("options", "failure", "expected"),
    [
        ({}, application_failure(), RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET),
        (
            {"retry_policy": policy()},
            application_failure(non_retryable=True),
            RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
        ),
        (
            {"retry_policy": policy(non_retryable_error_types=["Fatal"])},
            application_failure(type="Fatal"),
            RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
        ),
        (
            {"retry_policy": policy(), "workflow_execution_timeout": span(6)},
            application_failure(),
            RetryState.RETRY_STATE_TIMEOUT,
        ),
        (
            {"retry_policy": policy(), "workflow_execution_timeout": span(7)},
            application_failure(),
            RetryState.RETRY_STATE_IN_PROGRESS,
        ),
    ],
)
def test_whether_a_failed_run_is_retried(options: Any, failure: Any, expected: Any) -> None:
    chain = Chain()
    chain.start(**options)
    chain.at(5)
    chain.work(fail(failure))
    first = chain.runs[0]
    assert first.event("WorkflowExecutionFailed").retry_state == expected
    assert (len(chain.runs) == 2) == (expected == RetryState.RETRY_STATE_IN_PROGRESS)


@pytest.mark.parametrize(("asked", "expected"), [(7, 7), (900, 200)])
def test_a_failure_may_name_its_interval(asked: float, expected: float) -> None:
    chain = Chain()
    chain.start(retry_policy=policy())
    chain.at(5)
    chain.work(fail(application_failure(next_retry_delay=span(asked))))
    assert backoff(chain) == expected


def test_a_quick_retry_is_paced_too() -> None:
    chain = Chain()
    chain.start(retry_policy=policy(initial_interval=span(0.1)))
    chain.work(fail())
    assert backoff(chain) == 1


# -- cron ------------------------------------------------------------------------------------------


def test_a_completed_run_is_followed_by_that_of_the_next_tick() -> None:
    chain = Chain()
    chain.start(cron_schedule="*/10 * * * *", backoff=10 * MINUTE, input=payloads("in"))
    chain.wake()
    chain.at(12 * 60 + 0.5)
    chain.work(complete("one"))
    first, second = chain.runs
    completed = first.event("WorkflowExecutionCompleted")
    assert completed.new_execution_run_id == second.seed.run_id
    begun = started(chain)
    cron = Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    assert (begun.attempt, begun.initiator) == (1, cron)
    assert (begun.last_completion_result, begun.input) == (payloads("one"), payloads("in"))
    assert not begun.HasField("continued_failure")
    assert backoff(chain) == 8 * 60
    chain.wake()
    assert chain.now == START + seconds(20 * 60 + 0.5)


def test_missed_ticks_are_skipped() -> None:
    """Trap 36."""
    chain = Chain()
    chain.start(cron_schedule="*/10 * * * *", backoff=10 * MINUTE)
    chain.wake()
    chain.at(47 * 60)
    chain.work(complete())
    assert backoff(chain) == 3 * 60


def test_a_result_survives_failures() -> None:
    """Trap 36."""
    chain = Chain()
    chain.start(cron_schedule="@hourly")
    chain.work(complete("good"))
    for _ in range(2):
        chain.wake()
        chain.work(fail(application_failure("bad")))
    begun = started(chain)
    assert begun.last_completion_result == payloads("good")
    assert begun.continued_failure == application_failure("bad")
    chain.wake()
    chain.work(complete("better"))
    assert started(chain).last_completion_result == payloads("better")
    assert not started(chain).HasField("continued_failure")


def test_retries_come_before_the_next_tick() -> None:
    chain = Chain()
    chain.start(cron_schedule="@hourly", retry_policy=policy(maximum_attempts=2))
    chain.at(5)
    chain.work(fail())
    assert started(chain).initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    chain.wake()
    chain.work(fail())
    failed = chain.runs[1].event("WorkflowExecutionFailed")
    assert failed.retry_state == RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    assert failed.new_execution_run_id == chain.runs[2].seed.run_id
    begun = started(chain)
    cron = Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    assert (begun.attempt, begun.initiator) == (1, cron)
    assert backoff(chain) == 3600 - 7


@pytest.mark.parametrize("end", ["cancel", "terminate"])
def test_who_stops_a_cron_workflow_stops_it_for_good(end: str) -> None:
    chain = Chain()
    chain.start(cron_schedule="@hourly")
    if end == "cancel":
        chain.work(command("cancel_workflow_execution"))
    else:
        chain.terminate()
    assert len(chain.runs) == 1
    assert not chain.current.state.execution.is_open


# -- what the start event is for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiator", "is_carried"),
    [
        (Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY, True),
        (Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE, False),
    ],
)
def test_callbacks_follow_retries_and_not_cron_ticks(initiator: Any, is_carried: bool) -> None:
    chain = Chain()
    chain.start()
    step = chain._begin(chain.current, 1)
    callback = Callback(nexus=Callback.Nexus(url="temporal://x"))
    step.emit(
        WorkflowExecutionOptionsUpdatedEventAttributes(attached_completion_callbacks=[callback])
    )
    next_run = NextRun(run_id=RunId("next"), initiator=initiator, backoff=SECOND)
    start_next_run(step, next_run, started(chain))
    assert step.successor is not None
    begun = step.successor.events[0].workflow_execution_started_event_attributes
    assert bool(begun.completion_callbacks) == is_carried


def test_a_run_is_not_repeated_without_its_start_event() -> None:
    chain = Chain()
    chain.start()
    step = chain._begin(chain.current, 1)
    retry = Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY
    next_run = NextRun(run_id=RunId("next"), initiator=retry, backoff=SECOND)
    with pytest.raises(InvariantError):
        start_next_run(step, next_run, None)


def test_a_pause_outlasts_the_wait_before_the_first_task() -> None:
    """Found by the simulation: the wait ended while the run was paused, again and again."""
    chain = Chain()
    chain.start(backoff=5 * SECOND)
    chain.take(lambda step: pause_workflow(step, PauseWorkflowExecutionRequest()))
    assert chain.current.timers.earliest(chain.current.state) is None
    chain.at(9)
    chain.take(lambda step: unpause_workflow(step, UnpauseWorkflowExecutionRequest()))
    assert chain.current.lines() == [
        "1 WorkflowExecutionStarted",
        "2 WorkflowExecutionPaused",
        "3 WorkflowExecutionUnpaused",
        "4 WorkflowTaskScheduled",
    ]
