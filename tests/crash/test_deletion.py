"""A deleted namespace leaves nothing behind, though the server is killed meanwhile."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, DeleteNamespaceRequest
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError

from tests.server_process import ServerProcess, executable_under_test

DOOMED: Final = "doomed"
DOOMED_COUNT: Final = 2_000
KEPT_COUNT: Final = 50
AT_ONCE: Final = 50
WAIT_SECONDS_MAX: Final = 60
PAUSE_SECONDS: Final = 0.05
REFERENCE: Final = "SELECT namespace_ref FROM namespaces WHERE name = ?"


async def fill(client: Client, namespace: str, count: int) -> None:
    """Start workflows with a search attribute; every second one is ended, every third signaled."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await start(client, namespace, number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def start(client: Client, namespace: str, number: int) -> None:
    workflow_id = f"workflow-{number}"
    request = api.StartWorkflowExecutionRequest(
        namespace=namespace, workflow_id=workflow_id, request_id=workflow_id
    )
    request.workflow_type.name = f"Type{number % 3}"
    request.task_queue.name = "nobody-polls"
    request.search_attributes.indexed_fields["Customer"].CopyFrom(
        Payload(metadata={"encoding": b"json/plain"}, data=b'"%d"' % (number % 7))
    )
    await client.workflow_service.start_workflow_execution(request)
    if number % 3 == 0:
        signal = api.SignalWorkflowExecutionRequest(namespace=namespace, signal_name="s")
        signal.workflow_execution.workflow_id = workflow_id
        await client.workflow_service.signal_workflow_execution(signal)
    if number % 2 == 0:
        terminate = api.TerminateWorkflowExecutionRequest(namespace=namespace)
        terminate.workflow_execution.workflow_id = workflow_id
        await client.workflow_service.terminate_workflow_execution(terminate)


async def register(client: Client, namespace: str) -> None:
    request = api.RegisterNamespaceRequest(namespace=namespace)
    request.workflow_execution_retention_period.seconds = 86_400
    await client.workflow_service.register_namespace(request)
    attributes = AddSearchAttributesRequest(
        namespace=namespace,
        search_attributes={"Customer": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
    )
    await client.operator_service.add_search_attributes(attributes)


def count(database: Path, statement: str, *parameters: int | str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(statement, parameters).fetchone()[0])


async def until_at_most(database: Path, rows: int, statement: str, reference: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while count(database, statement, reference) > rows:
        assert time.monotonic() < deadline, "the deletion does not go on"
        await asyncio.sleep(PAUSE_SECONDS)


def left_behind(database: Path, reference: int) -> dict[str, int]:
    """Count the rows of a namespace in every table that names one, and those that nobody owns."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        left: dict[str, int] = {}
        for table in tables:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in columns & {"namespace_ref", "queue_namespace_ref"}:
                condition = f"{column} = {reference}"
                if table == "namespaces":
                    condition += " AND record IS NOT NULL"
                query = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608 - own names
                left[f"{table}.{column}"] = connection.execute(query).fetchone()[0]
        for name, query in {
            "sub_records": "sub_records WHERE execution_id NOT IN"
            " (SELECT execution_id FROM executions)",
            "history_batches": "history_batches WHERE batch_key >> 24 NOT IN"
            " (SELECT branch_id FROM executions)",
            "dead_branches": "dead_branches",
        }.items():
            counted = f"SELECT count(*) FROM {query}"  # noqa: S608 - own names
            left[name] = connection.execute(counted).fetchone()[0]
    return {name: rows for name, rows in left.items() if rows}


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_deleted_namespace_leaves_nothing_behind(tmp_path: Path) -> None:
    database = tmp_path / "store.db"
    server = ServerProcess(
        executable=executable_under_test(),
        log=tmp_path / "log",
        database=database,
        extra_arguments=[
            *("--dynamic-config-value", "frontend.deleteNamespaceDeleteActivityRPS=400"),
            *("--dynamic-config-value", "frontend.namespaceRPS=100000"),
        ],
    )
    server.start()
    try:
        client = await server.connect()
        for namespace in (DOOMED, "kept"):
            await register(client, namespace)
        await asyncio.gather(fill(client, DOOMED, DOOMED_COUNT), fill(client, "kept", KEPT_COUNT))
        reference = count(database, REFERENCE, DOOMED)
        rows_of = "SELECT count(*) FROM visibility WHERE namespace_ref = ?"
        assert count(database, rows_of, reference) == DOOMED_COUNT
        await client.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=DOOMED))
        await until_at_most(database, DOOMED_COUNT * 3 // 4, rows_of, reference)
        server.kill()
        assert count(database, rows_of, reference) > 0
        server.start()
        client = await server.connect()
        record_of = "SELECT count(*) FROM namespaces WHERE namespace_ref = ? AND record IS NOT NULL"
        await until_at_most(database, 0, record_of, reference)
        with pytest.raises(RPCError):
            await start(client, DOOMED, 1)
        kept = api.CountWorkflowExecutionsRequest(namespace="kept", query="Customer = '1'")
        answer = await client.workflow_service.count_workflow_executions(kept)
        assert answer.count == len([number for number in range(KEPT_COUNT) if number % 7 == 1])
        assert server.stop() == 0
    finally:
        server.kill()
    assert left_behind(database, reference) == {}
    kept_reference = count(database, REFERENCE, "kept")
    for table in ("executions", "visibility", "current_runs", "visibility_values"):
        of_kept = f"SELECT count(*) FROM {table} WHERE namespace_ref = ?"  # noqa: S608 - own names
        assert count(database, of_kept, kept_reference) == KEPT_COUNT
