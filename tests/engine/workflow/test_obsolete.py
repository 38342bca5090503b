"""What comes too late, or twice, does nothing (style rule 6)."""

from typing import Any

import pytest
from msgspec import structs
from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import Failure

from indelible.base.attributes import priority_fault, task_queue_fault
from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, RunId, WorkflowId
from indelible.base.task_token import ActivityById
from indelible.engine.workflow.expirations.activity import fire_activity_deadline
from indelible.engine.workflow.expirations.user_timer import fire_user_timer
from indelible.engine.workflow.rules.activities import find_activity, retry_activity
from tests.engine.workflow.run import Run, at_second
from tests.engine.workflow.transcript import Script


@pytest.fixture
def run() -> Run:
    script = Script()
    script.play("0 begin")
    script.play("0 complete", "* schedule a stc=10 s2s=10", "* timer t 10")
    return script.run


@pytest.mark.parametrize(
    "fire",
    [
        lambda step: fire_user_timer(step, "t"),
        lambda step: fire_user_timer(step, "unknown"),
        lambda step: fire_activity_deadline(step, EventId(5)),
        lambda step: fire_activity_deadline(step, EventId(6)),
    ],
)
def test_a_deadline_that_has_not_come_does_nothing(run: Run, fire: Any) -> None:
    run.now = at_second(9.999)
    step = run.begin()
    assert not fire(step)
    assert not step.has_changed


def test_an_id_must_be_given(run: Run) -> None:
    with pytest.raises(InvalidArgumentError, match="activityID cannot be empty"):
        find_activity(run.begin(), ActivityById(WorkflowId("wf"), RunId(""), ""))


def test_without_policy_nothing_is_retried(run: Run) -> None:
    step = run.begin()
    record = structs.replace(step.state.activities[5], retry_policy=b"")
    assert retry_activity(step, record, Failure()) == RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET
    assert not step.has_changed


@pytest.mark.parametrize(
    ("priority", "fault"),
    [
        (Priority(), None),
        (Priority(priority_key=5, fairness_key="x" * 64, fairness_weight=1000), None),
        (Priority(priority_key=-1), "priority key can't be negative"),
        (Priority(fairness_key="x" * 65), "fairness key length exceeds limit"),
        (Priority(fairness_weight=-0.5), "must be greater than zero"),
    ],
)
def test_priorities(priority: Priority, fault: str | None) -> None:
    assert priority_fault(priority) == fault


def test_names_of_queues() -> None:
    assert task_queue_fault("", 1000) == "taskQueue is not set"
    assert task_queue_fault("x" * 1000, 1000) is None
