"""The events of a namespace's runs, each told of once, in their order.

Owns how far each run has been read. Must not know what somebody wants to know of an event.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryReverseRequest,
    GetWorkflowExecutionHistoryReverseResponse,
)

from indelible.base.errors import ServiceError
from indelible.ports.rpc import Call, Handler

_PAGE_SIZE: Final = 50


class NewEvents:
    """What has been added to histories since they were last looked at."""

    def __init__(self, ask: Handler) -> None:
        self._ask: Final = ask
        self._seen: Final[dict[str, int]] = {}
        """The last event of each run that was told of."""
        self._reading: Final = asyncio.Lock()

    async def of(
        self, namespace: str, run: WorkflowExecution, call: Call
    ) -> Sequence[HistoryEvent]:
        """Return the events of a run that were not returned before; none if it is gone."""
        async with self._reading:
            seen = self._seen.get(run.run_id, 0)
            found: list[HistoryEvent] = []
            with suppress(ServiceError):
                found = await self._read_back(namespace, run, call, seen)
            if found:
                self._seen[run.run_id] = found[-1].event_id
            return found

    async def _read_back(
        self, namespace: str, run: WorkflowExecution, call: Call, seen: int
    ) -> list[HistoryEvent]:
        found: list[HistoryEvent] = []
        page_token = b""
        while True:
            answer = await self._ask(
                GetWorkflowExecutionHistoryReverseRequest(
                    namespace=namespace,
                    execution=run,
                    maximum_page_size=_PAGE_SIZE,
                    next_page_token=page_token,
                ),
                call,
            )
            if not isinstance(answer, GetWorkflowExecutionHistoryReverseResponse):
                return found
            new = [event for event in answer.history.events if event.event_id > seen]
            found[:0] = reversed(new)
            page_token = answer.next_page_token
            if len(new) < len(answer.history.events) or not page_token:
                return found
