"""Activities that are asked to stop (semantics 7.7, traps 27 and 28)."""

from tests.engine.workflow.transcript import check


def test_cancellation_of_an_activity_without_worker() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
          9 WorkflowTaskCompleted
          10 ActivityTaskCancelRequested of=5
          11 ActivityTaskCanceled of=5 requested=10 details="ACTIVITY_ID_NOT_STARTED"
          12 WorkflowTaskScheduled
          > main workflow 12
          < main workflow 7
          < main activity 5
        3 poll a
          = obsolete
        """
    )


def test_cancellation_during_the_retry_interval() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10 initial=60
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        0 poll a
          < main activity 5
          = attempt 1
        1 fail a boom
          = attempt 2 at 61
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
          9 WorkflowTaskCompleted
          10 ActivityTaskCancelRequested of=5
          11 ActivityTaskCanceled of=5 requested=10 details="ACTIVITY_ID_NOT_STARTED"
          12 WorkflowTaskScheduled
          > main workflow 12
          < main workflow 7
        61 fire
          = nothing is due
        """
    )


def test_running_activity_is_told_of_its_cancellation() -> None:
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
        0 beat a
        1 canceled a
          ! INVALID_ARGUMENT: unable to mark activity as canceled without activity being request
            canceled first
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
          9 WorkflowTaskCompleted
          10 ActivityTaskCancelRequested of=5
          < main workflow 7
        3 beat a
          = cancel requested
        4 canceled a stopped
          11 ActivityTaskStarted of=5 attempt=1 at=0
          12 ActivityTaskCanceled of=5 started=11 requested=10 details=stopped
          13 WorkflowTaskScheduled
          > main workflow 13
        """
    )


def test_after_a_cancellation_request_nothing_is_retried() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * schedule b stc=10
        * schedule c stc=10
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
        1 signal s
          8 WorkflowExecutionSignaled s
          9 WorkflowTaskScheduled
          > main workflow 9
        1 work
          10 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
        * cancel-activity 6
        * cancel-activity 7
          11 WorkflowTaskCompleted
          12 ActivityTaskCancelRequested of=5
          13 ActivityTaskCancelRequested of=6
          14 ActivityTaskCancelRequested of=7
          < main workflow 9
        3 fail a boom
          15 ActivityTaskStarted of=5 attempt=1 at=0
          16 ActivityTaskFailed of=5 started=15 retry_state=CANCEL_REQUESTED
            failure=(Application: boom)
          17 WorkflowTaskScheduled
          > main workflow 17
        4 result b "done anyway"
          18 ActivityTaskStarted of=6 attempt=1 at=0
          19 ActivityTaskCompleted of=6 started=18 result=done anyway
        10 fire
          20 ActivityTaskStarted of=7 attempt=1 at=0
          21 ActivityTaskTimedOut of=7 started=20 retry_state=CANCEL_REQUESTED
            failure=(StartToClose: activity StartToClose timeout)
        """
    )


def test_cancellation_request_without_id_is_refused() -> None:
    check(
        """
        0 begin
        0 complete
        * cancel-activity 0
          4 WorkflowTaskFailed cause=BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES failure=(Server:
            BadRequestCancelActivityAttributes: ScheduledEventId is not set on
            RequestCancelActivityTaskCommand.)
          > main workflow 5
          < main workflow 2
          ! BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES: ScheduledEventId is not set on
            RequestCancelActivityTaskCommand.
        """
    )


def test_cancellation_request_for_what_is_no_activity_is_refused() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * cancel-activity 3
          4 WorkflowTaskFailed cause=BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES failure=(Server:
            BadRequestCancelActivityAttributes: invalid history builder state for action:
            add-activitytask-cancel-requested-event, ScheduledEventID: 3)
          > main workflow 5
          < main workflow 2
          ! BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES: invalid history builder state for action:
            add-activitytask-cancel-requested-event, ScheduledEventID: 3
        """
    )


def test_repeated_cancellation_request_is_refused() -> None:
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
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
        * cancel-activity 5
          9 WorkflowTaskFailed cause=BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES failure=(Server:
            BadRequestCancelActivityAttributes: invalid history builder state for action:
            add-activitytask-cancel-requested-event, ScheduledEventID: 5)
          > main workflow 10
          < main workflow 7
          ! BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES: invalid history builder state for action:
            add-activitytask-cancel-requested-event, ScheduledEventID: 5
        """
    )


def test_cancellation_of_what_has_closed_unseen() -> None:
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
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 result a 42
          ~ ActivityTaskStarted of=5 attempt=1 at=0
          ~ ActivityTaskCompleted of=5 result=42
        3 complete
        * cancel-activity 5
          9 WorkflowTaskCompleted
          10 ActivityTaskCancelRequested of=5
          11 ActivityTaskStarted of=5 attempt=1 at=0
          12 ActivityTaskCompleted of=5 started=11 result=42
          13 WorkflowTaskScheduled
          > main workflow 13
          < main workflow 7
        """
    )


def test_activity_can_be_scheduled_and_canceled_in_one_task() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
        * cancel-activity 5
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          6 ActivityTaskCancelRequested of=5
          7 ActivityTaskCanceled of=5 requested=6 details="ACTIVITY_ID_NOT_STARTED"
          8 WorkflowTaskScheduled
          > main activity 5
          > main workflow 8
          < main workflow 2
          < main activity 5
        """
    )


def test_a_run_may_close_over_the_activity_that_it_has_just_canceled() -> None:
    check(
        """
        0 begin
        0 complete
        * schedule a stc=10
          4 WorkflowTaskCompleted
          5 ActivityTaskScheduled a s2c=0 s2s=0 stc=10 hb=0
          > main activity 5
          < main workflow 2
        1 signal s
          6 WorkflowExecutionSignaled s
          7 WorkflowTaskScheduled
          > main workflow 7
        1 work
          8 WorkflowTaskStarted
        2 complete
        * cancel-activity 5
        * close
          9 WorkflowTaskCompleted
          10 ActivityTaskCancelRequested of=5
          11 WorkflowExecutionCompleted
          < main workflow 7
          < main activity 5
        """
    )
