"""Nexus over HTTP with a whole server and an SDK's worker, both ways."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http.client import HTTPConnection

import nexusrpc
import nexusrpc.handler
import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError, FailureError, NexusOperationError
from temporalio.worker import Worker

from tests.server_process import ServerProcess, executable_under_test, free_port

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

QUEUE = "desk"
TOKEN_HEADER = "temporal-callback-token"  # noqa: S105 - a header's name
TIMES = {"nexus-operation-start-time": "Tue, 14 Nov 2023 22:13:20 GMT"}
LINK = (
    "<temporal:///namespaces/default/workflows/w/r/history?eventID=1"
    "&eventType=WorkflowExecutionStarted&referenceType=EventReference>;"
    ' type="temporal.api.common.v1.Link.WorkflowEvent"'
)


@nexusrpc.service(name="Desk")
class Desk:
    """What callers know of the service."""

    greet: nexusrpc.Operation[str, str]
    refuse: nexusrpc.Operation[str, str]
    fail: nexusrpc.Operation[str, str]
    later: nexusrpc.Operation[str, str]


class Later(nexusrpc.handler.OperationHandler[str, str]):
    """Begins, and leaves the end to whoever holds the callback."""

    def __init__(self, desk: "DeskHandler") -> None:
        self._desk = desk

    async def start(
        self,
        ctx: nexusrpc.handler.StartOperationContext,
        input: str,  # noqa: A002 - as the base has it
    ) -> nexusrpc.handler.StartOperationResultAsync:
        self._desk.begun.put_nowait(ctx)
        return nexusrpc.handler.StartOperationResultAsync(f"token of {input}")

    async def cancel(self, ctx: nexusrpc.handler.CancelOperationContext, token: str) -> None:
        self._desk.canceled.put_nowait(token)


@nexusrpc.handler.service_handler(service=Desk)
class DeskHandler:
    """Answers at once, refuses, fails, or begins."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[nexusrpc.handler.StartOperationContext]()
        self.canceled = asyncio.Queue[str]()

    @nexusrpc.handler.sync_operation
    async def greet(self, ctx: nexusrpc.handler.StartOperationContext, name: str) -> str:
        return f"hello {name}{ctx.headers.get('mark', '')}"

    @nexusrpc.handler.sync_operation
    async def refuse(self, _ctx: nexusrpc.handler.StartOperationContext, reason: str) -> str:
        raise nexusrpc.OperationError(reason, state=nexusrpc.OperationErrorState.FAILED)

    @nexusrpc.handler.sync_operation
    async def fail(self, _ctx: nexusrpc.handler.StartOperationContext, reason: str) -> str:
        raise nexusrpc.HandlerError(reason, type=nexusrpc.HandlerErrorType.NOT_FOUND)

    @nexusrpc.handler.operation_handler
    def later(self) -> nexusrpc.handler.OperationHandler[str, str]:
        return Later(self)


@workflow.defn(sandboxed=False)
class Caller:
    """Calls one operation and says how it ended."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, word: str) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        return await client.execute_operation(
            operation, word, output_type=str, schedule_to_close_timeout=timedelta(seconds=30)
        )


@workflow.defn(sandboxed=False)
class Canceling:
    """Starts an operation, cancels it, and waits for its end."""

    @workflow.run
    async def run(self, endpoint: str) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        handle = await client.start_operation(Desk.later, "this")
        handle.cancel()
        try:
            return await handle
        except Exception as error:  # noqa: BLE001 - its cause is what the test asks for
            return type(error.__cause__).__name__


class World:
    """A server with an HTTP port, a client, and a worker that runs everything above."""

    def __init__(self, client: Client, http_port: int, desk: DeskHandler) -> None:
        self.client = client
        self.http_port = http_port
        self.desk = desk

    async def endpoint(self, name: str, *, url: str = "") -> str:
        """Register an endpoint that leads to the worker, or to a URL; return its id."""
        spec = EndpointSpec(name=name)
        if url:
            spec.target.external.url = url
        else:
            spec.target.worker.namespace = self.client.namespace
            spec.target.worker.task_queue = QUEUE
        made = await self.client.operator_service.create_nexus_endpoint(
            CreateNexusEndpointRequest(spec=spec)
        )
        return made.endpoint.id

    async def ask(
        self, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes, Mapping[str, str]]:
        return await asyncio.to_thread(self._ask, path, headers or {}, body)

    def _ask(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, Mapping[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=20)
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        answer = (response.status, response.read(), told)
        connection.close()
        return answer

    async def start(self, endpoint: str, operation: str, word: str) -> WorkflowHandle[Caller, str]:
        return await self.client.start_workflow(
            Caller.run,
            args=[endpoint, operation, word],
            id=f"{endpoint}-{operation}-{word}".replace(" ", "-"),
            task_queue=QUEUE,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    http_port = free_port()
    process = ServerProcess(
        executable=executable_under_test(),
        log=tmp_path_factory.mktemp("nexus") / "log",
        extra_arguments=("--http-port", str(http_port)),
    )
    process.start()
    try:
        client = await process.connect()
        desk = DeskHandler()
        async with Worker(
            client, task_queue=QUEUE, workflows=[Caller, Canceling], nexus_service_handlers=[desk]
        ):
            yield World(client, http_port, desk)
    finally:
        process.kill()


# -- completions from outside ----------------------------------------------------------------------


async def begun(world: World, word: str) -> tuple[WorkflowHandle[Caller, str], dict[str, str]]:
    """Start a workflow whose operation runs; return it, and the headers of a completion."""
    await world.endpoint(f"to-{word}")
    handle = await world.start(f"to-{word}", "later", word)
    async with asyncio.timeout(20):
        context = await world.desk.begun.get()
    headers = {name.lower(): value for name, value in context.callback_headers.items()}
    return handle, {TOKEN_HEADER: headers[TOKEN_HEADER]}


async def test_a_success_completes_the_operation(world: World) -> None:
    handle, headers = await begun(world, "success")
    told = {"nexus-operation-state": "succeeded", "content-type": "application/json"}
    other = await world.ask("/namespaces/other/nexus/callback", {**headers, **told}, b'"done"')
    assert other[0] == 400
    path = "/namespaces/default/nexus/callback"
    status, body, _ = await world.ask(path, {**headers, **told, "nexus-link": LINK}, b'"done"')
    assert (status, body) == (200, b"")
    assert await handle.result() == "done"
    # Nobody waits any more.
    again = await world.ask("/nexus/callback", {**headers, **told}, b'"again"')
    assert (again[0], json.loads(again[1])["details"]["type"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("state", "failure", "kind"),
    [
        ("failed", {"message": "m"}, FailureError),
        ("canceled", {"message": "m"}, CancelledError),
    ],
)
async def test_a_failure_fails_the_operation(
    world: World, state: str, failure: dict[str, str], kind: type[Exception]
) -> None:
    handle, headers = await begun(world, state)
    told = {"nexus-operation-state": state, "content-type": "application/json", **TIMES}
    body = json.dumps(failure).encode()
    assert (await world.ask("/nexus/callback", {**headers, **told}, body))[0] == 200
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    error = caught.value.cause
    assert isinstance(error, NexusOperationError | CancelledError)
    cause = error.cause if isinstance(error, NexusOperationError) else error
    assert isinstance(cause, kind)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({TOKEN_HEADER: "!"}, 400),
        ({TOKEN_HEADER: "schedule.AAAA"}, 400),
        ({TOKEN_HEADER: "bm90IGEgdG9rZW4="}, 400),
    ],
)
async def test_a_wrong_token_is_refused(world: World, headers: dict[str, str], status: int) -> None:
    told = {"nexus-operation-state": "succeeded"}
    answer = await world.ask("/nexus/callback", {**headers, **told})
    assert answer[0] == status
    assert json.loads(answer[1])["message"] == "invalid callback token"


# -- calls from outside ----------------------------------------------------------------------------


@pytest.mark.parametrize("is_by_endpoint", [False, True])
async def test_a_handler_is_called_from_outside(world: World, is_by_endpoint: bool) -> None:
    base = f"/namespaces/default/task-queues/{QUEUE}/nexus-services"
    if is_by_endpoint:
        base = f"/nexus/endpoints/{await world.endpoint('outside')}/services"
    json_type = {"content-type": "application/json"}
    answer = await world.ask(f"{base}/Desk/greet", {**json_type, "mark": "!"}, b'"you"')
    assert (answer[0], answer[1], answer[2]["content-type"]) == (
        200,
        b'"hello you!"',
        "application/json",
    )
    answer = await world.ask(f"{base}/Desk/refuse", json_type, b'"no"')
    assert (answer[0], answer[2]["nexus-operation-state"]) == (424, "failed")
    assert json.loads(answer[1])["message"] == "no"
    answer = await world.ask(f"{base}/Desk/fail", json_type, b'"gone"')
    assert (answer[0], answer[2]["temporal-nexus-failure-source"]) == (404, "worker")
    path = f"{base}/Desk/later?callback=http%3A%2F%2Fx"
    answer = await world.ask(path, {**json_type, "nexus-callback-a": "b"}, b'"it"')
    assert (answer[0], json.loads(answer[1])) == (201, {"token": "token of it", "state": "running"})
    context = await world.desk.begun.get()
    assert (context.callback_url, dict(context.callback_headers)) == ("http://x", {"a": "b"})
    assert "accept-encoding" not in context.headers
    answer = await world.ask(f"{base}/Desk/later/cancel", {"nexus-operation-token": "token of it"})
    assert answer[0] == 202
    assert await world.desk.canceled.get() == "token of it"


async def test_a_call_that_leads_nowhere_is_refused(world: World) -> None:
    start = "services/Desk/greet"
    assert (await world.ask(f"/nexus/endpoints/none/{start}"))[0] == 404
    away = await world.endpoint("away", url="http://127.0.0.1:1")
    assert (await world.ask(f"/nexus/endpoints/{away}/{start}"))[0] == 400
    nobody = "/namespaces/none/task-queues/q/nexus-services/Desk/greet"
    assert (await world.ask(nobody))[0] == 404
    desert = "/namespaces/default/task-queues/desert/nexus-services/Desk/greet"
    assert (await world.ask(desert, {"request-timeout": "100ms"}))[0] == 520
    large = Payload(data=b"x" * (2 * 1024 * 1024)).SerializeToString()
    whole = {"content-type": "application/x-temporal-payload"}
    assert (await world.ask(desert, whole, large))[0] == 400


# -- calls to elsewhere, which is the same server --------------------------------------------------


async def elsewhere(world: World, name: str) -> str:
    """Register an endpoint that leads to the worker by a URL; return its name."""
    base = f"http://127.0.0.1:{world.http_port}/namespaces/default/task-queues/{QUEUE}"
    await world.endpoint(name, url=f"{base}/nexus-services")
    return name


async def test_an_operation_elsewhere_answers_at_once(world: World) -> None:
    endpoint = await elsewhere(world, "at-once")
    handle = await world.start(endpoint, "greet", "you")
    assert await handle.result() == "hello you"


@pytest.mark.parametrize(("operation", "text"), [("refuse", "not today"), ("fail", "gone")])
async def test_an_operation_elsewhere_fails(world: World, operation: str, text: str) -> None:
    endpoint = await elsewhere(world, f"failing-{operation}")
    handle = await world.start(endpoint, operation, text)
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    error = caught.value.cause
    assert isinstance(error, NexusOperationError)
    assert text in str(error.cause)


async def test_an_operation_elsewhere_calls_back(world: World) -> None:
    endpoint = await elsewhere(world, "calling-back")
    handle = await world.start(endpoint, "later", "it")
    async with asyncio.timeout(20):
        context = await world.desk.begun.get()
    path = "/namespaces/default/nexus/callback"
    assert context.callback_url == f"http://127.0.0.1:{world.http_port}{path}"
    (link,) = context.inbound_links
    assert handle.id in link.url
    told = {"nexus-operation-state": "succeeded", "content-type": "application/json"}
    status, _, _ = await world.ask(path, {**context.callback_headers, **told}, b'"done"')
    assert status == 200
    assert await handle.result() == "done"


async def test_an_operation_elsewhere_is_canceled(world: World) -> None:
    endpoint = await elsewhere(world, "canceling")
    handle = await world.client.start_workflow(
        Canceling.run, endpoint, id=endpoint, task_queue=QUEUE
    )
    async with asyncio.timeout(20):
        context = await world.desk.begun.get()
        assert await world.desk.canceled.get() == "token of this"
    told = {"nexus-operation-state": "canceled", "content-type": "application/json"}
    headers = {**context.callback_headers, **told}
    assert (await world.ask("/nexus/callback", headers, b'{"message":"m"}'))[0] == 200
    assert await handle.result() == "CancelledError"
