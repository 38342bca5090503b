"""The same trial with Indelible's pytest plugin: no server to start, and faults on demand."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from trial import Customer, TrialWorkflow, charge, remind

if TYPE_CHECKING:
    from indelible.testing.environment import IndelibleTest

pytest.importorskip("indelible", reason="the fixture `indelible` comes with the package")


async def test_three_days_later_there_is_a_receipt(indelible: "IndelibleTest") -> None:
    async with (
        indelible.worker(workflows=[TrialWorkflow], activities=[remind, charge]),
        indelible.takes(days=3),
    ):
        receipt = await indelible.client.execute_workflow(
            TrialWorkflow.run, Customer("ada"), id="trial", task_queue=indelible.task_queue
        )
    assert receipt == "ada-990-1"


async def test_a_receipt_that_gets_lost_is_written_again(indelible: "IndelibleTest") -> None:
    indelible.faults.lose_completion("charge", at=1)
    async with (
        indelible.worker(workflows=[TrialWorkflow], activities=[remind, charge]),
        indelible.takes(timedelta(days=3, seconds=10)),  # The attempt's timeout.
    ):
        receipt = await indelible.client.execute_workflow(
            TrialWorkflow.run, Customer("ada"), id="trial", task_queue=indelible.task_queue
        )
    assert receipt == "ada-990-2"
