"""Who may start and answer an attempt: tokens, tasks, and calls by id (semantics 7.2, 7.5)."""

from tests.engine.workflow.transcript import check


def test_tokens_of_earlier_attempts_are_stale() -> None:
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
        0 fail a boom
          = attempt 2 at 1
        0 beat a
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        0 fail a again
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        0 result a 42
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 fire
          > main activity 5
        1 result a 42
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 poll a
          < main activity 5
          = attempt 2
        1 beat a attempt=1
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 fail a again attempt=1
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 canceled a attempt=1
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 result a 42 attempt=1
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 result a 42 attempt=3
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 result a 42
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=1
          7 ActivityTaskCompleted of=5 started=6 result=42
          8 WorkflowTaskScheduled
          > main workflow 8
        """
    )


def test_tasks_of_earlier_attempts_are_obsolete() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a request=1
          < main activity 5
          = attempt 1
        0 poll a request=1
          = attempt 1
        0 poll a request=2
          = obsolete
        0 fail a boom
          = attempt 2 at 1
        0 poll a
          = obsolete
        1 fire
          > main activity 5
        1 poll a task=1
          = obsolete
        1 poll a task=2
          < main activity 5
          = attempt 2
        2 result a 42
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=1
          7 ActivityTaskCompleted of=5 started=6 result=42
          8 WorkflowTaskScheduled
          > main workflow 8
        2 poll a task=2
          = obsolete
        """
    )


def test_by_id_any_attempt_is_meant() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule b stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          > main activity 6
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        0 beat a half by-id
        0 fail a boom by-id
          = attempt 2 at 1
        0 fail a boom by-id
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        1 fire
          > main activity 5
        1 poll a
          < main activity 5
          = attempt 2 after half
        1 result a 42 by-id
          7 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=1
          8 ActivityTaskCompleted of=5 started=7 result=42
          9 WorkflowTaskScheduled
          > main workflow 9
        1 result a 42 by-id
          ! NOT_FOUND: cannot find pending activity with ActivityID a, check workflow execution
            history for more details
        1 canceled b by-id
          ! NOT_FOUND: invalid activityID or activity already timed out or invoking workflow is
            completed
        2 result b "never polled" by-id
          10 ActivityTaskStarted of=6 attempt=1 at=2
          11 ActivityTaskCompleted of=6 started=10 result=never polled
          < main activity 6
        """
    )


def test_completion_by_id_during_the_retry_interval() -> None:
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
        0 fail a boom
          = attempt 2 at 1
        0.5 result a 42 by-id
          6 ActivityTaskStarted of=5 attempt=2 after=(Application: boom) at=0.5
          7 ActivityTaskCompleted of=5 started=6 result=42
          8 WorkflowTaskScheduled
          > main workflow 8
        1 fire
          = nothing is due
        """
    )


def test_nothing_can_be_said_about_activities_of_a_closed_run() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule b stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskScheduled b s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          > main activity 6
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 terminate
          7 WorkflowExecutionTerminated
          < main activity 6
        2 beat a
          ! NOT_FOUND: workflow execution already completed
        2 result a 42
          ! NOT_FOUND: workflow execution already completed
        2 fail a boom
          ! NOT_FOUND: workflow execution already completed
        2 canceled a
          ! NOT_FOUND: workflow execution already completed
        2 poll b
          = obsolete
        10 wake
          = RETENTION  at 3601
        20 fire
          = nothing is due
        """
    )
