"""The same workflows with their real deadlines: the test server skips the days in between."""

import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import order_fulfillment
import pytest
import pytest_asyncio
from cron_workflow import HOURLY, ReportWorkflow, facts, report
from human_in_loop import MANAGER, REVIEWER, ApprovalWorkflow, Decision, Request, ask_for, notify
from order_fulfillment import (
    COMPLETE,
    OrderWorkflow,
    book_step,
    booked,
    outcome,
    place,
    undo_step,
)
from running import new_id
from temporalio.client import Schedule, ScheduleOverlapPolicy, SchedulePolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

# Without Indelible on the path the SDK downloads Temporal's own test server.
TEST_SERVER = shutil.which("indelible-test-server")
QUEUE = "chapter-14"


@pytest_asyncio.fixture(scope="module")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """One test server and one worker for all tests: each moves the time on, and none minds."""
    with ThreadPoolExecutor() as threads:
        async with (
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=TEST_SERVER,
                test_server_startup_timeout=timedelta(seconds=30),
            ) as environment,
            Worker(
                environment.client,
                task_queue=QUEUE,
                workflows=[ApprovalWorkflow, OrderWorkflow, ReportWorkflow],
                activities=[notify, book_step, undo_step],
                activity_executor=threads,
            ),
        ):
            yield environment


@pytest.mark.parametrize(
    ("after_days", "decision", "expected"),
    [
        (6, Decision(REVIEWER, approved=True), "approved by the reviewer"),
        (6, Decision(REVIEWER, approved=False, reason="no"), "rejected by the reviewer: no"),
        (9, Decision(MANAGER, approved=True), "approved by the manager"),
        (9, Decision(MANAGER, approved=False, reason="no"), "rejected by the manager: no"),
    ],
)
async def test_somebody_decides(
    environment: WorkflowEnvironment, after_days: float, decision: Decision, expected: str
) -> None:
    approval = await ask_for(environment.client, QUEUE, Request("a lamp"))
    await environment.sleep(timedelta(days=after_days))
    await approval.execute_update(ApprovalWorkflow.decide, decision)
    assert await approval.result() == expected


async def test_nobody_decides(environment: WorkflowEnvironment) -> None:
    before = await environment.get_current_time()
    approval = await ask_for(environment.client, QUEUE, Request("a lamp"))
    assert await approval.result() == "rejected: nobody has decided"
    passed = await environment.get_current_time() - before
    assert timedelta(days=10) <= passed < timedelta(days=10, minutes=1)


@pytest.mark.skipif(TEST_SERVER is None, reason="Temporal's own test server has no schedules")
@pytest.mark.parametrize(
    ("policy", "counts"),
    [
        (ScheduleOverlapPolicy.SKIP, (2, 0, 4)),  # 1:00 and 4:00
        (ScheduleOverlapPolicy.BUFFER_ONE, (3, 1, 2)),  # 1:00, 3:20, 5:40
        (ScheduleOverlapPolicy.BUFFER_ALL, (3, 3, 0)),  # the same, and the others wait
        (ScheduleOverlapPolicy.CANCEL_OTHER, (6, 0, 0)),
        (ScheduleOverlapPolicy.TERMINATE_OTHER, (6, 0, 0)),
        (ScheduleOverlapPolicy.ALLOW_ALL, (6, 0, 0)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_six_hours_of_reports_that_take_140_minutes(
    environment: WorkflowEnvironment,
    policy: ScheduleOverlapPolicy,
    counts: tuple[int, int, int],
) -> None:
    await environment.sleep(_until_half_past(await environment.get_current_time()))
    schedule = await environment.client.create_schedule(
        new_id("reports"),
        Schedule(
            action=report(QUEUE, "sales", 140 * 60),
            spec=HOURLY,
            policy=SchedulePolicy(overlap=policy),
        ),
    )
    await environment.sleep(timedelta(hours=6))
    assert facts(await schedule.describe()) == counts
    await schedule.delete()


def _until_half_past(now: datetime) -> timedelta:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour + timedelta(hours=1, minutes=30) - now


async def test_a_parcel_waits_three_days_for_its_carrier(
    environment: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(order_fulfillment, "LEDGER", tmp_path / "ledger.db")
    fetched = await place(environment.client, QUEUE, {})
    forgotten = await place(environment.client, QUEUE, {})
    await environment.sleep(timedelta(days=2))
    assert booked(fetched.id) == booked(forgotten.id) == COMPLETE
    await fetched.signal(OrderWorkflow.picked_up)
    assert await outcome(fetched) == "fulfilled"
    assert "nobody came" in await outcome(forgotten)
    assert booked(fetched.id) == COMPLETE
    assert booked(forgotten.id) == {}
