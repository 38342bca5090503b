"""Priorities and fairness as an SDK's worker sees them, with a restart while everything waits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority
from temporalio.worker import Worker

from tests.sdk.python.harness import eventually
from tests.sdk.python.programs.priorities import Errand, Errands, run_errand
from tests.server_process import ServerProcess, executable_under_test

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

# What is so by itself here, and has to be asked for in the reference.
REFERENCE_SETTINGS: Final = (
    *("--dynamic-config-value", "matching.enableFairness=true"),
    *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
    *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
)
GREEDY: Final = [Errand(f"greedy{n}", fairness_key="greedy") for n in range(6)]
MODEST: Final = [Errand(f"modest{n}", fairness_key="modest") for n in range(2)]
HEAVY: Final = [Errand(f"heavy{n}", None, "heavy", 3.0) for n in range(6)]
LEVELS: Final = [Errand(f"level{key}", key) for key in (5, 4, 3, 2, 1)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("priorities")
    process = ServerProcess(
        executable=executable_under_test(),
        log=folder / "log",
        database=folder / "data.db",
        extra_arguments=REFERENCE_SETTINGS,
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()


async def waiting_count(client: Client, handle: WorkflowHandle[Any, Any]) -> int:
    described = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=handle.id)
        )
    )
    return len(described.pending_activities)


async def order_of(
    server: ServerProcess, name: str, errands: list[Errand], priority: Priority, *, restarts: bool
) -> list[str]:
    """The order in which one worker is given activities that have all waited before."""
    client = await server.connect()
    activities = f"{name}-activities"
    async with Worker(client, task_queue=name, workflows=[Errands]):
        handle = await client.start_workflow(
            Errands.run, args=[errands, activities], id=name, task_queue=name, priority=priority
        )

        async def all_wait() -> bool:
            return await waiting_count(client, handle) == len(errands)

        await eventually(all_wait)
    if restarts:
        server.stop()
        server.start()
        client = await server.connect()
        handle = client.get_workflow_handle(name)
    async with (
        Worker(client, task_queue=name, workflows=[Errands]),
        Worker(client, task_queue=activities, activities=[run_errand], max_concurrent_activities=1),
    ):
        await asyncio.wait_for(handle.result(), 30)
        events = (await handle.fetch_history()).events
    names = {
        event.event_id: event.activity_task_scheduled_event_attributes.input.payloads[0].data
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    return [
        names[event.activity_task_started_event_attributes.scheduled_event_id].decode().strip('"')
        for event in events
        if event.HasField("activity_task_started_event_attributes")
    ]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("name", "errands", "order"),
    [
        ("levels", LEVELS, "level1 level2 level3 level4 level5"),
        (
            "keys",
            [*GREEDY, *MODEST],
            "greedy0 modest0 greedy1 modest1 greedy2 greedy3 greedy4 greedy5",
        ),
        (
            "weights",
            [*GREEDY[:4], *HEAVY],
            "heavy0 heavy1 heavy2 greedy0 heavy3 heavy4 heavy5 greedy1 greedy2 greedy3",
        ),
        (
            "both",
            [*LEVELS[:2], *GREEDY[:3], *MODEST[:1], LEVELS[4]],
            "level1 greedy0 modest0 greedy1 greedy2 level4 level5",
        ),
    ],
    ids=["levels", "keys", "weights", "both"],
)
async def test_the_order_of_what_has_waited(
    server: ServerProcess, name: str, errands: list[Errand], order: str, *, restarts: bool
) -> None:
    fresh = f"{name}-{restarts}"
    got = await order_of(server, fresh, errands, Priority.default, restarts=restarts)
    assert got == order.split()


async def test_activities_take_what_they_leave_open_from_their_workflow(
    server: ServerProcess,
) -> None:
    errands = [Errand("own", fairness_key="own"), Errand("as-workflow"), Errand("late", 5)]
    priority = Priority(priority_key=4, fairness_key="workflow", fairness_weight=2.0)
    got = await order_of(server, "inherited", errands, priority, restarts=False)
    assert got == ["own", "as-workflow", "late"]
