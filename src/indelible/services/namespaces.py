"""All namespaces, in memory, over their store.

Owns the index by id and by name, and the order of changes to it. What a change may be is decided in
`engine.namespace`; a change is visible to everybody as soon as it is durable.
"""

import asyncio
from collections.abc import Callable, Sequence

from temporalio.api.errordetails.v1 import NamespaceAlreadyExistsFailure

from indelible.base.errors import AlreadyExistsError, NotFoundError, namespace_not_found
from indelible.base.ids import NamespaceId, NamespaceName
from indelible.base.instants import Duration, Instant
from indelible.engine.namespace.record import (
    SYSTEM_NAMESPACE_ID,
    SYSTEM_NAMESPACE_NAME,
    SYSTEM_NAMESPACE_RETENTION,
    Namespace,
    decode_namespace,
    encode_namespace,
)
from indelible.ports.stores import NamespaceStore

Change = Callable[[Namespace], Namespace]


class NamespaceRegistry:
    """The namespaces of the cluster. `load` comes first; reads never wait."""

    def __init__(self, store: NamespaceStore) -> None:
        self._store = store
        self._by_id: dict[NamespaceId, Namespace] = {}
        self._by_name: dict[str, Namespace] = {}
        self._changing = asyncio.Lock()

    async def load(self, *, now: Instant) -> None:
        """Read all namespaces; on the first start, make the one that belongs to the system."""
        async with self._changing:
            await self._reload()
            if SYSTEM_NAMESPACE_ID not in self._by_id:
                await self._put(
                    Namespace(
                        id=SYSTEM_NAMESPACE_ID,
                        name=SYSTEM_NAMESPACE_NAME,
                        description="Temporal internal system namespace",
                        retention=SYSTEM_NAMESPACE_RETENTION,
                        created_at=now,
                        updated_at=now,
                    )
                )

    def by_name(self, name: str) -> Namespace:
        """Return a namespace; raise `NotFoundError` if there is none of that name."""
        namespace = self._by_name.get(name)
        if namespace is None:
            raise namespace_not_found(name)
        return namespace

    def by_id(self, namespace_id: str) -> Namespace:
        """Return a namespace; raise `NotFoundError` if there is none of that id."""
        namespace = self._by_id.get(NamespaceId(namespace_id))
        if namespace is None:
            raise namespace_not_found(namespace_id)
        return namespace

    def find(self, name: str) -> Namespace | None:
        """Return the namespace of a name, if there is one."""
        return self._by_name.get(name)

    def in_order(self) -> Sequence[Namespace]:
        """Return all namespaces, deleted ones too, in the order of their ids."""
        return [self._by_id[namespace_id] for namespace_id in sorted(self._by_id)]

    async def register(self, namespace: Namespace) -> None:
        """Add a namespace, durably; raise `AlreadyExistsError` if its name is in use."""
        async with self._changing:
            if namespace.name in self._by_name:
                raise AlreadyExistsError(
                    f'Namespace "{namespace.name}" already exists',
                    NamespaceAlreadyExistsFailure(),
                )
            await self._put(namespace)

    async def ensure(
        self, name: str, *, namespace_id: NamespaceId, retention: Duration, now: Instant
    ) -> Namespace:
        """Return the namespace of a name; make it with this id if there is none."""
        async with self._changing:
            found = self._by_name.get(name)
            if found is not None:
                return found
            made = Namespace(
                id=namespace_id,
                name=NamespaceName(name),
                retention=retention,
                created_at=now,
                updated_at=now,
            )
            await self._put(made)
            return made

    async def change(self, namespace_id: NamespaceId, change: Change) -> Namespace:
        """Apply a rule to the newest state of a namespace and return the result, durably.

        Nothing is written if the rule returns an equal namespace. Raises what the rule raises, and
        `NotFoundError` if the namespace is gone.
        """
        async with self._changing:
            before = self.by_id(namespace_id)
            after = change(before)
            if after != before:
                await self._put(after)
            return after

    async def remove(self, namespace_id: NamespaceId) -> None:
        """Forget a namespace, durably; an unknown one is ignored."""
        async with self._changing:
            try:
                namespace = self.by_id(namespace_id)
            except NotFoundError:
                return
            await self._store.delete_namespace(namespace_id)
            del self._by_id[namespace_id]
            self._by_name.pop(namespace.name, None)

    async def _put(self, namespace: Namespace) -> None:
        record = encode_namespace(namespace)
        try:
            await self._store.put_namespace(namespace.id, namespace.name, record)
        except Exception:
            # The outcome may have been either, so the store is asked what is true now.
            await self._reload()
            raise
        before = self._by_id.get(namespace.id)
        if before is not None:
            self._by_name.pop(before.name, None)
        self._by_id[namespace.id] = namespace
        self._by_name[namespace.name] = namespace

    async def _reload(self) -> None:
        rows = await self._store.load_namespaces()
        namespaces = [decode_namespace(record) for _, _, record in rows]
        self._by_id = {namespace.id: namespace for namespace in namespaces}
        self._by_name = {namespace.name: namespace for namespace in namespaces}
