"""Workflow rules: when they are asked, and what they do (semantics 15.2)."""

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.rules.v1 import WorkflowRule, WorkflowRuleSpec
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    RespondActivityTaskFailedRequest,
    UnpauseActivityRequest,
)

from indelible.base.errors import NotFoundError
from indelible.base.instants import Instant, duration_message, seconds, timestamp
from indelible.engine.workflow.description import describe_workflow
from indelible.engine.workflow.requests.pause_activity import unpause_activity
from indelible.engine.workflow.requests.respond_activity_task_failed import (
    respond_activity_task_failed,
)
from indelible.engine.workflow.requests.trigger_workflow_rule import trigger_workflow_rule
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from indelible.services.workflow_rules import compile_rule
from tests.engine.workflow.run import Run, at_second

SCHEDULED = 5


def rule(
    predicate: str = "ActivityType = 'Work'",
    *,
    query: str = "",
    rule_id: str = "hold",
    expires_at: Instant | None = None,
) -> WorkflowRule:
    spec = WorkflowRuleSpec(id=rule_id, visibility_query=query)
    spec.activity_start.predicate = predicate
    spec.actions.add().activity_pause.SetInParent()
    if expires_at is not None:
        spec.expiration_time.CopyFrom(timestamp(expires_at))
    return WorkflowRule(spec=spec, created_by_identity="operator", description="look first")


def working(*rules: WorkflowRule, **fields: Any) -> Run:
    """A run with one activity, event 5, and the rules of its namespace."""
    run = Run()
    run.start()
    run.start_task()
    run.workflow_rules = [compile_rule(one) for one in rules]
    scheduled = ScheduleActivityTaskCommandAttributes(
        activity_id="it",
        activity_type=ActivityType(name="Work"),
        task_queue=TaskQueue(name="main"),
        start_to_close_timeout=duration_message(seconds(10)),
        **fields,
    )
    run.complete_task(
        [
            Command(
                command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
                schedule_activity_task_command_attributes=scheduled,
            )
        ]
    )
    return run


def activity(run: Run) -> ActivityRecord:
    return run.state.activities[SCHEDULED]


def poll(run: Run) -> ActivityRecord | None:
    return run.poll([t for t in run.dispatched if isinstance(t, ActivityTaskDispatch)][-1])


def fail(run: Run, *, non_retryable: bool = False) -> None:
    info = ApplicationFailureInfo(type="No", non_retryable=non_retryable)
    request = RespondActivityTaskFailedRequest(
        failure=Failure(message="card declined", application_failure_info=info)
    )
    token = run.token(activity(run))
    run.take(lambda step: respond_activity_task_failed(step, request, token))


def unpause(run: Run) -> None:
    run.take(lambda step: unpause_activity(step, UnpauseActivityRequest(id="it")))


def test_an_activity_is_paused_when_a_worker_is_about_to_get_it() -> None:
    run = working(rule())
    assert activity(run).pause is None
    assert poll(run) is None
    assert not run.queued
    told = describe_workflow(run.state, run.now).pending_activities[0]
    assert told.paused
    assert told.pause_info.WhichOneof("paused_by") == "rule"
    paused_by = told.pause_info.rule
    assert (paused_by.rule_id, paused_by.identity, paused_by.reason) == (
        "hold",
        "operator",
        "look first",
    )


def test_who_is_unpaused_meets_the_rule_again_until_it_is_gone() -> None:
    run = working(rule())
    poll(run)
    unpause(run)
    assert activity(run).pause is not None
    run.workflow_rules = ()
    unpause(run)
    assert poll(run) is not None


def test_an_eager_activity_is_paused_as_well() -> None:
    run = working(rule(), request_eager_execution=True)
    assert run.eager == []
    assert activity(run).pause is not None


@pytest.mark.parametrize(
    ("made", "is_paused"),
    [
        (rule(query="WorkflowType = 'Workflow' AND ExecutionStatus = 'Running'"), True),
        (rule(query="WorkflowType = 'Other'"), False),
        (rule(query="StartTime > '2100-01-01T00:00:00Z'"), False),
        (rule(query="WorkflowId STARTS_WITH 'w'"), True),
        (rule("ActivityState = 'Scheduled' AND Attempts = 1 AND TaskQueue = 'main'"), True),
        (rule("ActivityType = 'Other'"), False),
        (rule(""), False),
        (rule(expires_at=at_second(-1)), False),
        (rule(expires_at=at_second(1)), True),
        (WorkflowRule(spec=WorkflowRuleSpec(id="none")), False),
    ],
)
def test_a_rule_is_about_some(made: WorkflowRule, *, is_paused: bool) -> None:
    run = working(made)
    assert (poll(run) is None) is is_paused


def test_a_failed_attempt_meets_the_rules_before_its_retry() -> None:
    run = working()
    poll(run)
    run.workflow_rules = [compile_rule(rule("ActivityState = 'Started' AND Attempts = 1"))]
    fail(run)
    record = activity(run)
    assert record.pause is not None
    assert (record.attempt, record.is_started, record.is_backing_off) == (2, False, False)
    assert not run.queued
    run.now = at_second(100)
    run.fire()
    assert not run.queued


def test_a_failure_that_allows_no_retry_is_no_matter_of_rules() -> None:
    run = working()
    poll(run)
    run.workflow_rules = [compile_rule(rule())]
    fail(run, non_retryable=True)
    assert SCHEDULED not in run.state.activities


def test_an_attempt_meets_the_rules_when_its_interval_ends() -> None:
    run = working()
    poll(run)
    fail(run)
    run.workflow_rules = [
        compile_rule(rule("LastFailure CONTAINS 'declined' AND BackoffInterval = 1"))
    ]
    run.now = at_second(2)
    run.fire()
    assert activity(run).pause is not None
    assert not run.queued


def test_a_later_attempt_in_its_queue_is_let_through() -> None:
    run = working()
    poll(run)
    fail(run)
    run.now = at_second(2)
    run.fire()
    run.workflow_rules = [compile_rule(rule())]
    assert poll(run) is not None


def waits(run: Run) -> None:
    """Nothing happens."""


def is_started(run: Run) -> None:
    poll(run)


def backs_off(run: Run) -> None:
    poll(run)
    fail(run)


@pytest.mark.parametrize("brought", [waits, is_started, backs_off])
def test_a_triggered_rule_pauses_what_it_is_about_once(brought: Callable[[Run], None]) -> None:
    run = working()
    brought(run)
    expired = compile_rule(rule(expires_at=at_second(-1)))
    assert run.take(lambda step: trigger_workflow_rule(step, expired))
    assert activity(run).pause is not None
    assert not run.take(lambda step: trigger_workflow_rule(step, expired))


def test_a_triggered_rule_may_be_about_nothing() -> None:
    run = working()
    other = compile_rule(rule("ActivityId = 'other'"))
    assert not run.take(lambda step: trigger_workflow_rule(step, other))
    assert activity(run).pause is None


def test_no_rule_is_triggered_in_a_closed_run() -> None:
    run = working()
    run.terminate()
    made = compile_rule(rule())
    with pytest.raises(NotFoundError):
        run.take(lambda step: trigger_workflow_rule(step, made))
