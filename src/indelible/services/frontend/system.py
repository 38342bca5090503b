"""What the service says about itself.

Owns the version that it speaks and what the cluster looks like (semantics 14); what it can do is
the table of `capabilities`.
"""

from typing import Final

from google.protobuf.message import Message
from temporalio.api.operatorservice.v1 import (
    ClusterMetadata,
    ListClustersRequest,
    ListClustersResponse,
)
from temporalio.api.workflowservice.v1 import (
    GetClusterInfoRequest,
    GetClusterInfoResponse,
    GetSystemInfoRequest,
    GetSystemInfoResponse,
)

from indelible.engine.namespace.registration import CLUSTER_NAME
from indelible.ports.rpc import Call
from indelible.ports.stores import StoreDescription
from indelible.services.frontend.capabilities import system_capabilities
from indelible.services.frontend.routes import Routes, cluster_route

SERVER_VERSION: Final = "1.32.0"
"""The reference release whose behaviour this is. Clients compare it with what they support (trap
58), so it is no version of ours."""

SUPPORTED_CLIENTS: Final = {
    "temporal-go": "<2.0.0",
    "temporal-java": "<2.0.0",
    "temporal-php": "<2.0.0",
    "temporal-typescript": "<2.0.0",
    "temporal-cli": "<2.0.0",
    "temporal-server": "<2.0.0",
    "temporal-ui": "<3.0.0",
    "Nexus-go-sdk": "<2.0.0",
}
_FAILOVER_VERSION_INCREMENT: Final = 10
_INITIAL_FAILOVER_VERSION: Final = 1


class SystemHandlers:
    """Answers the requests about the cluster as a whole."""

    def __init__(self, *, store: StoreDescription, address: str, http_address: str) -> None:
        self._store = store
        self._address = address
        self._http_address = http_address

    def routes(self) -> Routes:
        """Return the handlers of WorkflowService by the name of their RPC."""
        return {
            "GetSystemInfo": cluster_route(GetSystemInfoRequest, self._system),
            "GetClusterInfo": cluster_route(GetClusterInfoRequest, self._cluster),
        }

    def operator_routes(self) -> Routes:
        """Return the handlers of OperatorService by the name of their RPC."""
        return {"ListClusters": cluster_route(ListClustersRequest, self._list_clusters)}

    async def _system(self, _request: GetSystemInfoRequest, _call: Call) -> Message:
        return GetSystemInfoResponse(
            server_version=SERVER_VERSION, capabilities=system_capabilities()
        )

    async def _cluster(self, _request: GetClusterInfoRequest, _call: Call) -> Message:
        return GetClusterInfoResponse(
            supported_clients=SUPPORTED_CLIENTS,
            server_version=SERVER_VERSION,
            cluster_id=self._store.cluster_id,
            cluster_name=CLUSTER_NAME,
            history_shard_count=self._store.shard_count,
            persistence_store=self._store.kind,
            visibility_store=self._store.kind,
            failover_version_increment=_FAILOVER_VERSION_INCREMENT,
            initial_failover_version=_INITIAL_FAILOVER_VERSION,
        )

    async def _list_clusters(self, _request: ListClustersRequest, _call: Call) -> Message:
        return ListClustersResponse(
            clusters=[
                ClusterMetadata(
                    cluster_name=CLUSTER_NAME,
                    cluster_id=self._store.cluster_id,
                    address=self._address,
                    http_address=self._http_address,
                    initial_failover_version=_INITIAL_FAILOVER_VERSION,
                    history_shard_count=self._store.shard_count,
                    is_connection_enabled=True,
                )
            ]
        )
