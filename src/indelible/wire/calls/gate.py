"""Who is let in, and whether anybody is still inside.

Owns the refusal of calls while the node starts and stops, and the count of calls under way.
"""

import asyncio
from typing import Final

from indelible.base.errors import UnavailableError
from indelible.base.instants import Duration, in_seconds

_STARTING: Final = "Frontend is not healthy yet"
_STOPPING: Final = "The server is shutting down."


class Gate:
    """Closed until opened; what is refused may be tried again, here or at another node."""

    def __init__(self) -> None:
        self._refusal = _STARTING
        self._call_count = 0
        self._emptied: asyncio.Event | None = None

    def open(self) -> None:
        """Let calls in."""
        self._refusal = ""

    def enter(self) -> None:
        """Count a call in. Raises `UnavailableError` while the gate is closed."""
        if self._refusal:
            raise UnavailableError(self._refusal)
        self._call_count += 1

    def leave(self) -> None:
        """Count a call out that came in."""
        self._call_count -= 1
        if self._emptied is not None and not self._call_count:
            self._emptied.set()

    async def close(self, grace: Duration) -> None:
        """Let nobody in any more, and wait until everybody has left, at most for `grace`."""
        self._refusal = _STOPPING
        if not self._call_count:
            return
        emptied = self._emptied = asyncio.Event()
        try:
            async with asyncio.timeout(in_seconds(grace)):
                await emptied.wait()
        except TimeoutError:
            return
