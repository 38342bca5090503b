"""Holds the journal against what the server knows: nothing acknowledged may be missing.

Owns the comparison. It must not know how the load was made.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from tests.crash.journal import Journal, LedgerRecord
from tests.crash.programs import BEGUN, Errand, Ledger

FINISH_SECONDS_MAX: Final = 120
SAMPLE_COUNT: Final = 40
_CONCURRENT_CALLS_MAX: Final = 20
_CALL_TIMEOUT: Final = timedelta(seconds=20)
_TERMINAL: Final = frozenset(
    EventType.Value(f"EVENT_TYPE_WORKFLOW_EXECUTION_{name}")
    for name in ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED", "TERMINATED", "CONTINUED_AS_NEW")
)


async def audit_completions(client: Client, journal: Journal) -> None:
    """Right after a restart: whatever a client was told to be complete is complete."""
    await _for_each(list(journal.completed), lambda key: _check_errand(client, journal, key))


async def _check_errand(client: Client, journal: Journal, workflow_id: str) -> None:
    try:
        handle = client.get_workflow_handle(workflow_id)
        description = await handle.describe(rpc_timeout=_CALL_TIMEOUT)
    except RPCError as error:
        journal.violations.append(f"{workflow_id}: was complete, now {error}")
        return
    if description.status is not WorkflowExecutionStatus.COMPLETED:
        journal.violations.append(f"{workflow_id}: was complete, is {description.status}")


async def finish_and_audit(client: Client, journal: Journal) -> Sequence[WorkflowHistory]:
    """Let everything end, compare it with the journal, and return the histories of a sample."""
    async with asyncio.timeout(FINISH_SECONDS_MAX):
        await _for_each(list(journal.ledgers), lambda key: _audit_ledger(client, journal, key))
        errands = [key for key in journal.started if key.startswith("errand-")]
        await _for_each(errands, lambda key: _audit_errand(client, journal, key))
    journal.violations.extend(
        f"{key}: a first and only attempt was begun {count} times"
        for key, count in BEGUN.items()
        if count > 1
    )
    if journal.violations:
        return []  # What is missing is the message; a missing history would only hide it.
    step = max(1, len(journal.started) // SAMPLE_COUNT)
    return [
        await _fetch_and_check(client, journal, workflow_id)
        for workflow_id in list(journal.started)[::step]
    ]


async def _for_each(keys: Sequence[str], visit: Any) -> None:
    places = asyncio.Semaphore(_CONCURRENT_CALLS_MAX)

    async def visit_one(key: str) -> None:
        async with places:
            await visit(key)

    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(visit_one(key))


async def _audit_ledger(client: Client, journal: Journal, workflow_id: str) -> None:
    record = journal.ledgers[workflow_id]
    handle = client.get_workflow_handle_for(Ledger.run, workflow_id, run_id=record.run_id)
    try:
        await handle.signal(Ledger.stop)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        # A start that was never acknowledged need not have happened.
        if record.run_id is not None:
            journal.violations.append(f"{workflow_id}: its start was acknowledged, now {error}")
        return
    result = await handle.result()
    _compare(journal, workflow_id, record, result)


def _compare(
    journal: Journal, workflow_id: str, record: LedgerRecord, result: dict[str, Any]
) -> None:
    booked: list[int] = result["booked"]
    if result["doubled"] != record.number * 2 or result["once"] not in (record.number, None):
        journal.violations.append(f"{workflow_id}: wrong result {result}")
    if len(booked) != len(set(booked)):
        journal.violations.append(f"{workflow_id}: a signal was booked twice: {booked}")
    missing = set(record.acknowledged) - set(booked)
    if missing:
        journal.violations.append(f"{workflow_id}: acknowledged signals are missing: {missing}")
    invented = set(booked) - set(record.acknowledged) - record.in_doubt
    if invented:
        journal.violations.append(f"{workflow_id}: signals that nobody sent: {invented}")
    in_order = [booking for booking in booked if booking in set(record.acknowledged)]
    if in_order != sorted(in_order):
        journal.violations.append(f"{workflow_id}: signals out of order: {booked}")


async def _audit_errand(client: Client, journal: Journal, workflow_id: str) -> None:
    run_id = journal.started[workflow_id]
    handle = client.get_workflow_handle_for(Errand.run, workflow_id, run_id=run_id)
    try:
        result = await handle.result()
    except RPCError as error:
        journal.violations.append(f"{workflow_id}: its start was acknowledged, now {error}")
        return
    expected = int(workflow_id.removeprefix("errand-")) * 2
    told = journal.completed.get(workflow_id, expected)
    if (result, told) != (expected, expected):
        journal.violations.append(f"{workflow_id}: result {result}, told before {told}")


async def _fetch_and_check(client: Client, journal: Journal, workflow_id: str) -> WorkflowHistory:
    handle = client.get_workflow_handle(workflow_id, run_id=journal.started[workflow_id])
    history = await handle.fetch_history()
    ids = [event.event_id for event in history.events]
    if ids != list(range(1, len(ids) + 1)):
        journal.violations.append(f"{workflow_id}: event ids have a gap: {ids}")
    terminal = [event for event in history.events if event.event_type in _TERMINAL]
    if len(terminal) != 1 or history.events[-1] is not terminal[0]:
        journal.violations.append(f"{workflow_id}: {len(terminal)} terminal events")
    return history


async def replay(histories: Sequence[WorkflowHistory]) -> None:
    """The SDK's own judgement of the histories. Raises what the replayer raises."""
    replayer = Replayer(workflows=[Ledger, Errand])
    for history in histories:
        await replayer.replay_workflow(history)
