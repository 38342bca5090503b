"""Background tasks: how they end, and what a crash does."""

import asyncio

import pytest
from structlog.testing import capture_logs

from indelible.runtime.supervisor import Supervisor


async def test_leaving_cancels_what_still_runs() -> None:
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with Supervisor() as supervisor:
        supervisor.start("a", forever("a"))
        supervisor.start("b", forever("b"))
        await _next_turn()
    assert sorted(ended) == ["a", "b"]


async def test_a_crash_is_logged_told_and_leaves_the_others_alone() -> None:
    async def crash() -> None:
        raise ZeroDivisionError("no")

    survivor = asyncio.Event()

    async def go_on() -> None:
        await survivor.wait()

    with capture_logs() as logs:
        async with Supervisor() as supervisor:
            supervisor.start("other", go_on())
            supervisor.start("flush", crash())
            error = await supervisor.crashed()
            survivor.set()
    assert str(error) == "background task 'flush' died: no"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert [line["task"] for line in logs] == ["flush"]


async def test_only_the_first_crash_is_told() -> None:
    async def crash(number: int) -> None:
        raise ValueError(number)

    with capture_logs() as logs:
        async with Supervisor() as supervisor:
            supervisor.start("first", crash(1))
            supervisor.start("second", crash(2))
            error = await supervisor.crashed()
    assert "first" in str(error)
    assert len(logs) == 2


async def test_an_error_of_the_body_comes_out_as_it_is() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        async with Supervisor() as supervisor:
            supervisor.start("a", forever())
            raise KeyError

    with pytest.raises(KeyError):
        await fail()


async def test_a_task_that_ends_is_forgotten() -> None:
    done = asyncio.Event()

    async def short() -> None:
        done.set()

    async with Supervisor() as supervisor:
        supervisor.start("short", short())
        await done.wait()
        await _next_turn()
        assert not supervisor._tasks


async def _next_turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned
