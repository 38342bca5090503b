"""What goes wrong from outside: crashes, a second owner of the shards, dying workers.

Owns when. What a crash is, is in `world`.
"""

from random import Random

from indelible.base.instants import MILLISECOND, Duration
from simulation.checkers.promises import Promises
from simulation.workloads.stewards import BUILDS
from simulation.workloads.worker import Worker
from simulation.world.world import World


class Staff:
    """The workers, and those that take the place of the dead."""

    def __init__(self, world: World, promises: Promises, queue: str) -> None:
        self._world = world
        self._promises = promises
        self._queue = queue
        self._hired_count = 0
        self.workers: list[Worker] = []

    def hire(self, build: str = "") -> None:
        """Start one more worker: of this build, or of the next one in turn."""
        if self._world.character.is_versioned and not build:
            build = BUILDS[self._hired_count % len(BUILDS)]
        self._hired_count += 1
        name = f"worker-{self._hired_count}"
        worker = Worker(self._world, self._promises, name, self._queue, build)
        self.workers.append(worker)
        worker.start()

    async def replace(self, worker: Worker) -> None:
        """Kill a worker; another one takes its place after a while."""
        self._world.note(worker.name, "dies")
        self.workers.remove(worker)
        await worker.process.kill()
        await self._world.pause(Duration(300 * MILLISECOND))
        self.hire(worker.build)

    async def dismiss(self) -> None:
        """Let all go."""
        for worker in self.workers:
            await worker.process.kill()
        self.workers.clear()


async def cause_trouble(world: World, staff: Staff) -> None:
    """Let things go wrong, one after the other, at moments that the seed chooses."""
    chance = world.stream("trouble")
    character = world.character
    kinds = (
        ["crash"] * character.crash_count
        + ["take over"] * character.takeover_count
        + ["worker death"] * character.worker_death_count
    )
    chance.shuffle(kinds)
    left = int(character.chaos)
    for number, kind in enumerate(kinds):
        span = int(chance.random() * 2 * left / (len(kinds) - number))
        await world.pause(Duration(min(span, left)))
        left = max(0, left - span)
        await _cause(kind, chance, world, staff)
    await world.pause(Duration(left))


async def _cause(kind: str, chance: Random, world: World, staff: Staff) -> None:
    match kind:
        case "crash":
            await world.crash(Duration(chance.choice((0, 20, 500, 3_000)) * MILLISECOND))
        case "take over":
            await world.take_over(Duration(chance.choice((50, 1_000, 4_000)) * MILLISECOND))
        case _:
            if staff.workers:
                await staff.replace(chance.choice(staff.workers))
