"""Acts on the page of one run.

Owns the way from the page of a run to what is done with it.
"""

import json
from pathlib import Path
from typing import Final

from temporalio.client import WorkflowHandle

from scripts.ui_check.acts import Act
from scripts.ui_check.hand import Hand
from scripts.ui_check.pages import HOME, path_of_run, run
from scripts.ui_check.seeding import (
    QUEUE,
    Seeds,
    Waiting,
    greeted,
    waiting,
    waits_for_attempt,
)

_PAYLOAD: Final = ".cm-content"
_FEED: Final = "/history?view=feed"


_Run = WorkflowHandle[Waiting, list[str]]


async def _waiting(hand: Hand, seeds: Seeds, name: str, tab: str = _FEED) -> tuple[_Run, str]:
    handle = await waiting(seeds.client, f"ui-act-{name}")
    path = path_of_run(handle.id, handle.result_run_id or "") + tab
    await hand.open(path)
    return handle, path


async def _choose_from_menu(hand: Hand, item: str) -> None:
    await hand.click("More Actions")
    await hand.click(item, "[role=menuitem]")


async def _signal(hand: Hand, seeds: Seeds) -> None:
    await _waiting(hand, seeds, "signal")
    await _choose_from_menu(hand, "Send a Signal")
    await hand.choose("[data-testid=signal-select-button]", "note")
    await hand.write(_PAYLOAD, '"from the UI"')
    await hand.confirm()
    await hand.sees("Workflow Execution Signaled")


async def _update(hand: Hand, seeds: Seeds) -> None:
    await _waiting(hand, seeds, "update")
    await _choose_from_menu(hand, "Send an Update")
    await hand.choose("[data-testid=update-select-button]", "add")
    await hand.write(_PAYLOAD, '"from the UI"')
    await hand.confirm()
    await hand.sees("Workflow Execution Update Completed")


async def _query(hand: Hand, seeds: Seeds) -> None:
    await hand.open(run(seeds, "running") + "/query")
    await hand.choose("[data-testid=query-select-button]", "notes")
    await hand.click("Query", "main button")
    await hand.sees('"two"')


async def _stack(hand: Hand, seeds: Seeds) -> None:
    await hand.open(run(seeds, "running") + "/call-stack")
    await hand.sees("Stack for <")
    await hand.click("Refresh")
    await hand.sees("Stack for <")


async def _cancel(hand: Hand, seeds: Seeds) -> None:
    _, path = await _waiting(hand, seeds, "cancel")
    await _choose_from_menu(hand, "Request Cancellation")
    await hand.confirm()
    await hand.sees("Workflow Execution Canceled")
    await hand.open(path)


async def _terminate(hand: Hand, seeds: Seeds) -> None:
    await _waiting(hand, seeds, "terminate")
    await _choose_from_menu(hand, "Terminate")
    await hand.write("#workflow-termination-reason", "enough")
    await hand.confirm()
    await hand.sees("Workflow Execution Terminated")


async def _pause(hand: Hand, seeds: Seeds) -> None:
    _, path = await _waiting(hand, seeds, "pause")
    await hand.click("Pause Workflow")
    await hand.write("#workflow-pause-details", "a break")
    await hand.confirm()
    await hand.sees("This Workflow is Paused")
    await hand.click("Unpause Workflow")
    await hand.confirm()
    await hand.misses("This Workflow is Paused")
    await hand.open(path)
    await hand.sees("Workflow Execution Unpaused")


async def _reset_running(hand: Hand, seeds: Seeds) -> None:
    await _waiting(hand, seeds, "reset")
    await _choose_from_menu(hand, "Reset")
    await _reset(hand)


async def _reset_closed(hand: Hand, seeds: Seeds) -> None:
    handle = await greeted(seeds.client, "ui-act-reset-closed")
    await hand.open(path_of_run(handle.id, handle.result_run_id or "") + _FEED)
    await hand.click("Reset")
    await _reset(hand)


async def _reset(hand: Hand) -> None:
    await hand.press("[data-testid=workflow-reset-event-id-select-button]")
    await hand.press("[role=option]")
    await hand.write("#reset-reason", "once more")
    await hand.confirm()
    await hand.sees("This Workflow has been reset")


async def _start(hand: Hand, seeds: Seeds) -> None:
    await hand.open(f"{HOME}/workflows/start-workflow")
    await hand.write("#workflowId", "ui-act-started")
    await hand.write("#taskQueue", QUEUE)
    await hand.write("#workflowType", "Greeting")
    await hand.write(_PAYLOAD, '"from the UI"')
    await hand.sees("Task Queue is Active")
    await hand.click("More options")
    await hand.click("Add", "[data-testid=add-search-attribute-button]")
    await hand.choose("[data-testid=search-attribute-select-button]", "UiKeyword")
    await hand.write("[data-testid=custom-search-attribute-value]", "blue")
    await hand.press("[data-testid=start-workflow-button]")
    await hand.settle()
    handle = seeds.client.get_workflow_handle("ui-act-started")
    await handle.result()
    await hand.open(path_of_run(handle.id, (await handle.describe()).run_id) + _FEED)
    await hand.sees("Hello, from the UI")


async def _start_alike(hand: Hand, seeds: Seeds) -> None:
    await hand.open(run(seeds, "completed") + _FEED)
    await _choose_from_menu(hand, "Start Workflow Like This One")
    await hand.sees("Task Queue is Active")
    await hand.write("#workflowId", "ui-act-alike")
    await hand.press("[data-testid=start-workflow-button]")
    await hand.settle()
    await seeds.client.get_workflow_handle("ui-act-alike").result()


async def _download(hand: Hand, seeds: Seeds) -> None:
    saved = await _saved(hand, seeds, "completed")
    _ = json.loads(saved.read_text())["events"][0]


async def _import(hand: Hand, seeds: Seeds) -> None:
    saved = await _saved(hand, seeds, "failed")
    await hand.open("/import/events")
    await hand.upload("#import-event-history-file-upload", saved)
    await hand.click("Import", "main button")
    await hand.sees("Workflow Execution Failed")


async def _saved(hand: Hand, seeds: Seeds, kind: str) -> Path:
    await hand.open(run(seeds, kind) + _FEED)
    await hand.press("[data-testid=download]")
    await hand.press("#use-encoded-setting")
    hand.discard_downloads()
    await hand.confirm()
    return await hand.downloaded(".json")


async def _views(hand: Hand, seeds: Seeds) -> None:
    await hand.open(run(seeds, "completed") + _FEED)
    await hand.click("Workflow Execution Started", "[data-testid=event-summary-row]")
    await hand.sees("First Execution Run ID")
    await hand.press("[data-testid=compact]")
    await hand.press("[data-testid=json]")
    await hand.sees("workflowExecutionStartedEventAttributes")


async def _relatives(hand: Hand, seeds: Seeds) -> None:
    await hand.open(run(seeds, "running") + "/relationships")
    await hand.click("ui-running-child", "a")
    await hand.sees("Hello, UI")


async def _pause_activity(hand: Hand, seeds: Seeds) -> None:
    handle, path = await _waiting(hand, seeds, "activity-pause", "/pending-activities")
    await hand.click("Pause", "main button")
    await hand.write("#activity-pause-reason", "a break")
    await hand.confirm()
    await hand.sees("Paused Reason")
    await hand.click("Unpause", "main button")
    await hand.confirm()
    await hand.misses("Paused Reason")
    await waits_for_attempt(handle, 3)
    await hand.open(path)


async def _reset_activity(hand: Hand, seeds: Seeds) -> None:
    handle, path = await _waiting(hand, seeds, "activity-reset", "/pending-activities")
    await hand.click("Reset", "[class*=justify-end] button")
    await hand.confirm()
    await hand.sees("has been reset successfully")
    await waits_for_attempt(handle, 2)
    await hand.open(path)


async def _change_activity(hand: Hand, seeds: Seeds) -> None:
    await _waiting(hand, seeds, "activity-update", "/pending-activities")
    await hand.click("Update", "main button")
    await hand.write("#maximum-attempts", "7")
    await hand.click("Save")
    await hand.sees("2 of 7")


ACTS: Final = (
    Act(name="signal a run", doing=_signal),
    Act(name="update a run", doing=_update),
    Act(name="query a run", doing=_query),
    Act(name="refresh the call stack", doing=_stack, is_compared=False),
    Act(name="cancel a run", doing=_cancel),
    Act(name="terminate a run", doing=_terminate),
    Act(name="pause and unpause a run", doing=_pause),
    Act(name="reset an open run", doing=_reset_running),
    Act(name="reset a closed run", doing=_reset_closed),
    Act(name="start a workflow", doing=_start),
    Act(name="start a workflow like another", doing=_start_alike, is_compared=False),
    Act(name="download a history", doing=_download),
    Act(name="import a history", doing=_import),
    Act(name="go through the views of a history", doing=_views),
    Act(name="follow a relationship", doing=_relatives),
    Act(name="pause and unpause an activity", doing=_pause_activity),
    Act(name="reset an activity", doing=_reset_activity),
    Act(name="change an activity", doing=_change_activity),
)
