"""The SDK's time-skipping environment on `indelible-test-server`: days pass, tests do not."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.sdk.python.programs.patience import (
    Approval,
    Parent,
    Patience,
    Retrying,
    Sleeper,
    fails_at_first,
)
from tests.server_process import READY_SECONDS_MAX, TEST_SERVER

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

QUEUE = "patience"


@pytest.fixture(scope="module")
def test_server_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TEST_SERVER.launcher(tmp_path_factory.mktemp("test-server"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def skipping(test_server_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    started = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(test_server_path),
        test_server_startup_timeout=timedelta(seconds=READY_SECONDS_MAX),
    )
    async with (
        started as environment,
        Worker(
            environment.client,
            task_queue=QUEUE,
            workflows=[Approval, Parent, Patience, Retrying, Sleeper],
            activities=[fails_at_first],
        ),
    ):
        yield environment


async def _passed(environment: WorkflowEnvironment, since: datetime) -> timedelta:
    return await environment.get_current_time() - since


def _is_about(actual: timedelta, wanted: timedelta) -> bool:
    return wanted <= actual < wanted + timedelta(minutes=1)


async def test_waiting_for_a_result_skips_a_month(skipping: WorkflowEnvironment) -> None:
    began_at = await skipping.get_current_time()
    result = await skipping.client.execute_workflow(
        Sleeper.run, 30 * 86_400, id="sleeper", task_queue=QUEUE
    )
    assert _is_about(timedelta(seconds=result), timedelta(days=30))
    assert _is_about(await _passed(skipping, began_at), timedelta(days=30))


async def test_retry_intervals_are_skipped(skipping: WorkflowEnvironment) -> None:
    began_at = await skipping.get_current_time()
    attempts = await skipping.client.execute_workflow(Retrying.run, id="retry", task_queue=QUEUE)
    assert attempts == 5
    assert _is_about(await _passed(skipping, began_at), timedelta(hours=1 + 2 + 4 + 8))


async def test_cron_ticks_are_skipped(skipping: WorkflowEnvironment) -> None:
    handle = await skipping.client.start_workflow(
        Patience.run, id="cron", task_queue=QUEUE, cron_schedule="0 12 * * *"
    )
    await skipping.sleep(timedelta(days=5))
    await handle.terminate()
    runs = [run async for run in skipping.client.list_workflows("WorkflowId = 'cron'")]
    assert len(runs) == 6
    assert {run.execution_time.hour for run in runs if run.execution_time is not None} == {12}


async def test_children_start_delays_and_continuing_as_new(skipping: WorkflowEnvironment) -> None:
    began_at = await skipping.get_current_time()
    order = await skipping.client.execute_workflow(
        Parent.run, id="parent", task_queue=QUEUE, start_delay=timedelta(days=1)
    )
    assert order == ["one day", "two days", "three days"]
    assert _is_about(await _passed(skipping, began_at), timedelta(days=1 + 3))


async def test_a_wait_for_an_approval_runs_out_or_not(skipping: WorkflowEnvironment) -> None:
    start = skipping.client.start_workflow
    late = await start(Approval.run, id="late", task_queue=QUEUE)
    assert await late.result() == "rejected"
    early = await start(Approval.run, id="early", task_queue=QUEUE)
    await skipping.sleep(timedelta(days=6))
    assert await early.query(Approval.is_approved) is False
    assert await early.execute_update(Approval.approve) == "thanks"
    assert await early.result() == "approved"


async def test_time_is_real_while_nobody_skips_it(skipping: WorkflowEnvironment) -> None:
    began_at = await skipping.get_current_time()
    with skipping.auto_time_skipping_disabled():
        result = await skipping.client.execute_workflow(Patience.run, id="real", task_queue=QUEUE)
    assert result == "patient"
    assert _is_about(await _passed(skipping, began_at), timedelta(milliseconds=100))


async def test_a_schedule_fires_in_skipped_time(skipping: WorkflowEnvironment) -> None:
    schedule = await skipping.client.create_schedule(
        "daily",
        Schedule(
            action=ScheduleActionStartWorkflow(Patience.run, id="daily", task_queue=QUEUE),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))]),
        ),
    )
    await skipping.sleep(timedelta(days=10))
    description = await schedule.describe()
    assert description.info.num_actions == 10
    runs = [
        run.start_time
        async for run in skipping.client.list_workflows("WorkflowType = 'Patience'")
        if run.id.startswith("daily")
    ]
    gaps = {round((b - a).total_seconds() / 3600) for a, b in zip(runs[1:], runs, strict=False)}
    await schedule.delete()
    assert (len(runs), gaps) == (10, {24})


async def test_an_unlock_too_many_is_refused(skipping: WorkflowEnvironment) -> None:
    service = skipping.client.service_client.test_service
    await service.unlock_time_skipping(UnlockTimeSkippingRequest())
    with pytest.raises(RPCError, match="Unbalanced lock and unlock calls") as refusal:
        await service.unlock_time_skipping(UnlockTimeSkippingRequest())
    await service.lock_time_skipping(LockTimeSkippingRequest())
    assert refusal.value.status is RPCStatusCode.FAILED_PRECONDITION
