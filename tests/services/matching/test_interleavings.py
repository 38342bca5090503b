"""Whatever happens in whatever order: every wanted task reaches exactly one worker.

A scenario is a list of steps: tasks come, polls come and go, history refuses, fails and hesitates,
the store reads slowly or not at all, offers are lost, time passes. In the end everything is let go,
and the books must balance.
"""

import asyncio
from collections import Counter

from hypothesis import given, settings, strategies as st
from temporalio.api.workflowservice.v1 import ShutdownWorkerRequest

from indelible.engine.matching.priority import BEFORE_ALL
from indelible.ports.clients import QueuedTask
from tests.services.matching.world import (
    ACTIVITIES,
    NAMESPACE,
    PollTask,
    World,
    running_world,
    settle,
    task_id,
)

Step = tuple[str, int]

STEPS = st.one_of(
    st.tuples(st.sampled_from(["add", "add", "commit"]), st.integers(1, 5)),
    st.tuples(st.sampled_from(["poll", "poll", "poll", "cancel", "turn"]), st.integers(0, 3)),
    st.tuples(
        st.sampled_from(["offer_late", "lose_offers", "refuse", "shut_down", "offer_twice"]),
        st.integers(0, 9),
    ),
    st.tuples(st.sampled_from(["fail_before", "fail_after", "fail_read"]), st.just(1)),
    st.tuples(st.sampled_from(["close_gate", "open_gate", "pass_gate"]), st.integers(0, 3)),
    st.tuples(st.just("advance"), st.sampled_from([0, 1, 70, 400])),
)


class Scenario:
    """Carries out steps and keeps the books."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.polls: list[PollTask] = []
        self.unoffered: list[QueuedTask] = []
        self.committed: list[QueuedTask] = []

    async def run(self, step: str, value: int) -> None:
        steps = {
            "add": self.add,
            "commit": self.commit,
            "poll": self.poll,
            "cancel": self.cancel,
            "turn": settle,
            "offer_late": self.offer_late,
            "offer_twice": self.offer_twice,
            "lose_offers": self.lose_offers,
            "refuse": self.refuse,
            "shut_down": self.shut_down,
            "advance": self.world.clock.advance,
        }
        if step in steps:
            await steps[step](value)
        elif step == "fail_read":
            self.world.reads.failures += 1
        elif step == "fail_before":
            self.world.history.failures_before += 1
        elif step == "fail_after":
            self.world.history.failures_after += 1
        else:
            self.turn_gate(step, value)

    async def add(self, priority: int) -> None:
        await self.commit(priority)
        await self.offer_late(-1)

    async def commit(self, priority: int) -> None:
        queued = await self.world.commit(ACTIVITIES, priority=priority)
        self.committed.append(queued)
        self.unoffered.append(queued)

    async def poll(self, worker: int) -> None:
        self.polls.append(self.world.poll(ACTIVITIES, instance=f"worker-{worker}"))

    async def cancel(self, pick: int) -> None:
        open_polls = [poll for poll in self.polls if not poll.done()]
        if open_polls:
            open_polls[pick % len(open_polls)].cancel()

    async def offer_late(self, pick: int) -> None:
        if self.unoffered:
            self.world.client.offer(self.unoffered.pop(pick % len(self.unoffered)))

    async def offer_twice(self, pick: int) -> None:
        if self.committed:
            self.world.client.offer(self.committed[pick % len(self.committed)])

    async def lose_offers(self, _: int) -> None:
        self.unoffered.clear()
        self.world.client.recheck(ACTIVITIES)

    async def refuse(self, pick: int) -> None:
        history = self.world.history
        unknown = [t.task.task_id for t in self.committed if t.task.task_id not in history.started]
        if unknown:
            history.refused.add(unknown[pick % len(unknown)])

    async def shut_down(self, worker: int) -> None:
        self.world.service.shutdown_worker(
            NAMESPACE,
            ShutdownWorkerRequest(
                worker_instance_key=f"worker-{worker}", task_queue=ACTIVITIES.name
            ),
        )

    def turn_gate(self, step: str, value: int) -> None:
        world = self.world
        gates = (
            world.reads.before,
            world.reads.behind,
            world.history.before,
            world.history.behind,
        )
        if step == "close_gate":
            gates[value].is_closed = True
        elif step == "pass_gate":
            gates[value].open_one()
        else:
            gates[value].open()

    async def settle_accounts(self) -> None:
        """Let everything go, drain the queue, and compare."""
        for gate in range(4):
            self.turn_gate("open_gate", gate)
        world = self.world
        world.history.failures_before = world.history.failures_after = world.reads.failures = 0
        await self.lose_offers(0)
        await world.clock.advance(120)
        delivered = [task_id(poll) for poll in self.polls if not poll.cancelled()]
        delivered += await world.drained(ACTIVITIES)
        counted = Counter(number for number in delivered if number)
        wanted = {t.task.task_id for t in self.committed} - world.history.refused
        expected = Counter[int](wanted)
        lost = (expected - counted) + (counted - expected)
        if ("loaded_task_queue_count", 0) in world.telemetry.gauges_seen:
            # After five minutes without a poll even starts in doubt are left to their timeouts.
            lost -= Counter(world.history.unheard)
        assert not lost, "a task was lost, or came twice"
        assert not await world.reads.dispatch_backlogs(ACTIVITIES, after=BEFORE_ALL)
        queue = world.service._queues.use(ACTIVITIES)
        assert queue.matcher.backlog.in_flight_count == 0
        assert queue.open_poll_count == 0
        assert not world.service._polls_by_worker


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=60))
def test_every_wanted_task_reaches_exactly_one_worker(steps: list[Step]) -> None:
    async def play() -> None:
        async with running_world(rows_max=4) as world:
            scenario = Scenario(world)
            for step, value in steps:
                await scenario.run(step, value)
            await scenario.settle_accounts()

    asyncio.run(play())


@settings(max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=100), st.integers(1, 8))
def test_any_backlog_is_served_in_order(priorities: list[int], rows_max: int) -> None:
    async def play() -> None:
        async with running_world(rows_max=rows_max) as world:
            half = len(priorities) // 2
            added = [(p, await world.add(ACTIVITIES, priority=p)) for p in priorities[:half]]
            first = world.poll(ACTIVITIES)
            await world.clock.advance(60)
            assert task_id(first) == (min(added)[1] if added else 0)
            left = sorted(added)[1:]
            left += [(p, await world.add(ACTIVITIES, priority=p)) for p in priorities[half:]]
            assert await world.drained(ACTIVITIES) == [number for _, number in sorted(left)]

    asyncio.run(play())


async def test_rows_of_unsaved_starts_are_offered_to_history_again_and_refused() -> None:
    async with running_world() as world:
        world.history.is_volatile = True
        added = [await world.add() for _ in range(3)]
        assert await world.drained() == added
        world.client.recheck(added_queue := world.queue_of[added[0]])
        assert await world.drained(added_queue) == []
        assert not await world.reads.dispatch_backlogs(added_queue, after=BEFORE_ALL)
