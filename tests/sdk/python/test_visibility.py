"""Describe, list and count: what can be found again, and when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from tests.sdk.python.conftest import SEARCH_ATTRIBUTES
from tests.sdk.python.harness import Harness, eventually
from tests.sdk.python.programs.basic import Failing, Greeting, Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

KEYWORD, KEYWORDS, INT, DOUBLE, BOOL, DATETIME, TEXT = SEARCH_ATTRIBUTES


async def _listed(harness: Harness, query: str) -> Sequence[WorkflowExecution]:
    return [row async for row in harness.client.list_workflows(query)]


async def _finds(harness: Harness, query: str, ids: set[str]) -> None:
    """The reference writes its index in the background; so wait for the answer, not for a time."""

    async def found() -> bool:
        return {row.id for row in await _listed(harness, query)} == ids

    await eventually(found)
    count = await harness.client.count_workflows(query)
    assert count.count == len(ids)


async def test_describe_tells_the_whole_start(harness: Harness) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    handle = await harness.start(
        Greeting.run,
        "World",
        memo={"note": "remember", "number": 3},
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(KEYWORD, "word"),
                SearchAttributePair(KEYWORDS, ["b", "a"]),
                SearchAttributePair(INT, 5),
                SearchAttributePair(DOUBLE, 2.5),
                SearchAttributePair(BOOL, True),
                SearchAttributePair(DATETIME, moment),
                SearchAttributePair(TEXT, "some words"),
            ]
        ),
        run_timeout=timedelta(seconds=50),
    )
    description = await handle.describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    assert description.workflow_type == "Greeting"
    assert description.task_queue == harness.task_queue
    assert description.run_id == handle.first_execution_run_id
    assert description.start_time > before
    assert description.close_time is None
    assert description.history_length == 2
    assert await description.memo() == {"note": "remember", "number": 3}
    found = description.typed_search_attributes
    assert found.get(KEYWORD) == "word"
    assert list(found.get(KEYWORDS) or []) == ["b", "a"]
    assert (found.get(INT), found.get(DOUBLE), found.get(BOOL)) == (5, 2.5, True)
    assert found.get(DATETIME) == moment
    assert found.get(TEXT) == "some words"
    raw = description.raw_description
    assert raw.execution_config.workflow_run_timeout.seconds == 50
    assert raw.pending_workflow_task.attempt == 1
    async with harness.worker(Greeting):
        await handle.result()
    closed = await handle.describe()
    assert closed.status is WorkflowExecutionStatus.COMPLETED
    assert closed.history_length == 5
    assert closed.close_time is not None
    assert not closed.raw_description.HasField("pending_workflow_task")


async def test_list_by_id_type_and_status(harness: Harness) -> None:
    async with harness.worker(Greeting, Failing, Waiting):
        done = await harness.start(Greeting.run, "World")
        await done.result()
        failed = await harness.start(Failing.run, "broken")
        waiting = await harness.start(Waiting.run)
        await waiting.query(Waiting.noted)
    await _finds(harness, f"WorkflowId = '{done.id}'", {done.id})
    await _finds(harness, f"WorkflowId = '{done.id}' AND WorkflowType = 'Waiting'", set())
    await _finds(harness, f"WorkflowId = '{failed.id}' AND ExecutionStatus = 'Failed'", {failed.id})
    await _finds(
        harness, f'WorkflowId = "{waiting.id}" and ExecutionStatus = "Running"', {waiting.id}
    )
    await _finds(harness, f"RunId = '{done.first_execution_run_id}'", {done.id})
    row = (await _listed(harness, f"WorkflowId = '{done.id}'"))[0]
    assert row.status is WorkflowExecutionStatus.COMPLETED
    assert row.workflow_type == "Greeting"
    assert row.task_queue == harness.task_queue
    assert row.close_time is not None
    assert row.start_time <= row.close_time
    await waiting.terminate()
    await _finds(harness, f"WorkflowId = '{waiting.id}' AND ExecutionStatus = 'Running'", set())


async def test_list_by_time(harness: Harness) -> None:
    early = await harness.start(Greeting.run, "early")
    started = (await early.describe()).start_time
    before = (started - timedelta(seconds=1)).isoformat()
    after = (started + timedelta(seconds=1)).isoformat()
    only = f"WorkflowId = '{early.id}' AND StartTime"
    await _finds(harness, f"{only} > '{before}'", {early.id})
    await _finds(harness, f"{only} > '{after}'", set())
    await _finds(harness, f"{only} < '{after}'", {early.id})
    await early.terminate()
    await _finds(harness, f"WorkflowId = '{early.id}' AND CloseTime >= '{before}'", {early.id})


async def test_list_pages_do_not_overlap(harness: Harness) -> None:
    handles = [await harness.start(Waiting.run) for _ in range(7)]
    for handle in handles:
        await handle.terminate()
    own_type = "WorkflowType = 'Waiting'"
    wanted = {handle.id for handle in handles}

    async def all_listed() -> bool:
        rows = await _listed(harness, f"{own_type} AND ExecutionStatus = 'Terminated'")
        return wanted <= {row.id for row in rows}

    await eventually(all_listed)
    seen: list[str] = []
    token = b""
    while True:
        page = await harness.client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace="default", page_size=3, next_page_token=token, query=own_type
            )
        )
        assert len(page.executions) <= 3
        seen.extend(row.execution.run_id for row in page.executions)
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen))
    assert {handle.first_execution_run_id for handle in handles} <= set(seen)


async def test_count_in_groups_of_status(harness: Harness) -> None:
    async with harness.worker(Greeting):
        await harness.execute(Greeting.run, "World")

    async def grouped() -> bool:
        count = await harness.client.count_workflows("GROUP BY ExecutionStatus")
        names = {str(group.group_values[0]) for group in count.groups}
        assert count.count == sum(group.count for group in count.groups)
        return "Completed" in names

    await eventually(grouped)
