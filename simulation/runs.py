"""One run of the simulator: from a seed to a verdict.

Owns the course of a run: chaos, calm, rest, retention, and what is checked when.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from structlog.typing import EventDict

from indelible.base.errors import ServiceError
from indelible.base.instants import HOUR, MINUTE, SECOND, Duration, after
from indelible.ports.stores import Commit, StoreError
from simulation.checkers.activities import check_activities
from simulation.checkers.batches import check_batches
from simulation.checkers.histories import check_run
from simulation.checkers.journal import Journal, Run, name_of, short_name
from simulation.checkers.messages import check_operations, check_resets, check_updates
from simulation.checkers.operations import check_contracts
from simulation.checkers.outcomes import (
    check_emptiness,
    check_families,
    check_hygiene,
    check_promises,
)
from simulation.checkers.promises import Promises
from simulation.checkers.schedules import check_schedules
from simulation.workloads.askers import Asker
from simulation.workloads.clients import Client
from simulation.workloads.faults import Staff, cause_trouble
from simulation.workloads.followers import Follower
from simulation.workloads.foremen import Foreman
from simulation.workloads.freelancers import Freelancer
from simulation.workloads.meddlers import Meddler
from simulation.workloads.overseers import Overseer
from simulation.workloads.planners import Planner
from simulation.workloads.stewards import BUILDS, Steward
from simulation.workloads.subcontractors import Subcontractor
from simulation.workloads.travelers import Traveler
from simulation.world.loop import StuckError
from simulation.world.process import Process, UndeadError, current_process
from simulation.world.world import RETENTION, START, FailedRunError, Failure, World

PATIENCE: Final = HOUR
"""In virtual time: what has not ended by then, when nothing goes wrong any more, never will."""
_SETTLING: Final = Duration(90 * SECOND)
"""Longer than any retry of a transfer task and any poll."""
_LOOK_INTERVAL: Final = SECOND


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of a run."""

    seed: int
    digest: str
    failures: list[Failure]
    run_count: int
    event_count: int
    commit_count: int
    virtual_seconds: float
    answered_methods: frozenset[str] = frozenset()
    command_types: frozenset[int] = frozenset()
    trace: list[str] = field(default_factory=list[str])
    histories: list[str] = field(default_factory=list[str])


def simulate(seed: int) -> Verdict:
    """Run a seed."""
    world = World(seed)
    simulation = _Simulation(world)
    with _listening(world):
        try:
            world.loop.run(simulation.play())
        except FailedRunError:
            pass
        except (StuckError, UndeadError) as error:
            world.accuse("liveness", str(error))
    return simulation.verdict()


class Person(Protocol):
    """Somebody who does something until all is calm."""

    @property
    def process(self) -> Process:
        """Where it runs."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether it has not done yet what it had begun."""
        ...

    async def live(self) -> None:
        """Do it."""
        ...


@contextmanager
def _listening(world: World) -> Generator[None]:
    """Write what the product logs into the trace; an error that it did not expect is a defect."""

    def listen(_logger: object, level: str, event: EventDict) -> EventDict:
        error = event.get("exc_info")
        if error is True:
            error = sys.exception()
        process = current_process()
        who = process.name if process is not None else "log"
        world.note(who, f"{level}: {event['event']} {error!r}" if error else str(event["event"]))
        is_expected = isinstance(error, (ServiceError, StoreError))
        if isinstance(error, Exception) and not is_expected and not (process and process.is_dead):
            world.accuse("no defects", f"{event['event']}: {error!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[listen], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


class _Simulation:
    def __init__(self, world: World) -> None:
        self._world = world
        self._journal = Journal(accuse=world.accuse, note=world.note)
        self._promises = Promises()
        self._commit_count = 0
        world.disk.watcher = self._committed
        ids = [f"w{number}" for number in range(world.character.chain_count)]
        self._clients = [
            Client(world, self._promises, self._journal, one, [*ids, "nobody"]) for one in ids
        ]
        self._followers = [Follower(world, self._promises, self._journal, one) for one in ids]
        self._others: list[Person] = [
            Asker(world, self._promises, ids, "queue"),
            Meddler(world, self._promises, self._journal, ids),
            Freelancer(world, self._promises, "queue"),
            Overseer(world, self._promises, self._journal),
            Planner(world, self._journal, "queue"),
            Subcontractor(world, self._promises),
            Foreman(world, self._promises),
            Steward(world, ids, "queue"),
            Traveler(world, self._promises, "queue"),
        ]
        self._staff = Staff(world, self._promises, "queue")

    def _committed(self, commit: Commit) -> None:
        self._commit_count += 1
        self._journal.committed(commit)

    async def play(self) -> None:
        """Let everything happen; raises `FailedRunError` as soon as something is wrong."""
        try:
            await self._go_wrong()
            await self._calm_down()
        finally:
            await self._world.end()

    async def _go_wrong(self) -> None:
        world = self._world
        world.note("world", repr(world.character))
        await world.start_node()
        # Pinned runs need workers of their version: there is always one of each.
        least = len(BUILDS) if world.character.is_versioned else 1
        for _ in range(max(least, world.character.worker_count)):
            self._staff.hire()
        for client in self._clients:
            client.process.spawn("client", client.live("queue", self._staff.workers))
        for follower in self._followers:
            follower.process.spawn("follower", follower.live())
        for one in self._others:
            one.process.spawn("life", one.live())
        await cause_trouble(world, self._staff)

    async def _calm_down(self) -> None:
        world = self._world
        world.require_innocence()
        world.make_calm()
        for client in self._clients:
            client.process.spawn("rest", client.put_to_rest())
        await self._await_close()
        await world.pause(_SETTLING)
        self._check_end()
        await self._await_retention()
        world.require_innocence()

    async def _await_close(self) -> None:
        """Wait until everything has ended; it must."""
        world = self._world
        give_up_at = after(world.now, PATIENCE)
        while True:
            world.require_innocence()
            self._check_processes()
            runs = self._journal.open_runs()
            is_busy = any(one.is_busy for one in (*self._clients, *self._others))
            activities = self._journal.open_activities()
            operations = self._journal.open_operations()
            if not runs and not activities and not operations and not is_busy:
                return
            if world.now > give_up_at:
                for run in runs:
                    world.accuse(
                        "liveness",
                        f"{name_of(run.key)} does not end: {run.state.execution}",
                    )
                for entity in activities:
                    world.accuse("liveness", f"activity {name_of(entity.key)} does not end")
                for contract in operations:
                    world.accuse("liveness", f"operation {name_of(contract.key)} does not end")
                raise FailedRunError
            await world.pause(_LOOK_INTERVAL)

    def _check_processes(self) -> None:
        people: list[Process] = [
            *(client.process for client in self._clients),
            *(follower.process for follower in self._followers),
            *(one.process for one in self._others),
            *(worker.process for worker in self._staff.workers),
        ]
        for process in people:
            for death in process.deaths:
                self._world.accuse("the simulator works", f"{process.name}: {death}")

    def _check_end(self) -> None:
        world, journal = self._world, self._journal
        for run in journal.runs.values():
            if not run.is_deleted:
                check_run(run, world.accuse)
        check_promises(self._promises, journal, world.accuse)
        check_families(journal, world.accuse)
        check_updates(self._promises, journal, world.accuse)
        check_resets(self._promises, journal, world.accuse)
        check_operations(journal, world.accuse)
        check_activities(self._promises, journal, world.accuse)
        check_contracts(self._promises, journal, world.accuse)
        check_batches(self._promises, journal, world.accuse)
        check_schedules(journal, world.accuse)
        check_hygiene(journal, world.accuse)
        self._check_processes()
        world.require_innocence()

    async def _await_retention(self) -> None:
        await self._staff.dismiss()
        for one in (*self._clients, *self._followers, *self._others):
            await one.process.kill()
        await self._world.pause(Duration(RETENTION + 3 * MINUTE))
        check_emptiness(self._journal, self._world.accuse)

    def verdict(self) -> Verdict:
        world, journal = self._world, self._journal
        return Verdict(
            seed=world.seed,
            digest=world.trace.digest,
            failures=world.failures,
            run_count=len(journal.runs),
            event_count=sum(run.length for run in journal.runs.values()),
            commit_count=self._commit_count,
            virtual_seconds=(world.now - START) / SECOND,
            answered_methods=frozenset(world.answered_methods),
            command_types=frozenset(world.command_types),
            trace=list(world.trace.lines),
            histories=[line for run in journal.runs.values() for line in _readable(run)],
        )


def _readable(run: Run) -> list[str]:
    state = "deleted" if run.is_deleted else "open" if run.is_open else "closed"
    lines = [f"--- {name_of(run.key)} ({state})"]
    for event in run.events:
        attributes = getattr(event, str(event.WhichOneof("attributes")))
        said = ", ".join(
            f"{named.name}={getattr(attributes, named.name)!s:.60}"
            for named, _ in attributes.ListFields()
            if named.name in _TELLING
        )
        lines.append(f"{event.event_id:4} {short_name(event)} {said}")
    lines += [f"   + {short_name(event)} (held back)" for event in run.held_back]
    return lines


_TELLING: Final = frozenset(
    {
        *("scheduled_event_id", "started_event_id", "initiated_event_id", "identity", "attempt"),
        *("timer_id", "activity_id", "cause", "timeout_type", "request_id", "retry_state"),
        *("workflow_task_completed_event_id", "signal_name", "workflow_id", "control"),
        "new_execution_run_id",
    }
)
