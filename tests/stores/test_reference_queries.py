"""Each query finds what it finds on the reference service, or is refused as there.

Where we differ the query stands in docs/reference/visibility-queries.md, with the reason.
"""

import json
import re
from pathlib import Path
from typing import Final

import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from indelible.base.errors import InvalidArgumentError, ServiceError
from indelible.base.ids import Archetype, RunId
from indelible.base.instants import NEVER, instant
from indelible.engine.visibility.query import compile_query, listed
from indelible.engine.visibility.search_attributes import indexed_values
from indelible.ports.stores import Store, VisibilityRecord
from tests.golden.normal import Json
from tests.golden.queries import ANSWERS, TYPES
from tests.stores.builders import NAMESPACE, key, own, put, where, write

RECORDED: Final = json.loads(ANSWERS.read_text(encoding="utf-8"))
PAGE: Final = (
    Path(__file__).parents[2] / "docs" / "reference" / "visibility-queries.md"
).read_text(encoding="utf-8")


def _quoted(page: str) -> list[str]:
    """Return the lines of the blocks of a page."""
    blocks = re.findall(r"^```text\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


NAMED: Final = _quoted(PAGE)


def _record(row: WorkflowExecutionInfo) -> VisibilityRecord:
    """What our row would be, had the execution been ours."""
    fields = {
        name: payload.SerializeToString()
        for name, payload in row.search_attributes.indexed_fields.items()
    }
    return VisibilityRecord(
        archetype=Archetype.WORKFLOW,
        namespace_id=NAMESPACE,
        workflow_id=row.execution.workflow_id,
        run_id=RunId(row.execution.run_id),
        workflow_type=row.type.name,
        task_queue=row.task_queue,
        status=row.status,
        start_time=instant(row.start_time),
        execution_time=instant(row.execution_time),
        close_time=instant(row.close_time) if row.HasField("close_time") else NEVER,
        history_length=row.history_length,
        history_size_bytes=row.history_size_bytes,
        state_transition_count=row.state_transition_count,
        parent_workflow_id=row.parent_execution.workflow_id,
        parent_run_id=row.parent_execution.run_id,
        root_workflow_id=row.root_execution.workflow_id,
        root_run_id=row.root_execution.run_id,
        memo=b"",
        search_attributes=fields,
        indexed_values=indexed_values(fields, TYPES),
    )


def _rows() -> list[VisibilityRecord]:
    return [_record(ParseDict(row, WorkflowExecutionInfo())) for row in RECORDED["rows"]]


async def _found(store: Store, query: str) -> list[int] | str:
    """Return which rows a query finds in a store, or its refusal without the place in the text."""
    try:
        compiled = compile_query(query, TYPES)
    except ServiceError as error:
        return _refusal(error.code.name, error.message.splitlines()[0])
    wanted = where(*listed(compiled), order_by=compiled.order_by)
    rows = await store.list_executions(wanted, after=None, limit=100)
    numbers = {row["execution"]["runId"]: number for number, row in enumerate(RECORDED["rows"])}
    return sorted(numbers[row.run_id] for row in rows)


async def _counted(store: Store, query: str) -> list[int] | str:
    """Return how many rows a query finds, and how many of each group."""
    try:
        compiled = compile_query(query, TYPES)
    except ServiceError as error:
        return _refusal(error.code.name, error.message.splitlines()[0])
    counts = await store.count_executions(where(*listed(compiled)), group_by=compiled.group_by)
    groups = sorted(counts.values()) if compiled.group_by else []
    return [sum(counts.values()), *groups]


def _theirs(answer: dict[str, Json]) -> object:
    match answer:
        case {"found": found}:
            return found
        case {"count": count, "groups": dict(groups)}:
            return [count, *sorted(int(str(number)) for number in groups.values())]
        case _:
            return _refusal(answer["code"], answer["message"])


def _refusal(code: Json, text: Json) -> str:
    return f"{code}: {text}"


async def _differences(store: Store) -> dict[str, tuple[object, object]]:
    """Return every question that is answered in two ways, with the reference's answer first."""
    writes = [write(key(row.workflow_id, row.run_id), visibility=row) for row in _rows()]
    await put(store, await own(store), *writes)
    answers: dict[str, tuple[object, object]] = {}
    for answer in RECORDED["lists"]:
        answers[answer["query"]] = (_theirs(answer), await _found(store, answer["query"]))
    for answer in RECORDED["counts"]:
        ours = await _counted(store, answer["query"])
        answers[f"count: {answer['query']}"] = (_theirs(answer), ours)
    return {query: pair for query, pair in answers.items() if pair[0] != pair[1]}


async def test_queries_find_what_they_find_on_the_reference(store: Store) -> None:
    differences = await _differences(store)
    unnamed = {query: pair for query, pair in differences.items() if query not in NAMED}
    assert not unnamed
    assert not [query for query in NAMED if query not in differences], "they do not differ any more"


def test_a_wording_that_differs_is_a_refusal_all_the_same() -> None:
    """What stands under the last heading is refused by both, with the same code."""
    answers = {answer["query"]: answer for answer in RECORDED["lists"] + RECORDED["counts"]}
    for query in _quoted(PAGE.split("## In other words")[1]):
        assert answers[query.removeprefix("count: ")]["code"] == "INVALID_ARGUMENT"
        with pytest.raises(InvalidArgumentError):
            compile_query(query.removeprefix("count: "), TYPES)
