"""`python -m tests.golden.queries --server PATH`: what the reference's queries find.

Owns the executions that are asked for, the questions, and how the answers are recorded. Must not
know how ours are found: `tests.stores.test_reference_queries` asks for the same.
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from google.protobuf.json_format import MessageToDict
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import CommandType, IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.golden.normal import Json
from tests.server_process import ServerProcess, reference_executable

ANSWERS: Final = Path(__file__).parent / "queries.json"
TYPES: Final[Mapping[str, IndexedValueType.ValueType]] = {
    "AKeyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "AnInt": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "ADouble": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "ABool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "ATime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "AList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "AText": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
}
_QUEUE: Final = "queries"
_ATTEMPTS_MAX: Final = 100
_PAUSE_SECONDS: Final = 0.2
_PLACEHOLDER: Final = re.compile(r"\{(\w+) of ([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Execution:
    """One workflow, and how it ends: by a command, by being terminated, or not."""

    workflow_id: str
    workflow_type: str
    end: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])


EXECUTIONS: Final = (
    Execution(
        "red-1",
        "Alpha",
        attributes={
            "AKeyword": "red",
            "AnInt": 1,
            "ADouble": 0.5,
            "ABool": True,
            "ATime": "2024-01-01T00:00:00Z",
            "AList": ["a", "b"],
            "AText": "Quick brown fox",
        },
    ),
    Execution(
        "red-2",
        "Alpha",
        "complete",
        {
            "AKeyword": "reddish",
            "AnInt": 2,
            "ADouble": -1.5,
            "ABool": False,
            "ATime": "2024-06-01T12:00:00.5Z",
            "AList": ["b"],
            "AText": "lazy dog",
        },
    ),
    Execution("Red-1", "alpha", "", {"AKeyword": "Red", "AnInt": -3, "AText": "FOX, hunting"}),
    Execution("it's", "Beta", "fail", {"AKeyword": "it's", "ADouble": 1e10, "AList": ["c d"]}),
    Execution("100%", "Beta", "terminate", {"AKeyword": "100%", "AnInt": 9007199254740993}),
    Execution("a_b", "Beta", "cancel", {"AKeyword": "a_b", "AnInt": 0, "ADouble": 2.0}),
    Execution("ärger", "Gamma", "", {"AKeyword": "ärger", "AText": "Naïve Ärger"}),
    Execution("again", "Gamma", "continue", {"AKeyword": "again"}),
    Execution("parent", "Delta", "child"),
    Execution("bare", "Delta"),
)

_EQUALS: Final = ("=", "!=", "<>", "<", "<=", ">", ">=")
_LITERALS: Final = {
    "AKeyword": ("'red'", '"red"', "'Red'", "'it''s'", r"'it\'s'", "''", "'100%'", "1", "true"),
    "AnInt": ("1", "'1'", "1.5", "1e0", "-3", "9007199254740993", "'x'", "true"),
    "ADouble": ("0.5", "'0.5'", "2", "1e10", "-1.5", ".5", "'x'"),
    "ABool": ("true", "'true'", "false", "TRUE", "1", "'yes'"),
    "ATime": (
        "'2024-01-01T00:00:00Z'",
        "'2024-01-01T01:00:00+01:00'",
        "'2024-06-01T12:00:00.500Z'",
        "1704067200000000000",
        "'1704067200000000000'",
        "'2024-01-01'",
        "'2024-01-01 00:00:00'",
        "1.5",
    ),
    "AList": ("'a'", "'b'", "'c d'", "1"),
    "AText": ("'fox'", "'FOX'", "'quick fox'", "'fox,'", "''", "'ärger'", "'naive'", "1"),
    "WorkflowId": ("'red-1'", "'nothing'", "1"),
    "WorkflowType": ("'Alpha'", "'alpha'"),
    "ExecutionStatus": (
        "'Running'",
        "'running'",
        "'RUNNING'",
        "'WORKFLOW_EXECUTION_STATUS_FAILED'",
        "1",
        "2",
        "99",
        "'1'",
        "'ContinuedAsNew'",
        "'Paused'",
        "true",
    ),
    "StartTime": ("'{startTime of red-2}'", "'{startTime of again}'", "'x'", "0"),
    "CloseTime": ("'{closeTime of red-2}'", "'{closeTime of 100%}'"),
    "ExecutionTime": ("'{executionTime of it's}'",),
    "ExecutionDuration": (
        "'1h'",
        "'1ms'",
        "'00:00:01'",
        "1000000000",
        "'1000000000'",
        "'1d'",
        "'-1s'",
        "'1h30m'",
        "'x'",
        "1.5",
    ),
    "HistoryLength": ("3", "'5'", "0"),
    "HistorySizeBytes": ("1",),
    "StateTransitionCount": ("1",),
    "TaskQueue": (f"'{_QUEUE}'",),
    "ParentWorkflowId": ("'parent'",),
    "RootWorkflowId": ("'parent'", "'red-1'"),
    "RunId": ("'nothing'",),
}
_RANGES: Final = {
    "AKeyword": ("'a'", "'red'"),
    "AnInt": ("0", "2"),
    "ADouble": ("-2", "1.0"),
    "ABool": ("false", "true"),
    "ATime": ("'2024-01-01T00:00:00Z'", "'2024-05-01T00:00:00Z'"),
    "AList": ("'a'", "'b'"),
    "AText": ("'a'", "'z'"),
    "StartTime": ("'{startTime of red-2}'", "'{startTime of it's}'"),
    "ExecutionStatus": ("'Completed'", "'Failed'"),
    "ExecutionDuration": ("'0s'", "'1h'"),
}
_PREFIXES: Final = ("'red'", "'RED'", "'100%'", "'a_'", "'a%'", "''", "'it''s'", "'ä'", "1")
_OTHERS: Final = (
    "",
    " ",
    "AKeyword = 'red' AND AnInt = 1",
    "AKeyword = 'red' OR AnInt = 2 AND ABool = true",
    "(AKeyword = 'red' OR AnInt = 2) AND ABool = true",
    "NOT AKeyword = 'red'",
    "NOT (AKeyword = 'red' OR AnInt = 2)",
    "NOT (AKeyword = 'red' AND AnInt = 1)",
    "NOT NOT AKeyword = 'red'",
    "NOT AKeyword IS NULL",
    "((((AKeyword = 'red'))))",
    "akeyword = 'red'",
    "`AKeyword` = 'red'",
    "aKeyword = 'red'",
    "WORKFLOWID = 'red-1'",
    "'AKeyword' = 'red'",
    "AKeyword = red",
    "'red' = AKeyword",
    "AKeyword = AText",
    "AKeyword = NULL",
    "AKeyword LIKE 'red%'",
    "AKeyword NOT LIKE 'red%'",
    "AKeyword REGEXP 'red'",
    "AKeyword IN 'red'",
    "AKeyword IN ()",
    "AKeyword IN ('red', 'Red')",
    "AKeyword NOT IN ('red', 'Red')",
    "AnInt IN (1, 2, 2)",
    "AnInt IN (1, 'x')",
    "AList IN ('a', 'c d')",
    "AList NOT IN ('a')",
    "AText IN ('fox', 'dog')",
    "ABool IN (true, false)",
    "ExecutionStatus IN ('Running', 'Failed')",
    "ExecutionStatus NOT IN ('Running', 'Failed')",
    "Unknown = 'x'",
    "Unknown IS NULL",
    "CustomKeywordField = 'x'",
    "TemporalUnknown = 'x'",
    "TemporalNamespaceDivision = 'x'",
    "TemporalNamespaceDivision IS NULL",
    "TemporalScheduledById IS NULL",
    "BuildIds IS NULL",
    "TemporalChangeVersion IS NOT NULL",
    "Memo = 'x'",
    "NamespaceId = 'x'",
    "ScheduleId = 'x'",
    "TemporalWorkflowId = 'red-1'",
    "TemporalExecutionStatus = 'Running'",
    "AKeyword = 'red' ORDER BY AKeyword",
    "ORDER BY StartTime DESC",
    "LIMIT 1",
    "AKeyword = 'red' LIMIT 1",
    "GROUP BY ExecutionStatus",
    "AKeyword = 'red';",
    "AKeyword = 'red' --x",
    "AKeyword = 'red' AND",
    "AND AKeyword = 'red'",
    "(AKeyword = 'red'",
    "AKeyword = 'red')",
    "AKeyword = 'red",
    "AKeyword",
    "AKeyword = ",
    "= 'red'",
    "1 = 1",
    "true",
    "AKeyword == 'red'",
    "AKeyword = 'red' && AnInt = 1",
    "AKeyword = 'red' || AnInt = 2",
    "AKeyword = 'red' XOR AnInt = 2",
    "AnInt + 1 = 2",
    "-AnInt = 3",
    "AnInt = 1 + 1",
    "AnInt = -(1)",
    "AnInt = 0x1",
    "AnInt = 99999999999999999999",
    "ADouble = 1e400",
    "lower(AKeyword) = 'red'",
    "AKeyword = lower('RED')",
    "EXISTS (SELECT 1)",
    "AKeyword = (SELECT 'red')",
    "AnInt IS TRUE",
    "ABool IS TRUE",
    "ABool",
    "StartTime = now()",
    "StartTime > '{startTime of red-1}' AND CloseTime IS NULL",
    "WorkflowId = 'red-1' or WorkflowId = 'red-2' oR workflowId = 'x'",
    "AKeyword\n=\n'red'",
    "AKeyword = 'red' /* x */",
    "%",
    "AKeyword = 'a\\_b'",
)
_COUNTS: Final = (
    "",
    "ExecutionStatus = 'Running'",
    "GROUP BY ExecutionStatus",
    "WorkflowType = 'Beta' GROUP BY ExecutionStatus",
    "GROUP BY WorkflowType",
    "GROUP BY AKeyword",
    "GROUP BY AnInt",
    "GROUP BY ExecutionStatus, WorkflowType",
    "GROUP BY Unknown",
    "ORDER BY StartTime",
    "Unknown = 1",
)


def questions() -> Iterator[str]:
    """Yield every query of a list; times in braces are those of an execution."""
    for column, literals in _LITERALS.items():
        yield f"{column} IS NULL"
        yield f"{column} IS NOT NULL"
        for literal in literals:
            yield f"{column} = {literal}"
            yield f"{column} != {literal}"
        for operator in _EQUALS:
            yield f"{column} {operator} {literals[0]}"
    for column, (low, high) in _RANGES.items():
        yield f"{column} BETWEEN {low} AND {high}"
        yield f"{column} NOT BETWEEN {low} AND {high}"
    for prefix in _PREFIXES:
        yield f"AKeyword STARTS_WITH {prefix}"
        yield f"AKeyword NOT STARTS_WITH {prefix}"
    for column in (*_RANGES, "WorkflowId", "WorkflowType"):
        yield f"{column} STARTS_WITH 'red'"
    yield from _OTHERS


# ------------------------------------------------------------------------------------------- record
async def _record(client: Client) -> Json:
    await _prepare(client)
    for execution in EXECUTIONS:
        await _start(client, execution)
    ends = {execution.workflow_id: execution.end for execution in EXECUTIONS}
    while ends:
        await _answer_one(client, ends)
    rows = await _rows(client)
    texts = [_filled(text, rows) for text in dict.fromkeys(questions())]
    return {
        "rows": [MessageToDict(row) for row in rows],
        "lists": [await _asked(client, text, rows) for text in texts],
        "counts": [await _counted(client, text) for text in _COUNTS],
    }


async def _prepare(client: Client) -> None:
    request = AddSearchAttributesRequest(namespace="default", search_attributes=TYPES)
    await client.operator_service.add_search_attributes(request)
    for _ in range(_ATTEMPTS_MAX):
        try:
            await _list(client, " AND ".join(f"{name} IS NULL" for name in TYPES))
        except RPCError:
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
    raise TimeoutError("the search attributes never came")


async def _start(client: Client, execution: Execution) -> None:
    request = api.StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=execution.workflow_id,
        request_id=execution.workflow_id,
    )
    request.workflow_type.name = execution.workflow_type
    request.task_queue.name = _QUEUE
    for name, value in execution.attributes.items():
        request.search_attributes.indexed_fields[name].CopyFrom(
            Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())
        )
    await client.workflow_service.start_workflow_execution(request)


async def _answer_one(client: Client, ends: dict[str, str]) -> None:
    poll = api.PollWorkflowTaskQueueRequest(namespace="default", identity="recorder")
    poll.task_queue.name = _QUEUE
    task = await client.workflow_service.poll_workflow_task_queue(poll)
    workflow_id = task.workflow_execution.workflow_id
    end = ends.pop(workflow_id, "")
    if end == "terminate":
        terminate = api.TerminateWorkflowExecutionRequest(namespace="default")
        terminate.workflow_execution.workflow_id = workflow_id
        await client.workflow_service.terminate_workflow_execution(terminate)
        return
    await client.workflow_service.respond_workflow_task_completed(
        api.RespondWorkflowTaskCompletedRequest(
            namespace="default",
            task_token=task.task_token,
            identity="recorder",
            commands=_commands(end),
        )
    )


def _commands(end: str) -> Sequence[Command]:
    command = Command()
    match end:
        case "complete":
            command.command_type = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
            command.complete_workflow_execution_command_attributes.SetInParent()
        case "fail":
            command.command_type = CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION
            failure = command.fail_workflow_execution_command_attributes.failure
            failure.application_failure_info.SetInParent()
        case "cancel":
            command.command_type = CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION
            command.cancel_workflow_execution_command_attributes.SetInParent()
        case "continue":
            command.command_type = CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
            again = command.continue_as_new_workflow_execution_command_attributes
            again.workflow_type.name, again.task_queue.name = "Gamma", _QUEUE
        case "child":
            command.command_type = CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION
            child = command.start_child_workflow_execution_command_attributes
            child.workflow_id, child.workflow_type.name = "child", "Delta"
            child.task_queue.name = "nobody polls"
        case _:
            return ()
    return (command,)


async def _rows(client: Client) -> list[WorkflowExecutionInfo]:
    """Return all executions when the store has heard of them: one more run, and one child."""
    ended = sum(execution.end not in {"", "child"} for execution in EXECUTIONS)
    for _ in range(_ATTEMPTS_MAX):
        rows = list((await _list(client, "")).executions)
        closed = sum(row.HasField("close_time") for row in rows)
        if len(rows) == len(EXECUTIONS) + 2 and closed == ended:
            return sorted(rows, key=lambda row: (row.execution.workflow_id, row.status))
        await asyncio.sleep(_PAUSE_SECONDS)
    raise TimeoutError("not every execution was found")


def _filled(text: str, rows: Sequence[WorkflowExecutionInfo]) -> str:
    """Put the recorded times into a question."""
    times = {row.execution.workflow_id: MessageToDict(row) for row in rows}
    return _PLACEHOLDER.sub(lambda match: str(times[match[2]][match[1]]), text)


async def _list(client: Client, query: str) -> api.ListWorkflowExecutionsResponse:
    request = api.ListWorkflowExecutionsRequest(namespace="default", query=query, page_size=100)
    return await client.workflow_service.list_workflow_executions(request)


async def _asked(client: Client, query: str, rows: Sequence[WorkflowExecutionInfo]) -> Json:
    numbers = {row.execution.run_id: number for number, row in enumerate(rows)}
    try:
        answer = await _list(client, query)
    except RPCError as error:
        return _refusal(query, error)
    found = sorted(numbers[each.execution.run_id] for each in answer.executions)
    return {"query": query, "found": [*found]}


async def _counted(client: Client, query: str) -> Json:
    request = api.CountWorkflowExecutionsRequest(namespace="default", query=query)
    try:
        answer = await client.workflow_service.count_workflow_executions(request)
    except RPCError as error:
        return _refusal(query, error)
    groups: dict[str, Json] = {
        group.group_values[0].data.decode(): group.count for group in answer.groups
    }
    return {"query": query, "count": answer.count, "groups": groups}


def _refusal(query: str, error: RPCError) -> Json:
    return {"query": query, "code": RPCStatusCode(error.status).name, "message": error.message}


def main() -> None:
    """Record the answers of the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="path of the reference's executable")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="indelible-queries-") as folder:
        server = ServerProcess(
            executable=reference_executable(words.server),
            log=Path(folder) / "log",
            extra_arguments=["--dynamic-config-value=frontend.namespaceRPS.visibility=1000"],
        )
        server.start()
        try:
            recorded = asyncio.run(_recorded(server))
        finally:
            server.kill()
    text = json.dumps(recorded, indent=1, ensure_ascii=False)
    ANSWERS.write_text(f"{text}\n", encoding="utf-8")


async def _recorded(server: ServerProcess) -> Json:
    return await _record(await server.connect())


if __name__ == "__main__":
    main()
