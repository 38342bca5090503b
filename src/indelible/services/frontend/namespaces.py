"""Requests about namespaces.

Owns their answers: what a namespace looks like to a client, with the capabilities and limits that
hold in it (semantics 13). The rules of change are `engine.namespace`'s.
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ArchivalState, NamespaceState, ReplicationState
from temporalio.api.namespace.v1 import BadBinaryInfo, NamespaceConfig, NamespaceInfo
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest, DeleteNamespaceResponse
from temporalio.api.replication.v1 import ClusterReplicationConfig, NamespaceReplicationConfig
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceRequest,
    DeprecateNamespaceResponse,
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    ListNamespacesRequest,
    ListNamespacesResponse,
    RegisterNamespaceRequest,
    RegisterNamespaceResponse,
    UpdateNamespaceRequest,
    UpdateNamespaceResponse,
)

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.fresh_ids import uuid_text
from indelible.base.ids import NamespaceId
from indelible.base.instants import duration_message
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.engine.namespace.record import DELETED, Namespace
from indelible.engine.namespace.registration import (
    CLUSTER_NAME,
    delete_namespace,
    deprecate_namespace,
    register_namespace,
    update_namespace,
)
from indelible.ports.clock import Clock
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import LimitsOf
from indelible.services.frontend.capabilities import namespace_capabilities, supports_schedules
from indelible.services.frontend.routes import Routes, cluster_route, namespace_route
from indelible.services.frontend.validation import checked_duration
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

NAMESPACES_PAGE_SIZE_DEFAULT: Final = 100
_NODE: Final = ""
NAMESPACES_PAGE_SIZE_MAX: Final = 1_000


class NamespaceHandlers:
    """Answers the requests about namespaces."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        endpoints: NexusEndpointRegistry,
        clock: Clock,
        entropy: Entropy,
        limits_of: LimitsOf,
    ) -> None:
        self._registry = registry
        self._endpoints = endpoints
        self._clock = clock
        self._entropy = entropy
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers of WorkflowService by the name of their RPC."""
        return {
            "RegisterNamespace": cluster_route(RegisterNamespaceRequest, self._register),
            "DescribeNamespace": cluster_route(DescribeNamespaceRequest, self._describe),
            "ListNamespaces": cluster_route(ListNamespacesRequest, self._list),
            "UpdateNamespace": namespace_route(UpdateNamespaceRequest, self._update),
            "DeprecateNamespace": namespace_route(DeprecateNamespaceRequest, self._deprecate),
        }

    def operator_routes(self) -> Routes:
        """Return the handlers of OperatorService by the name of their RPC."""
        return {"DeleteNamespace": namespace_route(DeleteNamespaceRequest, self._delete)}

    async def _register(self, request: RegisterNamespaceRequest, _call: Call) -> Message:
        if not request.namespace:
            raise InvalidArgumentError("Namespace not set on request.")
        namespace = register_namespace(
            request,
            namespace_id=NamespaceId(uuid_text(self._entropy.token(16))),
            now=self._clock.now(),
            retention_min=self._limits_of(request.namespace).retention_min,
        )
        await self._registry.register(namespace)
        return RegisterNamespaceResponse()

    async def _describe(self, request: DescribeNamespaceRequest, _call: Call) -> Message:
        if request.namespace and request.id:
            raise InvalidArgumentError(
                "GetNamespace operation failed. Both ID and Name specified in request."
            )
        if request.id:
            return self._description(self._registry.by_id(request.id))
        if not request.namespace:
            raise InvalidArgumentError("Namespace not set on request.")
        return self._description(self._registry.by_name(request.namespace))

    async def _list(self, request: ListNamespacesRequest, _call: Call) -> Message:
        size = request.page_size if request.page_size > 0 else NAMESPACES_PAGE_SIZE_DEFAULT
        size = min(size, NAMESPACES_PAGE_SIZE_MAX)
        # The token is the last id of the page before: pages stay stable while names come and go.
        after = request.next_page_token.decode("ascii", errors="replace")
        rest = [
            namespace
            for namespace in self._registry.in_order()
            if namespace.id > after
            and (namespace.state != DELETED or request.namespace_filter.include_deleted)
        ]
        page = rest[:size]
        return ListNamespacesResponse(
            namespaces=[self._description(namespace) for namespace in page],
            next_page_token=page[-1].id.encode() if len(rest) > size else b"",
        )

    async def _update(
        self, request: UpdateNamespaceRequest, namespace: Namespace, _call: Call
    ) -> Message:
        now = self._clock.now()
        retention_min = self._limits_of(namespace.name).retention_min
        changed = await self._registry.change(
            namespace.id,
            lambda newest: update_namespace(newest, request, now=now, retention_min=retention_min),
        )
        description = self._description(changed)
        return UpdateNamespaceResponse(
            namespace_info=description.namespace_info,
            config=description.config,
            replication_config=description.replication_config,
        )

    async def _deprecate(
        self, _request: DeprecateNamespaceRequest, namespace: Namespace, _call: Call
    ) -> Message:
        now = self._clock.now()
        await self._registry.change(
            namespace.id, lambda newest: deprecate_namespace(newest, now=now)
        )
        return DeprecateNamespaceResponse()

    async def _delete(
        self, request: DeleteNamespaceRequest, namespace: Namespace, _call: Call
    ) -> Message:
        limits, now = self._limits_of(_NODE), self._clock.now()
        delay = limits.namespace_delete_delay
        if request.HasField("namespace_delete_delay"):
            delay = checked_duration(request.namespace_delete_delay, "NamespaceDeleteDelay")

        def delete(newest: Namespace) -> Namespace:
            deleted = delete_namespace(
                newest, now=now, delay=delay, protected=limits.protected_namespaces
            )
            endpoint = self._endpoints.leading_to(newest.id)
            if endpoint is not None and not limits.deletion_despite_nexus_endpoints:
                raise FailedPreconditionError(
                    "cannot delete a namespace that is a target of a Nexus endpoint "
                    f"{endpoint.name}"
                )
            return deleted

        deleted = await self._registry.change(namespace.id, delete)
        return DeleteNamespaceResponse(deleted_namespace=deleted.name)

    def _description(self, namespace: Namespace) -> DescribeNamespaceResponse:
        limits = self._limits_of(namespace.name)
        return DescribeNamespaceResponse(
            namespace_info=NamespaceInfo(
                name=namespace.name,
                id=namespace.id,
                state=NamespaceState.ValueType(namespace.state),
                description=namespace.description,
                owner_email=namespace.owner_email,
                data=namespace.data,
                capabilities=namespace_capabilities(limits),
                limits=NamespaceInfo.Limits(
                    blob_size_limit_error=limits.blob_bytes_max,
                    memo_size_limit_error=limits.memo_bytes_max,
                    # All that the transport takes of a completion, which comes in one request. The
                    # reference (1.32) tells how much it would take in pages, which it refuses too.
                    workflow_task_completion_size_limit_error=MESSAGE_BYTES_MAX,
                ),
                supports_schedules=supports_schedules(),
            ),
            config=_config(namespace),
            replication_config=NamespaceReplicationConfig(
                active_cluster_name=CLUSTER_NAME,
                clusters=[ClusterReplicationConfig(cluster_name=CLUSTER_NAME)],
                state=ReplicationState.REPLICATION_STATE_NORMAL,
            ),
        )


def _config(namespace: Namespace) -> NamespaceConfig:
    config = NamespaceConfig(
        workflow_execution_retention_ttl=duration_message(namespace.retention),
        history_archival_state=ArchivalState.ARCHIVAL_STATE_DISABLED,
        visibility_archival_state=ArchivalState.ARCHIVAL_STATE_DISABLED,
        custom_search_attribute_aliases={
            field: name for name, field in namespace.search_attribute_fields.items()
        },
    )
    config.bad_binaries.SetInParent()
    for checksum, binary in namespace.bad_binaries.items():
        config.bad_binaries.binaries[checksum].CopyFrom(BadBinaryInfo.FromString(binary))
    return config
