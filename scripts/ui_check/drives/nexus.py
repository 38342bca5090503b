"""Acts on Nexus endpoints, and on operations without a workflow."""

from typing import Final

from scripts.ui_check.acts import Act
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME
from scripts.ui_check.seeding import ENDPOINT, Seeds, endpoint

_SUBMIT: Final = "[data-testid=nexus-form-submit-button]"


async def _create(hand: Hand, _: Seeds) -> None:
    await hand.open("/nexus/create")
    await hand.write("#name", "ui-act-endpoint")
    await hand.write("#target-namespace", "default")
    await hand.click("default", "[role=option]")
    await hand.write("#task-queue", "somewhere")
    await hand.press(_SUBMIT)
    await hand.settle()
    await hand.open("/nexus")
    await hand.click("ui-act-endpoint", "a")
    await hand.sees("somewhere")


async def _edit(hand: Hand, seeds: Seeds) -> None:
    path = f"/nexus/{await endpoint(seeds.client, 'ui-act-edited')}"
    await hand.open(f"{path}/edit")
    await hand.write("#task-queue", "elsewhere")
    await hand.press(_SUBMIT)
    await hand.settle()
    await hand.open(path)
    await hand.sees("elsewhere")


async def _delete(hand: Hand, seeds: Seeds) -> None:
    await hand.open(f"/nexus/{await endpoint(seeds.client, 'ui-act-doomed')}/edit")
    await hand.press("[data-testid=delete-endpoint-button]")
    await hand.write("#delete-endpoint", "ui-act-doomed")
    await hand.confirm()
    await hand.settle()
    await hand.open("/nexus")
    await hand.misses("ui-act-doomed")


async def _cancel(hand: Hand, _: Seeds) -> None:
    await _operation(hand, "ui-act-operation-cancelled")
    await hand.click("Request Cancellation")
    await hand.confirm()
    await hand.settle()
    await _look_up(hand, "ui-act-operation-cancelled")
    await hand.sees("Requested Time")


async def _terminate(hand: Hand, _: Seeds) -> None:
    await _operation(hand, "ui-act-operation-terminated")
    await hand.click("More Actions")
    await hand.press("[role=menuitem][data-testid=terminate-button]")
    await hand.confirm()
    await hand.settle()
    await _look_up(hand, "ui-act-operation-terminated")
    await hand.sees("Terminated")


async def _operation(hand: Hand, name: str) -> None:
    """Start an operation, which nobody handles, and go to its page."""
    await hand.open(f"{HOME}/nexus-operations/start")
    await hand.write("#operationId", name)
    await hand.write("#endpoint", ENDPOINT)
    await hand.write("#service", "a-service")
    await hand.write("#operation", "an-operation")
    await hand.press("[data-testid=start-standalone-nexus-operation-submit-button]")
    await hand.settle()
    await _look_up(hand, name)


async def _look_up(hand: Hand, name: str) -> None:
    await hand.open(f"{HOME}/nexus-operations")
    await hand.click(name, "a")
    await hand.settle()


ACTS: Final = (
    Act(name="create a Nexus endpoint", doing=_create),
    Act(name="edit a Nexus endpoint", doing=_edit),
    Act(name="delete a Nexus endpoint", doing=_delete),
    # An attempt that nobody answers ends after ten seconds: how many there were is chance.
    Act(name="start and cancel an operation", doing=_cancel, is_compared=False),
    Act(name="start and terminate an operation", doing=_terminate, is_compared=False),
)
