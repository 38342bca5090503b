"""The machine's clock goes where it likes; ours goes forward."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from indelible.base.instants import HOUR, MILLISECOND, SECOND, Instant
from indelible.runtime.system_clock import SystemClock


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.wall = 1_000 * HOUR
        self.monotonic = 5

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.monotonic)

    def run(self, nanoseconds: int) -> None:
        self.wall += nanoseconds
        self.monotonic += nanoseconds


def test_it_tells_the_time_of_the_machine() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(3 * SECOND)
    assert clock.now() == machine.wall


def test_it_follows_a_clock_that_is_set_forward() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += HOUR
    assert clock.now() == machine.wall


def test_a_clock_set_back_slows_it_down_until_they_agree() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall -= 8 * SECOND
    assert clock.now() == before
    machine.run(8 * SECOND)
    assert clock.now() == before + 7 * SECOND
    machine.run(56 * SECOND)
    assert clock.now() == machine.wall == before + 56 * SECOND


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(-HOUR, HOUR)), max_size=30))
def test_it_never_goes_back(changes: list[tuple[int, int]]) -> None:
    machine = Machine()
    clock = machine.clock()
    last = clock.now()
    for passed, step in changes:
        machine.run(passed)
        machine.wall += step
        now = clock.now()
        assert now >= last
        last = now


async def test_a_timer_never_comes_early() -> None:
    clock = SystemClock()
    at = Instant(clock.now() + 20 * MILLISECOND)
    called = asyncio.get_running_loop().create_future()
    clock.call_at(at, lambda: called.set_result(clock.now()))
    assert await called >= at


async def test_a_timer_waits_when_the_clock_is_behind_the_loop() -> None:
    loop = asyncio.get_running_loop()
    slow = SystemClock(*(lambda: round(loop.time() * SECOND) // 4,) * 2)
    at = Instant(slow.now() + 5 * MILLISECOND)
    called = asyncio.get_running_loop().create_future()
    slow.call_at(at, lambda: called.set_result(slow.now()))
    assert await called >= at


async def test_a_cancelled_timer_is_never_called() -> None:
    clock = SystemClock()
    calls: list[str] = []
    later = asyncio.get_running_loop().create_future()
    cancelled = clock.call_at(clock.now(), lambda: calls.append("cancelled"))
    clock.call_at(Instant(clock.now() + MILLISECOND), lambda: later.set_result(None))
    cancelled.cancel()
    await later
    assert calls == []


async def test_sleep_ends_after_its_span_and_can_be_cancelled() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(MILLISECOND)
    assert clock.now() >= before + MILLISECOND
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await clock.sleep(HOUR)
