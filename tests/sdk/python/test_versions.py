"""Patches, deterministic chance, memo and search attributes changed by the workflow."""

import pytest
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from tests.sdk.python.harness import Harness, events_named
from tests.sdk.python.programs.versions import (
    KEYWORD,
    NUMBER,
    Chance,
    Labelled,
    NewVersion,
    OldVersion,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def test_old_run_stays_on_the_old_path(harness: Harness) -> None:
    async with harness.worker(OldVersion):
        old = await harness.start(OldVersion.run)
        await old.query("__stack_trace")
    async with harness.worker(NewVersion):
        new = await harness.start(NewVersion.run)
        for handle in (old, new):
            await handle.signal(NewVersion.proceed)
        assert await old.result() == "old path"
        assert await new.result() == "new path"
    events = await harness.events(new)
    assert len(events_named(events, "MARKER_RECORDED")) == 1
    upserted = events_named(events, "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")[0]
    attributes = upserted.upsert_workflow_search_attributes_event_attributes.search_attributes
    assert b"new-path" in attributes.indexed_fields["TemporalChangeVersion"].data
    assert not events_named(await harness.events(old), "MARKER_RECORDED")
    described = (await new.describe()).raw_description.workflow_execution_info.search_attributes
    assert b"new-path" in described.indexed_fields["TemporalChangeVersion"].data


async def test_chance_is_the_same_on_replay(harness: Harness) -> None:
    async with harness.worker(Chance, max_cached_workflows=0):
        handles = [await harness.start(Chance.run) for _ in range(2)]
        outcomes = [await handle.result() for handle in handles]
    assert outcomes[0]["unique"] != outcomes[1]["unique"]
    for handle in handles:
        await harness.events(handle)


async def test_workflow_changes_its_own_labels(harness: Harness) -> None:
    async with harness.worker(Labelled):
        handle = await harness.start(
            Labelled.run,
            memo={"kept": "as it was", "replaced": "old", "removed": 1},
            search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "initial")]),
        )
        expected = {"kept": "as it was", "replaced": "new", "added": [1, 2]}
        assert await handle.query(Labelled.memo) == expected
        description = await handle.describe()
        assert await description.memo() == expected
        assert description.typed_search_attributes.get(KEYWORD) == "changed"
        assert description.typed_search_attributes.get(NUMBER) == 7
        await handle.signal(Labelled.finish)
        assert await handle.result() == {"keyword": "changed", "number": 7, "memo": expected}
    names = await harness.event_names(handle)
    assert names.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 1
    assert names.count("WORKFLOW_PROPERTIES_MODIFIED") == 1
