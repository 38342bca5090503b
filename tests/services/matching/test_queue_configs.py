"""What an operator sets for a queue, and how its tasks feel it."""

import pytest

from indelible.base.fair_shares import FairShare
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig
from tests.services.matching.world import ACTIVITIES, World, running_world, settle

STOPPED = QueueConfig(tasks_per_second_max=0)


async def served(world: World, count: int, *, rate: float | None = None) -> list[int]:
    """What so many polls are given at once; the others stay."""
    polls = [world.poll(ACTIVITIES, rate=rate) for _ in range(count)]
    await settle()
    found = [int(poll.result().task_token) for poll in polls if poll.done()]
    for poll in polls:
        poll.cancel()
    await settle()
    return found


async def limits_told(world: World) -> tuple[float | None, bool]:
    described = await world.service.describe_task_queue(ACTIVITIES)
    return described.tasks_per_second_max, described.is_limited_by_operator


async def test_an_operator_comes_before_workers() -> None:
    async with running_world() as world:
        for _ in range(6):
            await world.add(ACTIVITIES)
        assert await served(world, 1, rate=50) == [1]
        assert await limits_told(world) == (50, False)
        world.configure(ACTIVITIES, STOPPED)
        assert await limits_told(world) == (0, True)
        assert await served(world, 2, rate=50) == []
        world.configure(ACTIVITIES, UNCONFIGURED)
        assert await limits_told(world) == (50, False)
        assert await served(world, 2, rate=50) == [2, 3]
        assert await served(world, 1) == [4]
        assert await limits_told(world) == (None, False)


async def test_a_queue_that_nobody_polls_tells_its_limit() -> None:
    async with running_world() as world:
        world.configure(ACTIVITIES, STOPPED)
        assert await limits_told(world) == (0, True)
        await world.restart()
        await world.add(ACTIVITIES)
        assert await served(world, 1) == []


async def test_waiting_polls_feel_a_new_limit_at_once() -> None:
    async with running_world() as world:
        world.configure(ACTIVITIES, STOPPED)
        poll = await world.waiting_poll(ACTIVITIES)
        await world.add(ACTIVITIES)
        await settle()
        assert not poll.done()
        world.configure(ACTIVITIES, QueueConfig(tasks_per_second_max=5))
        await settle()
        assert poll.done()


async def test_each_key_has_its_rate_and_holds_up_no_other() -> None:
    async with running_world() as world:
        world.configure(ACTIVITIES, QueueConfig(key_tasks_per_second_max=1))
        for key in "aaaab":
            await world.add(ACTIVITIES, share=FairShare(key))
        assert await served(world, 5) == [1, 5]
        await world.clock.advance(1)
        await world.add(ACTIVITIES, share=FairShare("b"))
        assert await served(world, 5) == [2, 6]
        world.configure(ACTIVITIES, UNCONFIGURED)
        assert await served(world, 5) == [3, 4]


async def test_a_held_up_key_is_served_when_its_time_comes() -> None:
    async with running_world() as world:
        world.configure(ACTIVITIES, QueueConfig(key_tasks_per_second_max=0.5))
        for _ in range(2):
            await world.add(ACTIVITIES, share=FairShare("a"))
        polls = [world.poll(ACTIVITIES) for _ in range(2)]
        await settle()
        assert [poll.done() for poll in polls] == [True, False]
        await world.clock.advance(1.9)
        assert not polls[1].done()
        described = await world.service.describe_task_queue(ACTIVITIES)
        assert described.stats.is_rate_limited
        await world.clock.advance(0.2)
        assert polls[1].done()


@pytest.mark.parametrize("rate", [1.0, 0.0])
async def test_a_key_limit_of_zero_stops_and_weights_scale(rate: float) -> None:
    async with running_world() as world:
        world.configure(
            ACTIVITIES, QueueConfig(key_tasks_per_second_max=rate, weights={"heavy": 3.0})
        )
        for _ in range(6):
            await world.add(ACTIVITIES, share=FairShare("heavy"))
        await world.add(ACTIVITIES, share=FairShare("light"))
        assert await served(world, 7) == ([1, 2, 3, 7] if rate else [])


async def test_weights_of_the_queue_come_before_those_of_tasks() -> None:
    async with running_world() as world:
        world.configure(ACTIVITIES, QueueConfig(weights={"a": 3.0}))
        for _ in range(4):
            await world.add(ACTIVITIES, share=FairShare("b", 2.0))
        for _ in range(4):
            await world.add(ACTIVITIES, share=FairShare("a"))
        assert await world.drained(ACTIVITIES) == [5, 1, 6, 7, 2, 8, 3, 4]
