"""Methods by their paths, through a real listener."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
)

from indelible.base.errors import NotFoundError, ResourceExhaustedError
from indelible.base.instants import SECOND
from indelible.observability.telemetry import MemoryTelemetry
from indelible.ports.rpc import Call, Handler
from indelible.runtime.system_clock import SystemClock
from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.http.api.bindings import bindings_of
from indelible.wire.http.api.open_api import version_2, version_3, yaml_text
from indelible.wire.http.api.payload_shorthand import Json
from indelible.wire.http.api.routes import api_routes
from tests.wire.http_listening import HttpListening, Reply, http_listening

SERVICES: Final = (WORKFLOW_SERVICE, OPERATOR_SERVICE)
COUNT: Final = "/api/v1/namespaces/default/workflow-count"
SIGNAL: Final = "/namespaces/a%20b/workflows/w%2F1/signal/go"


def serving(**handlers: Handler) -> AbstractAsyncContextManager[HttpListening]:
    table = {(WORKFLOW_SERVICE.name, name): one for name, one in handlers.items()}
    return http_listening(
        api_routes(SERVICES, table, clock=SystemClock(), telemetry=MemoryTelemetry())
    )


class Recorder:
    """Answers with one message and remembers what it was asked."""

    def __init__(self, response: Message) -> None:
        self._response = response
        self.asked: list[tuple[Any, Call]] = []

    async def answer(self, request: Message, call: Call) -> Message:
        self.asked.append((request, call))
        return self._response


def told(reply: Reply) -> tuple[int, Any]:
    return reply.status, json.loads(reply.body)


async def test_a_query_becomes_a_request_and_an_answer_json() -> None:
    count = Recorder(CountWorkflowExecutionsResponse(count=3))
    async with serving(CountWorkflowExecutions=count.answer) as http:
        reply = await http.ask("GET", f"{COUNT}?query=x")
    assert told(reply) == (200, {"count": "3"})
    assert reply.headers["content-type"] == "application/json"
    request, call = count.asked[0]
    assert request == CountWorkflowExecutionsRequest(namespace="default", query="x")
    assert (call.service, call.method) == (WORKFLOW_SERVICE.name, "CountWorkflowExecutions")
    assert call.peer.startswith("ipv4:127.0.0.1:")
    assert call.deadline is None


async def test_the_path_wins_over_the_body() -> None:
    signal = Recorder(SignalWorkflowExecutionResponse())
    async with serving(SignalWorkflowExecution=signal.answer) as http:
        reply = await http.ask(
            "POST", SIGNAL, body=b'{"namespace": "x", "identity": "me", "input": [1]}'
        )
    assert told(reply) == (200, {})
    request: SignalWorkflowExecutionRequest = signal.asked[0][0]
    assert (request.namespace, request.workflow_execution.workflow_id) == ("a b", "w/1")
    assert (request.signal_name, request.identity) == ("go", "me")
    assert request.input.payloads[0].data == b"1"


@pytest.mark.parametrize(
    ("target", "headers", "is_pretty"),
    [
        (COUNT, (), False),
        (f"{COUNT}?pretty", (), True),
        (COUNT, [("accept", "application/json+pretty")], True),
        (COUNT, [("accept", "text/html, application/json+no-payload-shorthand+pretty")], True),
        (COUNT, [("content-type", "application/json+pretty; charset=utf-8")], True),
        (f"{COUNT}?noPayloadShorthand", [("accept", "application/json+pretty")], False),
    ],
)
async def test_a_caller_chooses_the_form(
    target: str, headers: list[tuple[str, str]], is_pretty: bool
) -> None:
    count = Recorder(CountWorkflowExecutionsResponse(count=3))
    async with serving(CountWorkflowExecutions=count.answer) as http:
        reply = await http.ask("GET", target, headers=headers)
    assert (b"\n" in reply.body) is is_pretty


async def test_headers_become_metadata_as_a_gateway_forwards_them() -> None:
    count = Recorder(CountWorkflowExecutionsResponse())
    async with serving(CountWorkflowExecutions=count.answer) as http:
        await http.ask(
            "GET",
            COUNT,
            headers=[
                ("Authorization", "Bearer t"),
                ("Grpc-Metadata-Tenant", "x"),
                ("Grpc-Metadata-Blob-Bin", "AAA="),
                ("User-Agent", "curl"),
                ("X-Forwarded-For", "10.0.0.1"),
                ("X-Other", "dropped"),
                ("Grpc-Timeout", "5S"),
            ],
        )
    call = count.asked[0][1]
    metadata: Mapping[str, str] = call.metadata
    assert metadata == {
        "authorization": "Bearer t",
        "grpcgateway-authorization": "Bearer t",
        "grpcgateway-host": "test",
        "grpcgateway-user-agent": "curl",
        "tenant": "x",
        "client-name": "temporal-server-http",
        "x-forwarded-for": "10.0.0.1, 127.0.0.1",
        "x-forwarded-host": "test",
    }
    assert call.deadline is not None
    assert 0 < call.deadline - SystemClock().now() <= 5 * SECOND


async def refuse(_request: Message, _call: Call) -> Message:
    raise NotFoundError("no such namespace", NamespaceNotFoundFailure(namespace="nono"))


async def exhaust(_request: Message, _call: Call) -> Message:
    raise ResourceExhaustedError("too many")


async def fail(_request: Message, _call: Call) -> Message:
    raise ValueError("secret")


async def test_an_error_is_a_status_with_its_details() -> None:
    async with serving(CountWorkflowExecutions=refuse) as http:
        reply = await http.ask("GET", COUNT)
    status, value = told(reply)
    assert (status, value["code"]) == (404, 5)
    assert value["details"] == [
        {
            "@type": ("type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure"),
            "namespace": "nono",
        }
    ]


@pytest.mark.parametrize(
    ("handler", "target", "headers", "status", "code"),
    [
        (exhaust, COUNT, (), 429, 8),
        (fail, COUNT, (), 500, 13),
        (exhaust, f"{COUNT}?query=a&query=b", (), 400, 3),
        (exhaust, COUNT, [("grpc-timeout", "soon")], 400, 3),
    ],
)
async def test_a_refusal_has_the_status_of_its_code(
    handler: Handler, target: str, headers: list[tuple[str, str]], status: int, code: int
) -> None:
    async with serving(CountWorkflowExecutions=handler) as http:
        reply = await http.ask("GET", target, headers=headers)
    assert (reply.status, json.loads(reply.body)["code"]) == (status, code)
    assert b"secret" not in reply.body


async def test_a_method_that_is_not_built_says_so() -> None:
    async with serving() as http:
        reply = await http.ask("GET", COUNT)
    assert told(reply) == (
        501,
        {"code": 12, "message": "method CountWorkflowExecutions is not implemented yet"},
    )


def test_every_annotated_method_has_its_path_with_and_without_the_prefix() -> None:
    bindings = list(bindings_of(SERVICES))
    patterns = {(one.http_method, one.pattern) for one in bindings}
    assert len(patterns) == len(bindings)
    assert len({one.method.name for one in bindings}) > 90
    for one in bindings:
        if one.pattern.startswith("/namespaces/"):
            assert (one.http_method, f"/api/v1{one.pattern}") in patterns


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_the_description_is_served(prefix: str) -> None:
    async with serving() as http:
        swagger = await http.ask("GET", f"{prefix}/swagger.json")
        yaml = await http.ask("GET", f"{prefix}/openapi.yaml")
    assert json.loads(swagger.body)["swagger"] == "2.0"
    assert yaml.body.startswith(b'"openapi": "3.0.3"\n')


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*(_references(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(one) for one in value))
    return set()


@pytest.mark.parametrize("describe", [version_2, version_3])
def test_what_the_description_refers_to_is_there(describe: Any) -> None:
    bindings = list(bindings_of(SERVICES))
    document = describe(bindings)
    for reference in _references(document):
        place = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
        assert place["type"] == "object"
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) == len(bindings)


def test_yaml_is_in_block_style() -> None:
    value: Json = {"a": [1, {"b": "x: y"}], "c": {}, "d": None, "e": True}
    assert yaml_text(value) == '"a":\n  - 1\n  -\n    "b": "x: y"\n"c": {}\n"d": null\n"e": true\n'
