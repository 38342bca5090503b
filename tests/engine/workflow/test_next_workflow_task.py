"""What comes after a workflow task: events that its worker has not seen, and the next task."""

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import (
    TimeoutType,
    WorkflowTaskFailedCause,
)
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Meta, Rejection, Request

from indelible.base.errors import (
    NotFoundError,
)
from indelible.base.instants import SECOND
from tests.engine.workflow.chain import (
    Chain,
    Refused,
    command,
    complete,
    fail,
    lines,
    span,
    timer,
)

Cause = WorkflowTaskFailedCause


@pytest.fixture
def chain() -> Chain:
    started = Chain()
    started.start()
    return started


def started_by(chain: Chain, commands: list[Command]) -> list[str]:
    chain.work(*commands)
    return chain.current.lines(since=4)


def activity(activity_id: str = "a", **options: object) -> Command:
    return command(
        "schedule_activity_task",
        activity_id=activity_id,
        activity_type=ActivityType(name="Work"),
        start_to_close_timeout=span(10),
        **options,
    )


# -- events that the worker has not seen -----------------------------------------------------------


@pytest.mark.parametrize(
    "ending",
    [
        complete(),
        fail(),
        command("cancel_workflow_execution"),
        command("continue_as_new_workflow_execution"),
    ],
)
def test_a_run_does_not_close_over_a_signal(chain: Chain, ending: Command) -> None:
    """Trap 14."""
    chain.poll()
    chain.signal()
    with pytest.raises(Refused, match=r"^UnhandledCommand$"):
        chain.respond(ending)
    assert chain.current.lines(since=4) == lines(
        """
        4 WorkflowTaskFailed
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled
        """
    )
    failed = chain.current.event("WorkflowTaskFailed")
    assert failed.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    assert failed.failure.message == "UnhandledCommand"
    chain.work(ending)
    assert not chain.runs[0].state.execution.is_open


def test_a_transient_task_that_does_not_see_a_signal_fails_at_once(chain: Chain) -> None:
    chain.poll()
    chain.fail_task()
    chain.poll()
    chain.signal()
    with pytest.raises(Refused, match=r"^UnhandledCommand$"):
        chain.respond(complete())
    assert chain.current.lines(since=4) == lines(
        """
        4 WorkflowTaskFailed
        5 WorkflowExecutionSignaled
        6 WorkflowTaskScheduled
        """
    )
    assert chain.pending_task().attempt == 1


def test_other_commands_pass_and_the_worker_looks_again(chain: Chain) -> None:
    chain.poll()
    chain.signal()
    chain.respond(timer())
    assert chain.current.lines(since=4) == lines(
        """
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        """
    )


def test_a_timer_that_fired_unseen_can_be_canceled_and_the_run_closed(chain: Chain) -> None:
    """Trap 15."""
    chain.work(timer("t", 5), force_create_new_workflow_task=True)
    chain.poll()
    chain.at(5)
    chain.fire()
    assert len(chain.current.state.buffered_events) == 1
    chain.respond(command("cancel_timer", timer_id="t"), complete())
    assert chain.current.lines(since=7) == lines(
        """
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 TimerCanceled
        10 WorkflowExecutionCompleted
        """
    )


def test_a_canceled_timer_does_not_excuse_an_unseen_signal(chain: Chain) -> None:
    chain.work(timer("t", 5), force_create_new_workflow_task=True)
    chain.poll()
    chain.at(5)
    chain.fire()
    chain.signal()
    with pytest.raises(Refused, match="UnhandledCommand"):
        chain.respond(command("cancel_timer", timer_id="t"), complete())


def test_what_the_commands_themselves_caused_does_not_count(chain: Chain) -> None:
    chain.work(activity(), force_create_new_workflow_task=True)
    chain.work(command("request_cancel_activity_task", scheduled_event_id=5), complete("done"))
    assert chain.current.lines(since=8) == lines(
        """
        8 WorkflowTaskCompleted
        9 ActivityTaskCancelRequested
        10 WorkflowExecutionCompleted
        """
    )


def test_a_canceled_activity_that_nobody_had_needs_another_look(chain: Chain) -> None:
    """Trap 27."""
    chain.work(activity(), force_create_new_workflow_task=True)
    chain.work(command("request_cancel_activity_task", scheduled_event_id=5))
    assert chain.current.lines(since=9) == lines(
        """
        9 ActivityTaskCancelRequested
        10 ActivityTaskCanceled
        11 WorkflowTaskScheduled
        """
    )


# -- the next task ---------------------------------------------------------------------------------


def test_the_run_sticks_to_the_worker_that_asks_for_it(chain: Chain) -> None:
    chain.work(timer(), sticky="mine", force_create_new_workflow_task=True)
    scheduled = chain.current.event("WorkflowTaskScheduled")
    assert (scheduled.task_queue.name, scheduled.task_queue.normal_name) == ("mine", "main")
    assert chain.pending_task().schedule_to_start_timeout == 5 * SECOND
    chain.work(force_create_new_workflow_task=True)
    scheduled = chain.current.event("WorkflowTaskScheduled")
    assert (scheduled.task_queue.name, scheduled.task_queue.normal_name) == ("main", "")


def test_a_sticky_worker_that_does_not_answer_loses_the_run(chain: Chain) -> None:
    """Trap 20: the attempt stays the first one."""
    chain.work(timer(), sticky="mine", force_create_new_workflow_task=True)
    chain.at(4.9)
    assert not chain.fire()
    chain.at(5)
    assert chain.fire()
    assert chain.current.lines(since=7) == ["7 WorkflowTaskTimedOut", "8 WorkflowTaskScheduled"]
    timed_out = chain.current.event("WorkflowTaskTimedOut")
    assert timed_out.timeout_type == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    assert chain.current.event("WorkflowTaskScheduled").task_queue.name == "main"
    assert chain.pending_task().attempt == 1


def test_a_failure_of_a_sticky_task_is_tried_again_elsewhere(chain: Chain) -> None:
    chain.work(timer(), sticky="mine", force_create_new_workflow_task=True)
    chain.poll()
    chain.fail_task()
    assert chain.pending_task().attempt == 1
    assert chain.pending_task().queue_name == "main"


def test_a_task_that_takes_too_long_is_scheduled_again(chain: Chain) -> None:
    chain.poll()
    chain.at(9.9)
    assert not chain.fire()
    chain.at(10)
    assert chain.fire()
    assert chain.current.lines(since=4) == ["4 WorkflowTaskTimedOut"]
    timed_out = chain.current.event("WorkflowTaskTimedOut")
    assert timed_out.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    assert (timed_out.scheduled_event_id, timed_out.started_event_id) == (2, 3)
    assert chain.pending_task().attempt == 2


def test_the_next_task_comes_with_the_answer(chain: Chain) -> None:
    chain.poll()
    chain.signal()
    reply = chain.respond(timer(), return_new_workflow_task=True, sticky="mine")
    assert reply.is_inline_task_started
    assert chain.current.lines(since=6) == lines(
        """
        6 WorkflowExecutionSignaled
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        """
    )
    assert not chain.current.queued
    started = chain.current.event("WorkflowTaskStarted")
    assert started.request_id == "request-from-RespondWorkflowTaskCompleted"
    chain.respond(complete())


def test_no_task_is_returned_without_a_reason(chain: Chain) -> None:
    chain.poll()
    reply = chain.respond(timer(), return_new_workflow_task=True)
    assert not reply.is_inline_task_started
    assert not chain.is_task_pending()


def test_heartbeats_keep_the_time_of_the_first_task(chain: Chain) -> None:
    """Trap 19."""
    chain.poll()
    scheduled_at = chain.pending_task().original_scheduled_at
    for minute in range(1, 4):
        chain.at(60 * minute)
        reply = chain.respond(force_create_new_workflow_task=True, return_new_workflow_task=True)
        assert reply.is_inline_task_started
        assert chain.pending_task().original_scheduled_at == scheduled_at


def test_heartbeats_end_after_half_an_hour(chain: Chain) -> None:
    chain.work(timer(), sticky="mine", force_create_new_workflow_task=True)
    chain.poll()
    beat = {
        "force_create_new_workflow_task": True,
        "return_new_workflow_task": True,
        "sticky": "mine",
    }
    chain.at(30 * 60)
    assert chain.respond(**beat).is_inline_task_started  # pyright: ignore[reportArgumentType]
    chain.at(30 * 60 + 1)
    with pytest.raises(NotFoundError, match=r"^workflow task heartbeat timeout$"):
        chain.respond(**beat)  # pyright: ignore[reportArgumentType]
    assert chain.current.lines(since=11) == ["11 WorkflowTaskTimedOut", "12 WorkflowTaskScheduled"]
    assert not chain.pending_task().is_started
    assert chain.pending_task().queue_name == "main"


def test_progress_is_no_heartbeat(chain: Chain) -> None:
    chain.poll()
    chain.at(3600)
    chain.respond(timer(), force_create_new_workflow_task=True)
    assert chain.pending_task().original_scheduled_at == chain.now
    chain.poll()
    chain.at(7200)
    rejection = Message(id="m", protocol_instance_id="update")
    rejection.body.Pack(Rejection(rejected_request=Request(meta=Meta(update_id="update"))))
    chain.respond(messages=[rejection], force_create_new_workflow_task=True)
    assert chain.pending_task().original_scheduled_at == chain.now


def test_eager_activities_are_started_with_the_answer(chain: Chain) -> None:
    eager = activity("eager", request_eager_execution=True)
    reply = chain.work(eager, activity("queued"))
    assert reply.eager_activities == (5,)
    assert chain.current.state.activities[5].is_started
    assert not chain.current.state.activities[6].is_started
    assert len(chain.current.queued) == 1


def test_eager_activities_of_a_run_that_closes_are_not_started(chain: Chain) -> None:
    reply = chain.work(activity("eager", request_eager_execution=True), complete())
    assert reply.eager_activities == ()
