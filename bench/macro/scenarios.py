"""What is measured: a closed list of scenarios, each with its answer known in advance.

Owns how one workflow of a scenario is driven and what its result must be. It must not know the
clock nor the server process.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client, WorkflowHandle

from bench.macro.programs import (
    ACTIVITIES_IN_A_ROW,
    SIGNALS_PER_WORKFLOW,
    FortyActivities,
    OneActivity,
    Signals,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowShape:
    """One kind of workflow: how to drive it to its end, what it returns, what its history holds."""

    workflow_type: str
    drive: Callable[[Client, str, str, int], Awaitable[int]]
    expected_result: Callable[[int], int]
    # Exact number of events, or None where batching makes it a matter of timing.
    expected_events: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A shape under a number of clients that each wait for their workflow before the next one."""

    name: str
    shape: str
    concurrency: int


async def _drive_one_activity(client: Client, workflow_id: str, queue: str, number: int) -> int:
    return await client.execute_workflow(OneActivity.run, number, id=workflow_id, task_queue=queue)


async def _drive_forty_activities(client: Client, workflow_id: str, queue: str, number: int) -> int:
    return await client.execute_workflow(
        FortyActivities.run, number, id=workflow_id, task_queue=queue
    )


async def _drive_signals(client: Client, workflow_id: str, queue: str, number: int) -> int:
    handle: WorkflowHandle[Signals, int] = await client.start_workflow(
        Signals.run, SIGNALS_PER_WORKFLOW, id=workflow_id, task_queue=queue
    )
    for step in range(SIGNALS_PER_WORKFLOW):
        await handle.signal(Signals.add, number + step)
    return await handle.result()


SHAPES: Final = {
    "one_activity": WorkflowShape(
        workflow_type="OneActivity",
        drive=_drive_one_activity,
        expected_result=lambda number: number + 1,
        expected_events=11,
    ),
    "forty_activities": WorkflowShape(
        workflow_type="FortyActivities",
        drive=_drive_forty_activities,
        expected_result=lambda number: number + ACTIVITIES_IN_A_ROW,
        expected_events=5 + 6 * ACTIVITIES_IN_A_ROW,
    ),
    "signals": WorkflowShape(
        workflow_type="Signals",
        drive=_drive_signals,
        expected_result=lambda number: sum(range(number, number + SIGNALS_PER_WORKFLOW)),
        expected_events=None,
    ),
}

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        *(
            Scenario(name=f"one_activity_c{clients}", shape="one_activity", concurrency=clients)
            for clients in (1, 10, 50, 200)
        ),
        Scenario(name="forty_activities_c1", shape="forty_activities", concurrency=1),
        Scenario(name="forty_activities_c10", shape="forty_activities", concurrency=10),
        Scenario(name="signals_c10", shape="signals", concurrency=10),
    )
}
