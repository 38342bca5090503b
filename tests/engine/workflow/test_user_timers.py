"""User timers (semantics 8.1, trap 15)."""

from typing import Final

import pytest

from tests.engine.workflow.transcript import Script, check

LONG: Final = "x" * 1001


def test_timers_fire_in_the_order_of_their_ends_and_never_early() -> None:
    check(
        """
        0 begin
        1 complete
        * timer a 9
        * timer b 5
        * timer c 9
        * timer d 5.5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=9
          6 TimerStarted b for=5
          7 TimerStarted c for=9
          8 TimerStarted d for=5.5
          < main workflow 2
        5.999 fire
          = nothing is due
        6 fire
          9 TimerFired b started=6
          10 WorkflowTaskScheduled
          > main workflow 10
        11 fire
          11 TimerFired d started=8
          12 TimerFired a started=5
          13 TimerFired c started=7
        """
    )


def test_a_timer_of_no_length_fires_at_once() -> None:
    check(
        """
        0 begin
        1 complete
        * timer a 0
          4 WorkflowTaskCompleted
          5 TimerStarted a for=0
          < main workflow 2
        1 wake
          = USER_TIMER a at 1
        1 fire
          6 TimerFired a started=5
          7 WorkflowTaskScheduled
          > main workflow 7
        """
    )


def test_a_canceled_timer_does_not_fire() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
        * timer b 7
        * cancel-timer a
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          6 TimerStarted b for=7
          7 TimerCanceled a started=5
          < main workflow 2
        6 fire
          = nothing is due
        6 wake
          = USER_TIMER b at 7
        """
    )


def test_a_firing_is_held_back_until_the_workflow_task_ends() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        6 fire
          ~ TimerFired a started=5
        6.5 signal t
          ~ WorkflowExecutionSignaled t
        7 complete
          9 WorkflowTaskCompleted
          10 TimerFired a started=5
          11 WorkflowExecutionSignaled t
          12 WorkflowTaskScheduled
          > main workflow 12
          < main workflow 7
        """
    )


def test_cancellation_takes_back_a_firing_that_nobody_has_seen() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        6 fire
          ~ TimerFired a started=5
        7 complete
        * cancel-timer a
        * close
          9 WorkflowTaskCompleted
          10 TimerCanceled a started=5
          11 WorkflowExecutionCompleted
          < main workflow 7
        """
    )


def test_cancellation_takes_back_that_firing_alone() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
        * timer b 5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          6 TimerStarted b for=5
          < main workflow 2
        1 signal s
          7 WorkflowExecutionSignaled s
          8 WorkflowTaskScheduled
          > main workflow 8
        1 work
          9 WorkflowTaskStarted
        6 fire
          ~ TimerFired a started=5
          ~ TimerFired b started=6
        7 complete
        * cancel-timer a
          10 WorkflowTaskCompleted
          11 TimerCanceled a started=5
          12 TimerFired b started=6
          13 WorkflowTaskScheduled
          > main workflow 13
          < main workflow 8
        """
    )


def test_an_id_is_free_again_once_its_timer_has_fired_unseen() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        6 fire
          ~ TimerFired a started=5
        7 complete
        * timer a 5
          9 WorkflowTaskCompleted
          10 TimerStarted a for=5
          11 TimerFired a started=5
          12 WorkflowTaskScheduled
          > main workflow 12
          < main workflow 7
        8 wake
          = USER_TIMER a at 12
        11 work
          13 WorkflowTaskStarted
        12 fire
          ~ TimerFired a started=10
        """
    )


def test_canceling_the_new_timer_of_a_reused_id_leaves_the_old_firing() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        6 fire
          ~ TimerFired a started=5
        7 complete
        * timer a 5
        * cancel-timer a
          9 WorkflowTaskCompleted
          10 TimerStarted a for=5
          11 TimerCanceled a started=10
          12 TimerFired a started=5
          13 WorkflowTaskScheduled
          > main workflow 13
          < main workflow 7
        """
    )


def test_duplicate_id() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
        * timer a 6
          4 WorkflowTaskFailed cause=START_TIMER_DUPLICATE_ID failure=(Server:
            StartTimerDuplicateId: invalid history builder state for action:
            add-timer-started-event, TimerID: a)
          > main workflow 5
          < main workflow 2
          ! START_TIMER_DUPLICATE_ID: invalid history builder state for action:
            add-timer-started-event, TimerID: a
        """
    )


def test_an_id_can_be_used_again() -> None:
    check(
        """
        0 begin
        0 complete
        * timer a 5
        * cancel-timer a
        * timer a 6
        * cancel-timer a
        * timer a 7
          4 WorkflowTaskCompleted
          5 TimerStarted a for=5
          6 TimerCanceled a started=5
          7 TimerStarted a for=6
          8 TimerCanceled a started=7
          9 TimerStarted a for=7
          < main workflow 2
        7 fire
          10 TimerFired a started=9
          11 WorkflowTaskScheduled
          > main workflow 11
        """
    )


def test_the_clock_may_go_back_but_events_do_not() -> None:
    run = Script()
    run.play("100 begin")
    run.play("50 complete", "* timer a 5")
    assert run.play("60 wake") == ["= USER_TIMER a at 105"]
    assert run.play("104 fire") == ["= nothing is due"]
    assert run.play("105 fire")[0] == "6 TimerFired a started=5"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("timer '' 5", "BAD_START_TIMER_ATTRIBUTES: TimerId is not set on StartTimerCommand."),
        (
            "timer a -1",
            (
                "BAD_START_TIMER_ATTRIBUTES: An invalid StartToFireTimeout is set on "
                "StartTimerCommand: negative duration. TimerId=a"
            ),
        ),
        (
            f"timer {LONG} 5",
            (
                "BAD_START_TIMER_ATTRIBUTES: TimerId on StartTimerCommand exceeds length limit. "
                f"TimerId={LONG} Length=1001 Limit=1000"
            ),
        ),
        (
            "cancel-timer ''",
            "BAD_CANCEL_TIMER_ATTRIBUTES: TimerId is not set on CancelTimerCommand.",
        ),
        (
            "cancel-timer a",
            (
                "BAD_CANCEL_TIMER_ATTRIBUTES: invalid history builder state for action: "
                "add-timer-canceled-event, TimerID: a"
            ),
        ),
        (
            f"cancel-timer {LONG}",
            (
                "BAD_CANCEL_TIMER_ATTRIBUTES: TimerId on CancelTimerCommand exceeds length limit. "
                f"TimerId={LONG} Length=1001 Limit=1000"
            ),
        ),
    ],
)
def test_commands_that_are_refused(command: str, answer: str) -> None:
    run = Script()
    run.play("0 begin")
    assert run.play("0 complete", f"* {command}")[-1] == f"! {answer}"
