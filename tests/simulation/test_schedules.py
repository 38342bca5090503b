"""Schedules over many at once, deaths of the node, and time without a node."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest, DeleteNamespaceResponse
from temporalio.api.schedule.v1 import IntervalSpec, Schedule
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    CreateScheduleResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RegisterNamespaceRequest,
    RegisterNamespaceResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from indelible.base.instants import (
    DAY,
    MILLISECOND,
    MINUTE,
    SECOND,
    Duration,
    after,
    duration_message,
)
from indelible.ports.stores import Commit
from indelible.store.faulty import NO_FAULTS, FaultRates
from simulation.checkers.journal import Journal
from simulation.checkers.schedules import check_schedules
from simulation.workloads.commands import continue_as_new
from simulation.workloads.program import Program
from simulation.world.network import Caller
from simulation.world.node import NAMESPACE
from simulation.world.world import START, World

pytestmark = pytest.mark.simulation

M = TypeVar("M", bound=Message)
MANY = 300
CALLER = Caller("planner")
HOUR_SPEC = IntervalSpec(interval=duration_message(Duration(60 * MINUTE)))
"""Its next time after the beginning of the world is an hour later for all."""


class Scene:
    """A quiet world with an account of what is written."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = Journal(accuse=world.accuse, note=world.note)
        self.commits: list[str] = []
        """The archetype and id of what was written, in order."""
        self.on_commit: Callable[[], None] | None = None
        world.disk.watcher = self._committed

    def _committed(self, commit: Commit) -> None:
        self.journal.committed(commit)
        self.commits += [
            f"{write.key.archetype.name} {write.key.workflow_id}" for write in commit.executions
        ]
        if self.on_commit is not None:
            self.on_commit()

    async def call(self, request: Message, response_type: type[M]) -> M:
        method = type(request).__name__.removesuffix("Request")
        patience = Duration(5 * SECOND)
        return await self.world.call(CALLER, method, request, response_type, patience=patience)

    async def create(
        self,
        schedule_id: str,
        interval: IntervalSpec = HOUR_SPEC,
        *,
        keeps_id: bool = False,
        may_overlap: bool = False,
        namespace: str = NAMESPACE,
    ) -> None:
        made = Schedule()
        made.policies.keep_original_workflow_id = keeps_id
        if may_overlap:
            made.policies.overlap_policy = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
        made.spec.interval.append(interval)
        made.action.start_workflow.workflow_id = f"w-{schedule_id}"
        made.action.start_workflow.workflow_type.name = "any"
        made.action.start_workflow.task_queue.name = "queue"
        request = CreateScheduleRequest(
            namespace=namespace, schedule_id=schedule_id, schedule=made, request_id=schedule_id
        )
        await self.call(request, CreateScheduleResponse)

    async def start_other(self) -> None:
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id="other",
            workflow_type=WorkflowType(name="any"),
            task_queue=TaskQueue(name="queue"),
        )
        await self.call(request, StartWorkflowExecutionResponse)

    def started(self) -> Counter[str]:
        """Return how many workflows each schedule has started."""
        ids = [run.key.workflow_id for run in self.journal.runs.values()]
        return Counter(one.split("-")[1] for one in ids if one.startswith("w-"))

    def check(self) -> None:
        """Raise if anything was wrong."""
        check_schedules(self.journal, self.world.accuse)
        self.world.require_innocence()


@pytest.mark.slow
def test_all_that_are_due_at_once_fire_once_and_others_come_between(quiet_world: World) -> None:
    world, scene = quiet_world, Scene(quiet_world)

    async def scenes() -> None:
        await world.start_node()
        for number in range(MANY):
            await scene.create(f"s{number}")
        await world.pause(Duration(60 * MINUTE - (world.now - START)))
        scene.commits.clear()
        await scene.start_other()
        await world.pause(Duration(10 * SECOND))
        assert scene.started() == {f"s{number}": 1 for number in range(MANY)}
        at = scene.commits.index("WORKFLOW other")
        left = sum(one.startswith("WORKFLOW w-") for one in scene.commits[at:])
        assert left > MANY // 2, "another start waited until most schedules had fired"
        scene.check()
        await world.end()

    world.loop.run(scenes())


@pytest.mark.parametrize("nth", [1, 2, 3], ids=["decision", "start", "outcome"])
def test_a_death_in_the_middle_of_a_turn_repeats_nothing(quiet_world: World, nth: int) -> None:
    """A firing under an id that may be in use is three commits; the disk takes `nth` of them."""
    world, scene = quiet_world, Scene(quiet_world)

    def break_disk() -> None:
        if len(scene.commits) == nth:
            assert world.node is not None
            world.node.store.rates = FaultRates(write_fails_before=1.0)

    async def scenes() -> None:
        await world.start_node()
        await scene.create("s", keeps_id=True)
        scene.commits.clear()
        scene.on_commit = break_disk
        await world.pause(Duration(60 * MINUTE + SECOND - (world.now - START)))
        assert len(scene.commits) == nth
        scene.on_commit = None
        await world.crash(Duration(2 * SECOND))
        await world.pause(Duration(5 * SECOND))
        assert scene.started() == {"s": 1}
        [schedule] = scene.journal.living_schedules()
        assert schedule.states[-1].core.action_count == 1
        assert not schedule.states[-1].buffer
        scene.check()
        await world.end()

    world.loop.run(scenes())


FAILURES = {
    "nothing was written": FaultRates(write_fails_before=1.0),
    "all was written, and nobody told": FaultRates(write_fails_after=1.0),
}


@pytest.mark.parametrize("rates", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("dies", [True, False], ids=["and the node dies", "and the disk heals"])
def test_a_joint_commit_is_whole_or_not_at_all(
    quiet_world: World, rates: FaultRates, *, dies: bool
) -> None:
    """Schedule and workflow lie in two shards often enough; what fails is repeated to the end."""
    world, scene = quiet_world, Scene(quiet_world)
    names = [f"s{number}" for number in range(3)]

    async def scenes() -> None:
        await world.start_node()
        for name in names:
            await scene.create(name)
        await world.pause(Duration(60 * MINUTE - MILLISECOND - (world.now - START)))
        assert world.node is not None
        faults, world.node.store.rates = world.node.store.rates, rates
        scene.commits.clear()
        await world.pause(Duration(500 * MILLISECOND))
        taken = Counter(one.split()[0] for one in scene.commits)
        assert taken["SCHEDULE"] == taken["WORKFLOW"]
        assert bool(taken) == (rates.write_fails_after > 0)
        if dies:
            await world.crash(Duration(2 * SECOND))
        else:
            world.node.store.rates = faults
        await world.pause(Duration(5 * SECOND))
        assert scene.started() == dict.fromkeys(names, 1)
        for schedule in scene.journal.living_schedules():
            assert schedule.states[-1].core.action_count == 1
            assert not schedule.states[-1].buffer
        scene.check()
        await world.end()

    world.loop.run(scenes())


def test_a_firing_is_one_commit(quiet_world: World) -> None:
    world, scene = quiet_world, Scene(quiet_world)

    async def scenes() -> None:
        await world.start_node()
        await scene.create("s")
        scene.commits.clear()
        await world.pause(Duration(60 * MINUTE + SECOND - (world.now - START)))
        assert [one.split()[0] for one in scene.commits] == ["WORKFLOW", "SCHEDULE"]
        scene.check()
        await world.end()

    world.loop.run(scenes())


def test_a_start_whose_answer_was_lost_is_known_in_the_next_run(quiet_world: World) -> None:
    """The workflow has continued as new by the time when the start is repeated."""
    world, scene = quiet_world, Scene(quiet_world)

    def break_disk() -> None:
        if scene.commits[-1] == "WORKFLOW w-s":
            assert world.node is not None
            world.node.store.rates = FaultRates(write_fails_after=1.0)

    async def scenes() -> None:
        await world.start_node()
        await scene.create("s", keeps_id=True)
        scene.on_commit = break_disk
        await world.pause(Duration(60 * MINUTE + MILLISECOND - (world.now - START)))
        scene.on_commit = None
        assert "WORKFLOW w-s" in scene.commits
        assert world.node is not None
        world.node.store.rates = NO_FAULTS
        poll = PollWorkflowTaskQueueRequest(namespace=NAMESPACE, task_queue=TaskQueue(name="queue"))
        task = await scene.call(poll, PollWorkflowTaskQueueResponse)
        first_run_id = task.workflow_execution.run_id
        again = continue_as_new(Program(steps=[]))
        await scene.call(
            RespondWorkflowTaskCompletedRequest(task_token=task.task_token, commands=[again]),
            RespondWorkflowTaskCompletedResponse,
        )
        [schedule] = scene.journal.living_schedules()
        assert schedule.states[-1].buffer, "the start was repeated before the workflow went on"
        await world.pause(Duration(5 * SECOND))
        core = schedule.states[-1].core
        assert [one.first_run_id for one in core.recent] == [first_run_id]
        assert [one.first_run_id for one in core.running] == [first_run_id]
        assert not schedule.states[-1].buffer
        scene.check()
        await world.end()

    world.loop.run(scenes())


def test_a_deleted_namespace_loses_its_schedules(quiet_world: World) -> None:
    """From its deletion on none of them fires; sweeps leave nothing of them nor of their runs."""
    world, scene = quiet_world, Scene(quiet_world)
    doomed, names = "doomed", [f"s{number}" for number in range(5)]

    async def scenes() -> None:
        await world.start_node()
        register = RegisterNamespaceRequest(
            namespace=doomed, workflow_execution_retention_period=duration_message(DAY)
        )
        await scene.call(register, RegisterNamespaceResponse)
        for number, name in enumerate(names):
            await scene.create(name, namespace=doomed, keeps_id=number == 0, may_overlap=True)
        await scene.create("stays")
        await world.pause(Duration(60 * MINUTE + SECOND - (world.now - START)))
        assert scene.started() == dict.fromkeys([*names, "stays"], 1)
        await scene.call(DeleteNamespaceRequest(namespace=doomed), DeleteNamespaceResponse)
        await world.pause(Duration(120 * MINUTE))
        assert scene.started() == dict.fromkeys([*names, "stays"], 1)
        assert len(scene.journal.living_schedules()) == len(names) + 1
        assert world.node is not None
        assert world.node.deleted is not None
        for _ in range(3):
            await world.node.deleted.sweep(now=world.now)
            await world.pause(SECOND)
        [left] = scene.journal.living_schedules()
        assert left.key.workflow_id == "stays"
        assert {run.key.workflow_id.split("-")[1] for run in scene.journal.living()} == {"stays"}
        await world.crash(Duration(60 * MINUTE))
        await world.pause(Duration(SECOND))
        assert scene.started() == dict.fromkeys([*names, "stays"], 1)
        await world.end()

    world.loop.run(scenes())


def test_what_was_due_without_a_node_is_caught_up(quiet_world: World) -> None:
    world, scene = quiet_world, Scene(quiet_world)

    async def scenes() -> None:
        await world.start_node()
        await scene.create("s")
        await world.crash(Duration(150 * MINUTE))
        await world.pause(Duration(10 * SECOND))
        [schedule] = scene.journal.living_schedules()
        core = schedule.states[-1].core
        # Nobody works on the first one, so the policy skips the second.
        assert (core.action_count, core.overlap_skipped_count) == (1, 1)
        assert core.cursor <= world.now < after(core.cursor, Duration(60 * MINUTE))
        assert scene.started() == {"s": 1}
        scene.check()
        await world.end()

    world.loop.run(scenes())
