"""The HTTP API of a whole server: the same requests for ours and for the reference.

`INDELIBLE_TEST_SERVER` names another executable; the expectations below hold for it as well.
"""

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server_process import ServerProcess, executable_under_test, free_port

pytestmark = pytest.mark.slow

HOME = "/api/v1/namespaces/default"
START = {"workflowType": {"name": "t"}, "taskQueue": {"name": "q"}}


class Http:
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        told = response.read()
        connection.close()
        return response.status, json.loads(told) if told else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("http")
    process = ServerProcess(
        executable=executable_under_test(),
        log=folder / "log",
        extra_arguments=("--http-port", str(port)),
    )
    process.start()
    try:
        asyncio.run(process.connect())
        yield Http(port)
    finally:
        process.kill()


def test_a_run_from_start_to_end(server: Http) -> None:
    """Start, refuse a second, signal, describe, count, terminate, read the history."""
    path = f"{HOME}/workflows/w1"
    inputs = [1, "x", {"a": None}, None, 1.5]
    # What the path names wins over the body.
    body = {
        **START,
        "input": inputs,
        "namespace": "other",
        "workflowIdReusePolicy": "RejectDuplicate",
    }
    status, started = server.ask("POST", path, body)
    assert (status, started["started"]) == (200, True)
    status, refused = server.ask("POST", path, START)
    assert (status, refused["code"]) == (409, 6)
    assert refused["details"][0]["runId"] == started["runId"]
    signal = {"input": [{"_protoMessageType": "a.B", "c": 1}]}
    assert server.ask("POST", f"{path}/signal/s", signal)[0] == 200
    status, described = server.ask("GET", f"{path}?execution.runId={started['runId']}")
    info = described["workflowExecutionInfo"]
    assert (status, info["status"]) == (200, "WORKFLOW_EXECUTION_STATUS_RUNNING")
    assert server.ask("POST", f"{path}/terminate", {"reason": "r"}) == (200, {})
    status, told = server.ask("GET", f"{path}/history")
    events = told["history"]["events"]
    assert status == 200
    null = {"metadata": {"encoding": "YmluYXJ5L251bGw="}}
    first = events[0]["workflowExecutionStartedEventAttributes"]
    assert first["input"] == [null if one is None else one for one in inputs]
    signaled = next(
        one["workflowExecutionSignaledEventAttributes"]
        for one in events
        if one["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"
    )
    assert signaled["input"] == [{"_protoMessageType": "a.B", "c": 1}]
    _, long = server.ask("GET", f"{path}/history?noPayloadShorthand")
    first = long["history"]["events"][0]["workflowExecutionStartedEventAttributes"]
    assert first["input"]["payloads"][0]["data"] == "MQ=="
    close = "historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT"
    _, last = server.ask("GET", f"{path}/history?{close}&waitNewEvent=true")
    assert [one["eventId"] for one in last["history"]["events"]] == [events[-1]["eventId"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, 5),
        ("PUT", "/api/v1/system-info", None, 501, 12),
        ("GET", "/api/v1/namespaces/", None, 400, 3),
        ("GET", "/api/v1/namespaces/nono", None, 404, 5),
        ("GET", f"{HOME}/workflows?pageSize=x", None, 400, 3),
        ("GET", f"{HOME}/workflows?pageSize=5&pageSize=6", None, 400, 3),
        ("GET", f"{HOME}/workflows?nextPageToken=!!", None, 400, 3),
        ("GET", f"{HOME}/workflow-count?query=x", None, 400, 3),
        ("GET", f"{HOME}/workflows/none/history", None, 404, 5),
        ("GET", f"{HOME}/task-queues/q?reportPollers=yes", None, 400, 3),
        ("POST", f"{HOME}/workflows/w", {"workflowTyp": {}}, 400, 3),
        ("POST", f"{HOME}/workflows/w", {"workflowType": "t"}, 400, 3),
        ("POST", f"{HOME}/workflows/w", {"workflowIdReusePolicy": "Nope"}, 400, 3),
        ("POST", f"{HOME}/workflows/w", {"workflowRunTimeout": "12"}, 400, 3),
        ("POST", f"{HOME}/workflows/w", "", 400, 3),
        ("POST", f"{HOME}/workflows/w", "[]", 400, 3),
        ("POST", f"{HOME}/workflows/w", "{", 400, 3),
        ("POST", f"{HOME}/workflows/none/terminate", {}, 404, 5),
    ],
)
def test_a_refusal_has_its_status(
    server: Http, method: str, path: str, body: Any, status: int, code: int
) -> None:
    answered, told = server.ask(method, path, body)
    assert (answered, told["code"]) == (status, code)
    assert told["message"]


@pytest.mark.parametrize(
    "path",
    [
        *("/cluster", "/api/v1/cluster-info", "/system-info", "/api/v1/system-info"),
        *("/cluster/namespaces", "/api/v1/namespaces", "/cluster/namespaces/default"),
        *(f"{HOME}/workflows?pageSize=5&bogus=1", "/namespaces/default/workflows?page_size=5"),
        *(f"{HOME}/search-attributes", f"{HOME}/workflow-count", "/api/v1/nexus/endpoints"),
        f"{HOME}/task-queues/q?taskQueueType=TASK_QUEUE_TYPE_WORKFLOW&reportPollers=1",
        "/swagger.json",
    ],
)
def test_a_path_is_answered(server: Http, path: str) -> None:
    status, told = server.ask("GET", path)
    assert (status, isinstance(told, dict)) == (200, True)
