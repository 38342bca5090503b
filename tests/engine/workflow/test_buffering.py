"""A worker that keeps its workflow task for too long loses it (semantics 16)."""

from indelible.base.limits import Limits
from tests.engine.workflow.transcript import check


def test_too_many_events() -> None:
    check(
        """
        0 begin
        1 signal a
          ~ WorkflowExecutionSignaled a
        1 signal b
          ~ WorkflowExecutionSignaled b
        1 signal c
          4 WorkflowTaskFailed cause=FORCE_CLOSE_COMMAND
          5 WorkflowExecutionSignaled a
          6 WorkflowExecutionSignaled b
          7 WorkflowExecutionSignaled c
          8 WorkflowTaskScheduled
          > main workflow 8
          < main workflow 2
        2 work
          9 WorkflowTaskStarted
        """,
        Limits(buffered_events_max=2),
    )


def test_too_many_bytes() -> None:
    check(
        """
        0 begin
        1 signal a-name-of-some-length
          ~ WorkflowExecutionSignaled a-name-of-some-length
        1 signal a-name-of-some-length
          4 WorkflowTaskFailed cause=FORCE_CLOSE_COMMAND
          5 WorkflowExecutionSignaled a-name-of-some-length
          6 WorkflowExecutionSignaled a-name-of-some-length
          7 WorkflowTaskScheduled
          > main workflow 7
          < main workflow 2
        """,
        Limits(buffered_bytes_max=60),
    )


def test_deadlines_that_come_count_as_well() -> None:
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
          10 WorkflowTaskFailed cause=FORCE_CLOSE_COMMAND
          11 TimerFired a started=5
          12 TimerFired b started=6
          13 WorkflowTaskScheduled
          > main workflow 13
          < main workflow 8
        """,
        Limits(buffered_events_max=1),
    )
