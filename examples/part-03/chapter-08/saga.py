"""A saga: the list of what would have to be undone, in the order in which it was begun.

Pure workflow code: it awaits activities and nothing else, so it may be used in any workflow.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from running import span

Undo = Callable[[str], Coroutine[Any, Any, None]]
# No limit of attempts: what must be undone is tried until it is undone.
FOR_EVER = RetryPolicy(initial_interval=span(0.1), maximum_interval=span(10))


@dataclass
class Saga:
    """Register a compensation *before* its step: a step whose answer is lost may have happened.

    So an undo activity must be content if there is nothing to undo.
    """

    steps: list[tuple[Undo, str]] = field(default_factory=list[tuple[Undo, str]])

    def register(self, undo: Undo, key: str) -> str:
        """Note how the next step is undone; return its idempotency key."""
        self.steps.append((undo, key))
        return key

    def checkpoint(self) -> None:
        """From here on there is no way back behind this point."""
        self.steps.clear()

    async def compensate(self, *, in_parallel: bool = False) -> None:
        """Undo everything since the last checkpoint: last step first, or all at once."""
        if in_parallel:
            await asyncio.gather(*(self._undo(undo, key) for undo, key in self.steps))
            self.steps.clear()
        while self.steps:
            await self._undo(*self.steps[-1])
            self.steps.pop()

    async def _undo(self, undo: Undo, key: str) -> None:
        await workflow.execute_activity(
            undo, key, start_to_close_timeout=span(10), retry_policy=FOR_EVER
        )
