"""Nexus operations as their caller's run sees them: called, started, ended, timed out, canceled."""

from collections.abc import Sequence
from typing import Final

import pytest
from temporalio.api.command.v1 import (
    Command,
    RequestCancelNexusOperationCommandAttributes,
    ScheduleNexusOperationCommandAttributes,
)
from temporalio.api.common.v1 import Callback, Payload, Payloads
from temporalio.api.enums.v1 import CommandType, EventType, TimeoutType
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionOptionsUpdatedEventAttributes,
)
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    RespondWorkflowTaskCompletedRequest,
)

from indelible.base.calls import CallState
from indelible.base.errors import NotFoundError
from indelible.base.instants import NO_DURATION, Duration, duration_message, seconds
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.base.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    OperationTimedOut,
    StartOutcome,
)
from indelible.engine.workflow.commands.outcome import NexusTarget, Refusal, TerminalRefusal
from indelible.engine.workflow.requests.complete_nexus_operation import complete_nexus_operation
from indelible.engine.workflow.requests.record_callback_result import record_callback_result
from indelible.engine.workflow.requests.record_nexus_call import (
    record_nexus_cancel,
    record_nexus_start,
)
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionSources,
    refuse_workflow_task,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.rules.callbacks import operation_end
from indelible.engine.workflow.rules.nexus_description import add_nexus
from indelible.engine.workflow.tasks import CallCallback, CancelNexusOperation, StartNexusOperation
from tests.engine.workflow.run import Run

FAILURE: Final = Failure(message="no")
_TYPE: Final = "EVENT_TYPE_"


def schedule(**timeouts: Duration) -> Command:
    attributes = ScheduleNexusOperationCommandAttributes(
        endpoint="endpoint", service="service", operation="operation", nexus_header={"A": "b"}
    )
    for name, timeout in timeouts.items():
        getattr(attributes, f"{name}_timeout").CopyFrom(duration_message(timeout))
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
        schedule_nexus_operation_command_attributes=attributes,
    )


def cancel(scheduled_event_id: int) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
        request_cancel_nexus_operation_command_attributes=(
            RequestCancelNexusOperationCommandAttributes(scheduled_event_id=scheduled_event_id)
        ),
    )


def complete(run: Run, *commands: Command) -> Refusal | TerminalRefusal | None:
    """Complete the workflow task; there is one endpoint."""
    token = run.workflow_task_token()
    request = RespondWorkflowTaskCompletedRequest(commands=commands)
    sources = CompletionSources(
        find_namespace=lambda _: None,
        refuse_search_attributes=lambda _: None,
        start_event=None,
        find_nexus_target=lambda _given, _id: NexusTarget(endpoint_id="endpoint-id"),
    )
    step = run.begin()
    refusal = respond_workflow_task_completed(step, request, token, sources).refusal
    run.state.rollback()
    if refusal is not None:
        run.take(lambda step: refuse_workflow_task(step, refusal, request))
        return refusal
    run.take(lambda step: respond_workflow_task_completed(step, request, token, sources))
    return None


def waiting(limits: Limits = DEFAULT_LIMITS, /, **timeouts: Duration) -> tuple[Run, int]:
    """Return a run with one operation, and the id of its scheduled event."""
    run = Run(limits)
    run.start()
    run.start_task()
    assert complete(run, schedule(**timeouts)) is None
    return run, run.history[-1].event_id


def answer(run: Run, scheduled: int, outcome: StartOutcome, attempt: int = 1) -> None:
    run.take(lambda step: record_nexus_start(step, scheduled, attempt, outcome))


def types(events: Sequence[HistoryEvent]) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix(_TYPE) for event in events]


def test_a_scheduled_operation_has_its_handler_called() -> None:
    run, scheduled = waiting()
    given = run.history[scheduled - 1].nexus_operation_scheduled_event_attributes
    assert (given.endpoint_id, given.nexus_header) == ("endpoint-id", {"a": "b"})
    assert given.request_id
    assert run.last_step is not None
    assert [type(task) for task in run.last_step.transfers] == [StartNexusOperation]


@pytest.mark.parametrize(("asked", "given"), [(NO_DURATION, 5), (seconds(6), 5), (seconds(4), 4)])
def test_no_operation_takes_longer_than_the_bound(asked: Duration, given: int) -> None:
    run, scheduled = waiting(
        Limits(nexus_operation_timeout_max=seconds(5)), schedule_to_close=asked
    )
    event = run.history[scheduled - 1].nexus_operation_scheduled_event_attributes
    assert event.schedule_to_close_timeout.seconds == given


def test_a_result_at_once_leaves_no_started_event() -> None:
    run, scheduled = waiting()
    answer(run, scheduled, OperationSucceeded(result=Payload(data=b"1")))
    assert types(run.history[scheduled:]) == [
        "NEXUS_OPERATION_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
    ]
    assert not run.state.nexus_operations


def test_an_operation_that_runs_is_ended_by_its_completion() -> None:
    run, scheduled = waiting()
    answer(run, scheduled, OperationStarted(token="token"))  # noqa: S106
    request_id = run.state.nexus_operations[scheduled].request_id
    run.start_task()
    run.take(
        lambda step: complete_nexus_operation(
            step,
            scheduled,
            request_id=request_id,
            started=OperationStarted(token="late"),  # noqa: S106
            end=OperationFailed(failure=FAILURE),
        )
    )
    complete(run)
    assert "NEXUS_OPERATION_FAILED" in types(run.history)
    failed = run.history[types(run.history).index("NEXUS_OPERATION_FAILED")]
    failure = failed.nexus_operation_failed_event_attributes.failure
    told = failure.nexus_operation_execution_failure_info
    assert told.operation_token == "token"  # noqa: S105
    assert failure.cause == FAILURE


def test_a_completion_before_the_answer_makes_the_started_event() -> None:
    run, scheduled = waiting()
    request_id = run.state.nexus_operations[scheduled].request_id
    run.take(
        lambda step: complete_nexus_operation(
            step,
            scheduled,
            request_id=request_id,
            started=OperationStarted(token="early"),  # noqa: S106
            end=OperationSucceeded(result=None),
        )
    )
    assert types(run.history[scheduled:])[:2] == [
        "NEXUS_OPERATION_STARTED",
        "NEXUS_OPERATION_COMPLETED",
    ]
    before = len(run.history)
    answer(run, scheduled, OperationStarted(token="late"))  # noqa: S106
    assert len(run.history) == before


def test_a_completion_of_another_request_is_refused() -> None:
    run, scheduled = waiting()
    with pytest.raises(NotFoundError):
        run.take(
            lambda step: complete_nexus_operation(
                step,
                scheduled,
                request_id="other",
                started=OperationStarted(token=""),
                end=OperationSucceeded(result=None),
            )
        )


def attempts_told(run: Run) -> int:
    """Return how many attempts the description of the only operation counts."""
    response = DescribeWorkflowExecutionResponse()
    add_nexus(response, run.state)
    (told,) = response.pending_nexus_operations
    return told.attempt


def test_a_call_that_fails_is_made_again_after_its_interval() -> None:
    run, scheduled = waiting()
    assert attempts_told(run) == 0
    answer(run, scheduled, CallFailed(failure=FAILURE))
    assert attempts_told(run) == 1
    record = run.state.nexus_operations[scheduled]
    assert (record.start.state, record.start.attempt) == (CallState.BACKING_OFF, 2)
    assert record.start.next_attempt_at == run.now + seconds(1)
    assert not run.fire()
    run.now = record.start.next_attempt_at
    assert run.fire()
    assert run.last_step is not None
    (task,) = run.last_step.transfers
    assert isinstance(task, StartNexusOperation)
    assert task.attempt == 2
    assert attempts_told(run) == 1
    answer(run, scheduled, OperationSucceeded(result=None), attempt=1)
    assert scheduled in run.state.nexus_operations
    answer(run, scheduled, OperationSucceeded(result=None), attempt=2)
    assert scheduled not in run.state.nexus_operations


@pytest.mark.parametrize("timeout", ["schedule_to_close", "schedule_to_start"])
def test_an_operation_that_never_starts_times_out(timeout: str) -> None:
    run, scheduled = waiting(**{timeout: seconds(5)})
    run.now += seconds(5)  # pyright: ignore[reportAttributeAccessIssue]
    assert run.fire()
    assert types(run.history[scheduled:])[0] == "NEXUS_OPERATION_TIMED_OUT"


def test_a_started_operation_times_out_by_its_own_time() -> None:
    run, scheduled = waiting(schedule_to_start=seconds(5), start_to_close=seconds(10))
    answer(run, scheduled, OperationStarted(token="token"))  # noqa: S106
    run.now += seconds(9)  # pyright: ignore[reportAttributeAccessIssue]
    assert not run.fire()
    run.now += seconds(1)  # pyright: ignore[reportAttributeAccessIssue]
    assert run.fire()
    assert "NEXUS_OPERATION_TIMED_OUT" in types(run.history)


def test_too_little_time_for_a_call_is_a_timeout() -> None:
    run, scheduled = waiting()
    answer(run, scheduled, OperationTimedOut(timeout_type=TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE))
    assert types(run.history[scheduled:])[0] == "NEXUS_OPERATION_TIMED_OUT"


def test_a_canceled_failure_ends_the_operation_as_canceled() -> None:
    run, scheduled = waiting()
    failure = Failure(message="stopped", canceled_failure_info=CanceledFailureInfo())
    answer(run, scheduled, OperationFailed(failure=failure))
    assert types(run.history[scheduled:])[0] == "NEXUS_OPERATION_CANCELED"


def test_a_cancellation_waits_for_the_start() -> None:
    run, scheduled = waiting()
    run.signal("go")
    run.start_task()
    assert complete(run, cancel(scheduled)) is None
    assert run.last_step is not None
    assert run.last_step.transfers == []
    answer(run, scheduled, OperationStarted(token="token"))  # noqa: S106
    assert [type(task) for task in run.last_step.transfers] == [CancelNexusOperation]
    run.take(lambda step: record_nexus_cancel(step, scheduled, 1, None))
    assert "NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED" in types(run.history)
    assert run.state.nexus_operations[scheduled].cancel is not None


def test_a_cancellation_that_the_handler_refuses_is_told() -> None:
    run, scheduled = waiting()
    answer(run, scheduled, OperationStarted(token="token"))  # noqa: S106
    run.start_task()
    assert complete(run, cancel(scheduled)) is None
    run.take(lambda step: record_nexus_cancel(step, scheduled, 1, FAILURE, is_retryable=True))
    cancellation = run.state.nexus_operations[scheduled].cancel
    assert cancellation is not None
    run.now = cancellation.next_attempt_at
    assert run.fire()
    run.take(lambda step: record_nexus_cancel(step, scheduled, 2, FAILURE))
    assert "NEXUS_OPERATION_CANCEL_REQUEST_FAILED" in types(run.history)


def test_what_cannot_be_canceled_is_refused() -> None:
    run, scheduled = waiting()
    run.signal("go")
    run.start_task()
    refusal = complete(run, cancel(scheduled), cancel(scheduled))
    assert refusal is not None
    assert "already requested" in refusal.message
    run.start_task()
    refusal = complete(run, cancel(99))
    assert refusal is not None
    assert "non-existing" in refusal.message


def test_callbacks_are_called_when_the_chain_has_ended() -> None:
    run = Run()
    run.start()
    callback = Callback(nexus=Callback.Nexus(url="temporal://system"))
    attached = WorkflowExecutionOptionsUpdatedEventAttributes(
        attached_request_id="request", attached_completion_callbacks=[callback]
    )
    run.take(lambda step: step.emit(attached) and None)
    assert run.state.callbacks["request:0"].call.state is CallState.WAITING
    run.terminate()
    assert run.last_step is not None
    assert [type(task) for task in run.last_step.transfers] == [CallCallback]
    run.take(lambda step: record_callback_result(step, "request:0", 1, FAILURE, is_retryable=True))
    call = run.state.callbacks["request:0"].call
    assert (call.state, call.attempt) == (CallState.BACKING_OFF, 2)
    run.now = call.next_attempt_at
    assert run.fire()
    run.take(lambda step: record_callback_result(step, "request:0", 2, None, is_retryable=False))
    assert run.state.callbacks["request:0"].call.state is CallState.SUCCEEDED


def test_only_the_first_payload_of_a_result_is_told() -> None:
    result = Payloads(payloads=[Payload(data=b"1"), Payload(data=b"2")])
    closing = HistoryEvent(
        event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        workflow_execution_completed_event_attributes=WorkflowExecutionCompletedEventAttributes(
            result=result
        ),
    )
    assert operation_end(closing) == OperationSucceeded(result=Payload(data=b"1"))
