"""Rules and sets of build ids, with workers that ask to be given work by their build id."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.taskqueue.v1 import (
    BuildIdAssignmentRule,
    CompatibleBuildIdRedirectRule,
    RampByPercentage,
)
from temporalio.api.workflowservice.v1 import UpdateWorkerVersioningRulesRequest as Request
from temporalio.client import BuildIdOpAddNewCompatible, BuildIdOpAddNewDefault, Client
from temporalio.worker import Worker

from tests.sdk.python.harness import Harness
from tests.sdk.python.programs.build_ids import Staying, StayingNew, built_by, built_by_new

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def worker(
    harness: Harness, build_id: str, workflow: Any, activity: Any
) -> AsyncIterator[None]:
    """A worker with a client of its own: the SDK refuses two for one queue on the same client."""
    address = harness.client.service_client.config.target_host
    async with Worker(
        await Client.connect(address),
        task_queue=harness.task_queue,
        workflows=[workflow],
        activities=[activity],
        build_id=build_id,
        use_worker_versioning=True,
    ):
        yield


async def change(harness: Harness, **operation: Any) -> None:
    request = Request(
        namespace=harness.client.namespace, task_queue=harness.task_queue, **operation
    )
    await harness.client.workflow_service.update_worker_versioning_rules(request)


def inserted(build_id: str, percentage: float) -> Request.InsertBuildIdAssignmentRule:
    return Request.InsertBuildIdAssignmentRule(
        rule=BuildIdAssignmentRule(
            target_build_id=build_id, percentage_ramp=RampByPercentage(ramp_percentage=percentage)
        )
    )


async def test_a_ramp_takes_its_share_and_runs_stay_where_they_began(harness: Harness) -> None:
    await change(harness, insert_assignment_rule=inserted("1.0", 100))
    await change(harness, insert_assignment_rule=inserted("2.0", 30))
    async with (
        worker(harness, "1.0", Staying, built_by),
        worker(harness, "2.0", StayingNew, built_by_new),
    ):
        handles = [await harness.start(Staying.run) for _ in range(40)]
        began = [await handle.query(Staying.build) for handle in handles]
        found = Counter(began)
        assert found.keys() == {"1.0", "2.0"}
        assert 3 <= found["2.0"] <= 25
        await change(harness, commit_build_id=Request.CommitBuildId(target_build_id="2.0"))
        for handle in handles:
            await handle.signal(Staying.proceed)
        ended = [await handle.result() for handle in handles]
        assert ended == [f"{build} {build}" for build in began]
        assert await harness.execute(Staying.run, True) == "2.0 2.0"
    described = (await handles[0].describe()).raw_description.workflow_execution_info
    assert described.assigned_build_id == began[0]


async def test_a_redirect_moves_runs_to_another_build(harness: Harness) -> None:
    await change(harness, insert_assignment_rule=inserted("1.0", 100))
    async with worker(harness, "1.0", Staying, built_by):
        handle = await harness.start(Staying.run)
        assert await handle.query(Staying.build) == "1.0"
        rule = CompatibleBuildIdRedirectRule(source_build_id="1.0", target_build_id="1.1")
        await change(
            harness,
            add_compatible_redirect_rule=Request.AddCompatibleBuildIdRedirectRule(rule=rule),
        )
        async with worker(harness, "1.1", StayingNew, built_by_new):
            await handle.signal(Staying.proceed)
            assert await handle.result() == "2.0 2.0", "the new code replays the old history"


async def test_a_new_default_set_gets_new_runs_and_a_compatible_build_takes_over(
    harness: Harness,
) -> None:
    update = harness.client.update_worker_build_id_compatibility
    await update(harness.task_queue, BuildIdOpAddNewDefault("1.0"))
    async with worker(harness, "1.0", Staying, built_by):
        old = await harness.start(Staying.run)
        assert await old.query(Staying.build) == "1.0"
        await update(harness.task_queue, BuildIdOpAddNewDefault("2.0"))
        async with worker(harness, "2.0", StayingNew, built_by_new):
            assert await harness.execute(Staying.run, True) == "2.0 2.0"
            await old.signal(Staying.proceed)
            assert await old.result() == "1.0 1.0"
    await update(harness.task_queue, BuildIdOpAddNewCompatible("2.1", "2.0"))
    async with worker(harness, "2.1", StayingNew, built_by_new):
        assert await harness.execute(Staying.run, True) == "2.0 2.0"
