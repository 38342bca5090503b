"""Requests about executions that exist: what is refused, and what reaches history."""

import pytest
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.common.v1 import Link, Payload, Payloads, WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.instants import SECOND
from tests.services.frontend.world import RUN_ID, START, UNHURRIED, World

TOO_LARGE = Payloads(payloads=[Payload(data=b"x" * 2 * 1024 * 1024)])
W = WorkflowExecution(workflow_id="w")
UNSET = "Execution is not set on request."


def named(request: Message) -> str:
    return request.DESCRIPTOR.name


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (api.DescribeWorkflowExecutionRequest(), UNSET),
        (api.GetWorkflowExecutionHistoryRequest(), UNSET),
        (api.GetWorkflowExecutionHistoryReverseRequest(), UNSET),
        (api.QueryWorkflowRequest(), UNSET),
        (api.ResetStickyTaskQueueRequest(), UNSET),
        (api.SignalWorkflowExecutionRequest(), UNSET),
        (api.RequestCancelWorkflowExecutionRequest(), UNSET),
        (api.TerminateWorkflowExecutionRequest(), UNSET),
        (api.DeleteWorkflowExecutionRequest(), UNSET),
        (
            api.DescribeWorkflowExecutionRequest(execution=WorkflowExecution()),
            "WorkflowId is not set on request.",
        ),
        (
            api.DescribeWorkflowExecutionRequest(
                execution=WorkflowExecution(workflow_id="w" * 1001)
            ),
            "WorkflowId exceeds maximum allowed length (1001/1000)",
        ),
        (
            api.DescribeWorkflowExecutionRequest(
                execution=WorkflowExecution(workflow_id="w", run_id="not a uuid")
            ),
            "Invalid RunId.",
        ),
        (
            api.SignalWorkflowExecutionRequest(workflow_execution=W),
            "SignalName is not set on request.",
        ),
        (
            api.SignalWorkflowExecutionRequest(workflow_execution=W, signal_name="s" * 1001),
            "SignalName length exceeds limit.",
        ),
        (
            api.SignalWorkflowExecutionRequest(
                workflow_execution=W, signal_name="s", request_id="r" * 1001
            ),
            "RequestId length exceeds limit.",
        ),
        (
            api.SignalWorkflowExecutionRequest(
                workflow_execution=W, signal_name="s", links=[Link()]
            ),
            "unsupported link variant",
        ),
        (
            api.SignalWorkflowExecutionRequest(
                workflow_execution=W, signal_name="s", input=TOO_LARGE
            ),
            "Blob data size exceeds limit.",
        ),
        (
            api.RequestCancelWorkflowExecutionRequest(
                workflow_execution=W, first_execution_run_id="x"
            ),
            "Invalid RunId.",
        ),
        (
            api.TerminateWorkflowExecutionRequest(workflow_execution=W, details=TOO_LARGE),
            "Blob data size exceeds limit.",
        ),
        (api.QueryWorkflowRequest(execution=W), "WorkflowQuery is not set on request."),
        (
            api.QueryWorkflowRequest(execution=W, query=WorkflowQuery()),
            "QueryType is not set on request.",
        ),
        (
            api.QueryWorkflowRequest(
                execution=W, query=WorkflowQuery(query_type="q", query_args=TOO_LARGE)
            ),
            "Blob data size exceeds limit.",
        ),
        (
            api.QueryWorkflowRequest(
                execution=W,
                query=WorkflowQuery(query_type="q"),
                query_reject_condition=99,  # pyright: ignore[reportArgumentType]
            ),
            "Invalid QueryRejectCondition: 99",
        ),
        (
            api.GetWorkflowExecutionHistoryRequest(
                execution=W,
                history_event_filter_type=99,  # pyright: ignore[reportArgumentType]
            ),
            "Invalid HistoryEventFilterType: 99",
        ),
    ],
    ids=lambda value: named(value) if isinstance(value, Message) else value,
)
async def test_a_bad_request_is_refused(world: World, request_: Message, text: str) -> None:
    request_.MergeFrom(type(request_)(namespace="default"))
    error = await world.refusal(request_)
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert world.history.calls == []


@pytest.mark.parametrize(
    ("default", "asked", "expected"),
    [
        *((256, 0, 256), (256, -5, 256), (256, 1, 1), (256, 256, 256), (256, 10_000, 256)),
        *((10, 0, 10), (10, 20, 20), (300, 0, 256), (0, 0, 1)),
    ],
)
async def test_history_pages_are_bounded(default: int, asked: int, expected: int) -> None:
    world = await World(limits=replace(UNHURRIED, history_page_events_default=default)).load()
    for request, response_type in (
        (
            api.GetWorkflowExecutionHistoryRequest(
                namespace="default", execution=W, maximum_page_size=asked
            ),
            api.GetWorkflowExecutionHistoryResponse,
        ),
        (
            api.GetWorkflowExecutionHistoryReverseRequest(
                namespace="default", execution=W, maximum_page_size=asked
            ),
            api.GetWorkflowExecutionHistoryReverseResponse,
        ),
    ):
        await world.call(request, response_type)
        _, seen = world.history.calls[-1]
        assert isinstance(
            seen,
            api.GetWorkflowExecutionHistoryRequest | api.GetWorkflowExecutionHistoryReverseRequest,
        )
        assert seen.maximum_page_size == expected


async def test_an_unset_filter_means_all_events(world: World) -> None:
    await world.call(
        api.GetWorkflowExecutionHistoryRequest(namespace="default", execution=W),
        api.GetWorkflowExecutionHistoryResponse,
    )
    _, seen = world.history.calls[-1]
    assert isinstance(seen, api.GetWorkflowExecutionHistoryRequest)
    assert seen.history_event_filter_type == 1


async def test_a_users_termination_can_be_told_from_the_services_own(world: World) -> None:
    for reason, identity in (("", ""), ("because", "me")):
        await world.call(
            api.TerminateWorkflowExecutionRequest(
                namespace="default", workflow_execution=W, reason=reason, identity=identity
            ),
            api.TerminateWorkflowExecutionResponse,
        )
    said = [
        (request.reason, request.identity)
        for _, request in world.history.calls
        if isinstance(request, api.TerminateWorkflowExecutionRequest)
    ]
    assert said == [
        ("terminated by user via frontend", "frontend-service"),
        ("because", "me"),
    ]


@pytest.mark.parametrize(("patience", "seconds"), [(5, 5), (None, 60)])
async def test_a_query_waits_until_its_deadline_and_not_for_ever(
    world: World, patience: float | None, seconds: int
) -> None:
    request = api.QueryWorkflowRequest(
        namespace="default", execution=W, query=WorkflowQuery(query_type="q")
    )
    await world.call(request, api.QueryWorkflowResponse, patience=patience)
    assert world.history.targets == [START + seconds * SECOND]


@pytest.mark.parametrize(
    ("request_", "response_type", "name"),
    [
        (
            api.SignalWorkflowExecutionRequest(workflow_execution=W, signal_name="s"),
            api.SignalWorkflowExecutionResponse,
            "signal",
        ),
        (
            api.RequestCancelWorkflowExecutionRequest(
                workflow_execution=W, first_execution_run_id=RUN_ID
            ),
            api.RequestCancelWorkflowExecutionResponse,
            "cancel",
        ),
        (
            api.DeleteWorkflowExecutionRequest(workflow_execution=W),
            api.DeleteWorkflowExecutionResponse,
            "delete",
        ),
        (
            api.DescribeWorkflowExecutionRequest(
                execution=WorkflowExecution(workflow_id="w", run_id=RUN_ID)
            ),
            api.DescribeWorkflowExecutionResponse,
            "describe",
        ),
        (
            api.ResetStickyTaskQueueRequest(execution=W),
            api.ResetStickyTaskQueueResponse,
            "reset_sticky",
        ),
    ],
)
async def test_a_good_request_reaches_history_unchanged(
    world: World, request_: Message, response_type: type[Message], name: str
) -> None:
    request_.MergeFrom(type(request_)(namespace="default"))
    await world.call(request_, response_type)
    assert world.history.calls == [(name, request_)]
