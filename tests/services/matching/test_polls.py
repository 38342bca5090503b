"""What a poll returns, and when."""

import pytest
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse, ShutdownWorkerRequest

from indelible.base.ids import NamespaceId, TaskId
from indelible.base.instants import SECOND, Duration
from indelible.base.limits import TASK_QUEUES_LOADED_MAX
from indelible.engine.matching.priority import BEFORE_ALL
from indelible.ports.clients import Sdk
from tests.services.matching.world import (
    ACTIVITIES,
    NAMESPACE,
    STICKY,
    WORKFLOWS,
    running_world,
    settle,
    task_id,
)


async def test_a_task_on_disk_is_found_by_the_first_poll() -> None:
    async with running_world() as world:
        first = await world.add()
        poll = world.poll()
        await settle()
        assert task_id(poll) == first
        assert not await world.reads.dispatch_backlogs(WORKFLOWS, after=BEFORE_ALL)


async def test_a_waiting_poll_gets_a_new_task_at_once() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        await world.clock.advance(0.5)
        new = await world.add()
        await settle()
        assert task_id(poll) == new
        poller = world.history.pollers[-1]
        assert (poller.identity, poller.sdk, poller.is_sticky_poll) == (
            "worker",
            Sdk("sdk", "1.0"),
            False,
        )
        assert world.telemetry.counts["poll_success_sync"] == 1


@pytest.mark.parametrize(("within", "answered_after"), [(5, 4), (61, 60), (300, 60), (2, 1)])
async def test_an_expired_poll_is_empty_a_second_before_its_deadline(
    within: float, answered_after: float
) -> None:
    async with running_world() as world:
        poll = world.poll(within=within)
        await settle()
        await world.clock.advance(answered_after - 0.001)
        assert not poll.done()
        await world.clock.advance(0.001)
        assert poll.result() == PollWorkflowTaskQueueResponse()
        assert world.telemetry.counts["poll_timeouts"] == 1


async def test_a_poll_with_no_second_left_returns_at_once() -> None:
    async with running_world() as world:
        await world.add()
        poll = world.poll(within=1)
        await settle()
        assert task_id(poll) == 0
        assert len(await world.drained()) == 1


async def test_polls_are_served_in_the_order_of_their_arrival() -> None:
    async with running_world() as world:
        polls = [await world.waiting_poll(identity=name) for name in "abc"]
        for _ in polls:
            await world.add()
        await settle()
        assert [task_id(poll) for poll in polls] == [1, 2, 3]


async def test_tasks_come_by_priority_then_age_through_a_small_window() -> None:
    async with running_world(rows_max=4) as world:
        added = [
            (priority or 3, await world.add(priority=priority)) for priority in [3, 1, 0, 5, 2] * 20
        ]
        assert await world.drained() == [number for _, number in sorted(added)]


async def test_tasks_keep_their_order_while_they_are_added_to_a_full_window() -> None:
    async with running_world(rows_max=4) as world:
        for _ in range(10):
            await world.add()
        first = world.poll()
        await settle()
        assert task_id(first) == 1
        urgent = [await world.add(priority=1) for _ in range(6)]
        assert await world.drained() == [*urgent, *range(2, 11)]


async def test_an_obsolete_task_is_passed_over_within_one_poll() -> None:
    async with running_world() as world:
        world.history.refused = {TaskId(1), TaskId(2)}
        poll = await world.waiting_poll()
        for _ in range(3):
            await world.add()
        await settle()
        assert task_id(poll) == 3
        assert world.history.asked == [1, 2, 3]


async def test_an_obsolete_task_does_not_prolong_a_poll() -> None:
    async with running_world() as world:
        world.history.refused = {TaskId(1)}
        world.history.before.is_closed = True
        poll = world.poll(within=11)
        await settle()
        await world.add()
        await world.clock.advance(12)
        assert not poll.done()
        world.history.before.open()
        await settle()
        assert task_id(poll) == 0


async def test_a_client_that_goes_leaves_the_line() -> None:
    async with running_world() as world:
        gone = await world.waiting_poll(identity="gone")
        there = await world.waiting_poll(identity="there")
        gone.cancel()
        new = await world.add()  # Before the canceled poll has had a turn.
        await settle()
        assert gone.cancelled()
        assert task_id(there) == new
        assert world.telemetry.counts["poll_success_sync"] == 1


async def test_a_task_given_to_a_client_that_goes_waits_again() -> None:
    async with running_world() as world:
        gone = await world.waiting_poll()
        new = await world.add()
        gone.cancel()  # It was paired, and has not had a turn since.
        await settle()
        assert gone.cancelled()
        assert world.history.asked == []
        assert await world.drained() == [new]


async def test_a_client_that_goes_while_its_task_is_started_does_not_lose_the_task() -> None:
    async with running_world() as world:
        world.history.behind.is_closed = True
        gone = await world.waiting_poll()
        new = await world.add()
        await settle()
        assert list(world.history.started) == [new]
        gone.cancel()
        await settle()
        world.history.behind.open()
        assert await world.drained() == [new]
        assert world.history.pollers[0].request_id == world.history.pollers[1].request_id


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_a_start_that_fails_is_repeated_after_a_moment(*, takes_effect: bool) -> None:
    async with running_world() as world:
        if takes_effect:
            world.history.failures_after = 2
        else:
            world.history.failures_before = 2
        poll = await world.waiting_poll(ACTIVITIES)
        new = await world.add(ACTIVITIES)
        await settle()
        assert world.history.asked == [new]
        await world.clock.advance(0.1)
        assert world.history.asked == [new, new]
        await world.clock.advance(0.2)
        assert task_id(poll) == new
        assert world.telemetry.counts["task_errors"] == 2
        assert not world.service._queues.use(ACTIVITIES)._retries


async def test_a_task_that_fails_does_not_hold_up_the_others() -> None:
    async with running_world() as world:
        world.history.failures_before = 1
        poll = await world.waiting_poll()
        await world.add()
        await world.add()
        await settle()
        assert task_id(poll) == 2
        later = world.poll()
        await world.clock.advance(0.1)
        assert task_id(later) == 1


async def test_a_read_that_fails_is_repeated_while_somebody_waits() -> None:
    async with running_world() as world:
        world.reads.failures = 3
        new = await world.add()
        poll = await world.waiting_poll()
        assert world.reads.read_count == 1
        await world.clock.advance(0.8)
        assert task_id(poll) == new
        assert world.reads.read_count == 4


async def test_a_task_offered_while_the_queue_is_read_comes_once() -> None:
    async with running_world() as world:
        for gate in (world.reads.before, world.reads.behind):
            gate.is_closed = True
            poll = await world.waiting_poll()
            new = await world.add()
            gate.open()
            await settle()
            assert task_id(poll) == new
            await world.clock.advance(400)  # Idle: the queue is unloaded.
        assert await world.drained() == []
        assert world.history.asked == [1, 2]


async def test_a_row_without_an_offer_is_found_on_request_and_by_and_by() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        lost = await world.commit()
        world.client.recheck(WORKFLOWS)
        await settle()
        assert task_id(poll) == lost.task.task_id
        await world.clock.advance(60)
        idle = await world.waiting_poll()
        lost = await world.commit()
        await world.clock.advance(60)
        assert task_id(idle) == 0
        assert await world.drained() == [lost.task.task_id]


async def test_a_rate_limit_spaces_tasks_out() -> None:
    async with running_world() as world:
        for _ in range(4):
            await world.add(ACTIVITIES)
        polls = [world.poll(ACTIVITIES, rate=0.5) for _ in range(3)]
        await settle()
        assert [poll.done() for poll in polls] == [True, False, False]
        await world.clock.advance(1.999)
        assert [poll.done() for poll in polls] == [True, False, False]
        await world.clock.advance(0.001)
        assert [poll.done() for poll in polls] == [True, True, False]
        described = await world.service.describe_task_queue(ACTIVITIES)
        assert described.stats.is_rate_limited
        assert described.tasks_per_second_max == 0.5
        await world.clock.advance(60)


async def test_a_rate_of_zero_stops_dispatch_until_another_poll_lifts_it() -> None:
    async with running_world() as world:
        await world.add(ACTIVITIES)
        stopped = world.poll(ACTIVITIES, rate=0)
        await world.clock.advance(30)
        assert not stopped.done()
        lifting = world.poll(ACTIVITIES)
        await settle()
        assert task_id(stopped) == 1
        assert not lifting.done()


async def test_queues_of_other_types_names_and_namespaces_are_apart() -> None:
    async with running_world() as world:
        await world.add(ACTIVITIES)
        others = [
            await world.waiting_poll(queue)
            for queue in (
                WORKFLOWS,
                ACTIVITIES._replace(name="other"),
                ACTIVITIES._replace(namespace_id=NamespaceId("other")),
            )
        ]
        poll = world.poll(ACTIVITIES)
        await settle()
        assert task_id(poll) == 1
        assert not any(other.done() for other in others)


async def test_stopping_answers_every_poll_and_waits_for_those_being_served() -> None:
    async with running_world() as world:
        world.history.before.is_closed = True
        served = await world.waiting_poll()
        new = await world.add()
        idle = await world.waiting_poll()
        stopping = world.group.create_task(world.service.stop())
        await settle()
        assert task_id(idle) == 0
        assert not stopping.done()
        world.history.before.open()
        await settle()
        assert task_id(served) == new
        assert stopping.done()
        late = world.poll()
        await settle()
        assert task_id(late) == 0


async def test_stopping_does_not_wait_for_ever() -> None:
    async with running_world() as world:
        world.history.before.is_closed = True
        await world.waiting_poll()
        await world.add()
        await settle()
        stopping = world.group.create_task(world.service.stop())
        await settle()
        assert not stopping.done()
        await world.clock.advance(1)
        assert stopping.done()


async def test_a_worker_that_shuts_down_gets_its_polls_back_and_no_task() -> None:
    async with running_world() as world:
        going = [
            await world.waiting_poll(queue, instance="going", identity="going")
            for queue in (WORKFLOWS, ACTIVITIES, STICKY)
        ]
        staying = await world.waiting_poll(instance="staying")
        world.service.shutdown_worker(
            NAMESPACE,
            ShutdownWorkerRequest(
                worker_instance_key="going",
                identity="going",
                task_queue=WORKFLOWS.name,
                sticky_task_queue=STICKY.name,
            ),
        )
        await settle()
        assert [task_id(poll) for poll in going] == [0, 0, 0]
        assert not world.client.has_recent_poller(STICKY)
        described = await world.service.describe_task_queue(WORKFLOWS)
        assert [record.identity for record in described.pollers] == ["worker"]

        late = world.poll(instance="going")
        await settle()
        assert task_id(late) == 0
        new = await world.add()
        await settle()
        assert task_id(staying) == new
        await world.clock.advance(31)
        await world.waiting_poll(instance="going")


async def test_a_worker_that_shuts_down_keeps_the_task_it_was_given() -> None:
    async with running_world() as world:
        world.history.before.is_closed = True
        poll = await world.waiting_poll(instance="going")
        new = await world.add()
        await settle()
        assert world.service.cancel_outstanding_polls(NAMESPACE, "going") == 1
        assert world.service.cancel_outstanding_polls(NamespaceId("other"), "going") == 0
        world.history.before.open()
        await settle()
        assert task_id(poll) == new


async def test_a_poller_is_recent_while_it_polls_and_ten_seconds_after() -> None:
    async with running_world() as world:
        assert not world.client.has_recent_poller(STICKY)
        poll = await world.waiting_poll(STICKY)
        await world.clock.advance(30)
        assert world.client.has_recent_poller(STICKY)
        await world.add(STICKY)
        await settle()
        assert poll.done()
        assert world.history.pollers[-1].is_sticky_poll
        await world.clock.advance(10)
        assert world.client.has_recent_poller(STICKY)
        await world.clock.advance(0.001)
        assert not world.client.has_recent_poller(STICKY)
        assert world.service.has_recent_poller(STICKY, Duration(11 * SECOND))


async def test_a_poll_whose_client_has_gone_is_no_sign_of_life() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll(STICKY)
        await world.clock.advance(30)
        poll.cancel()
        await settle()
        assert not world.client.has_recent_poller(STICKY)


async def test_forgetting_a_sticky_queue_ends_its_polls() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll(STICKY)
        world.client.forget_sticky(NAMESPACE, STICKY.name)
        await settle()
        assert task_id(poll) == 0
        assert not world.client.has_recent_poller(STICKY)


async def test_a_forgotten_queue_keeps_a_start_in_doubt() -> None:
    async with running_world() as world:
        world.history.failures_after = 1
        poll = await world.waiting_poll(STICKY)
        new = await world.add(STICKY)
        await settle()
        poll.cancel()
        await settle()
        world.client.forget_sticky(NAMESPACE, STICKY.name)
        again = world.poll(STICKY)
        await world.clock.advance(0.1)
        assert task_id(again) == new


async def test_a_queue_without_polls_frees_its_window_and_keeps_its_pollers() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        poll.cancel()
        await settle()
        new = await world.add()
        await world.clock.advance(120)
        queue = world.service._queues.use(WORKFLOWS)
        assert queue.matcher.backlog.waiting_count == 0
        described = await world.service.describe_task_queue(WORKFLOWS)
        assert len(described.pollers) == described.stats.backlog_count == 1
        assert await world.drained() == [new]


async def test_a_full_table_unloads_the_quiet_queue_that_was_used_longest_ago() -> None:
    async with running_world() as world:
        for number in range(TASK_QUEUES_LOADED_MAX):
            world.service._queues.use(WORKFLOWS._replace(name=f"q{number}"))
        busy = await world.waiting_poll(WORKFLOWS._replace(name="q0"))
        await world.waiting_poll(WORKFLOWS._replace(name="new"))
        assert len(world.service._queues.all()) == TASK_QUEUES_LOADED_MAX
        assert world.service._queues.get(WORKFLOWS._replace(name="q1")) is None
        assert not busy.done()


async def test_an_idle_queue_is_unloaded_and_found_again() -> None:
    async with running_world() as world:
        poll = world.poll(within=2)
        await world.clock.advance(2)
        assert task_id(poll) == 0
        await world.clock.advance(360)
        assert world.telemetry.gauges["loaded_task_queue_count"] == 0
        new = await world.add()
        assert world.telemetry.counts["no_poller_tasks"] == 1
        assert await world.drained() == [new]
