"""The life of a standalone Nexus operation: what each call, request and deadline makes of it."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import Callback, Link, Payload
from temporalio.api.enums.v1 import (
    CallbackState,
    NexusOperationCancellationState,
    NexusOperationExecutionStatus,
    NexusOperationIdConflictPolicy,
    NexusOperationIdReusePolicy,
    NexusOperationWaitStage,
    PendingNexusOperationState,
    TimeoutType,
)
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    RequestCancelNexusOperationExecutionRequest,
    StartNexusOperationExecutionRequest,
    TerminateNexusOperationExecutionRequest,
)

from indelible.base.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError
from indelible.base.id_policies import IdDecision, IdReuse
from indelible.base.ids import NamespaceId, RunId, TaskId
from indelible.base.instants import HOUR, SECOND, Instant
from indelible.base.limits import Limits
from indelible.base.nexus_operations import (
    CallFailed,
    OperationEnd,
    OperationFailed,
    OperationStarted,
    OperationSucceeded,
    OperationTimedOut,
    StartOutcome,
)
from indelible.base.owed_callbacks import record_callback
from indelible.engine.nexus_operation import client_requests
from indelible.engine.nexus_operation.deadlines import fire_due, is_expired, wake_at
from indelible.engine.nexus_operation.description import callbacks, describe, poll_response
from indelible.engine.nexus_operation.outcomes import complete, record_cancel, record_start
from indelible.engine.nexus_operation.starting import (
    attach,
    begin_operation,
    decide_on_id,
    new_operation,
)
from indelible.engine.nexus_operation.state import (
    OPEN_STATUSES,
    OPERATION_TRANSITIONS,
    OperationStatus,
)
from indelible.engine.nexus_operation.step import OperationStep
from indelible.engine.nexus_operation.told_end import told_end

BOOM: Final = Failure(message="boom")
CANCELED: Final = Failure(message="gone", canceled_failure_info=CanceledFailureInfo())
STARTED: Final = OperationStarted(token="token")  # noqa: S106
RESULT: Final = Payload(data=b"result")
DONE: Final = OperationSucceeded(result=RESULT)
CLOSED_STAGE: Final = NexusOperationWaitStage.NEXUS_OPERATION_WAIT_STAGE_CLOSED
STARTED_STAGE: Final = NexusOperationWaitStage.NEXUS_OPERATION_WAIT_STAGE_STARTED


def request(
    timeouts: Mapping[str, int] | None = None,
    *,
    reuse: int = 1,
    conflict: int = 1,
    request_id: str = "request",
    callbacks: int = 0,
) -> StartNexusOperationExecutionRequest:
    """Ask for an operation; timeouts are in seconds."""
    asked = StartNexusOperationExecutionRequest(
        operation_id="o",
        request_id=request_id,
        endpoint="endpoint",
        service="service",
        operation="operation",
        input=Payload(data=b"input"),
        id_reuse_policy=NexusOperationIdReusePolicy.ValueType(reuse),
        id_conflict_policy=NexusOperationIdConflictPolicy.ValueType(conflict),
        completion_callbacks=[Callback(nexus=Callback.Nexus(url="temporal://system"))] * callbacks,
    )
    for name, value in (timeouts or {}).items():
        getattr(asked, name).CopyFrom(DurationMessage(seconds=value))
    return asked


class Operation:
    """An operation whose clock is set by hand; instants are seconds. It begins at 100."""

    def __init__(self, *, callbacks: int = 0, **timeouts: int) -> None:
        self.now = 100
        self._ids: Iterator[int] = count(1)
        asked = request(timeouts, callbacks=callbacks)
        self.state = new_operation(
            asked,
            namespace_id=NamespaceId("namespace"),
            run_id=RunId("run"),
            endpoint_id="endpoint id",
            request_id="call",
            now=self._instant,
        )
        self.calls: list[str] = []
        begin_operation(self.at(100), asked)
        self.accept()

    @property
    def _instant(self) -> Instant:
        return Instant(self.now * SECOND)

    def at(self, now: int) -> OperationStep:
        """Begin a step at an instant."""
        self.now = now
        self.step = OperationStep(
            self.state,
            now=self._instant,
            next_task_id=lambda: TaskId(next(self._ids)),
            retention=HOUR,
            limits=Limits(callbacks_per_execution_max=3),
        )
        return self.step

    def accept(self) -> None:
        self.state = self.step.state
        self.calls += [f"{type(call).__name__[:6]} {call.attempt}" for call in self.step.calls]

    def answer(self, now: int, outcome: StartOutcome, *, attempt: int = 1) -> None:
        record_start(self.at(now), attempt, outcome)
        self.accept()

    def answer_cancel(
        self, now: int, failure: Failure | None, *, attempt: int = 1, is_retryable: bool = False
    ) -> None:
        record_cancel(self.at(now), attempt, failure, is_retryable=is_retryable)
        self.accept()

    def complete(self, now: int, end: OperationEnd, *, request_id: str = "call") -> None:
        complete(
            self.at(now),
            request_id=request_id,
            started=OperationStarted(token="late", at=Instant(now * SECOND)),  # noqa: S106
            end=end,
        )
        self.accept()

    def cancel(self, now: int, request_id: str = "c") -> None:
        client_requests.request_cancel(
            self.at(now),
            RequestCancelNexusOperationExecutionRequest(request_id=request_id, reason="why"),
        )
        self.accept()

    def terminate(self, now: int, request_id: str = "t") -> None:
        client_requests.terminate(
            self.at(now),
            TerminateNexusOperationExecutionRequest(
                request_id=request_id, reason="enough", identity="me"
            ),
        )
        self.accept()

    def fire(self, now: int) -> None:
        fire_due(self.at(now))
        self.accept()

    @property
    def status(self) -> str:
        return self.state.core.status.name

    @property
    def wake_at(self) -> float:
        return wake_at(self.state) / SECOND

    @property
    def failure(self) -> Failure:
        assert self.state.outcome is not None
        return Failure.FromString(self.state.outcome.failure)


# -- answers of the handler ------------------------------------------------------------------------


def test_it_begins_with_a_call() -> None:
    operation = Operation()
    assert (operation.calls, operation.status, operation.wake_at) == (["StartO 1"], "SCHEDULED", 0)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (DONE, "SUCCEEDED"),
        (STARTED, "STARTED"),
        (OperationFailed(failure=BOOM), "FAILED"),
        (OperationFailed(failure=CANCELED), "CANCELED"),
        (OperationTimedOut(timeout_type=TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE), "TIMED_OUT"),
        (CallFailed(failure=BOOM), "SCHEDULED"),
    ],
)
def test_what_an_answer_makes_of_it(outcome: StartOutcome, status: str) -> None:
    operation = Operation()
    operation.answer(101, outcome)
    assert operation.status == status


def test_an_answer_to_another_attempt_changes_nothing() -> None:
    operation = Operation()
    before = operation.state
    operation.answer(101, DONE, attempt=2)
    assert operation.state == before


def test_a_failed_call_is_repeated_after_growing_intervals() -> None:
    operation = Operation()
    operation.answer(101, CallFailed(failure=BOOM))
    assert (operation.state.core.start.attempt, operation.wake_at) == (1, 102)
    operation.fire(101)
    assert operation.calls == ["StartO 1"]
    operation.fire(102)
    operation.answer(103, CallFailed(failure=BOOM), attempt=2)
    assert (operation.calls, operation.wake_at) == (["StartO 1", "StartO 2"], 105)
    operation.fire(105)
    operation.answer(106, DONE, attempt=3)
    assert (operation.status, operation.wake_at) == ("SUCCEEDED", 106 + 3600)


def test_a_final_failure_is_shown_as_that_of_the_last_attempt_too() -> None:
    operation = Operation()
    operation.answer(101, OperationFailed(failure=BOOM))
    described = describe(operation.state, now=Instant(200 * SECOND))
    assert described.last_attempt_failure == operation.failure == BOOM
    assert described.execution_duration.seconds == 1


# -- completions -----------------------------------------------------------------------------------


def test_a_completion_ends_what_was_started() -> None:
    operation = Operation()
    operation.answer(101, STARTED)
    operation.complete(105, DONE)
    assert (operation.status, operation.state.core.operation_token) == ("SUCCEEDED", "token")


def test_a_completion_may_come_before_the_answer() -> None:
    operation = Operation()
    operation.complete(105, OperationFailed(failure=CANCELED))
    assert (operation.status, operation.state.core.operation_token) == ("CANCELED", "late")
    operation.answer(106, STARTED)
    assert operation.status == "CANCELED"


@pytest.mark.parametrize("request_id", ["another", ""])
def test_a_completion_for_another_call_is_refused(request_id: str) -> None:
    with pytest.raises(NotFoundError):
        Operation().complete(105, DONE, request_id=request_id)


def test_a_second_completion_is_refused() -> None:
    operation = Operation()
    operation.complete(105, DONE)
    with pytest.raises(NotFoundError):
        operation.complete(106, DONE)


def test_links_of_the_handler_are_kept() -> None:
    link = Link(workflow=Link.Workflow(namespace="n", workflow_id="w", run_id="r"))
    operation = Operation()
    operation.answer(101, OperationStarted(token="token", links=[link]))  # noqa: S106
    assert list(describe(operation.state, now=Instant(0)).links) == [link]


# -- cancellation ----------------------------------------------------------------------------------


def test_a_cancellation_waits_until_the_handler_has_started() -> None:
    operation = Operation()
    operation.cancel(101)
    assert operation.calls == ["StartO 1"]
    operation.answer(102, STARTED)
    assert operation.calls == ["StartO 1", "Cancel 1"]
    operation.answer_cancel(103, None)
    described = describe(operation.state, now=Instant(0)).cancellation_info
    succeeded = NexusOperationCancellationState.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED
    assert (described.state, described.reason, described.attempt) == (succeeded, "why", 1)
    assert operation.status == "STARTED"


def test_a_cancellation_is_repeated_until_it_is_heard() -> None:
    operation = Operation()
    operation.answer(101, STARTED)
    operation.cancel(102)
    operation.answer_cancel(103, BOOM, is_retryable=True)
    assert operation.wake_at == 104
    operation.fire(104)
    operation.answer_cancel(105, BOOM, attempt=2)
    assert operation.calls == ["StartO 1", "Cancel 1", "Cancel 2"]
    failed = NexusOperationCancellationState.NEXUS_OPERATION_CANCELLATION_STATE_FAILED
    assert describe(operation.state, now=Instant(0)).cancellation_info.state == failed


def test_a_repeated_request_to_cancel_changes_nothing_even_when_it_is_closed() -> None:
    operation = Operation()
    operation.cancel(101)
    before = operation.state
    operation.cancel(102)
    assert operation.state == before
    with pytest.raises(FailedPreconditionError, match="already requested with request ID c"):
        operation.cancel(103, "other")
    operation.terminate(104)
    operation.cancel(105)
    with pytest.raises(FailedPreconditionError, match="already completed"):
        operation.cancel(106, "other")


def test_a_termination_happens_once() -> None:
    operation = Operation()
    operation.terminate(101)
    assert (operation.status, operation.failure.message) == ("TERMINATED", "enough")
    operation.terminate(102)
    with pytest.raises(FailedPreconditionError, match="already terminated with request ID t"):
        operation.terminate(103, "other")
    operation.answer(104, DONE)
    assert operation.status == "TERMINATED"


def test_what_has_succeeded_cannot_be_terminated() -> None:
    operation = Operation()
    operation.answer(101, DONE)
    with pytest.raises(FailedPreconditionError):
        operation.terminate(102)


# -- deadlines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeout", "is_started", "due_at", "timeout_type"),
    [
        ("schedule_to_start_timeout", False, 130, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START),
        ("schedule_to_close_timeout", False, 130, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE),
        ("schedule_to_close_timeout", True, 130, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE),
        ("start_to_close_timeout", True, 140, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE),
    ],
)
def test_a_timeout_ends_it(
    timeout: str, is_started: bool, due_at: int, timeout_type: "TimeoutType.ValueType"
) -> None:
    operation = Operation(**{timeout: 30})
    if is_started:
        operation.answer(110, STARTED)
    assert operation.wake_at == due_at
    operation.fire(due_at - 1)
    assert operation.status != "TIMED_OUT"
    operation.fire(due_at)
    assert operation.status == "TIMED_OUT"
    assert operation.failure.timeout_failure_info.timeout_type == timeout_type


def test_a_started_operation_has_no_timeout_to_start() -> None:
    operation = Operation(schedule_to_start_timeout=30)
    operation.answer(110, STARTED)
    assert operation.wake_at == 0
    operation.fire(500)
    assert operation.status == "STARTED"


def test_it_is_kept_for_the_time_of_its_retention() -> None:
    operation = Operation()
    operation.terminate(101)
    assert not is_expired(operation.state, Instant((100 + 3600) * SECOND))
    assert is_expired(operation.state, Instant((101 + 3600) * SECOND))


# -- what clients see ------------------------------------------------------------------------------


def test_a_poll_waits_for_its_stage() -> None:
    operation = Operation()
    assert poll_response(operation.state, STARTED_STAGE) is None
    operation.answer(101, STARTED)
    started = poll_response(operation.state, STARTED_STAGE)
    assert started is not None
    assert (started.wait_stage, started.operation_token) == (STARTED_STAGE, "token")
    assert poll_response(operation.state, CLOSED_STAGE) is None
    operation.complete(102, DONE)
    for stage in (STARTED_STAGE, CLOSED_STAGE):
        closed = poll_response(operation.state, stage)
        assert closed is not None
        assert (closed.wait_stage, closed.result) == (CLOSED_STAGE, RESULT)


@pytest.mark.parametrize(
    ("outcome", "pending"),
    [
        (None, "SCHEDULED"),
        (CallFailed(failure=BOOM), "BACKING_OFF"),
        (STARTED, "STARTED"),
        (DONE, "UNSPECIFIED"),
    ],
)
def test_the_state_that_clients_see(outcome: StartOutcome | None, pending: str) -> None:
    operation = Operation()
    if outcome is not None:
        operation.answer(101, outcome)
    described = describe(operation.state, now=Instant(102 * SECOND))
    assert described.state == PendingNexusOperationState.Value(
        f"PENDING_NEXUS_OPERATION_STATE_{pending}"
    )
    running = NexusOperationExecutionStatus.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING
    assert (described.status == running) == (outcome != DONE)


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "reuse", "decision"),
    [
        (DONE, IdReuse.ALLOW_DUPLICATE, IdDecision.CREATE),
        (DONE, IdReuse.ALLOW_DUPLICATE_FAILED_ONLY, None),
        (DONE, IdReuse.REJECT_DUPLICATE, None),
        (OperationFailed(failure=BOOM), IdReuse.ALLOW_DUPLICATE_FAILED_ONLY, IdDecision.CREATE),
        (OperationFailed(failure=BOOM), IdReuse.REJECT_DUPLICATE, None),
    ],
)
def test_whether_a_closed_one_may_be_followed(
    end: OperationEnd, reuse: IdReuse, decision: IdDecision | None
) -> None:
    operation = Operation()
    operation.answer(101, end)
    asked = request(reuse=reuse, request_id="other")
    if decision is None:
        with pytest.raises(AlreadyExistsError):
            decide_on_id(operation.state, asked)
    else:
        assert decide_on_id(operation.state, asked) is decision


def test_an_open_one_is_kept() -> None:
    operation = Operation()
    assert decide_on_id(None, request()) is IdDecision.CREATE
    assert decide_on_id(operation.state, request()) is IdDecision.REPEAT
    use_existing = request(conflict=2, request_id="other")
    assert decide_on_id(operation.state, use_existing) is IdDecision.USE_EXISTING
    with pytest.raises(AlreadyExistsError, match="request_id=request, run_id=run"):
        decide_on_id(operation.state, request(request_id="other"))


def test_no_road_leads_out_of_a_closed_status() -> None:
    assert {status for status, _ in OPERATION_TRANSITIONS} == OPEN_STATUSES
    assert set(OPERATION_TRANSITIONS.values()) == set(OperationStatus) - {OperationStatus.SCHEDULED}


# -- callbacks -------------------------------------------------------------------------------------


def test_whoever_waits_is_told_the_end_until_it_is_heard() -> None:
    operation = Operation(callbacks=2)
    assert [told_state(operation, number) for number in (0, 1)] == ["STANDBY 0", "STANDBY 0"]
    assert told_end(operation.state) is None
    operation.answer(101, DONE)
    assert told_end(operation.state) == DONE
    assert operation.calls[-2:] == ["CallOp 1", "CallOp 1"]
    assert told_state(operation, 0) == "SCHEDULED 0"
    record_callback(operation.at(102), 0, 1, BOOM, is_retryable=True)
    record_callback(operation.step, 1, 1, BOOM, is_retryable=False)
    operation.accept()
    assert [told_state(operation, number) for number in (0, 1)] == ["BACKING_OFF 1", "FAILED 1"]
    assert operation.wake_at == 103
    fire_due(operation.at(103))
    operation.accept()
    assert operation.calls[-1] == "CallOp 2"
    record_callback(operation.at(104), 0, 1, BOOM, is_retryable=True)
    assert operation.step.state == operation.state, "an answer to another attempt"
    record_callback(operation.step, 0, 2, None, is_retryable=False)
    operation.accept()
    assert told_state(operation, 0) == "SUCCEEDED 2"
    assert not is_expired(operation.state, Instant(104 * SECOND))


@pytest.mark.parametrize("event", ["fail", "terminate"])
def test_whoever_waits_is_told_a_failure(event: str) -> None:
    operation = Operation(callbacks=1)
    if event == "fail":
        operation.answer(101, OperationFailed(failure=BOOM))
    else:
        client_requests.end(operation.at(101), reason="why", identity="", request_id="")
        operation.accept()
    end = told_end(operation.state)
    assert isinstance(end, OperationFailed)
    assert operation.calls[-1] == "CallOp 1"


def test_a_start_that_finds_the_operation_attaches_its_callbacks_once() -> None:
    operation = Operation(callbacks=1)
    again = request(conflict=2, request_id="other", callbacks=1)
    attach(operation.at(101), again)
    assert len(operation.step.state.callbacks) == 1, "it did not ask for that"
    again.on_conflict_options.attach_completion_callbacks = True
    attach(operation.step, again)
    attach(operation.step, again)
    assert len(operation.step.state.callbacks) == 2
    more = request(conflict=2, request_id="third", callbacks=2)
    more.on_conflict_options.attach_completion_callbacks = True
    with pytest.raises(FailedPreconditionError, match="more than 3 callbacks to a nexus operation"):
        attach(operation.step, more)


def test_a_start_that_finds_the_operation_attaches_its_links_once() -> None:
    operation = Operation()
    again = request(conflict=2, request_id="other")
    again.links.add().workflow_event.workflow_id = "w"
    attach(operation.at(101), again)
    assert not operation.step.state.request.links, "it did not ask for that"
    again.on_conflict_options.attach_links = True
    attach(operation.step, again)
    attach(operation.step, again)
    assert list(describe(operation.step.state, now=Instant(0)).links) == list(again.links)


def told_state(operation: Operation, number: int) -> str:
    """Return what is told of a callback: its state, and how often it was called."""
    info = callbacks(operation.state)[number].info
    return f"{CallbackState.Name(info.state).removeprefix('CALLBACK_STATE_')} {info.attempt}"
