"""What DescribeTaskQueue is told."""

import pytest
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from indelible.base.instants import SECOND
from indelible.engine.matching.queue_stats import QueueStats
from tests.services.matching.world import (
    ACTIVITIES,
    START,
    WORKFLOWS,
    running_world,
    settle,
    task_id,
)


async def test_a_queue_never_used_is_empty() -> None:
    async with running_world() as world:
        described = await world.service.describe_task_queue(WORKFLOWS)
        assert list(described.pollers) == []
        assert described.stats == QueueStats()
        assert described.stats_by_priority == {3: QueueStats()}
        assert described.tasks_per_second_max is None


@pytest.mark.parametrize("is_polled", [False, True])
async def test_the_backlog_is_counted_by_priority(*, is_polled: bool) -> None:
    async with running_world(rows_max=4) as world:
        if is_polled:
            stopping = world.poll(ACTIVITIES, rate=0)
            await settle()
            stopping.cancel()
        for priority in [1, 3, 3, 3, 3, 5, 5]:
            await world.add(ACTIVITIES, priority=priority)
            await world.clock.advance(1)
        described = await world.service.describe_task_queue(ACTIVITIES)
        counts = {key: stats.backlog_count for key, stats in described.stats_by_priority.items()}
        assert described.stats.backlog_count == 7
        assert described.stats.backlog_age == 7 * SECOND
        assert counts == {1: 1, 3: 4, 5: 2}


async def test_tasks_that_are_being_started_are_no_backlog_behind_a_small_window() -> None:
    async with running_world(rows_max=4) as world:
        polls = [await world.waiting_poll(ACTIVITIES) for _ in range(3)]
        world.history.before.is_closed = True
        for priority in [1, 3, 1, 3, 3, 3, 3, 5, 5, 5]:
            await world.add(ACTIVITIES, priority=priority)
        await settle()
        described = await world.service.describe_task_queue(ACTIVITIES)
        counts = {key: stats.backlog_count for key, stats in described.stats_by_priority.items()}
        assert counts == {1: 0, 3: 4, 5: 3}
        assert not any(poll.done() for poll in polls)


async def test_a_large_backlog_on_disk_is_counted_without_being_read() -> None:
    async with running_world() as world:
        for _ in range(1_100):
            await world.commit()
        described = await world.service.describe_task_queue(WORKFLOWS)
        assert described.stats.backlog_count == 1_100


async def test_pollers_and_rates() -> None:
    async with running_world() as world:
        limited = world.poll(ACTIVITIES, identity="limited", rate=50)
        await settle()
        for _ in range(10):
            await world.add(ACTIVITIES)
        await world.clock.advance(5)
        assert task_id(limited) == 1
        other = world.poll(ACTIVITIES, identity="other")
        await world.clock.advance(5)
        assert task_id(other) == 2
        described = await world.service.describe_task_queue(ACTIVITIES)
        assert [
            (record.identity, record.rate_per_second, record.last_access_at)
            for record in described.pollers
        ] == [("other", None, START + 5 * SECOND), ("limited", 50, START)]
        assert described.stats.add_rate == pytest.approx(1.0)
        assert described.stats.dispatch_rate == pytest.approx(0.2)
        assert described.stats.backlog_count == 8


async def test_a_task_being_started_is_no_backlog() -> None:
    async with running_world() as world:
        await world.waiting_poll()
        world.history.before.is_closed = True
        await world.add()
        await settle()
        described = await world.service.describe_task_queue(WORKFLOWS)
        assert described.stats.backlog_count == 0


async def test_gauges_tell_backlog_and_polls() -> None:
    async with running_world() as world:
        await world.waiting_poll(ACTIVITIES)
        stopping = world.poll(ACTIVITIES, rate=0)
        await settle()
        await world.add(ACTIVITIES)
        await world.clock.advance(59)
        polls = [world.poll(ACTIVITIES, rate=0), stopping]
        await world.clock.advance(1)
        assert world.telemetry.gauges["approximate_backlog_count"] == 1
        assert world.telemetry.gauges["loaded_task_queue_count"] == 1
        assert len(polls) == 2


async def test_a_poll_that_waited_long_for_a_new_task_suggests_fewer_polls() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        await world.clock.advance(1)
        await world.add()
        await settle()
        assert poll.result().poller_scaling_decision.poll_request_delta_suggestion == -1


async def test_an_old_backlog_suggests_more_polls() -> None:
    async with running_world() as world:
        for _ in range(3):
            await world.add()
        await world.clock.advance(0.3)
        poll = world.poll()
        await settle()
        response = poll.result()
        assert response.poller_scaling_decision.poll_request_delta_suggestion == 1
        assert isinstance(response, PollWorkflowTaskQueueResponse)
        assert response.backlog_count_hint == 2
