"""Virtual clocks: real while something holds them, and otherwise from call to call, in order."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given, strategies as st

from indelible.base.ids import NamespaceId
from indelible.base.instants import DAY, HOUR, SECOND, Duration, Instant
from indelible.ports.clock import UnbalancedLocksError
from indelible.runtime.skipping_clock import SkippingClocks, VirtualClock
from tests.real_time import START, RealTime, turns


class Scene:
    """A clock, and what it called when."""

    def __init__(self, *, is_locked: bool = False) -> None:
        self.real = RealTime()
        self.clock = VirtualClock(self.real, is_locked=is_locked)
        self.made: list[tuple[str, int]] = []

    def call_in(self, span: int, name: str, *, is_idle: bool = False) -> Callable[[], None]:
        note = partial(self._note, name)
        timer = self.clock.call_at(Instant(self.clock.now() + span), note, is_idle=is_idle)
        return timer.cancel

    def _note(self, name: str) -> None:
        self.made.append((name, self.clock.now() - START))

    def occupy(self, owner: str, count: int) -> None:
        self.clock.occupy(owner, lambda: count)

    def run(self, span: int = 0) -> Sequence[tuple[str, int]]:
        self.real.run(span)
        made, self.made = self.made, []
        return made


def test_it_jumps_from_call_to_call_and_stays_at_the_last() -> None:
    scene = Scene()
    scene.call_in(2 * DAY, "second")
    scene.call_in(DAY, "first")
    assert scene.run() == [("first", DAY), ("second", 2 * DAY)]
    assert scene.run(HOUR) == []
    assert scene.clock.now() == START + 2 * DAY + HOUR


def test_no_jump_is_made_inside_the_call_that_allows_it() -> None:
    scene = Scene()
    scene.call_in(DAY, "later")
    assert scene.made == []
    assert scene.clock.now() == START


def test_a_locked_clock_is_real() -> None:
    scene = Scene(is_locked=True)
    scene.call_in(3 * SECOND, "real")
    assert scene.run(2 * SECOND) == []
    assert scene.run(SECOND) == [("real", 3 * SECOND)]


@pytest.mark.parametrize(
    ("is_locked", "counts", "jumps"),
    [
        (False, {}, True),
        (False, {"run": 1}, False),
        (False, {"run": 2, "other": 0}, False),
        (True, {}, False),
        (True, {"run": 1}, False),
    ],
)
def test_locks_and_work_are_one_count(is_locked: bool, counts: dict[str, int], jumps: bool) -> None:
    scene = Scene(is_locked=is_locked)
    for owner, count in counts.items():
        scene.occupy(owner, count)
    scene.call_in(DAY, "call")
    assert bool(scene.run()) is jumps


def test_time_jumps_when_the_last_work_ends() -> None:
    scene = Scene()
    scene.occupy("run", 2)
    scene.call_in(DAY, "call")
    scene.occupy("run", 1)
    assert scene.run() == []
    scene.occupy("run", 0)
    assert scene.run() == [("call", DAY)]


def test_an_unlock_takes_off_somebody_elses_work() -> None:
    """An activity that unlocks takes off its own attempt, and when it ends, nothing is owed."""
    scene = Scene()
    scene.occupy("activity", 1)
    scene.call_in(DAY, "heartbeat timeout")
    scene.clock.unlock()
    assert scene.run() == [("heartbeat timeout", DAY)]
    scene.clock.lock()
    scene.occupy("activity", 0)
    with pytest.raises(UnbalancedLocksError):
        scene.clock.unlock()


def test_work_that_a_call_sets_off_is_done_before_the_next_jump() -> None:
    scene = Scene()
    scene.clock.call_at(Instant(START + HOUR), lambda: scene.occupy("run", 1))
    scene.call_in(2 * HOUR, "next")
    assert scene.run(SECOND) == []
    assert scene.clock.now() == START + HOUR + SECOND
    scene.occupy("run", 0)
    assert scene.run() == [("next", 2 * HOUR)]


def test_time_does_not_jump_for_idle_calls_but_makes_those_on_its_way() -> None:
    scene = Scene()
    scene.call_in(DAY, "retention", is_idle=True)
    scene.call_in(9 * DAY, "late retention", is_idle=True)
    assert scene.run(HOUR) == []
    scene.call_in(5 * DAY, "timer")
    assert scene.run() == [("retention", DAY), ("timer", 5 * DAY + HOUR)]
    assert scene.run(4 * DAY) == [("late retention", 9 * DAY)]


def test_a_cancelled_call_attracts_nobody() -> None:
    scene = Scene()
    cancel = scene.call_in(DAY, "call")
    cancel()
    cancel()
    assert scene.run(HOUR) == []
    assert scene.clock.now() == START + HOUR


def test_a_call_that_fails_does_not_stop_the_others() -> None:
    scene = Scene()

    def fail() -> None:
        raise LookupError

    scene.clock.call_at(Instant(START + HOUR), fail)
    scene.call_in(DAY, "next")
    with pytest.raises(LookupError):
        scene.run()
    assert scene.run() == [("next", DAY)]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=200))
def test_calls_come_in_the_order_of_their_times(calls: list[tuple[int, bool, bool]]) -> None:
    scene = Scene(is_locked=True)
    kept: list[tuple[int, str]] = []
    for number, (hours, is_idle, is_cancelled) in enumerate(calls):
        cancel = scene.call_in(hours * HOUR, str(number), is_idle=is_idle)
        if is_cancelled:
            cancel()
        else:
            kept.append((hours * HOUR, str(number)))
    scene.call_in(6 * HOUR, "last")
    scene.clock.unlock()
    wanted = [(name, at) for at, name in sorted(kept, key=lambda call: call[0])]
    assert scene.run() == [*wanted, ("last", 6 * HOUR)]


async def test_unlocking_for_a_while_moves_time_by_exactly_that() -> None:
    scene = Scene(is_locked=True)
    scene.call_in(HOUR, "inside")
    scene.call_in(3 * HOUR, "beyond")
    waiting = asyncio.ensure_future(scene.clock.unlock_for(Duration(2 * HOUR)))
    await turns()
    assert scene.run(0) == [("inside", HOUR)]
    await waiting
    assert scene.clock.now() == START + 2 * HOUR
    assert scene.run(SECOND) == []  # It is locked again.


async def test_the_lock_comes_back_if_nobody_waits_for_it() -> None:
    scene = Scene(is_locked=True)
    waiting = asyncio.ensure_future(scene.clock.unlock_for(Duration(HOUR)))
    await turns()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    scene.run()
    scene.call_in(DAY, "call")
    assert scene.run() == []


async def test_sleeping_unlocks_nothing() -> None:
    scene = Scene(is_locked=True)
    waiting = asyncio.ensure_future(scene.clock.sleep(Duration(HOUR)))
    await turns()
    scene.run(HOUR - 1)
    await turns()
    assert not waiting.done()
    scene.run(1)
    await waiting


def test_clocks_of_namespaces_go_their_own_ways() -> None:
    real = RealTime()
    own = SkippingClocks(real, is_shared=False, is_locked=False)
    one, other = (own.clock_of(NamespaceId(name)) for name in ("one", "other"))
    one.call_at(Instant(START + DAY), lambda: None)
    real.run()
    assert one.now() == START + DAY
    assert other.now() == START == own.node.now()
    assert own.clock_of(NamespaceId("one")) is one
    shared = SkippingClocks(real, is_shared=True, is_locked=False)
    assert shared.clock_of(NamespaceId("one")) is shared.clock_of(NamespaceId("other"))


def test_real_time_forgets_a_clock_that_has_nothing_left_to_do() -> None:
    scene = Scene(is_locked=True)
    cancels = [scene.call_in(span, "never", is_idle=True) for span in (2 * DAY, DAY)]
    for cancel, expected in zip(cancels, (1, 0), strict=True):
        cancel()
        assert scene.real.arranged_count == expected
    scene.call_in(DAY, "again")
    assert scene.run(DAY) == [("again", DAY)]


def test_only_the_clocks_of_living_namespaces_are_retained() -> None:
    clocks = SkippingClocks(RealTime(), is_shared=False, is_locked=False)
    kept, gone = (clocks.clock_of(NamespaceId(name)) for name in ("kept", "gone"))
    clocks.retain({"kept", "without a clock"})
    assert clocks.clock_of(NamespaceId("kept")) is kept
    assert clocks.clock_of(NamespaceId("gone")) is not gone


def test_a_clock_of_all_namespaces_stays() -> None:
    clocks = SkippingClocks(RealTime(), is_shared=True, is_locked=False)
    shared = clocks.clock_of(NamespaceId("gone"))
    clocks.retain(())
    assert clocks.clock_of(NamespaceId("other")) is shared
