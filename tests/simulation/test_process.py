"""The sudden death of a simulated process."""

import inspect
from random import Random  # noqa: TID251 - the loop is given its chance

import pytest

from indelible.base.instants import SECOND, Instant
from simulation.world.loop import SimulatedLoop
from simulation.world.process import Process, adopt_by_owner

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("seed", range(8))
def test_work_that_never_began_is_closed_when_its_process_is_dead(seed: int) -> None:
    loop = SimulatedLoop(Random(seed), start=Instant(SECOND), is_shuffled=True)  # noqa: S311
    loop.new_task = adopt_by_owner
    process = Process("victim", loop)

    async def nothing() -> None:
        """End at once."""

    works = [nothing() for _ in range(8)]

    async def play() -> None:
        for work in works:
            process.spawn("work", work)
        await process.kill()

    loop.run(play())
    assert {inspect.getcoroutinestate(work) for work in works} == {inspect.CORO_CLOSED}
