"""Clients that never rest: they start, signal and complete workflows, and write down each answer.

Owns the traffic. It must not know when the server will be killed.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from tests.crash.journal import Journal, LedgerRecord
from tests.crash.programs import Errand, Ledger

TASK_QUEUE: Final = "crash"
PAUSE_SECONDS: Final = 0.01
SIGNALS_PER_LEDGER: Final = 25
CALL_TIMEOUT: Final = timedelta(seconds=8)


class Load:
    """Some clients that book on ledgers and some that send errands, until told to stop."""

    def __init__(self, client: Client, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._numbers = itertools.count(1)
        self._resting = asyncio.Event()

    @asynccontextmanager
    async def running(self, *, bookkeepers: int, errand_runners: int) -> AsyncGenerator[None, None]:
        """Traffic for the duration of the block; at its end every client finishes its last call."""
        async with asyncio.TaskGroup() as group:
            for _ in range(bookkeepers):
                group.create_task(self._keep_books())
            for _ in range(errand_runners):
                group.create_task(self._run_errands())
            try:
                yield
            finally:
                self._resting.set()

    async def _keep_books(self) -> None:
        while not self._resting.is_set():
            number = next(self._numbers)
            workflow_id = f"ledger-{number}"
            record = LedgerRecord(number=number)
            self._journal.ledgers[workflow_id] = record
            record.run_id = await self._start(Ledger.run, number, workflow_id)
            for booking in range(SIGNALS_PER_LEDGER):
                if self._resting.is_set() or record.run_id is None:
                    break
                await self._book(workflow_id, record, booking)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _start(self, workflow: Any, number: int, workflow_id: str) -> str | None:
        began_at = time.monotonic()
        try:
            handle = await self._client.start_workflow(
                workflow,
                number,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                rpc_timeout=CALL_TIMEOUT,
            )
        except (RPCError, WorkflowAlreadyStartedError) as error:
            # "Already started" is no excuse outside an outage: the SDK repeats its request id.
            self._journal.record_error(f"start {workflow_id}", error, began_at)
            return None
        run_id = handle.first_execution_run_id
        if run_id is None:
            self._journal.violations.append(f"start {workflow_id}: no run id")
            return None
        self._journal.started[workflow_id] = run_id
        return run_id

    async def _book(self, workflow_id: str, record: LedgerRecord, booking: int) -> None:
        began_at = time.monotonic()
        record.in_doubt.add(booking)
        try:
            await self._client.get_workflow_handle(workflow_id).signal(
                Ledger.book, booking, rpc_timeout=CALL_TIMEOUT
            )
        except RPCError as error:
            self._journal.record_error(f"signal {workflow_id}", error, began_at)
            return
        record.in_doubt.discard(booking)
        record.acknowledged.append(booking)

    async def _run_errands(self) -> None:
        while not self._resting.is_set():
            number = next(self._numbers)
            workflow_id = f"errand-{number}"
            if await self._start(Errand.run, number, workflow_id) is None:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            await self._await_errand(workflow_id)

    async def _await_errand(self, workflow_id: str) -> None:
        began_at = time.monotonic()
        try:
            handle = self._client.get_workflow_handle_for(Errand.run, workflow_id)
            self._journal.completed[workflow_id] = await handle.result()
        except RPCError as error:
            self._journal.record_error(f"result of {workflow_id}", error, began_at)
