"""Acts on the list of workflows: filters, views, batch operations.

Owns the way from the list to what is done with many runs at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from scripts.ui_check.acts import Act, Doing
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME
from scripts.ui_check.seeding import Seeds, greeted, waiting

_LIST: Final = f"{HOME}/workflows"
_BATCH_SIZE: Final = 3


async def _views(hand: Hand, _: Seeds) -> None:
    await hand.open(_LIST)
    for view in ("running", "child-workflows", "last-hour", "today", "all"):
        await hand.press(f"[data-testid={view}]")
        await hand.settle()
    await hand.sees("ui-completed")


async def _filter(hand: Hand, _: Seeds) -> None:
    await hand.open(_LIST)
    await _filter_by(hand, "UiKeyword", "red", 0)
    await hand.misses("ui-failed")
    await hand.press("[data-testid=create-view-button]")
    await hand.write("[data-testid=workflow-save-view-modal-input]", "Red ones")
    await hand.confirm()
    await hand.sees("Red ones")
    await hand.open(_LIST)
    await hand.sees("ui-failed")
    await hand.click("Red ones")
    await hand.misses("ui-failed")
    await _filter_by(hand, "WorkflowId", "ui-running", 1)
    await hand.misses("ui-completed")


async def _filter_by(hand: Hand, attribute: str, value: str, place: int) -> None:
    await hand.press("#workflow-search-attribute-filter-button")
    await hand.write("#workflow-filter-search", attribute)
    await hand.click(attribute, "[role=menuitem]")
    await hand.write(f"[data-testid=dropdown-filter-chip-{attribute}-{place}-text]", value)
    await hand.press("[data-testid=apply-filter-button]")


async def _search(hand: Hand, _: Seeds) -> None:
    await hand.open(_LIST)
    await hand.press("#workflow-search-attribute-filter-button")
    await hand.press("[data-testid=toggle-manual-query]")
    query = "WorkflowType IN ('Failing') OR UiKeyword STARTS_WITH 'blu'"
    await hand.write("[data-testid=workflow-manual-search-input]", query)
    await hand.press("[data-testid=workflow-manual-search-button]")
    await hand.misses("ui-running")
    await hand.sees("ui-failed")


def _batch(kind: str, *, seed: str, button: str, answers: Sequence[str] = ()) -> Doing:
    async def doing(hand: Hand, seeds: Seeds) -> None:
        name = f"ui-batch-{kind}"
        make = waiting if seed == "waiting" else greeted
        await asyncio.gather(
            *(make(seeds.client, f"{name}-{number}") for number in range(_BATCH_SIZE))
        )
        query = quote(f'WorkflowId STARTS_WITH "{name}-" AND WorkflowId != "{name}-0-child"')
        await hand.open(f"{_LIST}?query={query}")
        await hand.press("[data-testid=batch-actions-checkbox-label]")
        await hand.press("[data-testid=select-all-workflows]")
        await hand.press(f"[data-testid={button}]")
        await hand.write("#batch-operation-job-id", name)
        for answer in answers:
            await hand.press(answer)
        await hand.confirm()
        await hand.settle()
        await hand.open(f"{HOME}/batch-operations/{name}")
        await hand.sees("100% complete")

    return doing


async def _batches(hand: Hand, _: Seeds) -> None:
    await hand.open(f"{HOME}/batch-operations")
    await hand.click("ui-batch-terminate", "a")
    await hand.sees("100% complete")


ACTS: Final = (
    Act(name="go through the given views", doing=_views, is_compared=False),
    Act(name="filter by an attribute, save the view", doing=_filter, is_compared=False),
    Act(name="search by a query", doing=_search),
    Act(
        name="terminate by batch",
        doing=_batch("terminate", seed="waiting", button="bulk-terminate-button"),
    ),
    Act(
        name="cancel by batch",
        doing=_batch("cancel", seed="waiting", button="bulk-cancel-button"),
    ),
    Act(
        name="reset by batch",
        doing=_batch(
            "reset", seed="greeted", button="bulk-reset-button", answers=("#reset-event-first",)
        ),
    ),
    Act(name="look a batch operation up", doing=_batches),
)
