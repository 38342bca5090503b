"""All Nexus endpoints, in memory, over their store.

Owns the index by id and by name, and the order of changes to it. What an endpoint may be is decided
in `engine.nexus.endpoint`; a change is visible to everybody as soon as it is durable.
"""

import asyncio
from collections.abc import Callable, Sequence

from indelible.base.errors import AlreadyExistsError, NotFoundError
from indelible.base.ids import NamespaceId
from indelible.engine.nexus.endpoint import NexusEndpoint, decode_endpoint, encode_endpoint
from indelible.ports.stores import NexusEndpointStore


class NexusEndpointRegistry:
    """The endpoints of the cluster. `load` comes first; reads never wait."""

    def __init__(self, store: NexusEndpointStore) -> None:
        self._store = store
        self._by_id: dict[str, NexusEndpoint] = {}
        self._by_name: dict[str, NexusEndpoint] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read all endpoints."""
        async with self._changing:
            await self._reload()

    def by_id(self, endpoint_id: str) -> NexusEndpoint:
        """Return an endpoint; raise `NotFoundError` if there is none of that id."""
        endpoint = self._by_id.get(endpoint_id)
        if endpoint is None:
            raise NotFoundError(f"could not find Nexus endpoint by ID: {endpoint_id}")
        return endpoint

    def find(self, name: str) -> NexusEndpoint | None:
        """Return the endpoint of a name, if there is one."""
        return self._by_name.get(name)

    def find_by_id(self, endpoint_id: str) -> NexusEndpoint | None:
        """Return the endpoint of an id, if there is one."""
        return self._by_id.get(endpoint_id)

    def in_order(self) -> Sequence[NexusEndpoint]:
        """Return all endpoints in the order of their ids."""
        return [self._by_id[endpoint_id] for endpoint_id in sorted(self._by_id)]

    def leading_to(self, namespace_id: NamespaceId) -> NexusEndpoint | None:
        """Return an endpoint that leads to a namespace, if there is one."""
        return next((one for one in self.in_order() if one.namespace_id == namespace_id), None)

    async def add(self, endpoint: NexusEndpoint) -> None:
        """Add an endpoint, durably; raise `AlreadyExistsError` if its name is in use."""
        async with self._changing:
            self._check_name(endpoint)
            await self._put(endpoint)

    async def change(
        self, endpoint_id: str, change: Callable[[NexusEndpoint], NexusEndpoint]
    ) -> NexusEndpoint:
        """Apply a rule to the newest state of an endpoint and return the result, durably.

        Raises what the rule raises, and `NotFoundError` if there is no such endpoint.
        """
        async with self._changing:
            after = change(self.by_id(endpoint_id))
            self._check_name(after)
            await self._put(after)
            return after

    async def remove(self, endpoint_id: str) -> None:
        """Forget an endpoint, durably; raise `NotFoundError` if there is none of that id."""
        async with self._changing:
            endpoint = self.by_id(endpoint_id)
            await self._store.delete_nexus_endpoint(endpoint_id)
            del self._by_id[endpoint_id]
            self._by_name.pop(endpoint.name, None)

    def _check_name(self, endpoint: NexusEndpoint) -> None:
        other = self._by_name.get(endpoint.name)
        if other is not None and other.id != endpoint.id:
            raise AlreadyExistsError(
                f"error creating Nexus endpoint. Endpoint with name {endpoint.name} already"
                " registered"
            )

    async def _put(self, endpoint: NexusEndpoint) -> None:
        try:
            await self._store.put_nexus_endpoint(
                endpoint.id, endpoint.name, encode_endpoint(endpoint)
            )
        except Exception:
            # The outcome may have been either, so the store is asked what is true now.
            await self._reload()
            raise
        before = self._by_id.get(endpoint.id)
        if before is not None:
            self._by_name.pop(before.name, None)
        self._by_id[endpoint.id] = endpoint
        self._by_name[endpoint.name] = endpoint

    async def _reload(self) -> None:
        rows = await self._store.load_nexus_endpoints()
        endpoints = [decode_endpoint(record) for _, _, record in rows]
        self._by_id = {endpoint.id: endpoint for endpoint in endpoints}
        self._by_name = {endpoint.name: endpoint for endpoint in endpoints}
