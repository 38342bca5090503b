"""Activities that take too long, and heartbeats (semantics 7.3, 7.6)."""

from tests.engine.workflow.transcript import check


def test_without_worker_nothing_is_started() -> None:
    check(
        """
        0 begin
        1 complete
        * schedule a stc=10 s2s=5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=5 stc=10 hb=0
          > main activity 5
          < main workflow 2
        2 wake
          = ACTIVITY 5 at 6
        6 fire
          6 ActivityTaskTimedOut of=5 retry_state=TIMEOUT failure=(ScheduleToStart: activity
            ScheduleToStart timeout)
          7 WorkflowTaskScheduled
          > main workflow 7
          < main activity 5
        """
    )


def test_start_to_close_timeout_is_retried() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 attempts=2
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        1 poll a
          < main activity 5
          = attempt 1
        2 wake
          = ACTIVITY 5 at 11
        10.9 fire
          = nothing is due
        11 fire
        11 result a "too late"
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        12 fire
          > main activity 5
        12 poll a
          < main activity 5
          = attempt 2
        22 fire
          6 ActivityTaskStarted of=5 attempt=2 after=(StartToClose: activity StartToClose
            timeout) at=12
          7 ActivityTaskTimedOut of=5 started=6 retry_state=MAXIMUM_ATTEMPTS_REACHED
            failure=(StartToClose: activity StartToClose timeout <- (StartToClose: activity
            StartToClose timeout))
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_timeouts_can_be_named_as_not_retryable() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 except=TemporalTimeout:StartToClose
        * schedule b stc=20 hb=5 except=TemporalTimeout:Heartbeat
        * schedule c stc=10 except=TemporalTimeout:Heartbeat
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=20 hb=5
          7 ActivityTaskScheduled c s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          > main activity 6
          > main activity 7
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 poll b
          < main activity 6
          = attempt 1
        0 poll c
          < main activity 7
          = attempt 1
        5 fire
          8 ActivityTaskStarted of=6 attempt=1 at=0
          9 ActivityTaskTimedOut of=6 started=8 retry_state=NON_RETRYABLE_FAILURE
            failure=(Heartbeat: activity Heartbeat timeout)
          10 WorkflowTaskScheduled
          > main workflow 10
        10 fire
          11 ActivityTaskStarted of=5 attempt=1 at=0
          12 ActivityTaskTimedOut of=5 started=11 retry_state=NON_RETRYABLE_FAILURE
            failure=(StartToClose: activity StartToClose timeout)
        """
    )


def test_heartbeats_postpone_the_timeout_and_their_details_survive() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=100 hb=5 attempts=2
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=100 hb=5
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        4 beat a 10%
        5 fire
          = nothing is due
        8 beat a 20%
        9 wake
          = ACTIVITY 5 at 13
        13 fire
        14 fire
          > main activity 5
        14 poll a
          < main activity 5
          = attempt 2 after 20%
        19 fire
          6 ActivityTaskStarted of=5 attempt=2 after=(Heartbeat: activity Heartbeat timeout)
            at=14
          7 ActivityTaskTimedOut of=5 started=6 retry_state=MAXIMUM_ATTEMPTS_REACHED
            failure=(Heartbeat: activity Heartbeat timeout [20%] <- (Heartbeat: activity
            Heartbeat timeout))
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_details_may_come_with_the_failure() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=100 hb=5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=100 hb=5
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 fail a boom details=half
          = attempt 2 at 2
        2 fire
          > main activity 5
        2 poll a
          < main activity 5
          = attempt 2 after half
        3 beat a
        4 fail a bang
          = attempt 3 at 6
        6 fire
          > main activity 5
        6 poll a
          < main activity 5
          = attempt 3
        """
    )


def test_no_time_for_another_attempt_after_a_timeout() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=12 stc=5 initial=4
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=12 s2s=12 stc=5 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 fail a boom
          = attempt 2 at 5
        5 fire
          > main activity 5
        5 poll a
          < main activity 5
          = attempt 2
        6 beat a half
        10 fire
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=5
          7 ActivityTaskTimedOut of=5 started=6 retry_state=TIMEOUT failure=(ScheduleToClose:
            Not enough time to schedule next retry before activity ScheduleToClose timeout,
            giving up retrying [half] <- (Application: boom))
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_schedule_to_close_covers_all_attempts() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=10 s2s=10 stc=10 hb=0
          > main activity 5
          < main workflow 2
        9 poll a
          < main activity 5
          = attempt 1
        9 wake
          = ACTIVITY 5 at 10
        10 fire
          6 ActivityTaskStarted of=5 attempt=1 at=9
          7 ActivityTaskTimedOut of=5 started=6 retry_state=TIMEOUT failure=(ScheduleToClose:
            Not enough time to schedule next retry before activity ScheduleToClose timeout,
            giving up retrying)
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_schedule_to_close_ends_a_waiting_attempt() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=10 s2s=9
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=10 s2s=9 stc=10 hb=0
          > main activity 5
          < main workflow 2
        1 poll a
          < main activity 5
          = attempt 1
        1 fail a boom
          = attempt 2 at 2
        2 fire
          > main activity 5
        10 fire
          6 ActivityTaskTimedOut of=5 retry_state=TIMEOUT failure=(ScheduleToClose: Not enough
            time to schedule next retry before activity ScheduleToClose timeout, giving up
            retrying <- (Application: boom))
          7 WorkflowTaskScheduled
          > main workflow 7
          < main activity 5
        """
    )


def test_schedule_to_start_counts_from_the_attempt() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 s2s=5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=5 stc=10 hb=0
          > main activity 5
          < main workflow 2
        4 poll a
          < main activity 5
          = attempt 1
        4 fail a boom
          = attempt 2 at 5
        5 wake
          = ACTIVITY 5 at 5
        5 fire
          > main activity 5
        9 wake
          = ACTIVITY 5 at 10
        10 fire
          6 ActivityTaskTimedOut of=5 retry_state=TIMEOUT failure=(ScheduleToStart: activity
            ScheduleToStart timeout <- (Application: boom))
          7 WorkflowTaskScheduled
          > main workflow 7
          < main activity 5
        """
    )


def test_what_was_missed_is_caught_up_in_one_step() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 s2s=5
        * schedule b stc=10 attempts=1
        * timer t 50
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=5 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=10 hb=0
          7 TimerStarted t for=50
          > main activity 5
          > main activity 6
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 poll b
          < main activity 6
          = attempt 1
        0 fail a boom
          = attempt 2 at 1
        100 fire
          8 ActivityTaskStarted of=6 attempt=1 at=0
          9 TimerFired t started=7
          10 ActivityTaskTimedOut of=5 retry_state=TIMEOUT failure=(ScheduleToStart: activity
            ScheduleToStart timeout <- (Application: boom))
          11 ActivityTaskTimedOut of=6 started=8 retry_state=MAXIMUM_ATTEMPTS_REACHED
            failure=(StartToClose: activity StartToClose timeout)
          12 WorkflowTaskScheduled
          > main activity 5
          > main workflow 12
          < main activity 5
        100 fire
          = nothing is due
        """
    )


def test_started_work_has_a_second_whatever_was_asked_for() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=0.2
        * schedule b stc=9 hb=0.5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=0.2 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=9 hb=0.5
          > main activity 5
          > main activity 6
          < main workflow 2
        1 poll a
          < main activity 5
          = attempt 1
        1 wake
          = ACTIVITY 5 at 2
        1.5 poll b
          < main activity 6
          = attempt 1
        1.7 beat b
        2 fire
        2 wake
          = ACTIVITY 6 at 2.7
        """
    )


def test_time_in_the_queue_is_measured_exactly() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=9 s2s=0.2
        * schedule b stc=9 s2c=0.3
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0.2 stc=9 hb=0
          6 ActivityTaskScheduled b s2c=0.3 s2s=0.3 stc=0.3 hb=0
          > main activity 5
          > main activity 6
          < main workflow 2
        0 wake
          = ACTIVITY 5 at 0.2
        0.1 poll a
          < main activity 5
          = attempt 1
        0.1 wake
          = ACTIVITY 6 at 0.3
        """
    )
