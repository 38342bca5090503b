"""What a caller gets wrong: a precise refusal, and a server that goes on serving."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import (
    Memo,
    Payload,
    Payloads,
    RetryPolicy,
    SearchAttributes,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    ListWorkflowExecutionsRequest,
    PollActivityTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    QueryWorkflowRequest,
    RecordActivityTaskHeartbeatRequest,
    RequestCancelWorkflowExecutionRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWithStartWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from tests.sdk.python.harness import Harness, refused
from tests.sdk.python.programs.basic import Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

LONG = "x" * 1001
LONG_IN_BYTES = "é" * 501  # 501 characters, 1,002 bytes: the limit counts bytes.
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"
BIG = Payloads(payloads=[Payload(data=b"x" * (2 * 1024 * 1024 + 1))])
NEGATIVE = Duration(seconds=-5)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def still_serving(harness: Harness) -> AsyncIterator[None]:
    yield
    await harness.assert_serving()


def _start(harness: Harness, **fields: Any) -> StartWorkflowExecutionRequest:
    complete: dict[str, Any] = {
        "namespace": "default",
        "workflow_id": harness.new_id(),
        "workflow_type": WorkflowType(name="Greeting"),
        "task_queue": TaskQueue(name=harness.task_queue),
        "request_id": harness.new_id(),
    }
    return StartWorkflowExecutionRequest(**{**complete, **fields})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"namespace": ""}, "Namespace (not set on request|is empty)"),
        ({"workflow_id": ""}, "WorkflowId is not set"),
        ({"workflow_id": LONG}, "WorkflowId.*(limit|maximum)"),
        ({"workflow_id": LONG_IN_BYTES}, "WorkflowId.*(limit|maximum)"),
        ({"workflow_type": None}, "WorkflowType is not set"),
        ({"workflow_type": WorkflowType(name=LONG)}, "WorkflowType.*limit"),
        ({"task_queue": None}, "(?i)task ?queue.* not set|missing task queue"),
        ({"task_queue": TaskQueue(name="")}, "(?i)task ?queue.* not set|missing task queue"),
        ({"task_queue": TaskQueue(name=LONG)}, "TaskQueue.*limit|taskQueue.*limit"),
        ({"task_queue": TaskQueue(name="/_sys/mine")}, "reserved prefix"),
        ({"request_id": LONG}, "RequestId.*limit"),
        ({"workflow_run_timeout": NEGATIVE}, "Timeout"),
        ({"workflow_execution_timeout": NEGATIVE}, "Timeout"),
        ({"workflow_task_timeout": NEGATIVE}, "Timeout"),
        ({"workflow_start_delay": NEGATIVE}, "[Dd]elay"),
        ({"retry_policy": RetryPolicy(initial_interval=NEGATIVE)}, "(?i)interval"),
        ({"retry_policy": RetryPolicy(backoff_coefficient=0.5)}, "(?i)coefficient"),
        ({"retry_policy": RetryPolicy(maximum_attempts=-1)}, "(?i)maximum ?attempts"),
        (
            {
                "retry_policy": RetryPolicy(
                    initial_interval=Duration(seconds=5), maximum_interval=Duration(seconds=1)
                )
            },
            "(?i)maximum ?interval",
        ),
        ({"cron_schedule": "every now and then"}, "(?i)cron"),
        ({"cron_schedule": "61 * * * *"}, "(?i)cron"),
        (
            {"cron_schedule": "@every 1h", "workflow_start_delay": Duration(seconds=1)},
            "(?i)cron|delay",
        ),
        ({"input": BIG}, "(?i)blob data size exceeds limit"),
        ({"memo": Memo(fields={"big": BIG.payloads[0]})}, "(?i)size exceeds limit"),
        (
            {"search_attributes": SearchAttributes(indexed_fields={"NoSuchName": Payload()})},
            "NoSuchName",
        ),
        (
            {
                "search_attributes": SearchAttributes(
                    indexed_fields={
                        "TestInt": Payload(
                            metadata={"encoding": b"json/plain", "type": b"Int"}, data=b'"text"'
                        )
                    }
                )
            },
            "TestInt",
        ),
        (
            {
                "search_attributes": SearchAttributes(
                    indexed_fields={
                        "WorkflowId": Payload(metadata={"encoding": b"json/plain"}, data=b'"mine"')
                    }
                )
            },
            "WorkflowId",
        ),
    ],
)
async def test_bad_start(harness: Harness, fields: dict[str, Any], text: str) -> None:
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text=text):
        await harness.client.workflow_service.start_workflow_execution(_start(harness, **fields))


@pytest.mark.parametrize("field", ["workflow_id_reuse_policy", "workflow_id_conflict_policy"])
async def test_wrong_enum_value(harness: Harness, field: str) -> None:
    request = _start(harness)
    setattr(request, field, 99)
    try:
        await harness.client.workflow_service.start_workflow_execution(request)
    except RPCError as error:
        assert error.status is RPCStatusCode.INVALID_ARGUMENT  # noqa: PT017


@pytest.mark.parametrize(
    "fields",
    [
        {"workflow_run_timeout": Duration(seconds=315_576_000_000)},
        {"workflow_execution_timeout": Duration(seconds=315_576_000_000, nanos=999_999_999)},
        {"workflow_task_timeout": Duration(seconds=315_576_000_000)},
        {"workflow_start_delay": Duration(seconds=315_576_000_000)},
        {"retry_policy": RetryPolicy(initial_interval=Duration(seconds=315_576_000_000))},
    ],
    ids=["run", "execution", "task", "delay", "retry"],
)
async def test_absurd_durations_do_no_harm(harness: Harness, fields: dict[str, Any]) -> None:
    """Ten thousand years: capped or refused, but neither an internal error nor an overflow."""
    request = _start(harness, **fields)
    try:
        await harness.client.workflow_service.start_workflow_execution(request)
    except RPCError as error:
        assert error.status is RPCStatusCode.INVALID_ARGUMENT, error  # noqa: PT017
        return
    handle = harness.client.get_workflow_handle(request.workflow_id)
    await harness.events(handle)
    await handle.describe()
    await handle.terminate()


def _existing(workflow_id: str = "", run_id: str = "") -> WorkflowExecution:
    return WorkflowExecution(workflow_id=workflow_id, run_id=run_id)


_ON_EXECUTION: list[tuple[str, Callable[[WorkflowExecution], Any]]] = [
    (
        "describe_workflow_execution",
        lambda e: DescribeWorkflowExecutionRequest(namespace="default", execution=e),
    ),
    (
        "get_workflow_execution_history",
        lambda e: GetWorkflowExecutionHistoryRequest(namespace="default", execution=e),
    ),
    (
        "signal_workflow_execution",
        lambda e: SignalWorkflowExecutionRequest(
            namespace="default", workflow_execution=e, signal_name="x"
        ),
    ),
    (
        "request_cancel_workflow_execution",
        lambda e: RequestCancelWorkflowExecutionRequest(namespace="default", workflow_execution=e),
    ),
    (
        "terminate_workflow_execution",
        lambda e: TerminateWorkflowExecutionRequest(namespace="default", workflow_execution=e),
    ),
    (
        "query_workflow",
        lambda e: QueryWorkflowRequest(
            namespace="default", execution=e, query=WorkflowQuery(query_type="x")
        ),
    ),
]


@pytest.mark.parametrize(("method", "request_of"), _ON_EXECUTION, ids=[m for m, _ in _ON_EXECUTION])
async def test_bad_execution(
    harness: Harness, method: str, request_of: Callable[[WorkflowExecution], Any]
) -> None:
    call = getattr(harness.client.workflow_service, method)
    async with refused(RPCStatusCode.INVALID_ARGUMENT):
        await call(request_of(_existing()))
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text="Invalid RunId"):
        await call(request_of(_existing("some-id", "not-a-uuid")))
    nobody = f"{harness.label}-nobody"
    text = f"^workflow not found for ID: {nobody}$"
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text=text):
        await call(request_of(_existing(nobody)))
    text = f'^workflow execution not found for workflow ID "{nobody}" and run ID "{UNKNOWN_RUN}"$'
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text=text):
        await call(request_of(_existing(nobody, UNKNOWN_RUN)))


async def test_bad_signals(harness: Harness) -> None:
    handle = await harness.start(Waiting.run)
    service = harness.client.workflow_service

    def signal(**fields: Any) -> SignalWorkflowExecutionRequest:
        complete: dict[str, Any] = {
            "namespace": "default",
            "workflow_execution": _existing(handle.id),
            "signal_name": "note",
        }
        return SignalWorkflowExecutionRequest(**{**complete, **fields})

    for fields, text in (
        ({"signal_name": ""}, "SignalName is not set"),
        ({"signal_name": LONG}, "SignalName.*limit"),
        ({"request_id": LONG}, "RequestId.*limit"),
        ({"input": BIG}, "(?i)blob data size exceeds limit"),
    ):
        async with refused(RPCStatusCode.INVALID_ARGUMENT, text=text):
            await service.signal_workflow_execution(signal(**fields))
    assert len(await harness.events(handle)) == 2
    await handle.terminate()


async def test_bad_signal_with_start(harness: Harness) -> None:
    request = SignalWithStartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=harness.new_id(),
        workflow_type=WorkflowType(name="Waiting"),
        task_queue=TaskQueue(name=harness.task_queue),
    )
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text="(?i)signal(name is)? ?not set"):
        await harness.client.workflow_service.signal_with_start_workflow_execution(request)


_WITH_TOKEN: list[tuple[str, Callable[[bytes], Any]]] = [
    (
        "respond_workflow_task_completed",
        lambda t: RespondWorkflowTaskCompletedRequest(namespace="default", task_token=t),
    ),
    (
        "respond_workflow_task_failed",
        lambda t: RespondWorkflowTaskFailedRequest(namespace="default", task_token=t),
    ),
    (
        "respond_activity_task_completed",
        lambda t: RespondActivityTaskCompletedRequest(namespace="default", task_token=t),
    ),
    (
        "respond_activity_task_failed",
        lambda t: RespondActivityTaskFailedRequest(
            namespace="default",
            task_token=t,
            failure=Failure(message="x", application_failure_info=ApplicationFailureInfo(type="X")),
        ),
    ),
    (
        "respond_activity_task_canceled",
        lambda t: RespondActivityTaskCanceledRequest(namespace="default", task_token=t),
    ),
    (
        "record_activity_task_heartbeat",
        lambda t: RecordActivityTaskHeartbeatRequest(namespace="default", task_token=t),
    ),
    (
        "respond_query_task_completed",
        lambda t: RespondQueryTaskCompletedRequest(namespace="default", task_token=t),
    ),
]


@pytest.mark.parametrize("forged", [b"", b"forged", b"\xff" * 40, b"\x00" * 2000, b'{"a":1}'])
@pytest.mark.parametrize(("method", "request_of"), _WITH_TOKEN, ids=[m for m, _ in _WITH_TOKEN])
async def test_forged_task_token(
    harness: Harness, method: str, request_of: Callable[[bytes], Any], forged: bytes
) -> None:
    with pytest.raises(RPCError) as caught:
        await getattr(harness.client.workflow_service, method)(request_of(forged))
    assert caught.value.status in {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND}


async def _polled_task(harness: Harness) -> bytes:
    await harness.client.workflow_service.start_workflow_execution(_start(harness))
    answer = await harness.client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name=harness.task_queue), identity="tester"
        ),
        timeout=timedelta(seconds=10),
    )
    assert answer.task_token
    return answer.task_token


async def test_changed_task_token_never_writes(harness: Harness) -> None:
    token = await _polled_task(harness)
    service = harness.client.workflow_service
    refusals = 0
    for at in range(len(token)):
        changed = token[:at] + bytes([token[at] ^ 0x55]) + token[at + 1 :]
        try:
            await service.respond_workflow_task_failed(
                RespondWorkflowTaskFailedRequest(namespace="default", task_token=changed)
            )
        except RPCError as error:
            assert error.status in {  # noqa: PT017
                RPCStatusCode.INVALID_ARGUMENT,
                RPCStatusCode.NOT_FOUND,
                RPCStatusCode.FAILED_PRECONDITION,
            }
            refusals += 1
    assert refusals > 0


async def test_task_token_of_another_namespace(harness: Harness) -> None:
    token = await _polled_task(harness)
    service = harness.client.workflow_service
    text = "Operation requested with a token from a different namespace"
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text=text):
        await service.respond_workflow_task_completed(
            RespondWorkflowTaskCompletedRequest(namespace="temporal-system", task_token=token)
        )
    # The token alone names the namespace.
    await service.respond_workflow_task_failed(RespondWorkflowTaskFailedRequest(task_token=token))


async def test_task_token_is_good_once(harness: Harness) -> None:
    token = await _polled_task(harness)
    service = harness.client.workflow_service
    request = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=token)
    await service.respond_workflow_task_completed(request)
    async with refused(
        RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text="Workflow task not found"
    ):
        await service.respond_workflow_task_completed(request)


async def test_workflow_token_is_no_activity_token(harness: Harness) -> None:
    token = await _polled_task(harness)
    with pytest.raises(RPCError) as caught:
        await harness.client.workflow_service.respond_activity_task_completed(
            RespondActivityTaskCompletedRequest(namespace="default", task_token=token)
        )
    assert caught.value.status in {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND}


async def test_completion_by_unknown_ids(harness: Harness) -> None:
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await harness.client.workflow_service.respond_activity_task_completed_by_id(
            RespondActivityTaskCompletedByIdRequest(
                namespace="default", workflow_id=f"{harness.label}-nobody", activity_id="a"
            )
        )


async def test_bad_polls(harness: Harness) -> None:
    service = harness.client.workflow_service
    polls: list[tuple[Any, Any]] = [
        (service.poll_workflow_task_queue, PollWorkflowTaskQueueRequest),
        (service.poll_activity_task_queue, PollActivityTaskQueueRequest),
    ]
    for poll, message in polls:
        for queue in (None, TaskQueue(name=""), TaskQueue(name=LONG)):
            async with refused(RPCStatusCode.INVALID_ARGUMENT):
                await poll(
                    message(namespace="default", task_queue=queue), timeout=timedelta(seconds=5)
                )
        async with refused(RPCStatusCode.FAILED_PRECONDITION, text="Context timeout is too short"):
            await poll(
                message(namespace="default", task_queue=TaskQueue(name=harness.task_queue)),
                timeout=timedelta(milliseconds=1500),
            )


async def test_empty_poll_is_an_answer(harness: Harness) -> None:
    answer = await harness.client.workflow_service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(
                name=harness.task_queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL
            ),
        ),
        timeout=timedelta(milliseconds=2500),
    )
    assert not answer.task_token


async def test_bad_history_tokens(harness: Harness) -> None:
    handle = await harness.start(Waiting.run)
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text="Invalid NextPageToken"):
        await harness.client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace="default", execution=_existing(handle.id), next_page_token=b"forged"
            )
        )
    await handle.terminate()


@pytest.mark.parametrize(
    "query",
    [
        "this is no query",
        "WorkflowId = ",
        "NoSuchAttribute = 'x'",
        "ExecutionStatus = 'Sleeping'",
        "WorkflowId = 'x' ORDER BY NoSuchAttribute",
        "StartTime > 'yesterday'",
        "WorkflowId = 'x'; DROP TABLE executions",
        "WorkflowId LIKE '%x%'",
        "(" * 200 + "WorkflowId = 'x'" + ")" * 199,
    ],
)
async def test_bad_visibility_query(harness: Harness, query: str) -> None:
    async with refused(RPCStatusCode.INVALID_ARGUMENT):
        await harness.client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(namespace="default", query=query)
        )


async def test_message_over_the_transport_limit(harness: Harness) -> None:
    huge = Payloads(payloads=[Payload(data=b"x" * (5 * 1024 * 1024))])
    with pytest.raises(RPCError) as caught:
        await harness.client.workflow_service.start_workflow_execution(_start(harness, input=huge))
    assert caught.value.status is RPCStatusCode.RESOURCE_EXHAUSTED
