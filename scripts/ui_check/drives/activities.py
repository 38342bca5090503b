"""Acts on activities without a workflow."""

from typing import Final

from temporalio.client import ActivityHandle

from scripts.ui_check.acts import Act
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME
from scripts.ui_check.seeding import QUEUE, Seeds, delayed_activity, failing_activity

_PAYLOAD: Final = ".cm-content"


async def _start(hand: Hand, seeds: Seeds) -> None:
    await hand.open(f"{HOME}/activities/start")
    await hand.write("#activityId", "ui-act-activity")
    await hand.write("#taskQueue", QUEUE)
    await hand.write("#activityType", "greet")
    await hand.write(_PAYLOAD, '"from the UI"')
    await hand.write("#startToCloseTimeout", "30")
    await hand.press("[data-testid=start-standalone-activity-submit-button]")
    await hand.settle()
    handle = seeds.client.get_activity_handle("ui-act-activity")
    await handle.result()
    await hand.open(f"{HOME}/activities")
    await hand.click("ui-act-activity", "a")
    await hand.sees("Hello, from the UI")


async def _pause(hand: Hand, seeds: Seeds) -> None:
    await _failing(hand, seeds, "paused")
    await hand.click("Pause Activity")
    await hand.write("#activity-pause-reason", "a break")
    await hand.confirm()
    await hand.click("Unpause Activity")
    await hand.confirm()
    await hand.sees("Pause Activity")


async def _reset(hand: Hand, seeds: Seeds) -> None:
    path = await _failing(hand, seeds, "reset")
    await _choose_from_menu(hand, "reset-button")
    await hand.confirm()
    await hand.sees("has been reset successfully")
    # What the page polls for afterwards comes without the input.
    await hand.open(path)


async def _change(hand: Hand, seeds: Seeds) -> None:
    # The UI names the start delay in each change, which both servers refuse after the first start.
    path = await _opened(hand, await delayed_activity(seeds.client, "ui-act-changed"))
    await _choose_from_menu(hand, "update-button")
    await hand.write("#maximum-attempts", "7")
    await hand.click("Save")
    await hand.settle()
    await hand.open(path)
    await hand.sees("1 of 7")


async def _cancel(hand: Hand, seeds: Seeds) -> None:
    path = await _failing(hand, seeds, "cancelled")
    await _choose_from_menu(hand, "request-cancellation-button")
    await hand.confirm()
    await hand.settle()
    await hand.open(path)
    await hand.sees("Canceled")


async def _terminate(hand: Hand, seeds: Seeds) -> None:
    path = await _failing(hand, seeds, "terminated")
    await _choose_from_menu(hand, "terminate-button")
    await hand.confirm()
    await hand.settle()
    await hand.open(path)
    await hand.sees("Terminated")


async def _choose_from_menu(hand: Hand, item: str) -> None:
    await hand.click("More Actions")
    await hand.press(f"[role=menuitem][data-testid={item}]")


async def _failing(hand: Hand, seeds: Seeds, name: str) -> str:
    return await _opened(hand, await failing_activity(seeds.client, f"ui-act-{name}"))


async def _opened(hand: Hand, handle: ActivityHandle[str]) -> str:
    path = f"{HOME}/activities/{handle.id}/{handle.run_id}/details"
    await hand.open(path)
    return path


ACTS: Final = (
    Act(name="start a standalone activity", doing=_start),
    Act(name="pause and unpause it", doing=_pause),
    Act(name="reset it", doing=_reset),
    Act(name="change it", doing=_change),
    Act(name="cancel it", doing=_cancel),
    Act(name="terminate it", doing=_terminate),
)
