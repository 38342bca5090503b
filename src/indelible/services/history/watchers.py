"""Who waits for something to happen in a run.

Owns the long polls. A waiter is told that something happened, not what: it looks again.
"""

import asyncio

from indelible.base.ids import WorkflowKey
from indelible.base.instants import Instant
from indelible.ports.clock import Clock

Watch = asyncio.Future[bool]
"""True when the run changed; False when the wait is over without a change."""


class Watchers:
    """Waiters by run. A run that nobody watches takes no memory."""

    __slots__ = ("_clock", "_is_stopped", "_waiting")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[WorkflowKey, dict[Watch, None]] = {}
        self._is_stopped = False

    def watch(self, key: WorkflowKey) -> Watch:
        """Begin to wait for the next change of a run; to be ended by `outcome`."""
        watch: Watch = asyncio.get_running_loop().create_future()
        if self._is_stopped:
            watch.set_result(False)
        self._waiting.setdefault(key, {})[watch] = None
        return watch

    async def outcome(self, key: WorkflowKey, watch: Watch, *, until: Instant) -> bool:
        """Return whether the run changed before `until`, by the node's clock."""
        timer = self._clock.call_at(until, lambda: _settle(watch, has_changed=False))
        try:
            return await watch
        finally:
            timer.cancel()
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.pop(watch, None)
                if not waiting:
                    del self._waiting[key]

    def notify(self, key: WorkflowKey) -> None:
        """Wake all who watch a run."""
        for watch in self._waiting.pop(key, ()):
            _settle(watch, has_changed=True)

    def stop(self) -> None:
        """Let everybody go: the service stops."""
        self._is_stopped = True
        for waiting in self._waiting.values():
            for watch in waiting:
                _settle(watch, has_changed=False)
        self._waiting.clear()


def _settle(watch: Watch, *, has_changed: bool) -> None:
    if not watch.done():
        watch.set_result(has_changed)
