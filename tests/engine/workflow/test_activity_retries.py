"""Attempts of activities that fail: which are repeated, and when (semantics 7.4, traps 22-26)."""

from tests.engine.workflow.transcript import check


def test_started_event_is_written_with_the_closing_one() -> None:
    check(
        """
        0 start
          1 WorkflowExecutionStarted
          2 WorkflowTaskScheduled
          > main workflow 2
        0 work
          3 WorkflowTaskStarted
        1 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        2 poll a
          < main activity 5
          = attempt 1
        3 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        3 work
          8 WorkflowTaskStarted
        4 result a 42
          ~ ActivityTaskStarted of=5 attempt=1 at=2
          ~ ActivityTaskCompleted of=5 result=42
        5 complete
          9 WorkflowTaskCompleted
          10 ActivityTaskStarted of=5 attempt=1 at=2
          11 ActivityTaskCompleted of=5 started=10 result=42
          12 WorkflowTaskScheduled
          > main workflow 12
          < main workflow 7
        """
    )


def test_default_retry_policy_has_no_end() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 fail a 1
          = attempt 2 at 1
        1 fire
          > main activity 5
        1 poll a
          < main activity 5
          = attempt 2
        1 fail a 2
          = attempt 3 at 3
        3 fire
          > main activity 5
        3 poll a
          < main activity 5
          = attempt 3
        3 fail a 3
          = attempt 4 at 7
        """
    )


def test_retries_leave_no_trace_but_in_the_last_start() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 attempts=3 initial=2
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        1 poll a
          < main activity 5
          = attempt 1
        2 fail a boom
          = attempt 2 at 4
        3 fire
          = nothing is due
        4 fire
          > main activity 5
        5 poll a
          < main activity 5
          = attempt 2
        6 fail a bang
          = attempt 3 at 10
        10 fire
          > main activity 5
        11 poll a
          < main activity 5
          = attempt 3
        12 result a fine
          6 ActivityTaskStarted of=5 attempt=3 after=(Application: bang) at=11
          7 ActivityTaskCompleted of=5 started=6 result=fine
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_maximum_attempts() -> None:
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
        2 fail a boom
          = attempt 2 at 3
        3 fire
          > main activity 5
        3 poll a
          < main activity 5
          = attempt 2
        4 fail a bang
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=3
          7 ActivityTaskFailed of=5 started=6 retry_state=MAXIMUM_ATTEMPTS_REACHED
            failure=(Application: bang)
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_interval_is_capped_and_the_failure_may_name_its_own_uncapped() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 initial=1 maximum=1.5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 fail a 1
          = attempt 2 at 1
        1 fire
          > main activity 5
        1 poll a
          < main activity 5
          = attempt 2
        1 fail a 2
          = attempt 3 at 2.5
        3 fire
          > main activity 5
        3 poll a
          < main activity 5
          = attempt 3
        3 fail a 3 delay=1000
          = attempt 4 at 1003
        1003 fire
          > main activity 5
        1003 poll a
          < main activity 5
          = attempt 4
        1003 fail a 4 delay=0
          = attempt 5 at 1003
        1003 fire
          > main activity 5
        1003 poll a
          < main activity 5
          = attempt 5
        """
    )


def test_failures_that_are_not_retried() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule b stc=10 except=Fatal,Grave
        * schedule c stc=10 except=Fatal
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=10 hb=0
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
        1 fail a final non-retryable
          8 ActivityTaskStarted of=5 attempt=1 at=0
          9 ActivityTaskFailed of=5 started=8 retry_state=NON_RETRYABLE_FAILURE
            failure=(Application: final)
          10 WorkflowTaskScheduled
          > main workflow 10
        1 fail b grave type=Grave
          11 ActivityTaskStarted of=6 attempt=1 at=0
          12 ActivityTaskFailed of=6 started=11 retry_state=NON_RETRYABLE_FAILURE
            failure=(Grave: grave)
        1 fail c harmless type=fatal
          = attempt 2 at 2
        """
    )


def test_no_time_for_another_attempt_after_a_failure() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=10 initial=8
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=10 s2s=10 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 fail a boom
          = attempt 2 at 9
        9 fire
          > main activity 5
        9 poll a
          < main activity 5
          = attempt 2
        9.5 fail a again
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=9
          7 ActivityTaskFailed of=5 started=6 retry_state=TIMEOUT failure=(Application: again)
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_retry_may_begin_at_the_last_moment() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a s2c=10 initial=8
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=10 s2s=10 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        2 fail a boom
          = attempt 2 at 10
        9 wake
          = ACTIVITY 5 at 10
        10 fire
          6 ActivityTaskTimedOut of=5 retry_state=TIMEOUT failure=(ScheduleToClose: Not enough
            time to schedule next retry before activity ScheduleToClose timeout, giving up
            retrying <- (Application: boom))
          7 WorkflowTaskScheduled
          > main activity 5
          > main workflow 7
          < main activity 5
        """
    )


def test_attempts_do_not_matter_where_there_is_only_one() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 attempts=1 coefficient=0.5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 fail a boom
          6 ActivityTaskStarted of=5 attempt=1 at=0
          7 ActivityTaskFailed of=5 started=6 retry_state=MAXIMUM_ATTEMPTS_REACHED
            failure=(Application: boom)
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )
