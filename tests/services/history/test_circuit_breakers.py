"""Destinations that are down, calls that wait for them, and time."""

import asyncio
from collections.abc import Coroutine
from typing import Final

import pytest

from indelible.base.ids import (
    Archetype,
    NamespaceId,
    NamespaceName,
    RunId,
    TaskId,
    WorkflowId,
    WorkflowKey,
)
from indelible.base.instants import DAY, MINUTE, SECOND, Instant
from indelible.base.limits import Limits
from indelible.base.time_zones import utc_only
from indelible.engine.activity.tasks import CallActivityCallback
from indelible.engine.namespace.record import Namespace
from indelible.ports.telemetry import NoTelemetry
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.runtime.skipping_clock import SkippingClocks
from indelible.services.history.circuit_breakers import (
    CircuitBreakers,
    CircuitOpenError,
    Destination,
    DestinationKind,
    callback_destination,
)
from indelible.services.history.shard import Shard, ShardParts
from indelible.services.history.shards import Shards
from indelible.services.matching.service import MatchingService
from indelible.services.namespaces import NamespaceRegistry
from indelible.store.memory import MemoryStore
from tests.real_time import START, RealTime, turns
from tests.services.history.fakes import CountingEntropy, HandClock

NAMESPACE: Final = Namespace(id=NamespaceId("id"), name=NamespaceName("name"), retention=DAY)
OTHER: Final = Namespace(id=NamespaceId("other"), name=NamespaceName("other"), retention=DAY)
DOOR: Final = Destination(NAMESPACE, DestinationKind.CALLBACK, "https://door")
ELSEWHERE: Final = (
    Destination(NAMESPACE, DestinationKind.CALLBACK, "https://window"),
    Destination(NAMESPACE, DestinationKind.ENDPOINT, "https://door"),
    Destination(OTHER, DestinationKind.CALLBACK, "https://door"),
)


def breakers(clock: HandClock, *, waiting_max: int = 10) -> CircuitBreakers:
    return CircuitBreakers(clock, lambda _: Limits(), NoTelemetry(), waiting_max=waiting_max)


async def ring(known: CircuitBreakers, answer: str, door: Destination = DOOR) -> str:
    """Call somebody who gives an answer; `busy` is the answer of one who is down."""

    async def answered() -> str:
        return answer

    return await known.call(
        door, answered, is_down=lambda heard: heard == "busy", otherwise="no room"
    )


async def close_door(known: CircuitBreakers) -> None:
    for _ in range(6):
        assert await ring(known, "busy") == "busy"


async def test_one_who_is_down_is_not_called_and_others_are() -> None:
    known = breakers(HandClock())
    await close_door(known)
    assert known.is_blocked(DOOR)
    with pytest.raises(CircuitOpenError):
        await ring(known, "yes")
    assert [await ring(known, "yes", other) for other in ELSEWHERE] == ["yes"] * 3
    assert [known.is_blocked(other) for other in ELSEWHERE] == [False] * 3


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://host/a/b?c=d#e", "https://host"),
        ("HTTP://host:80/", "http://host:80"),
        ("http://me:secret@host:80/x", "http://host:80"),
        ("http://[::1]:80/x", "http://[::1]:80"),
    ],
)
def test_callbacks_share_the_breaker_of_their_host(url: str, place: str) -> None:
    assert callback_destination(NAMESPACE, url).place == place


async def test_one_call_on_trial_decides() -> None:
    clock = HandClock()
    known = breakers(clock)
    await close_door(known)
    clock.time = Instant(clock.time + MINUTE)
    assert known.is_blocked(DOOR)
    assert await ring(known, "busy") == "busy"
    with pytest.raises(CircuitOpenError):
        await ring(known, "yes")
    clock.time = Instant(clock.time + MINUTE)
    assert await ring(known, "yes") == "yes"
    assert not known.is_blocked(DOOR)


async def test_a_call_that_breaks_off_is_no_failure_and_lets_others_try() -> None:
    clock = HandClock()
    known = breakers(clock)
    await close_door(known)
    clock.time = Instant(clock.time + MINUTE)

    async def broken() -> str:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await known.call(DOOR, broken, is_down=bool, otherwise="no room")
    assert await ring(known, "yes") == "yes"


async def test_there_is_room_for_so_many_to_wait() -> None:
    known = breakers(HandClock(), waiting_max=2)
    await close_door(known)
    refusals: list[CircuitOpenError] = []
    for _ in range(2):
        with pytest.raises(CircuitOpenError) as refusal:
            await ring(known, "yes")
        refusals.append(refusal.value)
    assert await ring(known, "yes") == "no room"
    await refusals[0].is_over()
    with pytest.raises(CircuitOpenError):
        await ring(known, "yes")


class Scene:
    """Calls of a shard to somebody who is down until a time, where time is skipped."""

    def __init__(self, *, up_at: int) -> None:
        self._up_at = up_at
        self._real = RealTime()
        self.clocks = SkippingClocks(self._real, is_shared=True, is_locked=False)
        self.clock = self.clocks.clock_of(NAMESPACE.id)
        self.asked: list[tuple[int, int]] = []
        """(second, number of the task) of each call that was made."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._breakers = CircuitBreakers(self.clocks, lambda _: Limits(), NoTelemetry())
        self._store = MemoryStore(cluster_id="test", shard_count=1)
        entropy = CountingEntropy()
        parts = ShardParts(
            store=self._store,
            clocks=self.clocks,
            entropy=entropy,
            telemetry=NoTelemetry(),
            namespaces=NamespaceRegistry(self._store),
            limits_of=lambda _: Limits(),
            utc_offset=utc_only,
            matching=MatchingService(
                self._store,
                clocks=self.clocks,
                entropy=entropy,
                telemetry=NoTelemetry(),
                spawn=self._spawn,
            ),
            entries_max=10,
        )
        self.shards = Shards(parts, shard_count=1, owner="test", spawn=self._spawn)

    def _spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self, shard: Shard, key: WorkflowKey) -> None:
        raise AssertionError("nobody sleeps here")

    async def _execute(self, shard: Shard, key: WorkflowKey, task: AnyTransfer) -> None:
        second = (self.clock.now() - START) // SECOND

        async def answered() -> str:
            self.asked.append((second, task.task_id))
            return "busy" if second < self._up_at else "yes"

        await self._breakers.call(
            DOOR, answered, is_down=lambda heard: heard == "busy", otherwise="no room"
        )

    async def begin(self, count: int) -> None:
        await self.shards.start(wake=self._wake, execute=self._execute)
        tasks = [
            CallActivityCallback(task_id=TaskId(number), number=0, attempt=1)
            for number in range(1, count + 1)
        ]
        self.shards.owed(self.shard, KEY, tasks)
        await turns()

    @property
    def shard(self) -> Shard:
        (only,) = self.shards.all()
        return only

    async def finish(self) -> None:
        while self._tasks:
            self._real.run()
            await turns()


KEY: Final = WorkflowKey(NAMESPACE.id, WorkflowId("a"), RunId("r"), Archetype.ACTIVITY)


async def test_calls_wait_while_one_is_down_and_all_are_made_when_it_is_up() -> None:
    scene = Scene(up_at=100)
    await scene.begin(9)
    assert scene.asked == [(0, number) for number in range(1, 7)]
    assert not scene.shards.is_owing(scene.shard, KEY)
    await scene.finish()
    assert scene.asked[6:8] == [(60, 7), (120, 8)]
    assert sorted(number for _, number in scene.asked) == list(range(1, 10))
    assert not scene.shards.is_owing(scene.shard, KEY)
