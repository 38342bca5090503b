"""Tasks of one priority take turns by their keys: in memory, on disk, and after a restart."""

import pytest

from indelible.base.fair_shares import FairShare
from tests.services.matching.world import ACTIVITIES, STICKY, WORKFLOWS, running_world, settle

ROWS_MAX = 4


async def test_priority_comes_first_then_turns_then_age() -> None:
    async with running_world() as world:
        for priority, key in [(5, "a"), (0, "a"), (3, "a"), (3, "b"), (1, "a"), (0, ""), (4, "b")]:
            await world.add(ACTIVITIES, priority=priority, share=FairShare(key))
        assert await world.drained(ACTIVITIES) == [5, 2, 4, 6, 3, 7, 1]


@pytest.mark.parametrize("rows_max", [ROWS_MAX, 1_000])
@pytest.mark.parametrize("is_polled_before", [False, True])
async def test_keys_take_turns_however_small_the_window(
    *, rows_max: int, is_polled_before: bool
) -> None:
    async with running_world(rows_max=rows_max) as world:
        if is_polled_before:  # The window then learns of the tasks by offers.
            stopping = world.poll(ACTIVITIES, rate=0)
            await settle()
            stopping.cancel()
        for _ in range(10):
            await world.add(ACTIVITIES, share=FairShare("greedy"))
        for _ in range(3):
            await world.add(ACTIVITIES, share=FairShare("modest"))
        for _ in range(4):
            await world.add(ACTIVITIES, share=FairShare("heavy", 4.0))
        order = await world.drained(ACTIVITIES)
        assert order == [14, 15, 16, 1, 11, 17, 2, 12, 3, 13, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("rows_max", [ROWS_MAX, 1_000])
async def test_turns_go_on_where_they_were_after_a_restart(rows_max: int) -> None:
    async with running_world(rows_max=rows_max) as world:
        for _ in range(9):
            await world.add(ACTIVITIES, share=FairShare("old"))
        for _ in range(3):
            poll = world.poll(ACTIVITIES)
            await settle()
            assert poll.done()
        await world.restart()
        for key in ["old", "new", "new", "old"]:
            await world.add(ACTIVITIES, share=FairShare(key))
        assert await world.drained(ACTIVITIES) == [4, 11, 5, 12, 6, 7, 8, 9, 10, 13]


async def test_workflow_tasks_take_turns_but_not_in_sticky_queues() -> None:
    async with running_world() as world:
        for key in ["a", "a", "a", "b"]:
            await world.add(WORKFLOWS, share=FairShare(key))
        assert await world.drained(WORKFLOWS) == [1, 4, 2, 3]
        for key in ["a", "a", "a", "b"]:
            await world.add(STICKY, share=FairShare(key))
        assert await world.drained(STICKY) == [5, 6, 7, 8]
