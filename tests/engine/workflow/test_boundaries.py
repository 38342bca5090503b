"""A bound lets pass what reaches it, and refuses one more: pending work, messages, sizes."""

from collections.abc import Callable
from typing import Final

import pytest
from temporalio.api.command.v1 import Command, ScheduleNexusOperationCommandAttributes
from temporalio.api.common.v1 import ActivityType, Memo, Payload, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.update.v1 import Input, Meta, Request
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
    ServiceError,
)
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.engine.workflow.commands.outcome import NexusTarget
from indelible.engine.workflow.requests.admit_update import admit_update
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionSources,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.rules.updates import AdmittedUpdate
from tests.engine.workflow.chain import Chain, Refused, command, payloads, span, timer
from tests.engine.workflow.run import Run

COUNT_MAX: Final = 3
Make = Callable[[str], Command]


def activity(name: str) -> Command:
    return command(
        "schedule_activity_task",
        activity_id=name,
        activity_type=ActivityType(name="type"),
        start_to_close_timeout=span(10),
    )


def child(name: str) -> Command:
    return command(
        "start_child_workflow_execution", workflow_id=name, workflow_type=WorkflowType(name="Child")
    )


def signal(name: str) -> Command:
    return command(
        "signal_external_workflow_execution",
        execution=WorkflowExecution(workflow_id=name),
        signal_name="hello",
    )


def cancel(name: str) -> Command:
    return command("request_cancel_external_workflow_execution", workflow_id=name)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("pending_activities_max", activity),
        ("pending_children_max", child),
        ("pending_signals_max", signal),
        ("pending_cancels_max", cancel),
    ],
)
def test_as_much_pending_work_as_the_bound_allows(field: str, make: Make) -> None:
    chain = Chain(Limits(**{field: COUNT_MAX}))  # pyright: ignore[reportArgumentType]
    chain.start()
    chain.work(*(make(str(number)) for number in range(COUNT_MAX)))
    chain.signal()
    chain.poll()
    with pytest.raises(Refused, match=f"has reached the per-workflow limit of {COUNT_MAX}"):
        chain.respond(make("one-more"))
    assert chain.current.state.execution.is_open


# -- Nexus -----------------------------------------------------------------------------------------


def operation(header: str = "") -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
        schedule_nexus_operation_command_attributes=ScheduleNexusOperationCommandAttributes(
            endpoint="endpoint",
            service="service",
            operation="operation",
            nexus_header={"k": header} if header else {},
        ),
    )


def refusal_of_operations(*operations: Command, limits: Limits | None = None) -> str:
    """Why a run cannot call them all at once; empty if it can."""
    run = Run(limits)
    run.start()
    run.start_task()
    request = RespondWorkflowTaskCompletedRequest(commands=operations)
    sources = CompletionSources(
        find_namespace=lambda _: None,
        refuse_search_attributes=lambda _: None,
        start_event=None,
        find_nexus_target=lambda _given, _id: NexusTarget(endpoint_id="endpoint-id"),
    )
    token = run.workflow_task_token()
    step = run.begin()
    refusal = respond_workflow_task_completed(step, request, token, sources).refusal
    return refusal.message if refusal is not None else ""


def test_as_many_operations_as_the_bound_allows() -> None:
    limits = Limits(pending_nexus_operations_max=COUNT_MAX)
    assert not refusal_of_operations(*[operation()] * COUNT_MAX, limits=limits)
    refusal = refusal_of_operations(*[operation()] * (COUNT_MAX + 1), limits=limits)
    assert refusal.startswith("workflow has reached the pending nexus operation limit of 3")


def test_a_header_as_large_as_the_bound_allows() -> None:
    largest = "v" * (DEFAULT_LIMITS.nexus_header_bytes_max - len("k"))
    assert not refusal_of_operations(operation(largest))
    assert refusal_of_operations(operation(largest + "v")).endswith("exceeds size limit")


def test_a_header_that_callers_may_not_set() -> None:
    limits = Limits(nexus_headers_disallowed=("k",))
    assert refusal_of_operations(operation("v"), limits=limits).endswith('header key: "k"')
    assert not refusal_of_operations(operation(), limits=limits)


# -- messages --------------------------------------------------------------------------------------


def test_as_many_signals_as_a_run_may_get() -> None:
    chain = Chain(Limits(signals_per_execution_max=COUNT_MAX))
    chain.start()
    for _ in range(COUNT_MAX):
        chain.signal()
    with pytest.raises(InvalidArgumentError, match="exceeded workflow execution limit for signal"):
        chain.signal()


def asked(update_id: str) -> Request:
    return Request(meta=Meta(update_id=update_id), input=Input(name="do"))


@pytest.mark.parametrize(
    ("field", "bound", "error"),
    [
        ("updates_in_flight_max", COUNT_MAX, ResourceExhaustedError),
        ("updates_per_execution_max", COUNT_MAX, FailedPreconditionError),
        # The reference refuses what reaches the bound in bytes.
        (
            "updates_in_flight_bytes_max",
            3 * asked("0").ByteSize() + 1,
            ResourceExhaustedError,
        ),
    ],
)
def test_as_many_updates_as_the_bound_allows(
    field: str, bound: int, error: type[ServiceError]
) -> None:
    chain = Chain(Limits(**{field: bound}))  # pyright: ignore[reportArgumentType]
    chain.start()
    waiting = {str(number): AdmittedUpdate(request=asked(str(number))) for number in range(2)}
    chain.take(lambda step: admit_update(step, asked("2"), waiting, may_speculate=True))
    waiting["2"] = AdmittedUpdate(request=asked("2"))
    with pytest.raises(error):
        chain.take(lambda step: admit_update(step, asked("3"), waiting, may_speculate=True))


# -- sizes -----------------------------------------------------------------------------------------


def sized_activity(size: int) -> Command:
    made = activity("a")
    made.schedule_activity_task_command_attributes.input.CopyFrom(payloads("x" * size))
    return made


def sized_child(size: int) -> Command:
    made = child("c")
    memo = Memo(fields={"m": Payload(data=b"x" * size)})
    made.start_child_workflow_execution_command_attributes.memo.CopyFrom(memo)
    return made


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (
            sized_activity,
            sized_activity(100).schedule_activity_task_command_attributes.input.ByteSize(),
        ),
        (
            sized_child,
            sized_child(100).start_child_workflow_execution_command_attributes.memo.ByteSize(),
        ),
    ],
)
def test_a_field_as_large_as_the_bound_allows(make: Callable[[int], Command], bound: int) -> None:
    chain = Chain(Limits(blob_bytes_max=bound, memo_bytes_max=bound))
    chain.start()
    chain.work(make(100))
    chain.signal()
    chain.poll()
    with pytest.raises(Refused, match=r"exceeds size limit\.$"):
        chain.respond(make(101))


@pytest.mark.parametrize("make", [activity, child, signal, cancel, timer])
@pytest.mark.parametrize("bound", [DEFAULT_LIMITS.id_bytes_max, 40])
def test_an_id_as_long_as_the_bound_allows(make: Make, bound: int) -> None:
    chain = Chain(Limits(id_bytes_max=bound))
    chain.start()
    chain.work(make("x" * bound))
    chain.signal()
    chain.poll()
    with pytest.raises(Refused, match=rf"exceeds length limit.* Length={bound + 1} Limit={bound}"):
        chain.respond(make("x" * (bound + 1)))
