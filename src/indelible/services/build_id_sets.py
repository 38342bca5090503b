"""The build-id sets of all task queues, in memory, over their store.

Owns their index and the order of changes. What a change may be is decided in
`engine.deployment.build_id_sets`.
"""

import asyncio
from collections.abc import Callable, Sequence

from indelible.base.ids import NamespaceId
from indelible.engine.deployment.build_id_sets import Sets, decode_sets, encode_sets
from indelible.ports.stores import NamespaceRecordKind, NamespaceRecordStore

_KIND = NamespaceRecordKind.BUILD_ID_SETS


class BuildIdSetRegistry:
    """The sets of all queues that have any. `load` comes first; reads never wait."""

    def __init__(self, store: NamespaceRecordStore) -> None:
        self._store = store
        self._sets: dict[NamespaceId, dict[str, Sets]] = {}
        self._listeners: list[Callable[[NamespaceId], None]] = []
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read all sets."""
        async with self._changing:
            await self._reload()

    def listen(self, listener: Callable[[NamespaceId], None]) -> None:
        """Have somebody told of every change."""
        self._listeners.append(listener)

    @property
    def has_any(self) -> bool:
        """Whether any queue has sets."""
        return bool(self._sets)

    def of_queue(self, namespace_id: NamespaceId, queue_name: str) -> Sets:
        """Return the sets of a queue; none for a queue that is not versioned."""
        return self._sets.get(namespace_id, {}).get(queue_name, ())

    def queues_with(self, namespace_id: NamespaceId, build_id: str) -> Sequence[str]:
        """Return the names of the queues whose sets have a build id, in order."""
        queues = self._sets.get(namespace_id, {})
        return [name for name in sorted(queues) if any(build_id in one for one in queues[name])]

    async def change(
        self, namespace_id: NamespaceId, queue_name: str, change: Callable[[Sets], Sets]
    ) -> None:
        """Apply a rule to the newest sets of a queue, durably. Raises what the rule raises."""
        async with self._changing:
            before = self.of_queue(namespace_id, queue_name)
            after = change(before)
            if after == before:
                return
            try:
                await self._store.put_namespace_record(
                    _KIND, namespace_id, queue_name, encode_sets(after)
                )
            except Exception:
                # The outcome may have been either, so the store is asked what is true now.
                await self._reload()
                raise
            self._sets.setdefault(namespace_id, {})[queue_name] = after
            for listener in self._listeners:
                listener(namespace_id)

    async def _reload(self) -> None:
        self._sets = {}
        for namespace_id, name, record in await self._store.load_namespace_records(_KIND):
            self._sets.setdefault(namespace_id, {})[name] = decode_sets(record)
