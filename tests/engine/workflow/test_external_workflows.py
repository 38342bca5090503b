"""Signals and cancellations for other executions: the command, and what became of it."""

from typing import Any

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Header, Payload, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    CommandType,
    SignalExternalWorkflowExecutionFailedCause,
)

from indelible.base.errors import NotFoundError
from indelible.base.ids import NamespaceId
from indelible.base.limits import Limits
from indelible.engine.workflow.requests.record_external_result import (
    is_own_workflow,
    record_external_cancel,
    record_external_signal,
)
from indelible.engine.workflow.tasks import CancelExternal, SignalExternal
from tests.engine.workflow.chain import Chain, Refused, command, lines, payloads

UUID = "0e3f0c2e-7b6c-4a0e-9f57-4e6b8f0d9a11"
SIGNAL_NOT_FOUND = SignalExternalWorkflowExecutionFailedCause.Value(
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
)
CANCEL_NOT_FOUND = CancelExternalWorkflowExecutionFailedCause.Value(
    "CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
)


def cancel(workflow_id: str = "target", **attributes: Any) -> Command:
    return command(
        "request_cancel_external_workflow_execution", workflow_id=workflow_id, **attributes
    )


def signal(workflow_id: str = "target", run_id: str = "", **attributes: Any) -> Command:
    return command(
        "signal_external_workflow_execution",
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        signal_name=attributes.pop("signal_name", "hello"),
        **attributes,
    )


@pytest.fixture
def chain() -> Chain:
    made = Chain(namespaces={"elsewhere": NamespaceId("other-id")})
    made.start()
    return made


# -- the commands ----------------------------------------------------------------------------------


def test_a_cancellation_is_initiated(chain: Chain) -> None:
    chain.work(cancel(run_id=UUID, child_workflow_only=True, reason="why", control="c"))
    initiated = chain.current.event("RequestCancelExternalWorkflowExecutionInitiated")
    assert initiated.workflow_execution == WorkflowExecution(workflow_id="target", run_id=UUID)
    assert (initiated.namespace, initiated.namespace_id) == ("ns", "ns-id")
    assert (initiated.child_workflow_only, initiated.reason) == (True, "why")
    assert (initiated.control, initiated.workflow_task_completed_event_id) == ("c", 4)
    (task,) = chain.current.transfers
    assert isinstance(task, CancelExternal)
    assert task.initiated_event_id == 5


def test_a_signal_is_initiated(chain: Chain) -> None:
    header = Header(fields={"h": Payload(data=b"1")})
    chain.work(signal(input=payloads("in"), header=header, child_workflow_only=True, control="c"))
    initiated = chain.current.event("SignalExternalWorkflowExecutionInitiated")
    assert initiated.workflow_execution == WorkflowExecution(workflow_id="target")
    assert (initiated.namespace, initiated.namespace_id) == ("ns", "ns-id")
    assert (initiated.signal_name, initiated.input) == ("hello", payloads("in"))
    assert (initiated.header, initiated.child_workflow_only) == (header, True)
    assert (initiated.control, initiated.workflow_task_completed_event_id) == ("c", 4)
    (task,) = chain.current.transfers
    assert isinstance(task, SignalExternal)
    assert task.initiated_event_id == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            Command(
                command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
            ),
            "RequestCancelExternalWorkflowExecutionCommandAttributes is not set",
        ),
        (cancel(""), "WorkflowId is not set on"),
        (cancel("x" * 1_001), "WorkflowId on .* Length=1001 Limit=1000"),
        (cancel(run_id="run"), "Invalid RunId set on .* RunId=run"),
        (cancel(namespace="elsewhere"), "cross namespace commands are not allowed"),
    ],
)
def test_a_bad_cancellation(chain: Chain, given: Command, message: str) -> None:
    chain.poll()
    cause = "BadRequestCancelExternalWorkflowExecutionAttributes"
    with pytest.raises(Refused, match=f"^{cause}: .*{message}"):
        chain.respond(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            Command(command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION),
            "SignalExternalWorkflowExecutionCommandAttributes is not set",
        ),
        (
            command("signal_external_workflow_execution", signal_name="hello"),
            "Execution is not set on",
        ),
        (signal(""), "WorkflowId is not set on .* SignalName=hello"),
        (signal("x" * 1_001), "WorkflowId on .* Length=1001 Limit=1000"),
        (signal(signal_name=""), "SignalName is not set on"),
        (signal(signal_name="x" * 1_001), "SignalName on .* Length=1001"),
        (signal(run_id="run"), "Invalid RunId set on .* RunId=run"),
        (signal(namespace="elsewhere"), "cross namespace commands are not allowed"),
    ],
)
def test_a_bad_signal(chain: Chain, given: Command, message: str) -> None:
    chain.poll()
    cause = "BadSignalWorkflowExecutionAttributes"
    with pytest.raises(Refused, match=f"^{cause}: .*{message}"):
        chain.respond(given)


@pytest.mark.parametrize("given", [cancel(namespace="nowhere"), signal(namespace="nowhere")])
def test_an_unknown_namespace(chain: Chain, given: Command) -> None:
    chain.poll()
    with pytest.raises(NotFoundError, match="nowhere"):
        chain.respond(given)
    assert chain.pending_task().is_started


def test_a_child_cannot_be_started_and_canceled_at_once(chain: Chain) -> None:
    child = command(
        "start_child_workflow_execution",
        workflow_id="target",
        workflow_type=WorkflowType(name="Child"),
    )
    chain.poll()
    with pytest.raises(Refused, match="not allowed in same workflow task"):
        chain.respond(child, cancel())
    chain.work(child, force_create_new_workflow_task=True)
    chain.work(cancel())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            cancel(),
            (
                "PendingRequestCancelLimitExceeded: "
                "the number of pending requests to cancel external workflows, 1, "
            ),
        ),
        (
            signal(),
            (
                "PendingSignalsLimitExceeded: "
                "the number of pending signals to external workflows, 1, "
            ),
        ),
    ],
)
def test_too_many_at_a_time(given: Command, message: str) -> None:
    """Trap 52."""
    chain = Chain(Limits(pending_cancels_max=1, pending_signals_max=1))
    chain.start()
    chain.poll()
    with pytest.raises(Refused) as raised:
        chain.respond(given, given)
    assert str(raised.value) == f"{message}has reached the per-workflow limit of 1"
    assert chain.current.state.execution.is_open


def test_an_oversized_signal_ends_the_run() -> None:
    chain = Chain(Limits(blob_bytes_max=50))
    chain.start()
    chain.poll()
    with pytest.raises(Refused, match=r"Input exceeds size limit\.$"):
        chain.respond(signal(input=payloads("x" * 100)))
    assert not chain.current.state.execution.is_open


# -- the outcome -----------------------------------------------------------------------------------


def record(chain: Chain, *, is_failed: bool) -> None:
    """Record what became of event 5."""
    initiated = chain.current.history[4]
    if initiated.HasField("signal_external_workflow_execution_initiated_event_attributes"):
        cause = SIGNAL_NOT_FOUND if is_failed else None
        chain.take(lambda step: record_external_signal(step, initiated, cause))
    else:
        cancel_cause = CANCEL_NOT_FOUND if is_failed else None
        chain.take(lambda step: record_external_cancel(step, initiated, cancel_cause))


@pytest.mark.parametrize(
    ("given", "is_failed", "expected"),
    [
        (cancel(control="c"), False, "ExternalWorkflowExecutionCancelRequested"),
        (cancel(control="c"), True, "RequestCancelExternalWorkflowExecutionFailed"),
        (signal(control="c"), False, "ExternalWorkflowExecutionSignaled"),
        (signal(control="c"), True, "SignalExternalWorkflowExecutionFailed"),
    ],
)
def test_an_outcome_is_recorded_once(
    chain: Chain, given: Command, is_failed: bool, expected: str
) -> None:
    chain.work(given)
    for _ in range(2):
        record(chain, is_failed=is_failed)
    assert chain.current.lines(since=6) == [f"6 {expected}", "7 WorkflowTaskScheduled"]
    outcome = chain.current.event(expected)
    assert outcome.initiated_event_id == 5
    assert outcome.workflow_execution.workflow_id == "target"
    assert (outcome.namespace, outcome.namespace_id) == ("ns", "ns-id")
    if is_failed:
        assert outcome.cause in {SIGNAL_NOT_FOUND, CANCEL_NOT_FOUND}
        # What the reference service (1.32) leaves out: tests/golden holds it.
        assert outcome.control == ("c" if "Signal" in expected else "")
        assert outcome.workflow_task_completed_event_id == 0
    assert not chain.current.state.external_cancels
    assert not chain.current.state.external_signals


@pytest.mark.parametrize("is_failed", [True, False])
@pytest.mark.parametrize("given", [cancel(), signal()])
def test_an_outcome_for_a_closed_run_is_lost(chain: Chain, given: Command, is_failed: bool) -> None:
    chain.work(given)
    chain.terminate()
    before = chain.current.lines()
    record(chain, is_failed=is_failed)
    assert chain.current.lines() == before


def test_an_outcome_waits_for_the_workflow_task(chain: Chain) -> None:
    chain.work(signal(), force_create_new_workflow_task=True)
    chain.poll()
    record(chain, is_failed=False)
    chain.respond()
    assert chain.current.lines(since=8) == lines(
        """
        8 WorkflowTaskCompleted
        9 ExternalWorkflowExecutionSignaled
        10 WorkflowTaskScheduled
        """
    )


@pytest.mark.parametrize(("workflow_id", "expected"), [("wf", True), ("target", False)])
def test_a_run_that_means_itself(chain: Chain, workflow_id: str, expected: bool) -> None:
    """Trap 32: whichever run of its chain it names."""
    chain.work(signal(workflow_id, run_id=UUID), cancel(workflow_id))
    sender = chain.current.state.execution
    for target in (
        *chain.current.state.external_signals.values(),
        *chain.current.state.external_cancels.values(),
    ):
        assert is_own_workflow(sender, target) == expected
