"""`server start-dev` as SDKs and users of the reference's command line call it."""

import asyncio
import resource
import signal
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
)

from indelible.server.config import STOP_SECONDS_MAX
from indelible.wire.calls.methods import OPERATOR_SERVICE
from tests.server.processes import Serving, run, serving
from tests.server_process import free_port

pytestmark = pytest.mark.slow

# Every flag of the reference's `server start-dev`, and every flag of its whole command line.
FLAGS = (
    *("--ip", "127.0.0.1", "--http-port", "0", "--ui-port", "0", "--headless"),
    *("--ui-ip", "127.0.0.1", "--ui-public-path", "/ui", "--ui-asset-path", "/assets"),
    *("--ui-codec-endpoint", "http://localhost:1", "--ui-disable-news-fetch"),
    *("--namespace", "orders", "-n", "billing", "--namespace=default"),
    *("--search-attribute", "Customer=Keyword", "--search-attribute", "Total=double"),
    *("--dynamic-config-value", "frontend.enableServerVersionCheck=false"),
    *("--dynamic-config-value", "frontend.enableUpdateWorkflowExecution=true"),
    *("--dynamic-config-value", "limit.blobSize.error=1000000"),
    *("--sqlite-pragma", "synchronous=NORMAL", "--sqlite-pragma", "journal_mode=wal"),
    *("--log-config", "--log-level", "info", "--log-format", "pretty"),
    *("--env", "e", "--env-file", "f", "--config-file", "c", "--profile", "p"),
    *("--disable-config-file", "--disable-config-env", "--no-json-shorthand-payloads"),
    *("--output", "json", "--time-format", "iso", "--color", "never"),
    *("--command-timeout", "1s", "--client-connect-timeout", "1s"),
)


async def metrics_page(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    page = await reader.read()
    writer.close()
    await writer.wait_closed()
    return page


async def test_every_flag_of_the_reference_is_taken(tmp_path: Path) -> None:
    metrics_port = free_port()
    database = tmp_path / "dev.db"
    async with serving(
        tmp_path / "log",
        "start-dev",
        *FLAGS,
        *("--metrics-port", str(metrics_port), "--db-filename", str(database)),
    ) as server:
        for name in ("default", "orders", "billing"):
            found = await server.ask(
                DescribeNamespaceRequest(namespace=name), DescribeNamespaceResponse
            )
            assert found.namespace_info.name == name
            attributes = await server.ask(
                ListSearchAttributesRequest(namespace=name),
                ListSearchAttributesResponse,
                service=OPERATOR_SERVICE.name,
            )
            assert dict(attributes.custom_attributes) == {
                "Customer": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
                "Total": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
            }
        assert b'operation="DescribeNamespace"' in await metrics_page(metrics_port)
        code, _ = server.stop()
        printed = server.printed
    assert code == 0
    assert database.exists()
    assert f"localhost:{server.port}" in printed
    assert str(database) in printed
    assert "dynamic configuration key without a meaning here" in printed
    assert "frontend.enableServerVersionCheck" in printed
    assert "SQLite pragma ignored" in printed
    assert "limit.blobSize" not in printed.replace("dynamic_config:", "")
    assert "Web UI" not in printed


async def test_the_first_answer_costs_little(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with serving(tmp_path / "log", "start-dev", "--headless") as server:
        code, _ = server.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code == 0
    # CPU and not the wall clock, which on a shared machine tells of the neighbours.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


async def seen_by_the_server(server: Serving, *, identity: str) -> None:
    request = DescribeTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="q"))
    while not any(
        poller.identity == identity
        for poller in (await server.ask(request, DescribeTaskQueueResponse)).pollers
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_answers_long_polls_and_is_quick(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path / "log", "start-dev") as server:
        request = PollWorkflowTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name="q"), identity="w"
        )
        async with asyncio.TaskGroup() as group:
            poll = group.create_task(server.ask(request, PollWorkflowTaskQueueResponse, seconds=60))
            await seen_by_the_server(server, identity="w")
            code, seconds = await asyncio.to_thread(server.stop, number)
        assert poll.result() == PollWorkflowTaskQueueResponse()
    assert code == 0, server.printed
    assert seconds < STOP_SECONDS_MAX
    assert "Traceback" not in server.printed


def test_a_mistake_is_named_and_nothing_starts() -> None:
    done = run("server", "start-dev", "--search-attribute", "Hue=Color")
    assert done.returncode == 1
    assert done.stderr.startswith('indelible: "Color" is no type of a search attribute;')
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout
