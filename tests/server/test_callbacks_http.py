"""Completion callbacks that lead to URLs, with a whole server and a listener elsewhere."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import nexusrpc
import nexusrpc.handler
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio import nexus, workflow
from temporalio.api.common.v1 import ActivityType, Callback, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CallbackState
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import CallbackInfo
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Route
from tests.sdk.python.harness import eventually
from tests.server_process import ServerProcess, executable_under_test, free_port
from tests.wire.http_listening import http_listening

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

QUEUE = "desk"
VALUES = (
    'callback.allowedAddresses=[{"Pattern": "127.0.0.1:*", "AllowInsecure": true}]',
    'callback.retryPolicy.initialInterval="20ms"',
    'history.outboundQueue.circuitBreakerSettings={"Timeout": "2s"}',
    "callback.maxPerExecution=2",
    "frontend.callbackURLMaxLength=100",
    "component.nexusoperations.useSystemCallbackURL=false",
)
TEMPLATE = "component.nexusoperations.callback.endpoint.template"
OVER = {CallbackState.CALLBACK_STATE_SUCCEEDED, CallbackState.CALLBACK_STATE_FAILED}


class Elsewhere:
    """Somebody who is called back, and answers with the statuses that the path asks for."""

    def __init__(self) -> None:
        self.heard: defaultdict[str, list[Request]] = defaultdict(list)
        self.port = 0

    def url(self, name: str, *statuses: int) -> str:
        """Return where each attempt gets the next status, and those after the last the last."""
        words = "-".join(str(status) for status in statuses or (200,))
        return f"http://127.0.0.1:{self.port}/{name}/{words}"

    async def answer(self, request: Request) -> Response:
        name = request.variables["name"]
        statuses = request.variables["statuses"].split("-")
        self.heard[name].append(request)
        return Response(status=int(statuses[min(len(self.heard[name]), len(statuses)) - 1]))


@nexusrpc.service(name="Office")
class Office:
    """What callers know of the service."""

    shout: nexusrpc.Operation[str, str]


@workflow.defn(sandboxed=False)
class Shout:
    """Carries the operation out."""

    @workflow.run
    async def run(self, word: str) -> str:
        return word.upper()


@nexusrpc.handler.service_handler(service=Office)
class OfficeHandler:
    """Lets a workflow do the work."""

    @nexus.workflow_run_operation
    async def shout(
        self, ctx: nexus.WorkflowRunOperationContext, word: str
    ) -> nexus.WorkflowHandle[str]:
        return await ctx.start_workflow(Shout.run, word, id=f"shout-{word}")


@workflow.defn(sandboxed=False)
class Caller:
    """Calls the operation and says how it ended."""

    @workflow.run
    async def run(self, endpoint: str, word: str) -> str:
        client = workflow.create_nexus_client(service=Office, endpoint=endpoint)
        return await client.execute_operation(
            Office.shout, word, schedule_to_close_timeout=timedelta(seconds=30)
        )


class World:
    """A server that may call the listener, and a client."""

    def __init__(self, client: Client, elsewhere: Elsewhere, http_port: int) -> None:
        self.client = client
        self.elsewhere = elsewhere
        self.http_port = http_port

    async def start(self, name: str, *urls: str) -> None:
        await self.client.workflow_service.start_workflow_execution(
            api.StartWorkflowExecutionRequest(
                namespace="default",
                workflow_id=name,
                workflow_type=WorkflowType(name="never run"),
                task_queue=TaskQueue(name="nobody"),
                request_id=name,
                completion_callbacks=[_callback(url) for url in urls],
            )
        )

    async def end(self, name: str) -> None:
        await self.client.get_workflow_handle(name).terminate()

    async def callbacks(self, name: str) -> Sequence[CallbackInfo]:
        described = await self.client.workflow_service.describe_workflow_execution(
            api.DescribeWorkflowExecutionRequest(
                namespace="default", execution=WorkflowExecution(workflow_id=name)
            )
        )
        return described.callbacks

    async def settled(self, name: str) -> CallbackInfo:
        """Return the only callback of a workflow once nothing will change any more."""

        async def is_over() -> bool:
            (only,) = await self.callbacks(name)
            return only.state in OVER

        await eventually(is_over)
        (only,) = await self.callbacks(name)
        return only


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    http_port = free_port()
    elsewhere = Elsewhere()
    routes = [Route(method="POST", pattern="/{name}/{statuses}", answer=elsewhere.answer)]
    back = f"http://127.0.0.1:{http_port}/namespaces/{{{{.NamespaceName}}}}/nexus/callback"
    values = [
        word
        for value in (*VALUES, f'{TEMPLATE}="{back}"')
        for word in ("--dynamic-config-value", value)
    ]
    process = ServerProcess(
        executable=executable_under_test(),
        log=tmp_path_factory.mktemp("callbacks") / "log",
        extra_arguments=("--http-port", str(http_port), *values),
    )
    process.start()
    try:
        async with http_listening(routes) as listening:
            elsewhere.port = listening.port
            yield World(await process.connect(), elsewhere, http_port)
    finally:
        process.kill()


def _callback(url: str) -> Callback:
    return Callback(nexus=Callback.Nexus(url=url, header={"Mark": "1"}))


async def test_the_end_of_a_workflow_is_told_to_a_url(world: World) -> None:
    await world.start("told", world.elsewhere.url("told"))
    (before,) = await world.callbacks("told")
    assert before.state == CallbackState.CALLBACK_STATE_STANDBY
    await world.end("told")
    after = await world.settled("told")
    assert (after.state, after.attempt) == (CallbackState.CALLBACK_STATE_SUCCEEDED, 1)
    (request,) = world.elsewhere.heard["told"]
    assert (request.header("mark"), request.header("nexus-operation-state")) == ("1", "failed")
    assert "/workflows/told/" in request.header("nexus-link")
    assert json.loads(request.body)["message"] == "operation terminated"


async def test_a_call_that_fails_is_made_again(world: World) -> None:
    await world.start("again", world.elsewhere.url("again", 503, 500, 200))
    await world.end("again")
    after = await world.settled("again")
    assert (after.state, after.attempt) == (CallbackState.CALLBACK_STATE_SUCCEEDED, 3)
    heard = world.elsewhere.heard["again"]
    assert len(heard) == 3
    assert len({request.body for request in heard}) == 1


async def test_a_url_that_fails_again_and_again_is_called_on_trial_only(world: World) -> None:
    url = world.elsewhere.url("down", *[503] * 6, 200)
    names = [f"down-{number}" for number in range(6)]
    for name in names:
        await world.start(name, url)
        await world.end(name)

    async def is_blocked() -> bool:
        told = [callback for name in names for callback in await world.callbacks(name)]
        return "The circuit breaker is open." in {
            callback.blocked_reason
            for callback in told
            if callback.state == CallbackState.CALLBACK_STATE_BLOCKED
        }

    await eventually(is_blocked)
    settled = [await world.settled(name) for name in names]
    assert {one.state for one in settled} == {CallbackState.CALLBACK_STATE_SUCCEEDED}
    assert len(world.elsewhere.heard["down"]) == 12


async def test_a_call_that_is_refused_is_not(world: World) -> None:
    await world.start("refused", world.elsewhere.url("refused", 404))
    await world.end("refused")
    after = await world.settled("refused")
    assert (after.state, after.attempt) == (CallbackState.CALLBACK_STATE_FAILED, 1)
    assert after.last_attempt_failure.message == "handler error (NOT_FOUND): status 404"
    assert after.last_attempt_failure.application_failure_info.non_retryable
    assert len(world.elsewhere.heard["refused"]) == 1


async def test_the_end_of_a_standalone_activity_is_told_to_a_url(world: World) -> None:
    service = world.client.workflow_service
    await service.start_activity_execution(
        api.StartActivityExecutionRequest(
            namespace="default",
            activity_id="a",
            activity_type=ActivityType(name="never run"),
            task_queue=TaskQueue(name="nobody"),
            start_to_close_timeout=DurationMessage(seconds=10),
            completion_callbacks=[_callback(world.elsewhere.url("activity"))],
        )
    )
    await service.terminate_activity_execution(
        api.TerminateActivityExecutionRequest(namespace="default", activity_id="a", reason="why")
    )

    async def is_heard() -> bool:
        return bool(world.elsewhere.heard["activity"])

    await eventually(is_heard)
    (request,) = world.elsewhere.heard["activity"]
    assert request.header("nexus-operation-state") == "failed"
    assert "/activities/a/" in request.header("nexus-link")


async def test_the_end_of_a_standalone_operation_is_told_to_a_url(world: World) -> None:
    spec = EndpointSpec(name="nowhere")
    spec.target.worker.namespace, spec.target.worker.task_queue = "default", "nobody"
    await world.client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    service = world.client.workflow_service
    await service.start_nexus_operation_execution(
        api.StartNexusOperationExecutionRequest(
            namespace="default",
            operation_id="o",
            endpoint="nowhere",
            service="s",
            operation="o",
            completion_callbacks=[_callback(world.elsewhere.url("operation"))],
        )
    )
    await service.terminate_nexus_operation_execution(
        api.TerminateNexusOperationExecutionRequest(
            namespace="default", operation_id="o", reason="why"
        )
    )

    async def is_heard() -> bool:
        described = await service.describe_nexus_operation_execution(
            api.DescribeNexusOperationExecutionRequest(namespace="default", operation_id="o")
        )
        (callback,) = described.completion_callbacks
        return callback.info.state == CallbackState.CALLBACK_STATE_SUCCEEDED

    await eventually(is_heard)
    (request,) = world.elsewhere.heard["operation"]
    assert json.loads(request.body)["message"] == "why"
    assert "/nexus-operations/o/" in request.header("nexus-link")


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        (["http://example.com/"], "does not match any configured callback address"),
        (["ftp://127.0.0.1:1/"], "unknown scheme"),
        (["http://127.0.0.1:1/" + "x" * 100], "max length allowed of 100"),
        (["http://127.0.0.1:1/"] * 3, "more than 2 callbacks"),
    ],
)
async def test_what_the_configuration_does_not_allow_is_refused(
    world: World, urls: list[str], words: str
) -> None:
    with pytest.raises(RPCError, match=words):
        await world.start("never", *urls)


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_a_workflow_completes_an_operation_at_the_url_of_the_template(
    world: World, is_elsewhere: bool
) -> None:
    base, word = f"http://127.0.0.1:{world.http_port}", f"elsewhere {is_elsewhere}"
    spec = EndpointSpec(name=f"office-{is_elsewhere}")
    if is_elsewhere:
        spec.target.external.url = f"{base}/namespaces/default/task-queues/{QUEUE}/nexus-services"
    else:
        spec.target.worker.namespace, spec.target.worker.task_queue = "default", QUEUE
    await world.client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    async with Worker(
        world.client,
        task_queue=QUEUE,
        workflows=[Caller, Shout],
        nexus_service_handlers=[OfficeHandler()],
    ):
        result = await world.client.execute_workflow(
            Caller.run, args=[spec.name, word], id=word, task_queue=QUEUE
        )
    assert result == word.upper()
    (callback,) = await world.callbacks(f"shout-{word}")
    assert callback.callback.nexus.url == f"{base}/namespaces/default/nexus/callback"
