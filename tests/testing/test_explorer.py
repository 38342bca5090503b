"""The explorer finds what is planted, and says how to see it again."""

import asyncio
from datetime import timedelta

import pytest

from indelible.testing.environment import IndelibleTest
from indelible.testing.explorer import Body, Explorer, PlanFoundError, plan_of
from indelible.testing.faults import Fault, FaultKind
from tests.testing.endpoints import endpoint
from tests.testing.fragile_programs import (
    RATES,
    Account,
    Bank,
    BoxOffice,
    Invoice,
    Order,
    Picking,
    Race,
    Runner,
    Visit,
    Warehouse,
    book,
    fetch_rate,
)
from tests.testing.sturdy_programs import SturdyAccount, SturdyBank, SturdyBoxOffice

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

_SECONDS_MAX = 30.0
_SEED_COUNT = 15
_RESULT_LATE = {FaultKind.LOSE_COMPLETION, FaultKind.DELAY_COMPLETION}
_KILLED = {FaultKind.KILL_WORKER, FaultKind.KILL_WORKER_AFTER}
_DONE_TWICE = {*_RESULT_LATE, FaultKind.FAIL_COMPLETION}
_REPLAYED = {FaultKind.REPLAY_EVERY_STEP, *_KILLED}
_DONE_TWICE_LOCALLY = {
    *_KILLED,
    FaultKind.FAIL_LOCAL_COMPLETION,
    FaultKind.LOSE_LOCAL_COMPLETION,
}


async def deposit(indelible: IndelibleTest, account: type[Account | SturdyAccount]) -> None:
    async with indelible.worker(workflows=[account], activities=[book]):
        handle = await indelible.client.start_workflow(
            "Account", args=[0, 2], id="account", task_queue=indelible.task_queue
        )
        for _ in range(2):
            await handle.signal("deposit", 10)
            await indelible.skip(hours=30)
        assert await handle.result() == 20


async def refund(indelible: IndelibleTest, bank: Bank) -> None:
    async with indelible.worker(
        workflows=[Order], activities=[bank.charge, bank.ship, bank.refund]
    ):
        result = await indelible.client.execute_workflow(
            Order.run, id="order", task_queue=indelible.task_queue
        )
    assert result == "paid back"
    assert bank.refund_count == 1


async def deposits(indelible: IndelibleTest) -> None:
    await deposit(indelible, Account)


async def refunds(indelible: IndelibleTest) -> None:
    await refund(indelible, Bank())


async def picking(indelible: IndelibleTest) -> None:
    warehouse = Warehouse()
    async with indelible.worker(workflows=[Picking], activities=[warehouse.take]):
        await indelible.client.execute_workflow(
            Picking.run, id="picking", task_queue=indelible.task_queue
        )
    assert warehouse.stock == 9


async def visit(indelible: IndelibleTest, office: BoxOffice) -> None:
    async with (
        endpoint(indelible) as name,
        indelible.worker(workflows=[Visit], nexus_service_handlers=[office]),
    ):
        await indelible.client.execute_workflow(
            Visit.run, name, id="visit", task_queue=indelible.task_queue
        )
    assert len(set(office.sold)) == 1


async def visits(indelible: IndelibleTest) -> None:
    await visit(indelible, BoxOffice())


async def sturdy_visits(indelible: IndelibleTest) -> None:
    await visit(indelible, SturdyBoxOffice())


async def races(indelible: IndelibleTest) -> None:
    indelible.faults.signal_patience = timedelta(seconds=8)
    async with indelible.worker(workflows=[Race, Runner], activities=[book]):
        winner = await indelible.client.execute_workflow(
            Race.run, id="race", task_queue=indelible.task_queue
        )
    assert winner == 0


async def sturdy_deposits(indelible: IndelibleTest) -> None:
    await deposit(indelible, SturdyAccount)


async def sturdy_refunds(indelible: IndelibleTest) -> None:
    await refund(indelible, SturdyBank())


async def invoices(indelible: IndelibleTest) -> None:
    RATES.clear()
    async with indelible.worker(workflows=[Invoice], activities=[fetch_rate]):
        result = await indelible.client.execute_workflow(
            Invoice.run, "EUR", id="invoice", task_queue=indelible.task_queue
        )
    assert result == 300


@pytest.mark.parametrize(
    ("body", "guilty"),
    [
        pytest.param(deposits, _RESULT_LATE, id="signal lost at continue-as-new"),
        pytest.param(refunds, _DONE_TWICE, id="compensation not idempotent"),
        pytest.param(invoices, _REPLAYED, id="branch not deterministic"),
        pytest.param(picking, _DONE_TWICE_LOCALLY, id="local activity not idempotent"),
        pytest.param(visits, {FaultKind.LOSE_NEXUS_ANSWER}, id="operation not idempotent"),
    ],
)
def test_a_planted_bug_is_found(
    indelible_explore: Explorer, body: Body, guilty: set[FaultKind]
) -> None:
    with pytest.raises(PlanFoundError) as found:
        indelible_explore(body, seeds=200, seconds=_SECONDS_MAX)
    (fault,) = found.value.plan
    assert fault.kind in guilty
    assert fault.code in str(found.value)
    assert "WorkflowExecutionStarted" in str(found.value)
    with pytest.raises(PlanFoundError) as again:
        indelible_explore(body, seeds=[found.value.seed])
    assert again.value.plan == found.value.plan


def test_signals_between_workflows_are_explored(indelible: IndelibleTest) -> None:
    asyncio.run(races(indelible))
    plans = [plan_of(seed, indelible.faults.counts) for seed in range(100)]
    swap = Fault(kind=FaultKind.SWAP_SIGNALS, subject=("finished",), at=1)
    assert any(swap in plan for plan in plans)


def test_a_signal_between_workflows_is_overtaken(indelible: IndelibleTest) -> None:
    indelible.faults.swap_signals("finished")
    with pytest.raises(AssertionError):
        asyncio.run(races(indelible))


@pytest.mark.parametrize("body", [sturdy_deposits, sturdy_refunds, sturdy_visits])
def test_what_is_sturdy_survives(indelible_explore: Explorer, body: Body) -> None:
    assert indelible_explore(body, seeds=_SEED_COUNT, seconds=100) == _SEED_COUNT


def test_what_fails_without_faults_fails_as_it_is(indelible_explore: Explorer) -> None:
    async def body(_: IndelibleTest) -> None:
        raise LookupError("always")

    with pytest.raises(LookupError, match="always"):
        indelible_explore(body)


def test_a_broken_run_is_noticed_although_nobody_waits_for_it(
    indelible_explore: Explorer,
) -> None:
    async def body(indelible: IndelibleTest) -> None:
        RATES.clear()
        async with indelible.worker(workflows=[Invoice], activities=[fetch_rate]):
            await indelible.client.start_workflow(
                Invoice.run, "EUR", id="invoice", task_queue=indelible.task_queue
            )
            await indelible.skip(days=30)

    with pytest.raises(PlanFoundError, match="workflow Invoice is not deterministic"):
        indelible_explore(body, seconds=_SECONDS_MAX)


def test_what_survives_is_tried_under_all_seeds(indelible_explore: Explorer) -> None:
    async def body(_: IndelibleTest) -> None:
        pass

    assert indelible_explore(body, seeds=3) == 3
    assert indelible_explore(body, seeds=3, seconds=0) == 1


def test_failing_as_pytest_has_it_is_failing(indelible_explore: Explorer) -> None:
    async def body(indelible: IndelibleTest) -> None:
        if indelible.faults.planned:
            pytest.fail("enough")

    with pytest.raises(PlanFoundError, match="enough"):
        indelible_explore(body)
