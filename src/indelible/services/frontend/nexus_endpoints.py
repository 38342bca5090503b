"""Requests about Nexus endpoints.

Owns their answers and the pages of the list; the rules are `engine.nexus.endpoint`'s.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec
from temporalio.api.operatorservice.v1 import (
    CreateNexusEndpointRequest,
    CreateNexusEndpointResponse,
    DeleteNexusEndpointRequest,
    DeleteNexusEndpointResponse,
    GetNexusEndpointRequest,
    GetNexusEndpointResponse,
    ListNexusEndpointsRequest,
    ListNexusEndpointsResponse,
    UpdateNexusEndpointRequest,
    UpdateNexusEndpointResponse,
)

from indelible.base.errors import InvalidArgumentError, NotFoundError
from indelible.base.fresh_ids import uuid_text
from indelible.base.ids import NamespaceId
from indelible.base.limits import Limits
from indelible.engine.nexus.endpoint import (
    NexusEndpoint,
    check_endpoint_id,
    create_endpoint,
    endpoint_message,
    update_endpoint,
)
from indelible.ports.clock import Clock
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.routes import Routes, cluster_route
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

_NODE: Final = ""
"""Endpoints belong to no namespace."""


class NexusEndpointHandlers:
    """Answers the requests about Nexus endpoints."""

    def __init__(
        self,
        *,
        endpoints: NexusEndpointRegistry,
        namespaces: NamespaceRegistry,
        clock: Clock,
        entropy: Entropy,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._endpoints = endpoints
        self._namespaces = namespaces
        self._clock = clock
        self._entropy = entropy
        self._limits_of = limits_of

    def operator_routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "GetNexusEndpoint": cluster_route(GetNexusEndpointRequest, self._get),
            "CreateNexusEndpoint": cluster_route(CreateNexusEndpointRequest, self._create),
            "UpdateNexusEndpoint": cluster_route(UpdateNexusEndpointRequest, self._update),
            "DeleteNexusEndpoint": cluster_route(DeleteNexusEndpointRequest, self._delete),
            "ListNexusEndpoints": cluster_route(ListNexusEndpointsRequest, self._list),
        }

    async def _get(self, request: GetNexusEndpointRequest, _call: Call) -> Message:
        check_endpoint_id(request.id)
        return GetNexusEndpointResponse(endpoint=self._message(self._endpoints.by_id(request.id)))

    async def _create(self, request: CreateNexusEndpointRequest, _call: Call) -> Message:
        endpoint = create_endpoint(
            request.spec,
            endpoint_id=uuid_text(self._entropy.token(16)),
            namespace_id=self._target_namespace(request.spec),
            now=self._clock.now(),
            limits=self._limits_of(_NODE),
        )
        await self._endpoints.add(endpoint)
        return CreateNexusEndpointResponse(endpoint=self._message(endpoint))

    async def _update(self, request: UpdateNexusEndpointRequest, _call: Call) -> Message:
        check_endpoint_id(request.id, *_version_issues(request.version))
        namespace_id = self._target_namespace(request.spec)
        now, limits = self._clock.now(), self._limits_of(_NODE)
        endpoint = await self._endpoints.change(
            request.id,
            lambda newest: update_endpoint(
                newest,
                request.spec,
                version=request.version,
                namespace_id=namespace_id,
                now=now,
                limits=limits,
            ),
        )
        return UpdateNexusEndpointResponse(endpoint=self._message(endpoint))

    async def _delete(self, request: DeleteNexusEndpointRequest, _call: Call) -> Message:
        """Delete an endpoint, whatever its version: the reference does not compare it either."""
        check_endpoint_id(request.id, *_version_issues(request.version))
        await self._endpoints.remove(request.id)
        return DeleteNexusEndpointResponse()

    async def _list(self, request: ListNexusEndpointsRequest, _call: Call) -> Message:
        if request.name:
            found = self._endpoints.find(request.name)
            return ListNexusEndpointsResponse(
                endpoints=[] if found is None else [self._message(found)]
            )
        size = _page_size(request.page_size, self._limits_of(_NODE))
        # The token is the last id of the page before: pages stay stable while endpoints change.
        after = request.next_page_token.decode("ascii", errors="replace")
        rest = [endpoint for endpoint in self._endpoints.in_order() if endpoint.id > after]
        page = rest[:size]
        return ListNexusEndpointsResponse(
            endpoints=[self._message(endpoint) for endpoint in page],
            next_page_token=page[-1].id.encode() if len(rest) > size else b"",
        )

    def _target_namespace(self, spec: EndpointSpec) -> NamespaceId | None:
        namespace = self._namespaces.find(spec.target.worker.namespace)
        return namespace.id if namespace is not None else None

    def _message(self, endpoint: NexusEndpoint) -> Endpoint:
        try:
            name = self._namespaces.by_id(endpoint.namespace_id).name if not endpoint.url else ""
        except NotFoundError:
            name = ""
        return endpoint_message(endpoint, namespace_name=name)


def _version_issues(version: int) -> list[str]:
    return [] if version > 0 else ["endpoint version is non-positive"]


def _page_size(asked: int, limits: Limits) -> int:
    if asked < 0:
        raise InvalidArgumentError("page_size is negative")
    size_max = limits.nexus_endpoint_page_size_max
    if asked > size_max:
        raise InvalidArgumentError(f"page_size exceeds limit of {size_max}")
    return max(1, asked or limits.nexus_endpoint_page_size_default)
