"""The versioning rules of all task queues, in memory, over their store.

Owns their index, the order of changes and the routing that follows, from rules or, where a queue
has none, from its compatible sets. What a change may be is decided in
`engine.deployment.versioning_rules`.
"""

import asyncio
from collections.abc import Callable

from indelible.base.ids import NamespaceId
from indelible.base.limits import TASK_QUEUES_LOADED_MAX
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.deployment.versioning_rules import (
    NO_RULES,
    VersioningRules,
    decode_rules,
    encode_rules,
    route_by_rules,
    route_by_sets,
)
from indelible.ports.stores import NamespaceRecordKind, NamespaceRecordStore
from indelible.services.build_id_sets import BuildIdSetRegistry

_KIND = NamespaceRecordKind.VERSIONING_RULES
_Queue = tuple[NamespaceId, str]


class VersioningRuleRegistry:
    """The rules of all queues that have any. `load` comes first; reads never wait."""

    def __init__(self, store: NamespaceRecordStore, sets: BuildIdSetRegistry) -> None:
        self._store = store
        self._sets = sets
        self._rules: dict[_Queue, VersioningRules] = {}
        self._routings: dict[_Queue, QueueRouting | None] = {}
        self._listeners: list[Callable[[NamespaceId], None]] = []
        self._changing = asyncio.Lock()
        sets.listen(self._announce)

    async def load(self) -> None:
        """Read all rules."""
        async with self._changing:
            await self._reload()

    def listen(self, listener: Callable[[NamespaceId], None]) -> None:
        """Have somebody told that queues of a namespace may be routed otherwise."""
        self._listeners.append(listener)

    def of_queue(self, namespace_id: NamespaceId, queue_name: str) -> VersioningRules:
        """Return the rules of a queue."""
        return self._rules.get((namespace_id, queue_name), NO_RULES)

    def routing(self, namespace_id: NamespaceId, queue_name: str) -> QueueRouting | None:
        """Return where the tasks of a queue go; None if it is not versioned in this way."""
        if not (self._rules or self._sets.has_any):
            return None
        queue = (namespace_id, queue_name)
        if queue not in self._routings:
            if len(self._routings) >= TASK_QUEUES_LOADED_MAX:
                self._routings.clear()
            self._routings[queue] = self._route(queue)
        return self._routings[queue]

    async def change(
        self,
        namespace_id: NamespaceId,
        queue_name: str,
        change: Callable[[VersioningRules], VersioningRules],
    ) -> VersioningRules:
        """Apply an operation to the newest rules of a queue, durably. Raises what it raises."""
        async with self._changing:
            after = change(self.of_queue(namespace_id, queue_name))
            try:
                await self._store.put_namespace_record(
                    _KIND, namespace_id, queue_name, encode_rules(after)
                )
            except Exception:
                # The outcome may have been either, so the store is asked what is true now.
                await self._reload()
                raise
            self._rules[namespace_id, queue_name] = after
            self._announce(namespace_id)
            return after

    def _route(self, queue: _Queue) -> QueueRouting | None:
        rules = self._rules.get(queue, NO_RULES)
        if rules.assignments or rules.redirects:
            return route_by_rules(rules)
        sets = self._sets.of_queue(*queue)
        return route_by_sets(sets) if sets else None

    def _announce(self, namespace_id: NamespaceId) -> None:
        self._routings.clear()
        for listener in self._listeners:
            listener(namespace_id)

    async def _reload(self) -> None:
        self._rules = {
            (namespace_id, name): decode_rules(record)
            for namespace_id, name, record in await self._store.load_namespace_records(_KIND)
        }
        self._routings.clear()
