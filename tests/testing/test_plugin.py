"""The pytest plugin as its users meet it: in pytest runs of their own."""

from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PROGRAMS = Path(__file__).with_name("programs.py")
PASSING = """
import asyncio

import pytest
from temporalio import workflow
from temporalio.service import RPCError

from programs import Patient, Reminding, ship


@workflow.defn
class Sandboxed:
    @workflow.run
    async def run(self) -> list[int]:
        return [id(pytest), id(Patient)]


def test_the_sandbox_does_not_import_pytest_anew(indelible):
    async def body():
        async with indelible.worker(workflows=[Sandboxed]):
            ids = await indelible.client.execute_workflow(
                Sandboxed.run, id="sandboxed", task_queue=indelible.task_queue
            )
        assert ids[0] == id(pytest)
        assert ids[1] != id(Patient)

    asyncio.run(body())


@pytest.mark.parametrize("number", range(3))
def test_a_month(indelible, number):
    async def body():
        async with indelible.worker(workflows=[Patient], activities=[ship]):
            async with indelible.takes(days=30):
                result = await indelible.client.execute_workflow(
                    Patient.run, id="same id in each", task_queue=indelible.task_queue
                )
        assert result == "shipped"

    asyncio.run(body())


def test_time_is_real_while_the_test_acts(indelible):
    async def body():
        async with indelible.worker(workflows=[Reminding]):
            handle = await indelible.client.start_workflow(
                Reminding.run, id="reminding", task_queue=indelible.task_queue
            )
            await indelible.skip(days=2, hours=12)
            assert await handle.query(Reminding.reminders) == 2
            await handle.signal(Reminding.done)
            async with indelible.takes(seconds=0):
                assert await handle.result() == 2

    asyncio.run(body())


def test_an_assertion_about_time_can_fail(indelible):
    async def body():
        async with indelible.worker(workflows=[Patient], activities=[ship]):
            with pytest.raises(AssertionError, match="expected 29 days"):
                async with indelible.takes(days=29):
                    await indelible.client.execute_workflow(
                        Patient.run, id="patient", task_queue=indelible.task_queue
                    )

    asyncio.run(body())


def test_nobody_else_is_here(indelible):
    async def body():
        assert [one async for one in indelible.client.list_workflows()] == []
        with pytest.raises(RPCError):
            await indelible.client.get_workflow_handle("patient").describe()
        moment = await indelible.now()
        await indelible.skip_until(moment)
        async with indelible.takes(days=365):
            await indelible.skip(days=365)

    asyncio.run(body())
"""
FAILING = """
import asyncio

from programs import Charging, charge


def test_retries(indelible):
    async def body():
        async with indelible.worker(workflows=[Charging], activities=[charge]):
            handle = await indelible.client.start_workflow(
                Charging.run, id="order-1", task_queue=indelible.task_queue
            )
            await indelible.skip(minutes=10)
            assert (await handle.describe()).status.name == "COMPLETED"

    asyncio.run(body())


def test_no_worker(indelible):
    async def body():
        await indelible.client.start_workflow(Charging.run, id="order-2", task_queue="nobody")

    asyncio.run(body())
    assert False
"""
UNINTERESTED = """
import sys


def test_nothing_is_imported():
    names = {"temporalio", "indelible.server", "indelible.engine", "structlog"}
    assert not names & set(sys.modules)
"""


def write(pytester: pytest.Pytester, text: str) -> None:
    pytester.makepyfile(programs=PROGRAMS.read_text(encoding="utf-8"))
    pytester.makepyfile(text)


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "two"])
def test_tests_have_their_own_time(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    write(pytester, PASSING)
    pytester.runpytest_subprocess("-q", *arguments).assert_outcomes(passed=7)


def test_a_failed_test_shows_its_workflows(pytester: pytest.Pytester) -> None:
    write(pytester, FAILING)
    result = pytester.runpytest_subprocess("-q", "-p", "no:randomly")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "*Indelible: workflow order-1 (Charging), running*",
        "*1*+0s*WorkflowExecutionStarted*Charging ()*",
        "*5*ActivityTaskScheduled*charge ()*",
        "It does not go on: activity charge (1) begins attempt *; *failed: ValueError: card*.",
        "*Indelible: workflow order-2 (Charging), running*",
        'It does not go on: a workflow task waits, and no worker polls the task queue "nobody".',
    ])  # fmt: skip


def test_tests_without_workflows_do_not_pay(pytester: pytest.Pytester) -> None:
    write(pytester, UNINTERESTED)
    pytester.runpytest_subprocess("-q", "-p", "no:hypothesispytest").assert_outcomes(passed=1)
