"""Acts on schedules, from the first to the last."""

from datetime import timedelta
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
)

from scripts.ui_check.acts import Act
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME
from scripts.ui_check.seeding import QUEUE, Greeting, Seeds

_LIST: Final = f"{HOME}/schedules"
_MENU: Final = "#schedule-actions-menu-button"
_SAVE: Final = "[data-testid=create-schedule-button]"


async def _create(hand: Hand, _: Seeds) -> None:
    await hand.open(_LIST)
    await hand.press("[data-testid=create-schedule]")
    await hand.write("[data-testid=schedule-name-input]", "ui-act-created")
    await hand.write("[data-testid=schedule-type-input]", "Greeting")
    await hand.write("[data-testid=schedule-workflow-id-input]", "ui-act-created-run")
    await hand.write("[data-testid=schedule-task-queue-input]", QUEUE)
    await hand.write('[placeholder="* * * * *"]', "0 12 * * *")
    await hand.press(_SAVE)
    await hand.misses("Creating Schedule")
    await hand.open(f"{_LIST}/ui-act-created")
    await hand.sees("ui-act-created")


async def _edit(hand: Hand, seeds: Seeds) -> None:
    path = await _schedule(hand, seeds, "edited")
    await hand.open(f"{path}/edit")
    await hand.write("[data-testid=schedule-type-input]", "Changed")
    await hand.press(_SAVE)
    await hand.misses("Editing Schedule")
    await hand.open(path)
    await hand.sees("Changed")


async def _pause(hand: Hand, seeds: Seeds) -> None:
    await _schedule(hand, seeds, "paused")
    await hand.press("#schedule-actions-primary-button")
    await hand.write("#pause-reason", "a break")
    await hand.confirm()
    await hand.sees("a break")
    await hand.press("#schedule-actions-primary-button")
    await hand.write("#pause-reason", "over")
    await hand.confirm()
    await hand.sees("over")


async def _trigger(hand: Hand, seeds: Seeds) -> None:
    path = await _schedule(hand, seeds, "triggered")
    await hand.press(_MENU)
    await hand.press("[data-testid=trigger-schedule]")
    await hand.press("#overlap-policy-AllowAll")
    await hand.confirm()
    await _seen_again(hand, path, "1 Completed")


async def _backfill(hand: Hand, seeds: Seeds) -> None:
    path = await _schedule(hand, seeds, "backfilled")
    await hand.press(_MENU)
    await hand.press("[data-testid=backfill-schedule]")
    await hand.confirm()
    await hand.settle()
    await hand.open(path)


async def _delete(hand: Hand, seeds: Seeds) -> None:
    await _schedule(hand, seeds, "deleted")
    await hand.press(_MENU)
    await hand.press("[data-testid=delete-schedule]")
    await hand.confirm()
    await hand.settle()
    await hand.open(_LIST)
    await hand.misses("ui-act-deleted")


async def _schedule(hand: Hand, seeds: Seeds, name: str) -> str:
    """Make a schedule that does nothing of itself for a day, and open its page."""
    action = ScheduleActionStartWorkflow(
        Greeting.run, "schedule", id=f"ui-act-{name}-run", task_queue=QUEUE
    )
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))])
    await seeds.client.create_schedule(f"ui-act-{name}", Schedule(action=action, spec=spec))
    path = f"{_LIST}/ui-act-{name}"
    await hand.open(path)
    return path


async def _seen_again(hand: Hand, path: str, text: str) -> None:
    """Settle what was asked for, then look at the page afresh."""
    await hand.settle()
    await hand.open(path)
    await hand.sees(text)


ACTS: Final = (
    Act(name="create a schedule", doing=_create),
    Act(name="edit a schedule", doing=_edit),
    Act(name="pause and unpause a schedule", doing=_pause),
    # The list of runs lags behind, on some servers.
    Act(name="trigger a schedule", doing=_trigger, is_compared=False),
    Act(name="backfill a schedule", doing=_backfill),
    Act(name="delete a schedule", doing=_delete),
)
