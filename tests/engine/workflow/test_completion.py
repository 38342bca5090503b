"""Workflow tasks come back from workers: completed, failed, refused, too late."""

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import ActivityType
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import (
    CommandType,
    VersioningBehavior,
    WorkerVersioningMode,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.sdk.v1 import UserMetadata

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    StatusCode,
)
from indelible.base.limits import Limits
from indelible.engine.workflow.commands.registry import CLOSING_COMMANDS, COMMANDS
from indelible.engine.workflow.requests.enforce_limits import end_for_limit, exceeds_limits
from indelible.engine.workflow.state import WorkflowStatus
from indelible.engine.workflow.transition import Transition
from tests.engine.workflow.chain import (
    WORKER,
    Chain,
    Refused,
    application_failure,
    command,
    complete,
    fail,
    lines,
    payloads,
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


# -- the ordinary course ---------------------------------------------------------------------------


def test_every_command_type_has_its_function() -> None:
    assert set(COMMANDS) == set(CommandType.values()) - {CommandType.COMMAND_TYPE_UNSPECIFIED}
    assert set(COMMANDS) >= CLOSING_COMMANDS


def test_commands_become_events_in_their_order(chain: Chain) -> None:
    chain.work(timer("one"), timer("two"), activity())
    assert chain.current.lines() == lines(
        """
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted
        6 TimerStarted
        7 ActivityTaskScheduled
        """
    )
    assert chain.current.event("WorkflowTaskCompleted").identity == WORKER
    assert not chain.is_task_pending()


def test_the_metadata_of_a_command_goes_to_its_event(chain: Chain) -> None:
    ending = complete("1")
    ending.user_metadata.CopyFrom(UserMetadata(summary=payloads("why").payloads[0]))
    chain.work(ending)
    assert chain.current.history[-1].user_metadata == ending.user_metadata


def test_a_run_completes(chain: Chain) -> None:
    chain.work(complete("42"))
    assert chain.current.lines(since=4) == [
        "4 WorkflowTaskCompleted",
        "5 WorkflowExecutionCompleted",
    ]
    closed = chain.current.event("WorkflowExecutionCompleted")
    assert (closed.result, closed.workflow_task_completed_event_id) == (payloads("42"), 4)
    assert chain.current.state.execution.status is WorkflowStatus.COMPLETED
    assert len(chain.runs) == 1


def test_a_run_ends_as_canceled(chain: Chain) -> None:
    chain.cancel()
    chain.work(command("cancel_workflow_execution", details=payloads("bye")))
    assert chain.current.lines(since=6) == ["6 WorkflowExecutionCanceled"]
    assert chain.current.event("WorkflowExecutionCanceled").details == payloads("bye")


def test_what_closes_a_run_releases_its_tasks(chain: Chain) -> None:
    chain.work(activity())
    assert len(chain.current.queued) == 1
    chain.signal()
    chain.work(complete())
    assert not chain.current.queued


# -- stale and malformed ---------------------------------------------------------------------------


def test_a_token_completes_once(chain: Chain) -> None:
    chain.work(timer())
    with pytest.raises(NotFoundError, match=r"^Workflow task not found.$"):
        chain.respond(complete())


@pytest.mark.parametrize("end", ["terminate", "time out", "start again"])
def test_a_token_of_a_task_that_is_gone(chain: Chain, end: str) -> None:
    token = chain.poll()
    if end == "terminate":
        chain.terminate()
    else:
        chain.wake()
    if end == "start again":
        chain.poll()
    chain.token = token
    before = chain.current.lines()
    with pytest.raises(NotFoundError) as raised:
        chain.respond(complete())
    assert raised.value.code is StatusCode.NOT_FOUND
    assert chain.current.lines() == before


def test_a_token_of_an_earlier_start_with_equal_ids(chain: Chain) -> None:
    """Repeated transient tasks have the same event ids and differ in their attempt and time."""
    chain.poll()
    chain.fail_task()
    first = chain.poll()
    chain.wake()
    second = chain.poll()
    assert first.started_event_id == second.started_event_id
    chain.token = first
    with pytest.raises(NotFoundError):
        chain.respond(complete())


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (
            [complete(), timer()],
            (
                "invalid command sequence: [CompleteWorkflowExecution, StartTimer], "
                "command CompleteWorkflowExecution must be the last command."
            ),
        ),
        (
            [timer(), complete(), fail()],
            (
                "invalid command sequence: "
                "[StartTimer, CompleteWorkflowExecution, FailWorkflowExecution], "
                "command CompleteWorkflowExecution must be the last command."
            ),
        ),
        ([Command()], "unknown command type: Unspecified"),
        ([Command.FromString(b"\x08\x4d")], "unknown command type: 77"),
    ],
)
def test_a_bad_sequence_leaves_the_task_started(
    chain: Chain, commands: list[Command], message: str
) -> None:
    chain.poll()
    with pytest.raises(InvalidArgumentError) as raised:
        chain.respond(*commands)
    assert raised.value.message == message
    assert chain.pending_task().is_started
    chain.respond(complete())


def test_a_versioning_behavior_needs_deployment_options(chain: Chain) -> None:
    chain.poll()
    pinned = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    with pytest.raises(InvalidArgumentError, match="versioned mode"):
        chain.respond(versioning_behavior=pinned)
    chain.respond(
        versioning_behavior=pinned,
        deployment_options=WorkerDeploymentOptions(
            worker_versioning_mode=WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
        ),
    )


def test_a_page_of_a_completion_is_refused(chain: Chain) -> None:
    chain.poll()
    with pytest.raises(FailedPreconditionError, match="pagination is disabled"):
        chain.respond(intermediate_page=True)


# -- refused commands ------------------------------------------------------------------------------


def test_a_refused_command_undoes_the_others(chain: Chain) -> None:
    """Trap 16."""
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(timer("t"), timer("t"), sticky="sticky")
    message = (
        "StartTimerDuplicateId: "
        "invalid history builder state for action: add-timer-started-event, TimerID: t"
    )
    assert str(raised.value) == message
    assert chain.current.lines(since=3) == [
        "3 WorkflowTaskStarted",
        "4 WorkflowTaskFailed",
    ]
    failed = chain.current.event("WorkflowTaskFailed")
    assert failed.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID
    assert failed.failure.message == message
    assert failed.failure.HasField("server_failure_info")
    assert failed.identity == WORKER
    assert chain.pending_task().attempt == 2
    assert not chain.current.state.execution.sticky_queue


def test_a_task_that_is_refused_again_is_left_to_time_out(chain: Chain) -> None:
    for _ in range(2):
        chain.poll()
        with pytest.raises(Refused):
            chain.respond(timer("t"), timer("t"))
    assert chain.pending_task().is_started
    assert chain.current.lines(since=4) == ["4 WorkflowTaskFailed"]
    chain.wake()
    assert chain.pending_task().attempt == 3


def test_success_after_failures_writes_one_set_of_events(chain: Chain) -> None:
    """Trap 11."""
    chain.poll()
    chain.fail_task()
    for _ in range(2):
        chain.poll()
        chain.wake()
    assert chain.current.lines(since=4) == ["4 WorkflowTaskFailed"]
    chain.work(complete())
    assert chain.current.lines(since=5) == lines(
        """
        5 WorkflowTaskScheduled
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionCompleted
        """
    )
    assert chain.current.event("WorkflowTaskScheduled").attempt == 4


def test_an_oversized_result_terminates_the_run() -> None:
    chain = Chain(Limits(blob_bytes_max=100))
    chain.start()
    chain.signal("early")
    chain.poll()
    chain.signal("late")
    with pytest.raises(Refused):
        chain.respond(complete("x" * 200))
    # The signal that the worker has not seen comes first: the run goes on.
    assert chain.current.state.execution.is_open
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(complete("x" * 200))
    message = (
        "BadCompleteWorkflowExecutionAttributes: "
        "CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit."
    )
    assert str(raised.value) == message
    terminated = chain.current.event("WorkflowExecutionTerminated")
    assert (terminated.reason, terminated.identity) == (message, "history-service")
    assert chain.current.lines(since=9)[:2] == [
        "9 WorkflowTaskFailed",
        "10 WorkflowExecutionTerminated",
    ]


def test_an_oversized_failure_terminates_the_run() -> None:
    chain = Chain(Limits(blob_bytes_max=100))
    chain.start()
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(fail(application_failure("x" * 200)))
    assert str(raised.value) == (
        "BadFailWorkflowExecutionAttributes: "
        "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit."
    )
    assert chain.current.state.execution.status is WorkflowStatus.TERMINATED


def test_what_came_meanwhile_is_written_before_the_run_is_terminated() -> None:
    chain = Chain(Limits(blob_bytes_max=100))
    chain.start()
    chain.poll()
    chain.signal()
    with pytest.raises(Refused):
        chain.respond(activity(input=payloads("x" * 200)))
    assert chain.current.lines(since=4) == lines(
        """
        4 WorkflowTaskFailed
        5 WorkflowExecutionSignaled
        6 WorkflowExecutionTerminated
        """
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            command("protocol_message", message_id="m"),
            (
                "BadUpdateWorkflowExecutionMessage: "
                "ProtocolMessageCommand referenced absent message ID m"
            ),
        ),
        (
            command("protocol_message"),
            "BadUpdateWorkflowExecutionMessage: MessageID is not set on ProtocolMessageCommand.",
        ),
        (
            command("schedule_nexus_operation"),
            'BadScheduleNexusOperationAttributes: endpoint "" not found',
        ),
        (
            Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION),
            (
                "BadCompleteWorkflowExecutionAttributes: "
                "CompleteWorkflowExecutionCommandAttributes is not set on "
                "CompleteWorkflowExecutionCommand."
            ),
        ),
        (
            Command(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION),
            (
                "BadFailWorkflowExecutionAttributes: FailWorkflowExecutionCommandAttributes "
                "is not set on FailWorkflowExecutionCommand."
            ),
        ),
        (
            command("fail_workflow_execution"),
            (
                "BadFailWorkflowExecutionAttributes: "
                "Failure is not set on FailWorkflowExecutionCommand."
            ),
        ),
        (
            Command(command_type=CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION),
            (
                "BadCancelWorkflowExecutionAttributes: CancelWorkflowExecutionCommandAttributes "
                "is not set on CancelWorkflowExecutionCommand."
            ),
        ),
    ],
)
def test_commands_that_are_refused(chain: Chain, given: Command, message: str) -> None:
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(given)
    assert str(raised.value) == message


# -- failed by the worker --------------------------------------------------------------------------


def test_a_failed_task_is_tried_again_at_once(chain: Chain) -> None:
    """Trap 10."""
    chain.poll()
    chain.fail_task(
        cause=Cause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
        failure=application_failure("nope"),
    )
    assert chain.current.lines(since=4) == ["4 WorkflowTaskFailed"]
    failed = chain.current.event("WorkflowTaskFailed")
    assert failed.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
    assert failed.failure == application_failure("nope")
    assert (failed.scheduled_event_id, failed.started_event_id) == (2, 3)
    task = chain.pending_task()
    assert (task.attempt, task.scheduled_event_id, task.is_started) == (2, 5, False)
    assert len(chain.current.queued) == 1


def test_a_failed_task_is_gone(chain: Chain) -> None:
    chain.poll()
    chain.fail_task()
    with pytest.raises(NotFoundError):
        chain.fail_task()


def test_a_worker_whose_answer_is_too_large_ends_the_run(chain: Chain) -> None:
    """Trap 39."""
    chain.poll()
    chain.fail_task(cause=Cause.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE)
    assert chain.current.lines(since=4) == [
        "4 WorkflowTaskFailed",
        "5 WorkflowExecutionTerminated",
    ]
    failed = chain.current.event("WorkflowTaskFailed")
    assert failed.cause == Cause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
    terminated = chain.current.event("WorkflowExecutionTerminated")
    assert (terminated.reason, terminated.identity) == ("GrpcMessageTooLarge", "history-service")


def test_an_oversized_failure_is_replaced() -> None:
    chain = Chain(Limits(blob_bytes_max=1_000))
    chain.start()
    chain.poll()
    chain.fail_task(failure=Failure(message="m" * 600_000))
    failure = chain.current.event("WorkflowTaskFailed").failure
    assert failure.message == "Failure exceeds size limit."
    assert failure.HasField("server_failure_info")
    assert failure.cause.message == "m" * 512 * 1024


# -- bounds of a run -------------------------------------------------------------------------------


def _excess(step: Transition) -> str | None:
    return exceeds_limits(step.execution, step.settings.limits, state_bytes=0)


def test_what_reaches_the_bound_passes_and_one_event_more_does_not() -> None:
    chain = Chain(Limits(history_events_max=6))
    chain.start()
    chain.work(timer("1"), timer("2"))
    assert chain.take(_excess) is None
    chain.signal()
    assert chain.take(_excess) == "Workflow history count exceeds limit."


def test_a_run_that_is_too_large_is_ended_by_the_service() -> None:
    chain = Chain()
    chain.start()
    chain.take(lambda step: end_for_limit(step, "too large"))
    terminated = chain.current.event("WorkflowExecutionTerminated")
    assert (terminated.reason, terminated.identity) == ("too large", "history-service")


def test_a_run_that_has_ended_is_never_too_large() -> None:
    chain = Chain(Limits(history_events_max=2))
    chain.start()
    chain.signal()
    assert chain.take(_excess) == "Workflow history count exceeds limit."
    chain.take(lambda step: end_for_limit(step, "too large"))
    assert chain.take(_excess) is None


def test_a_history_can_be_too_large_in_bytes() -> None:
    chain = Chain(Limits(history_bytes_max=-1))
    chain.start()
    assert chain.take(_excess) == "Workflow history size exceeds limit."
