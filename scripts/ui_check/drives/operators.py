"""Acts on deployments, workers and namespaces."""

from typing import Final

from scripts.ui_check.acts import Act
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME
from scripts.ui_check.seeding import BUILD, DEPLOYMENT, QUEUE, Seeds

_DEPLOYMENT: Final = f"{HOME}/workers/deployments/{DEPLOYMENT}"


async def _current(hand: Hand, _: Seeds) -> None:
    await _of_version(hand, "Set Current Version")
    await hand.confirm()
    await hand.settle()
    await _of_version(hand, "Unset Current")
    await hand.confirm()
    await hand.settle()
    await hand.open(_DEPLOYMENT)
    await hand.sees("Draining")


async def _ramping(hand: Hand, _: Seeds) -> None:
    await _of_version(hand, "Set Ramping Version")
    await hand.write(f'[id="ramping-percentage-{BUILD}"]', "30")
    await hand.confirm()
    await hand.settle()
    await hand.sees("30%")
    await _of_version(hand, "Edit Ramping Percentage")
    await hand.click("Remove Ramping")
    await hand.settle()
    await hand.open(_DEPLOYMENT)


async def _of_version(hand: Hand, item: str) -> None:
    await hand.open(_DEPLOYMENT)
    await hand.click("Actions", "td button")
    await hand.click(item, "[role=menuitem]")


async def _deployments(hand: Hand, _: Seeds) -> None:
    await hand.open(f"{HOME}/workers/deployments")
    await hand.click(DEPLOYMENT, "a")
    await hand.sees(BUILD)


async def _queue(hand: Hand, _: Seeds) -> None:
    await hand.open(f"{HOME}/task-queues/{QUEUE}")
    await hand.sees(QUEUE)
    await hand.sees("@")


async def _worker(hand: Hand, _: Seeds) -> None:
    await hand.open(f"{HOME}/workers")
    await hand.press("main td a")
    await hand.settle()


async def _namespace(hand: Hand, _: Seeds) -> None:
    await hand.open("/namespaces")
    await hand.click("default", "main a")
    await hand.sees("Retention")


ACTS: Final = (
    Act(name="look a deployment up", doing=_deployments),
    Act(name="set and unset the current version", doing=_current),
    Act(name="ramp a version and stop it", doing=_ramping),
    Act(name="look at a task queue", doing=_queue, is_compared=False),
    Act(name="look at a worker", doing=_worker, is_compared=False),
    Act(name="look at a namespace", doing=_namespace),
)
