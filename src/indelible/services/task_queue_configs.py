"""The configurations of all task queues, in memory, over their store.

Owns their index and the order of changes. What a change may be is decided in
`engine.matching.queue_config`.
"""

import asyncio
from collections.abc import Callable, Mapping

from temporalio.api.taskqueue.v1 import TaskQueueConfig

from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.versions import is_queue_of_version
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig, queue_config
from indelible.ports.stores import NamespaceRecordKind, NamespaceRecordStore

_KIND = NamespaceRecordKind.TASK_QUEUE_CONFIG
_DELIMITER = ":"


class TaskQueueConfigRegistry:
    """The configurations of the queues that have one. `load` comes first; reads never wait."""

    def __init__(self, store: NamespaceRecordStore) -> None:
        self._store = store
        self._messages: dict[QueueKey, TaskQueueConfig] = {}
        self._configs: dict[QueueKey, QueueConfig] = {}
        self._listeners: list[Callable[[NamespaceId], None]] = []
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read all configurations."""
        async with self._changing:
            await self._reload()

    def listen(self, listener: Callable[[NamespaceId], None]) -> None:
        """Have somebody told that a queue of a namespace has another configuration."""
        self._listeners.append(listener)

    def message(self, queue: QueueKey) -> TaskQueueConfig | None:
        """Return the configuration of a queue as the API tells it; None if it was never set."""
        return self._messages.get(queue)

    def config(self, queue: QueueKey) -> QueueConfig:
        """Return the configuration of a queue; that of a version has that of its queue."""
        if not self._configs:
            return UNCONFIGURED
        found = self._configs.get(queue)
        if found is not None:
            return found
        return self._of_version(queue)

    def weights(self, queue: QueueKey) -> Mapping[str, float]:
        """Return the weights that a queue sets."""
        return self.config(queue).weights

    async def change(
        self, queue: QueueKey, change: Callable[[TaskQueueConfig], TaskQueueConfig]
    ) -> TaskQueueConfig:
        """Change the newest configuration of a queue, durably. Raises what `change` raises."""
        async with self._changing:
            after = change(self._messages.get(queue, TaskQueueConfig()))
            try:
                await self._store.put_namespace_record(
                    _KIND, queue.namespace_id, _record_name(queue), after.SerializeToString()
                )
            except Exception:
                # The outcome may have been either, so the store is asked what is true now.
                await self._reload()
                raise
            self._messages[queue] = after
            self._configs[queue] = queue_config(after)
            for listener in self._listeners:
                listener(queue.namespace_id)
            return after

    def _of_version(self, queue: QueueKey) -> QueueConfig:
        candidates = [
            configured
            for configured in self._configs
            if configured.namespace_id == queue.namespace_id
            and configured.queue_type is queue.queue_type
            and is_queue_of_version(queue.name, configured.name)
        ]
        if not candidates:
            return UNCONFIGURED
        return self._configs[max(candidates, key=lambda one: len(one.name))]

    async def _reload(self) -> None:
        self._messages = {
            _queue(namespace_id, name): TaskQueueConfig.FromString(record)
            for namespace_id, name, record in await self._store.load_namespace_records(_KIND)
        }
        self._configs = {queue: queue_config(one) for queue, one in self._messages.items()}


def _record_name(queue: QueueKey) -> str:
    return f"{queue.queue_type.value}{_DELIMITER}{queue.name}"


def _queue(namespace_id: NamespaceId, record_name: str) -> QueueKey:
    queue_type, _, name = record_name.partition(_DELIMITER)
    return QueueKey(namespace_id, QueueType(int(queue_type)), name)
