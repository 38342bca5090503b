"""Wake-ups where time may jump: in the order of their times, all of them, and no void one."""

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from indelible.base.ids import NamespaceId, RangeId, RunId, ShardId, WorkflowId, WorkflowKey
from indelible.base.instants import DAY, HOUR, Instant
from indelible.base.limits import Limits
from indelible.base.time_zones import utc_only
from indelible.ports.telemetry import NoTelemetry
from indelible.runtime.skipping_clock import SkippingClocks
from indelible.services.history.shard import Shard, ShardParts
from indelible.services.history.shards import Shards
from indelible.services.history.wakeups import Wakeups
from indelible.services.matching.service import MatchingService
from indelible.services.namespaces import NamespaceRegistry
from indelible.store.memory import MemoryStore
from tests.real_time import START, RealTime, turns
from tests.services.history.fakes import CountingEntropy

NAMESPACE: Final = NamespaceId("namespace")


def run(number: int) -> WorkflowKey:
    return WorkflowKey(NAMESPACE, WorkflowId(f"workflow-{number}"), RunId("run"))


class Scene:
    """The wake-ups of a shard, and who was woken when."""

    def __init__(self) -> None:
        self.real = RealTime()
        self.clocks = SkippingClocks(self.real, is_shared=False, is_locked=False)
        self.clock = self.clocks.clock_of(NAMESPACE)
        self.woken: list[tuple[WorkflowKey, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        store = MemoryStore(cluster_id="test")
        entropy = CountingEntropy()
        parts = ShardParts(
            store=store,
            clocks=self.clocks,
            entropy=entropy,
            telemetry=NoTelemetry(),
            namespaces=NamespaceRegistry(store),
            limits_of=lambda _: Limits(),
            utc_offset=utc_only,
            matching=MatchingService(
                store,
                clocks=self.clocks,
                entropy=entropy,
                telemetry=NoTelemetry(),
                spawn=self._spawn,
            ),
            entries_max=10,
        )
        listener = Shards(parts, shard_count=1, owner="test", spawn=self._spawn)
        shard = Shard(ShardId(0), RangeId(1), parts, listener)
        self.wakeups = Wakeups(shard, self.clocks, self._spawn, self._wake)

    def _spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self, key: WorkflowKey) -> None:
        at = self.clock.now() - START
        await turns()
        assert self.clock.now() - START == at, "time was skipped while a run was being woken"
        self.woken.append((key, at))

    async def skip(self) -> None:
        """Go on for as long as somebody is woken."""
        before = -1
        while before != len(self.woken):
            before = len(self.woken)
            self.real.run()
            while self._tasks:
                await turns()

    def note(self, number: int, span: int, *, is_idle: bool = False) -> None:
        self.wakeups.note(run(number), Instant(START + span), is_idle=is_idle)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400), max_size=60))
async def test_all_are_woken_in_order_however_far_away_they_are(days: list[int]) -> None:
    scene = Scene()
    for number, count in enumerate(days):
        scene.note(number, count * DAY)
    await scene.skip()
    assert [at for _, at in scene.woken] == sorted(count * DAY for count in days)
    assert {key for key, _ in scene.woken} == {run(number) for number in range(len(days))}


@pytest.mark.slow
async def test_thousands_are_woken() -> None:
    scene = Scene()
    for number in range(5_000):
        scene.note(number, (number * 7919 % 5_000 + 1) * HOUR)
    await scene.skip()
    assert [at for _, at in scene.woken] == [(hour + 1) * HOUR for hour in range(5_000)]


async def test_no_time_is_skipped_for_a_wake_up_that_has_become_void() -> None:
    scene = Scene()
    scene.note(1, DAY)
    scene.wakeups.note(run(1), None)
    scene.note(2, DAY)
    scene.note(2, 2 * DAY)
    await scene.skip()
    assert scene.woken == [(run(2), 2 * DAY)]
    scene.note(3, 9 * DAY)
    scene.note(3, 20 * DAY, is_idle=True)
    await scene.skip()
    assert scene.clock.now() == START + 2 * DAY


async def test_a_run_that_is_only_to_be_cleared_up_is_woken_on_the_way() -> None:
    scene = Scene()
    scene.note(1, 3 * DAY, is_idle=True)
    await scene.skip()
    assert scene.woken == []
    scene.note(2, 5 * DAY)
    await scene.skip()
    assert scene.woken == [(run(1), 3 * DAY), (run(2), 5 * DAY)]


async def test_a_clock_without_wake_ups_is_let_go() -> None:
    scene = Scene()
    for number, span in enumerate((2 * DAY, DAY, 3 * DAY)):
        scene.note(number, span)
        scene.note(10 + number, span, is_idle=True)
    for number in (1, 0, 2, 11, 10, 12):
        assert scene.real.arranged_count == 1
        scene.wakeups.note(run(number), None)
    assert scene.real.arranged_count == 0
    clock = weakref.ref(scene.clock)
    scene.clocks.retain(())
    scene.clock = scene.clocks.clock_of(NAMESPACE)
    gc.collect()
    assert clock() is None
