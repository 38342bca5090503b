"""Runs that take too long, and what the runs of a chain owe their families."""

from typing import Any

import pytest
from msgspec.structs import replace
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import (
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import (
    ContinueAsNewInitiator,
    ParentClosePolicy,
    RetryState,
    TimeoutType,
    WorkflowTaskFailedCause,
)

from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import SECOND, seconds
from indelible.engine.workflow.expirations.backoff import fire_backoff
from indelible.engine.workflow.expirations.execution_timeout import fire_execution_timeout
from indelible.engine.workflow.expirations.run_timeout import fire_run_timeout
from indelible.engine.workflow.expirations.workflow_task import fire_workflow_task_timeout
from indelible.engine.workflow.requests.record_child_started import record_child_started
from indelible.engine.workflow.requests.start_workflow import Parentage
from indelible.engine.workflow.state import ChildRecord, WorkflowStatus
from indelible.engine.workflow.tasks import ApplyParentClosePolicy, ReportToParent
from tests.engine.workflow.chain import (
    START,
    Chain,
    again,
    backoff,
    command,
    complete,
    fail,
    lines,
    payloads,
    policy,
    span,
    started,
)

Initiator = ContinueAsNewInitiator


# -- timeouts --------------------------------------------------------------------------------------


def test_a_run_times_out() -> None:
    chain = Chain()
    chain.start(workflow_run_timeout=span(30), backoff=5 * SECOND)
    chain.wake()
    chain.at(29)
    chain.poll()
    chain.at(34.9)
    assert not chain.fire()
    chain.at(35)
    assert chain.fire()
    assert chain.current.lines(since=4) == ["4 WorkflowTaskFailed", "5 WorkflowExecutionTimedOut"]
    cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
    assert chain.current.event("WorkflowTaskFailed").cause == cause
    closed = chain.current.event("WorkflowExecutionTimedOut")
    assert closed.retry_state == RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET
    assert chain.current.state.execution.status is WorkflowStatus.TIMED_OUT


def test_a_scheduled_task_is_dropped_without_an_event() -> None:
    """Trap 18."""
    chain = Chain()
    chain.start(workflow_run_timeout=span(30))
    chain.wake()
    assert chain.current.lines(since=3) == ["3 WorkflowExecutionTimedOut"]
    assert not chain.current.queued


def test_a_run_that_times_out_is_retried() -> None:
    chain = Chain()
    chain.start(workflow_run_timeout=span(30), retry_policy=policy())
    chain.wake()
    first, second = chain.runs
    closed = first.event("WorkflowExecutionTimedOut")
    assert closed.retry_state == RetryState.RETRY_STATE_IN_PROGRESS
    assert closed.new_execution_run_id == second.seed.run_id
    failure = started(chain).continued_failure
    assert failure.message == "workflow timeout"
    timeout_type = failure.timeout_failure_info.timeout_type
    assert timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    assert (started(chain).attempt, backoff(chain)) == (2, 2)


def test_a_timeout_may_be_excluded_from_retries() -> None:
    chain = Chain()
    excluded = policy(non_retryable_error_types=["TemporalTimeout:StartToClose"])
    chain.start(workflow_run_timeout=span(30), retry_policy=excluded)
    chain.wake()
    closed = chain.current.event("WorkflowExecutionTimedOut")
    assert closed.retry_state == RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE


def test_a_cron_run_that_times_out_is_followed_by_the_next_tick() -> None:
    chain = Chain()
    chain.start(workflow_run_timeout=span(30), cron_schedule="@hourly")
    chain.work(complete("good"))
    chain.wake()
    chain.wake()
    begun = started(chain)
    assert begun.initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    assert begun.last_completion_result == payloads("good")
    assert begun.continued_failure.HasField("timeout_failure_info")
    assert backoff(chain) == 3600 - 30


def test_a_chain_times_out_for_good() -> None:
    chain = Chain()
    chain.start(workflow_execution_timeout=span(30), retry_policy=policy(), cron_schedule="@hourly")
    chain.at(5)
    chain.work(fail())
    chain.wake()
    chain.wake()
    assert chain.now == START + seconds(30)
    assert len(chain.runs) == 2
    assert chain.current.lines(since=2) == [
        "2 WorkflowTaskScheduled",
        "3 WorkflowExecutionTimedOut",
    ]
    closed = chain.current.event("WorkflowExecutionTimedOut")
    assert closed.retry_state == RetryState.RETRY_STATE_TIMEOUT
    assert chain.current.state.execution.status is WorkflowStatus.TIMED_OUT


def test_what_cuts_a_backoff_short_leaves_nothing_to_fire() -> None:
    """Trap 9."""
    chain = Chain()
    chain.start(backoff=30 * SECOND)
    chain.signal()
    assert not chain.is_task_pending()
    chain.cancel()
    assert chain.current.lines(since=2) == lines(
        """
        2 WorkflowExecutionSignaled
        3 WorkflowExecutionCancelRequested
        4 WorkflowTaskScheduled
        """
    )
    chain.at(30)
    assert not chain.fire()


# -- families --------------------------------------------------------------------------------------


def family() -> Parentage:
    return Parentage(
        namespace_id=NamespaceId("parent-ns-id"),
        namespace_name="parent-ns",
        workflow_id=WorkflowId("parent"),
        run_id=RunId("parent-run"),
        initiated_event_id=EventId(5),
        root=WorkflowExecution(workflow_id="root", run_id="root-run"),
    )


@pytest.mark.parametrize("ending", [again(), fail()])
def test_the_next_run_has_the_same_parent_and_only_the_last_one_reports(ending: Command) -> None:
    chain = Chain()
    chain.start(parentage=family(), retry_policy=policy(maximum_attempts=2))
    chain.cancel()
    chain.at(5)
    chain.work(ending)
    assert chain.runs[0].transfers == []
    begun = started(chain)
    assert begun.parent_workflow_namespace_id == "parent-ns-id"
    assert begun.parent_workflow_namespace == "parent-ns"
    assert begun.parent_workflow_execution.run_id == "parent-run"
    assert begun.parent_initiated_event_id == 5
    assert begun.root_workflow_execution.run_id == "root-run"
    if chain.current.state.execution.is_in_backoff:
        chain.wake()
    chain.work(complete())
    assert [type(task) for task in chain.current.transfers] == [ReportToParent]


@pytest.mark.parametrize("ending", [again(), fail(), complete()])
def test_the_children_of_every_run_are_closed_with_it(ending: Command) -> None:
    """Trap 31."""
    chain = Chain()
    chain.start(retry_policy=policy(), cron_schedule="@hourly")
    closing = ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL
    abandoning = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    chain.work(
        *(
            command(
                "start_child_workflow_execution",
                workflow_id=name,
                workflow_type=WorkflowType(name="Child"),
                parent_close_policy=close_policy,
            )
            for name, close_policy in (
                ("one", closing),
                ("two", abandoning),
                ("unstarted", closing),
                ("unstarted too", abandoning),
            )
        )
    )
    parent = chain.current
    for event_id in (5, 6):
        initiated = parent.history[event_id - 1]
        chain.take(
            lambda step, event=initiated: record_child_started(
                step, event, RunId(f"run of {event.event_id}")
            )
        )
    parent.transfers.clear()
    chain.work(ending)
    assert len(chain.runs) == 2
    told = [task for task in parent.transfers if isinstance(task, ApplyParentClosePolicy)]
    assert [(task.workflow_id, task.first_run_id, task.policy) for task in told] == [
        ("one", "run of 5", closing)
    ]
    assert parent.transfers == told
    assert isinstance(parent.state.children[5], ChildRecord)


# -- before its time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fire",
    [
        fire_backoff,
        fire_workflow_task_timeout,
        fire_execution_timeout,
        lambda step: fire_run_timeout(step, None),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
def test_a_deadline_that_has_not_come_changes_nothing(fire: Any, is_open: bool) -> None:
    chain = Chain()
    chain.start(
        workflow_run_timeout=span(30), workflow_execution_timeout=span(60), backoff=5 * SECOND
    )
    if not is_open:
        chain.terminate()
        chain.at(1_000)
    before = chain.current.lines()
    chain.take(fire)
    assert chain.current.lines() == before


def test_a_started_task_in_time_is_left_alone() -> None:
    chain = Chain()
    chain.start()
    chain.take(fire_workflow_task_timeout)
    chain.poll()
    chain.at(9)
    chain.take(fire_workflow_task_timeout)
    assert chain.pending_task().is_started


def test_a_run_that_times_out_with_its_chain_is_not_retried() -> None:
    chain = Chain()
    chain.start(workflow_run_timeout=span(30), retry_policy=policy())
    chain.at(30)
    expired = chain.current.state.execution
    chain.current.state.execution = replace(expired, execution_expires_at=chain.now)
    start_event = started(chain)
    step = chain._begin(chain.current, 1)
    fire_run_timeout(step, start_event)
    closed = step.events[-1].workflow_execution_timed_out_event_attributes
    assert closed.retry_state == RetryState.RETRY_STATE_TIMEOUT
    assert step.successor is None


def test_a_schedule_without_another_tick_ends_the_chain() -> None:
    chain = Chain()
    chain.start(cron_schedule="0 0 30 2 *")
    chain.work(complete())
    assert len(chain.runs) == 1
    assert chain.current.event("WorkflowExecutionCompleted").new_execution_run_id == ""
