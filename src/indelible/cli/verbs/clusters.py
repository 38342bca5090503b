"""The cluster: what it is, whether it serves, which others it knows."""

from collections.abc import Iterable

from temporalio.api.operatorservice.v1 import (
    AddOrUpdateRemoteClusterRequest,
    ClusterMetadata,
    ListClustersRequest,
    RemoveRemoteClusterRequest,
)
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest, GetSystemInfoRequest

from indelible.cli.output import Color
from indelible.cli.session import CommandFailedError, Session
from indelible.cli.verbs.listing import page_size, print_list


async def describe(session: Session) -> None:
    """Show what the cluster is."""
    answer = await session.workflows.get_cluster_info(GetClusterInfoRequest())
    session.output.message(answer)
    rows: dict[str, str | int] = {
        "ClusterName": answer.cluster_name,
        "PersistenceStore": answer.persistence_store,
        "VisibilityStore": answer.visibility_store,
    }
    if session.options.detail:
        rows["HistoryShardCount"] = answer.history_shard_count
        rows["ServerVersion"] = answer.server_version
    session.output.card(rows)


async def health(session: Session) -> None:
    """Ask whether the server serves."""
    if not await session.service.check_health():
        raise CommandFailedError("the server does not serve")
    session.output.document({"status": "SERVING"})
    session.output.say(session.output.colored("SERVING", Color.GREEN))


async def system(session: Session) -> None:
    """Show what the server is capable of."""
    answer = await session.workflows.get_system_info(GetSystemInfoRequest())
    output = session.output
    output.message(answer)
    capable = answer.capabilities
    output.card({"ServerVersion": answer.server_version})
    output.title("Capabilities:")
    names = sorted(field.name for field in capable.DESCRIPTOR.fields)
    output.table(
        ("Name", "Capable"),
        [(name, bool(getattr(capable, name))) for name in names],
        has_head=False,
    )


async def list_clusters(session: Session) -> None:
    """List clusters."""

    async def page(token: bytes) -> tuple[Iterable[ClusterMetadata], bytes]:
        answer = await session.operator.list_clusters(
            ListClustersRequest(page_size=page_size(session), next_page_token=token)
        )
        return answer.clusters, answer.next_page_token

    await print_list(
        session,
        page,
        ("Name", "ClusterId", "Address", "HistoryShardCount", "IsConnectionEnabled"),
        lambda cluster: (
            cluster.cluster_name,
            cluster.cluster_id,
            cluster.address,
            cluster.history_shard_count,
            cluster.is_connection_enabled,
        ),
    )


async def upsert(session: Session) -> None:
    """Add a remote cluster, or change it."""
    options = session.options
    await session.operator.add_or_update_remote_cluster(
        AddOrUpdateRemoteClusterRequest(
            frontend_address=options.frontend_address,
            enable_remote_cluster_connection=bool(options.enable_connection),
            enable_replication=bool(options.enable_replication),
        )
    )
    session.output.document({"frontendAddress": options.frontend_address})
    session.output.say(f"Cluster at {options.frontend_address} added or changed")


async def remove(session: Session) -> None:
    """Forget a remote cluster."""
    name: str = session.options.name
    await session.operator.remove_remote_cluster(RemoveRemoteClusterRequest(cluster_name=name))
    session.output.document({"clusterName": name})
    session.output.say(f"Cluster {name} removed")
