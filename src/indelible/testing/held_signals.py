"""Signals that wait before they are sent, so that they arrive later than others, or out of order.

Owns what each of them waits for. Whoever sends it waits as well.
"""

import asyncio
from contextlib import suppress
from typing import Final

from indelible.testing.faults import FaultKind, Faults, Occasion


class HeldSignals:
    """Those of one namespace."""

    def __init__(self, faults: Faults) -> None:
        self._faults: Final = faults
        self._waiting: Final[dict[tuple[FaultKind, str], list[asyncio.Event]]] = {}

    async def hold(self, name: str, workflow_id: str) -> None:
        """Count a signal that is about to be sent to a workflow; return when it may be."""
        fault = self._faults.occur(Occasion.SIGNAL, name)
        if fault is None:
            return
        event = asyncio.Event()
        waiting = self._waiting.setdefault((fault.kind, workflow_id), [])
        waiting.append(event)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._faults.signal_patience.total_seconds()):
                await event.wait()
        if event in waiting:
            waiting.remove(event)

    def overtake(self, workflow_id: str) -> None:
        """Let go of signals that were to be overtaken: one has arrived."""
        self._release(FaultKind.SWAP_SIGNALS, workflow_id)

    def go_on(self, workflow_id: str) -> None:
        """Let go of signals that were to wait for a workflow task: one has been recorded."""
        self._release(FaultKind.DELAY_SIGNAL, workflow_id)

    def _release(self, kind: FaultKind, workflow_id: str) -> None:
        for event in self._waiting.pop((kind, workflow_id), []):
            event.set()
