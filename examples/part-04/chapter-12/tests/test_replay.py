"""Recorded histories against the code of today, and against code that would break them."""

from pathlib import Path

import pytest
from running import span
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from trial import Customer, TrialWorkflow, charge, remind

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


@workflow.defn(name="TrialWorkflow")
class HastyTrialWorkflow:
    """Charges first and reminds later: no run that is under way can follow."""

    @workflow.run
    async def run(self, customer: Customer) -> str:
        receipt = await workflow.execute_activity(
            charge, args=[customer.name, customer.cents], start_to_close_timeout=span(10)
        )
        await workflow.execute_activity(remind, customer.name, start_to_close_timeout=span(10))
        return receipt


def recorded(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


def test_there_is_something_to_replay() -> None:
    assert len(HISTORIES) == 3


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_the_code_of_today_follows(path: Path) -> None:
    await Replayer(workflows=[TrialWorkflow]).replay_workflow(recorded(path))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_breaking_change_is_seen(path: Path) -> None:
    with pytest.raises(workflow.NondeterminismError, match="TMPRL1100"):
        await Replayer(workflows=[HastyTrialWorkflow]).replay_workflow(recorded(path))
