"""Simulated clients of schedules: they make, pause, trigger, backfill, change and delete them.

Owns the ids of what is started: they say whether starts of a schedule may overlap.
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.schedule.v1 import (
    BackfillRequest,
    IntervalSpec,
    Schedule,
    SchedulePatch,
    ScheduleSpec,
    TriggerImmediatelyRequest,
)
from temporalio.api.workflowservice.v1 import (
    CountSchedulesRequest,
    CountSchedulesResponse,
    CreateScheduleRequest,
    CreateScheduleResponse,
    DeleteScheduleRequest,
    DeleteScheduleResponse,
    DescribeScheduleRequest,
    DescribeScheduleResponse,
    ListScheduleMatchingTimesRequest,
    ListScheduleMatchingTimesResponse,
    ListSchedulesRequest,
    ListSchedulesResponse,
    PatchScheduleRequest,
    PatchScheduleResponse,
    UpdateScheduleRequest,
    UpdateScheduleResponse,
)

from indelible.base.instants import SECOND, Duration, after, timestamp
from simulation.checkers.journal import Journal
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.workloads.program import Program, RunTimer, Step, encode_input
from simulation.world.node import NAMESPACE
from simulation.world.world import World

OVERLAPPING: Final = "overlapping"
"""In the ids of what a schedule with `ALLOW_ALL` starts."""
ONE_BY_ONE: Final = "one-by-one"
_Policy: Final = ScheduleOverlapPolicy
_ALLOW_ALL: Final = _Policy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
_POLICIES: Final = (
    _Policy.SCHEDULE_OVERLAP_POLICY_SKIP,
    _Policy.SCHEDULE_OVERLAP_POLICY_SKIP,
    _Policy.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
    _Policy.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
    _Policy.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
    _Policy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER,
    _ALLOW_ALL,
)
_IDS: Final = ("s0", "s1")
_BACKFILLED: Final = Duration(8 * SECOND)


class Planner:
    """Has workflows started by schedules."""

    def __init__(self, world: World, journal: Journal, queue: str) -> None:
        self.name = "planner"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._journal = journal
        self._queue = queue
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._made_count = 0

    async def live(self) -> None:
        """Do something now and then until things are calm; then delete all schedules."""
        acts = (
            (self._create, 4),
            (self._describe, 2),
            (self._update, 2),
            (self._pause, 2),
            (self._trigger, 2),
            (self._backfill, 1),
            (self._delete, 0.5),
            (self._look, 2),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            await act()
        while self._journal.living_schedules():
            for schedule_id in _IDS:
                await self._delete_one(schedule_id)
        self.is_busy = False

    async def _create(self) -> None:
        self._made_count += 1
        policy = self._chance.choice(_POLICIES)
        request = CreateScheduleRequest(
            namespace=NAMESPACE,
            schedule_id=self._chance.choice(_IDS),
            schedule=self._schedule(policy, f"planned-{self._made_count}-{_manner(policy)}"),
            identity=self.name,
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, CreateScheduleResponse, attempts=4)

    def _schedule(self, policy: ScheduleOverlapPolicy.ValueType, workflow_id: str) -> Schedule:
        chance = self._chance
        program = Program(
            steps=[Step(ops=[RunTimer(op_id="0t", span_ms=chance.choice((100, 2_000, 6_000)))])],
            ending=chance.choice(("complete", "complete", "fail")),
            continues=chance.choice((0, 0, 1)),
        )
        made = Schedule()
        jitter = span(chance.choice((0, 0, 900)))
        made.spec.CopyFrom(
            ScheduleSpec(interval=[_interval(chance.choice((1_000, 2_000, 5_000)))], jitter=jitter)
        )
        made.policies.overlap_policy = policy
        made.policies.pause_on_failure = chance.random() < 0.2
        made.state.paused = chance.random() < 0.1
        if chance.random() < 0.2:
            made.state.limited_actions = True
            made.state.remaining_actions = 3
        action = made.action.start_workflow
        action.workflow_id = workflow_id
        action.workflow_type.name = "program"
        action.task_queue.name = self._queue
        action.input.CopyFrom(encode_input(program))
        return made

    async def _describe(self) -> DescribeScheduleResponse | None:
        request = DescribeScheduleRequest(
            namespace=NAMESPACE, schedule_id=self._chance.choice(_IDS)
        )
        return await self._calls.ask(request, DescribeScheduleResponse)

    async def _update(self) -> None:
        """Change the times of a schedule, as a client does that has looked at it before."""
        schedule_id = self._chance.choice(_IDS)
        found = await self._calls.ask(
            DescribeScheduleRequest(namespace=NAMESPACE, schedule_id=schedule_id),
            DescribeScheduleResponse,
        )
        if found is None:
            return
        found.schedule.spec.interval[0].CopyFrom(
            _interval(self._chance.choice((2_000, 4_000, 9_000)))
        )
        request = UpdateScheduleRequest(
            namespace=NAMESPACE,
            schedule_id=schedule_id,
            schedule=found.schedule,
            conflict_token=found.conflict_token,
            identity=self.name,
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, UpdateScheduleResponse)

    async def _pause(self) -> None:
        is_to_go_on = self._chance.random() < 0.6
        await self._patch(
            SchedulePatch(unpause="go on") if is_to_go_on else SchedulePatch(pause="enough")
        )

    async def _trigger(self) -> None:
        await self._patch(SchedulePatch(trigger_immediately=TriggerImmediatelyRequest()))

    async def _backfill(self) -> None:
        span_back = BackfillRequest(
            start_time=timestamp(after(self._world.now, Duration(-_BACKFILLED))),
            end_time=timestamp(self._world.now),
        )
        await self._patch(SchedulePatch(backfill_request=[span_back]))

    async def _patch(self, patch: SchedulePatch) -> None:
        request = PatchScheduleRequest(
            namespace=NAMESPACE,
            schedule_id=self._chance.choice(_IDS),
            patch=patch,
            identity=self.name,
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, PatchScheduleResponse, attempts=4)

    async def _delete(self) -> None:
        await self._delete_one(self._chance.choice(_IDS))

    async def _delete_one(self, schedule_id: str) -> None:
        request = DeleteScheduleRequest(
            namespace=NAMESPACE, schedule_id=schedule_id, identity=self.name
        )
        await self._calls.ask(request, DeleteScheduleResponse)

    async def _look(self) -> None:
        now = self._world.now
        times = ListScheduleMatchingTimesRequest(
            namespace=NAMESPACE,
            schedule_id=self._chance.choice(_IDS),
            start_time=timestamp(now),
            end_time=timestamp(after(now, Duration(20 * SECOND))),
        )
        looks: tuple[tuple[Message, type[Message]], ...] = (
            (times, ListScheduleMatchingTimesResponse),
            (ListSchedulesRequest(namespace=NAMESPACE), ListSchedulesResponse),
            (CountSchedulesRequest(namespace=NAMESPACE), CountSchedulesResponse),
        )
        request, response_type = self._chance.choice(looks)
        await self._calls.ask(request, response_type)


def _interval(milliseconds: int) -> IntervalSpec:
    return IntervalSpec(interval=span(milliseconds))


def _manner(policy: int) -> str:
    return OVERLAPPING if policy == _ALLOW_ALL else ONE_BY_ONE
