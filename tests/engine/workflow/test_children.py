"""Children: initiated, started, closed; and what their parents are told."""

from itertools import count
from typing import Any

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import (
    Header,
    Memo,
    Payload,
    Priority,
    RetryPolicy,
    SearchAttributes,
    WorkflowType,
)
from temporalio.api.enums.v1 import (
    CommandType,
    ParentClosePolicy,
    RetryState,
    StartChildWorkflowExecutionFailedCause,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.errors import NotFoundError
from indelible.base.ids import EventId, NamespaceId, RunId
from indelible.base.instants import SECOND, duration, seconds
from indelible.base.invariants import InvariantError
from indelible.base.limits import Limits
from indelible.engine.workflow.requests.record_child_closed import record_child_closed
from indelible.engine.workflow.requests.record_child_start_failed import record_child_start_failed
from indelible.engine.workflow.requests.record_child_started import record_child_started
from indelible.engine.workflow.requests.schedule_first_task import schedule_first_task
from indelible.engine.workflow.requests.start_child import child_start_request, parentage
from indelible.engine.workflow.tasks import StartChild
from tests.engine.workflow.chain import (
    Chain,
    Refused,
    application_failure,
    command,
    complete,
    fail,
    lines,
    payloads,
    span,
)

ALREADY_EXISTS = StartChildWorkflowExecutionFailedCause.Value(
    "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS"
)


def start_child(workflow_id: str = "child", **attributes: Any) -> Command:
    return command(
        "start_child_workflow_execution",
        workflow_id=workflow_id,
        workflow_type=attributes.pop("workflow_type", WorkflowType(name="Child")),
        **attributes,
    )


class Family:
    """A parent and its child, with the shell's conversation between them."""

    def __init__(self, **attributes: Any) -> None:
        ids = count(1)
        self.parent = Chain(task_ids=ids)
        self.child = Chain(workflow_id="child", task_ids=ids)
        self.parent.start()
        self.parent.work(start_child(**attributes))

    @property
    def initiated(self) -> HistoryEvent:
        return self.parent.current.history[4]

    def start(self) -> None:
        """Start the child; its parent does not know yet."""
        execution = self.parent.current.state.execution
        request = child_start_request(execution, self.initiated)
        self.child.start(parentage=parentage(execution, EventId(5)), input=request.input)

    def record_start(self) -> bool:
        run_id = self.child.runs[0].seed.run_id
        may_run = self.parent.take(lambda step: record_child_started(step, self.initiated, run_id))
        if may_run:
            self.child.take(schedule_first_task)
        return may_run

    def report(self) -> None:
        """Tell the parent how the child has closed."""
        run = self.child.current
        self.parent.take(
            lambda step: record_child_closed(step, run.state.execution, run.history[-1])
        )


# -- the command -----------------------------------------------------------------------------------


def test_a_child_is_initiated_with_its_defaults() -> None:
    chain = Chain()
    chain.start()
    given = start_child()
    given.user_metadata.CopyFrom(UserMetadata(summary=payloads("why").payloads[0]))
    chain.work(given)
    assert chain.current.lines(since=5) == ["5 StartChildWorkflowExecutionInitiated"]
    initiated = chain.current.event("StartChildWorkflowExecutionInitiated")
    assert (initiated.namespace, initiated.namespace_id) == ("ns", "ns-id")
    assert initiated.task_queue.name == "main"
    assert duration(initiated.workflow_task_timeout) == 10 * SECOND
    assert initiated.HasField("workflow_run_timeout")
    assert not initiated.HasField("workflow_execution_timeout")
    assert initiated.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
    reuse = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
    assert initiated.workflow_id_reuse_policy == reuse
    assert initiated.workflow_task_completed_event_id == 4
    assert not initiated.HasField("retry_policy")
    assert chain.current.history[4].user_metadata == given.user_metadata
    (task,) = chain.current.transfers
    assert isinstance(task, StartChild)
    assert task.initiated_event_id == 5


def test_a_child_is_not_told_to_remove_what_it_does_not_have() -> None:
    chain = Chain()
    chain.start()
    fields = {"kept": Payload(data=b"1"), "null": Payload(data=b"null")}
    chain.work(
        start_child(
            memo=Memo(fields=fields), search_attributes=SearchAttributes(indexed_fields=fields)
        )
    )
    initiated = chain.current.event("StartChildWorkflowExecutionInitiated")
    assert list(initiated.memo.fields) == ["kept"]
    assert list(initiated.search_attributes.indexed_fields) == ["kept"]


def test_timeouts_of_a_child_cap_each_other() -> None:
    chain = Chain()
    chain.start()
    chain.work(
        start_child(
            workflow_execution_timeout=span(50),
            workflow_task_timeout=span(300),
            retry_policy=RetryPolicy(maximum_attempts=3),
            task_queue=TaskQueue(name="other"),
        )
    )
    initiated = chain.current.event("StartChildWorkflowExecutionInitiated")
    assert duration(initiated.workflow_run_timeout) == seconds(50)
    assert duration(initiated.workflow_task_timeout) == seconds(50)
    assert duration(initiated.retry_policy.initial_interval) == SECOND
    assert initiated.task_queue.name == "other"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION),
            "StartChildWorkflowExecutionCommandAttributes is not set",
        ),
        (start_child(""), "Required field WorkflowId is not set .* WorkflowType=Child"),
        (start_child(workflow_type=WorkflowType()), "Required field WorkflowType is not set"),
        (start_child("x" * 1_001), "WorkflowId on .* exceeds length limit.* Length=1001 Limit"),
        (start_child(workflow_type=WorkflowType(name="ü" * 501)), "WorkflowType .* Length=1002"),
        (start_child(workflow_execution_timeout=span(-1)), "Invalid WorkflowExecutionTimeout"),
        (start_child(workflow_run_timeout=span(-1)), "Invalid WorkflowRunTimeout"),
        (start_child(workflow_task_timeout=span(-1)), "Invalid WorkflowTaskTimeout"),
        (start_child(retry_policy=RetryPolicy(maximum_attempts=-1)), "invalid WorkflowRetryPolicy"),
        (start_child(cron_schedule="often"), "invalid CronSchedule on .*: invalid CronSchedule"),
        (start_child(priority=Priority(priority_key=-1)), "priority key can't be negative"),
        (start_child(task_queue=TaskQueue(name="/_sys/x")), "invalid TaskQueue .* reserved prefix"),
        (start_child(namespace="elsewhere"), "cross namespace commands are not allowed"),
    ],
)
def test_a_bad_command(given: Command, message: str) -> None:
    chain = Chain(namespaces={"elsewhere": NamespaceId("other-id")})
    chain.start()
    chain.poll()
    with pytest.raises(Refused, match=f"^BadStartChildExecutionAttributes: .*{message}"):
        chain.respond(given)
    assert not chain.current.transfers


def test_an_unknown_namespace_fails_the_call_and_not_the_task() -> None:
    chain = Chain()
    chain.start()
    chain.poll()
    with pytest.raises(NotFoundError, match="Namespace nowhere is not found"):
        chain.respond(start_child(namespace="nowhere"))
    chain.respond(start_child(namespace="ns"))


def test_a_search_attribute_that_does_not_exist() -> None:
    chain = Chain()
    chain.start()
    chain.refused_attribute = "City"
    chain.poll()
    attributes = SearchAttributes(indexed_fields={"City": Payload(data=b"1")})
    with pytest.raises(Refused, match=r"^BadSearchAttributes: .*City is not defined"):
        chain.respond(start_child(search_attributes=attributes))


@pytest.mark.parametrize(
    "attributes",
    [{"input": payloads("x" * 100)}, {"memo": Memo(fields={"m": Payload(data=b"x" * 100)})}],
)
def test_an_oversized_child_ends_the_parent(attributes: dict[str, Any]) -> None:
    chain = Chain(Limits(blob_bytes_max=50, memo_bytes_max=50))
    chain.start()
    chain.poll()
    with pytest.raises(Refused, match=r"exceeds size limit\.$"):
        chain.respond(start_child(**attributes))
    assert not chain.current.state.execution.is_open


def test_too_many_children_fail_the_task_and_not_the_workflow() -> None:
    """Trap 52."""
    chain = Chain(Limits(pending_children_max=2))
    chain.start()
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(*(start_child(str(number)) for number in range(3)))
    assert str(raised.value) == (
        "PendingChildWorkflowsLimitExceeded: the number of pending child workflow executions, 2, "
        "has reached the per-workflow limit of 2"
    )
    assert chain.current.state.execution.is_open


# -- the start -------------------------------------------------------------------------------------


def test_the_request_that_starts_a_child() -> None:
    chain = Chain()
    chain.start(priority=Priority(priority_key=2, fairness_key="parent"))
    given = start_child(
        input=payloads("in"),
        header=Header(fields={"h": Payload(data=b"1")}),
        memo=Memo(fields={"m": Payload(data=b"1")}),
        search_attributes=SearchAttributes(indexed_fields={"A": Payload(data=b"1")}),
        retry_policy=RetryPolicy(maximum_attempts=3),
        cron_schedule="@hourly",
        priority=Priority(priority_key=5),
    )
    given.user_metadata.CopyFrom(UserMetadata(summary=payloads("why").payloads[0]))
    chain.work(given)
    parent, event = chain.current.state.execution, chain.current.history[4]
    request = child_start_request(parent, event)
    assert request.request_id == "wf-run-1:5"
    assert request == child_start_request(parent, event)
    attributes = event.start_child_workflow_execution_initiated_event_attributes
    for name in ("workflow_id", "input", "header", "memo", "search_attributes", "retry_policy"):
        assert getattr(request, name) == getattr(attributes, name)
    assert (request.cron_schedule, request.namespace) == ("@hourly", "ns")
    assert request.user_metadata == given.user_metadata
    assert request.priority == Priority(priority_key=5, fairness_key="parent")
    conflict = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
    assert request.workflow_id_conflict_policy == conflict
    told = parentage(parent, EventId(5))
    assert (told.workflow_id, told.run_id, told.initiated_event_id) == ("wf", "wf-run-1", 5)
    assert (told.namespace_id, told.namespace_name) == ("ns-id", "ns")
    assert (told.root.workflow_id, told.root.run_id) == ("wf", "wf-run-1")


def test_a_child_waits_until_its_parent_knows_it() -> None:
    """Trap 30."""
    family = Family(header=Header(fields={"h": Payload(data=b"1")}))
    family.start()
    assert family.child.current.lines() == ["1 WorkflowExecutionStarted"]
    assert family.record_start()
    assert family.parent.current.lines(since=6) == [
        "6 ChildWorkflowExecutionStarted",
        "7 WorkflowTaskScheduled",
    ]
    begun = family.parent.current.event("ChildWorkflowExecutionStarted")
    assert (begun.initiated_event_id, begun.workflow_execution.run_id) == (5, "child-run-1")
    assert (begun.workflow_type.name, begun.namespace_id) == ("Child", "ns-id")
    assert begun.header.fields["h"].data == b"1"
    assert family.child.current.lines(since=2) == ["2 WorkflowTaskScheduled"]


def test_a_start_is_recorded_once() -> None:
    family = Family()
    family.start()
    for _ in range(2):
        assert family.record_start()
    assert family.parent.current.lines(since=8) == []
    assert family.child.current.lines(since=3) == []
    family.child.work()
    assert family.record_start()
    assert family.child.current.lines(since=5) == []


def test_another_run_under_the_id_of_the_child_is_not_it() -> None:
    family = Family()
    family.start()
    family.record_start()
    other = RunId("other")
    assert not family.parent.take(lambda step: record_child_started(step, family.initiated, other))


def test_a_child_of_a_parent_that_has_closed_does_not_run() -> None:
    """Trap 31: not even an abandoned one."""
    abandon = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    family = Family(parent_close_policy=abandon)
    family.start()
    family.parent.terminate()
    assert not family.record_start()
    assert family.child.current.lines() == ["1 WorkflowExecutionStarted"]


def test_an_abandoned_child_that_was_known_runs_without_its_parent() -> None:
    abandon = ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
    family = Family(parent_close_policy=abandon)
    family.start()
    family.parent.take(
        lambda step: record_child_started(step, family.initiated, RunId("child-run-1"))
    )
    family.parent.terminate()
    assert family.record_start()
    assert family.child.is_task_pending()


def test_a_start_that_fails() -> None:
    family = Family(control="c")

    def record() -> None:
        family.parent.take(
            lambda step: record_child_start_failed(step, family.initiated, ALREADY_EXISTS)
        )

    record()
    assert family.parent.current.lines(since=6) == [
        "6 StartChildWorkflowExecutionFailed",
        "7 WorkflowTaskScheduled",
    ]
    failed = family.parent.current.event("StartChildWorkflowExecutionFailed")
    assert (failed.initiated_event_id, failed.workflow_task_completed_event_id) == (5, 0)
    assert (failed.workflow_id, failed.workflow_type.name, failed.control) == (
        "child",
        "Child",
        "c",
    )
    assert failed.cause == ALREADY_EXISTS
    assert not family.parent.current.state.children
    record()
    assert family.parent.current.lines(since=8) == []


def test_a_child_that_started_cannot_fail_to_start() -> None:
    family = Family()
    family.start()
    family.record_start()
    family.parent.take(
        lambda step: record_child_start_failed(step, family.initiated, ALREADY_EXISTS)
    )
    assert family.parent.current.lines(since=8) == []


# -- the close -------------------------------------------------------------------------------------


def ended(family: Family, how: str) -> None:
    """Have the child close."""
    if how == "Terminated":
        family.child.terminate()
    elif how == "TimedOut":
        family.child.wake()
    else:
        ending = {
            "Completed": complete("result"),
            "Failed": fail(application_failure("broken")),
            "Canceled": command("cancel_workflow_execution", details=payloads("bye")),
        }
        family.child.work(ending[how])


@pytest.mark.parametrize("how", ["Completed", "Failed", "Canceled", "Terminated"])
def test_a_parent_is_told_how_its_child_closed(how: str) -> None:
    family = Family()
    family.start()
    family.record_start()
    ended(family, how)
    for _ in range(2):
        family.report()
    assert family.parent.current.lines(since=8) == [f"8 ChildWorkflowExecution{how}"]
    closed = family.parent.current.event(f"ChildWorkflowExecution{how}")
    assert (closed.initiated_event_id, closed.started_event_id) == (5, 6)
    assert closed.workflow_execution.workflow_id == "child"
    assert closed.workflow_execution.run_id == "child-run-1"
    assert (closed.namespace, closed.workflow_type.name) == ("ns", "Child")
    if how == "Completed":
        assert closed.result == payloads("result")
    if how == "Failed":
        assert closed.failure == application_failure("broken")
        assert closed.retry_state == RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET
    if how == "Canceled":
        assert closed.details == payloads("bye")
    assert not family.parent.current.state.children


def test_a_child_that_timed_out() -> None:
    family = Family()
    execution = family.parent.current.state.execution
    family.child.start(parentage=parentage(execution, EventId(5)), workflow_run_timeout=span(30))
    family.record_start()
    ended(family, "TimedOut")
    family.report()
    closed = family.parent.current.event("ChildWorkflowExecutionTimedOut")
    assert closed.retry_state == RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET


def test_the_last_run_of_a_child_reports_for_all() -> None:
    family = Family()
    family.start()
    family.record_start()
    family.child.at(5)
    family.child.work(command("continue_as_new_workflow_execution"))
    family.child.work(complete())
    family.report()
    closed = family.parent.current.event("ChildWorkflowExecutionCompleted")
    assert closed.workflow_execution.run_id == family.child.current.seed.run_id
    assert closed.started_event_id == 6


def test_a_child_that_ended_before_its_parent_knew_it() -> None:
    family = Family()
    family.start()
    family.child.terminate()
    family.report()
    assert family.parent.current.lines(since=6) == lines(
        """
        6 ChildWorkflowExecutionStarted
        7 ChildWorkflowExecutionTerminated
        8 WorkflowTaskScheduled
        """
    )
    assert family.parent.current.event("ChildWorkflowExecutionTerminated").started_event_id == 6
    assert not family.record_start()


def test_news_of_a_child_wait_for_the_workflow_task_and_end_in_order() -> None:
    """Trap 13: what closes goes behind the others."""
    family = Family()
    family.parent.signal()
    family.parent.poll()
    family.start()
    family.record_start()
    family.child.work(complete())
    family.report()
    family.parent.signal()
    family.parent.respond()
    assert family.parent.current.lines(since=9) == lines(
        """
        9 WorkflowTaskCompleted
        10 ChildWorkflowExecutionStarted
        11 WorkflowExecutionSignaled
        12 ChildWorkflowExecutionCompleted
        13 WorkflowTaskScheduled
        """
    )
    assert family.parent.current.event("ChildWorkflowExecutionCompleted").started_event_id == 10


@pytest.mark.parametrize("who", ["a closed parent", "a stranger", "an orphan"])
def test_news_that_nobody_waits_for(who: str) -> None:
    family = Family()
    family.start()
    family.record_start()
    before = family.parent.current.lines()
    if who == "a closed parent":
        family.parent.terminate()
        before = family.parent.current.lines()
    elif who == "a stranger":
        stranger = Chain(workflow_id="stranger")
        execution = family.parent.current.state.execution
        stranger.start(parentage=parentage(execution, EventId(5)))
        family.child = stranger
    else:
        family.child = Chain(workflow_id="child")
        family.child.start()
    family.child.terminate()
    family.report()
    assert family.parent.current.lines() == before


def test_a_child_in_backoff_waits_for_its_time() -> None:
    family = Family()
    execution = family.parent.current.state.execution
    family.child.start(parentage=parentage(execution, EventId(5)), backoff=60 * SECOND)
    assert family.record_start()
    assert not family.child.is_task_pending()
    family.child.wake()
    assert family.child.current.lines(since=2) == ["2 WorkflowTaskScheduled"]


def test_another_chain_under_the_id_of_the_child_is_not_it() -> None:
    family = Family()
    family.start()
    family.parent.take(
        lambda step: record_child_started(step, family.initiated, RunId("an earlier run"))
    )
    family.child.terminate()
    before = family.parent.current.lines()
    family.report()
    assert family.parent.current.lines() == before


def test_a_run_with_a_successor_does_not_report() -> None:
    family = Family()
    family.start()
    family.record_start()
    family.child.at(5)
    family.child.work(command("continue_as_new_workflow_execution"))
    first = family.child.runs[0]
    with pytest.raises(InvariantError, match="successor"):
        family.parent.take(
            lambda step: record_child_closed(step, first.state.execution, first.history[-1])
        )
