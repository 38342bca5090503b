"""The task queues that a node serves at the moment.

Owns which queues are loaded: those that somebody polls or asks, until nobody has done so for a
while. Must not know what happens in them. Nothing here is durable.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope

from indelible.base.errors import resource_exhausted
from indelible.base.ids import QueueKey
from indelible.base.instants import MINUTE, NO_DURATION, Duration, after, elapsed
from indelible.base.limits import TASK_QUEUES_LOADED_MAX
from indelible.ports.clock import Clocks, TimerHandle
from indelible.ports.stores import TaskQueueStore
from indelible.services.matching.loaded_queue import LoadedQueue, Spawn
from indelible.services.matching.measurements import Measurements
from indelible.services.matching.scaling import backlog_age
from indelible.services.matching.settings import QueueSettings
from indelible.services.matching.turns import Turns

SWEEP_INTERVAL: Final = MINUTE
QUEUE_IDLE_MAX: Final = Duration(5 * MINUTE)
WINDOW_IDLE_MAX: Final = MINUTE


class LoadedQueues:
    """Queues by their key, loaded when they are first used."""

    def __init__(
        self,
        store: TaskQueueStore,
        *,
        clocks: Clocks,
        spawn: Spawn,
        measurements: Measurements,
        turns: Turns,
        rows_max: int,
        settings: QueueSettings,
    ) -> None:
        self._store: Final = store
        self._clocks: Final = clocks
        self._spawn: Final = spawn
        self._measurements: Final = measurements
        self._turns: Final = turns
        self._rows_max: Final = rows_max
        self._settings: Final = settings
        # The least recently created or polled first, so that a full table knows whom to unload.
        self._queues: OrderedDict[QueueKey, LoadedQueue] = OrderedDict()
        self._sweep_timer: TimerHandle | None = None

    def get(self, key: QueueKey) -> LoadedQueue | None:
        """Return a queue if it is loaded."""
        return self._queues.get(key)

    def all(self) -> Sequence[tuple[QueueKey, LoadedQueue]]:
        """Return the queues that are loaded now."""
        return list(self._queues.items())

    def use(self, key: QueueKey) -> LoadedQueue:
        """Return a queue, loaded now if it was not."""
        queue = self._queues.get(key)
        if queue is not None:
            self._queues.move_to_end(key)
            return queue
        if len(self._queues) >= TASK_QUEUES_LOADED_MAX:
            self._make_room()
        queue = self._queues[key] = LoadedQueue(
            key,
            store=self._store,
            clock=self._clocks.node,
            spawn=self._spawn,
            turns=self._turns,
            rows_max=self._rows_max,
            settings=self._settings,
        )
        if self._sweep_timer is None:
            self._arm_sweep()
        return queue

    def unload(self, key: QueueKey) -> None:
        """Forget a queue."""
        self._queues.pop(key).unload()

    def stop_sweeping(self) -> None:
        """Unload nothing by itself any more."""
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None

    def unload_all(self) -> None:
        """Forget all queues."""
        for queue in self._queues.values():
            queue.unload()
        self._queues.clear()

    def _make_room(self) -> None:
        quiet = next((key for key, queue in self._queues.items() if queue.is_quiet()), None)
        if quiet is None:
            raise resource_exhausted(
                "Too many task queues are polled.",
                ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
                ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_SYSTEM,
            )
        self.unload(quiet)

    def _arm_sweep(self) -> None:
        self._sweep_timer = self._clocks.node.call_at(
            after(self._clocks.node.now(), SWEEP_INTERVAL), self._sweep
        )

    def _sweep(self) -> None:
        """Unload what nobody uses, and tell how much the rest holds."""
        self._sweep_timer = None
        now = self._clocks.node.now()
        for key, queue in self.all():
            idle = elapsed(queue.touched_at, now) if queue.is_quiet() else NO_DURATION
            if idle >= QUEUE_IDLE_MAX:
                self.unload(key)
                continue
            if queue.labels:
                age = backlog_age(queue, self._clocks.clock_of(key.namespace_id).now())
                self._measurements.backlog(
                    queue.labels,
                    count=queue.matcher.backlog.waiting_count,
                    age=age,
                    polls=queue.open_poll_count,
                )
            if idle >= WINDOW_IDLE_MAX:
                queue.matcher.backlog.forget()
        self._measurements.queues_loaded(len(self._queues))
        if self._queues:
            self._arm_sweep()
