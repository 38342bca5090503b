"""Histories that our server has written, against later revisions of the code that made them."""

import pytest
from temporalio.client import WorkflowHistory

from indelible.testing.replays import ReplayCheck, Verdict, workflow_type_of, workflows_in
from tests.sdk.python.harness import Harness
from tests.sdk.python.programs import revisions
from tests.sdk.python.programs.revisions import (
    AsRecorded,
    Unrelated,
    WithMistake,
    WithNapFirst,
    WithNapLast,
    WithOtherSecondActivity,
    WithOtherTimeout,
    WithoutSecondActivity,
    charge,
    reserve,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def recorded(harness: Harness) -> WorkflowHistory:
    async with harness.worker(AsRecorded, activities=[reserve, charge]):
        handle = await harness.start(AsRecorded.run)
        await handle.result()
    return await handle.fetch_history()


async def test_where_revisions_part_from_what_was_recorded(harness: Harness) -> None:
    history = await recorded(harness)
    found = {
        revision: await ReplayCheck([revision]).outcome(history)
        for revision in workflows_in(revisions)
    }
    assert {revision: (one.verdict, one.event_id) for revision, one in found.items()} == {
        AsRecorded: (Verdict.REPLAYS, 0),
        WithOtherTimeout: (Verdict.REPLAYS, 0),
        WithNapFirst: (Verdict.BREAKS, 5),
        WithOtherSecondActivity: (Verdict.BREAKS, 10),
        WithoutSecondActivity: (Verdict.BREAKS, 11),
        WithNapLast: (Verdict.BREAKS, 17),
        WithMistake: (Verdict.BREAKS, 10),
        Unrelated: (Verdict.UNKNOWN, 0),
    }
    assert found[WithNapFirst].event_type == "ActivityTaskScheduled"
    assert "Timer machine does not handle" in found[WithNapFirst].reason
    assert found[WithOtherSecondActivity].event_type == "WorkflowTaskCompleted"
    assert found[WithMistake].reason == 'no "reserved"'
    assert found[WithMistake].line.partition("programs/")[2].startswith("revisions.py:")


async def test_a_history_keeps_its_verdict_as_a_file(harness: Harness) -> None:
    history = await recorded(harness)
    again = WorkflowHistory.from_json(history.workflow_id, history.to_json())
    check = ReplayCheck([WithNapLast])
    assert await check.outcome(again) == await check.outcome(history)


async def test_a_history_without_a_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin with a start"):
        await ReplayCheck([AsRecorded]).outcome(WorkflowHistory("id", []))


async def test_a_class_that_is_no_workflow_is_refused() -> None:
    with pytest.raises(TypeError, match="Harness"):
        workflow_type_of(Harness)
