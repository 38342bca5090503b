"""The turns that tasks take in their queues.

Owns the passes of all queues of a node. History asks for one when it writes a task's row, whether
or not the queue is loaded; a loaded queue tells how far it has come. Must not know who polls.
"""

from typing import Final

from indelible.base.ids import QueueKey
from indelible.base.limits import FAIRNESS_KEYS_COUNTED_MAX
from indelible.engine.matching.passes import PassCounters, effective_weight
from indelible.engine.matching.priority import TaskPlace, effective_priority
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.dispatch_tasks import AnyDispatch
from indelible.ports.stores import TaskQueueStore
from indelible.services.matching.settings import ConfigOf, unconfigured


class Turns:
    """The passes of the tasks of all queues. `load` comes before the first `assign`."""

    def __init__(self, config_of: ConfigOf = unconfigured) -> None:
        self._passes: Final = PassCounters(counters_max=FAIRNESS_KEYS_COUNTED_MAX)
        self._config_of: Final = config_of

    async def load(self, store: TaskQueueStore) -> None:
        """Take up where the waiting tasks stand."""
        for waiting in await store.waiting_passes():
            self._passes.restore(
                waiting.queue,
                waiting.priority,
                waiting.fairness_key,
                first=waiting.first,
                last=waiting.last,
            )

    def assign(self, queue: QueueKey, task: AnyDispatch) -> int:
        """Return the pass of a task. Sticky queues have one worker and no turns."""
        if isinstance(task, WorkflowTaskDispatch) and task.is_sticky:
            return 0
        share = task.share
        weight = effective_weight(share, self._config_of(queue).weights)
        return self._passes.assign(queue, effective_priority(task.priority), share.key, weight)

    def reach(self, queue: QueueKey, place: TaskPlace) -> None:
        """Note that the task of a place went to a worker."""
        priority, pass_number, _ = place
        if pass_number:
            self._passes.reach(queue, priority, pass_number)
