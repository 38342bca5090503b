"""Namespaces."""

from argparse import Namespace as Options
from collections.abc import Iterable

from temporalio.api.enums.v1 import ArchivalState, NamespaceState, ReplicationState
from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.replication.v1 import ClusterReplicationConfig, NamespaceReplicationConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    ListNamespacesRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)

from indelible.cli.output import Color, Output
from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError, pairs
from indelible.cli.verbs.listing import pages
from indelible.cli.verbs.messages import enum_of, how_long, short_name, span_of

_PAGE_SIZE = 100


async def create(session: Session) -> None:
    """Make a namespace."""
    options = session.options
    name = _name(session)
    await session.workflows.register_namespace(
        RegisterNamespaceRequest(
            namespace=name,
            description=options.description or "",
            owner_email=options.email or "",
            workflow_execution_retention_period=span_of(options.retention),
            clusters=_clusters(options),
            active_cluster_name=options.active_cluster or "",
            data=pairs(options.data, "--data"),
            is_global_namespace=bool(getattr(options, "global")),
            # What is not asked for is off.
            history_archival_state=_archival(options.history_archival_state or "disabled"),
            history_archival_uri=options.history_uri or "",
            visibility_archival_state=_archival(options.visibility_archival_state or "disabled"),
            visibility_archival_uri=options.visibility_uri or "",
        )
    )
    session.output.say(session.output.colored(f"Namespace {name} made", Color.GREEN))


async def delete(session: Session) -> None:
    """Delete a namespace with all that is in it."""
    name = _name(session)
    session.confirm(f"Delete namespace {name} with all its workflows?")
    answer = await session.operator.delete_namespace(DeleteNamespaceRequest(namespace=name))
    session.output.message(answer)
    session.output.say(session.output.colored(f"Namespace {name} deleted", Color.GREEN))


async def describe(session: Session) -> None:
    """Show a namespace."""
    namespace_id: str = session.options.namespace_id or ""
    is_named = bool(session.options.argument or session.options.namespace)
    if namespace_id and is_named:
        raise ValueRefusedError("--namespace-id and a name exclude each other")
    answer = await session.workflows.describe_namespace(
        DescribeNamespaceRequest(id=namespace_id)
        if namespace_id
        else DescribeNamespaceRequest(namespace=_name(session))
    )
    session.output.message(answer)
    _print_namespace(session.output, answer)


async def list_namespaces(session: Session) -> None:
    """List namespaces."""
    output = session.output

    async def page(token: bytes) -> tuple[Iterable[DescribeNamespaceResponse], bytes]:
        answer = await session.workflows.list_namespaces(
            ListNamespacesRequest(page_size=_PAGE_SIZE, next_page_token=token)
        )
        return answer.namespaces, answer.next_page_token

    with output.listing():
        has_head = True
        async for items in pages(page, 0):
            for item in items:
                output.message(item)
            output.table(
                ("Name", "State", "Retention", "Id", "Description"),
                [
                    (
                        item.namespace_info.name,
                        short_name(NamespaceState, item.namespace_info.state),
                        how_long(item.config.workflow_execution_retention_ttl),
                        item.namespace_info.id,
                        item.namespace_info.description,
                    )
                    for item in items
                ],
                has_head=has_head,
            )
            has_head = False


async def update(session: Session) -> None:
    """Change a namespace."""
    options = session.options
    name = _name(session)
    if options.promote_global and options.active_cluster:
        raise ValueRefusedError("--promote-global and --active-cluster exclude each other")
    if options.promote_global:
        request = UpdateNamespaceRequest(namespace=name, promote_namespace=True)
    elif options.active_cluster:
        request = UpdateNamespaceRequest(
            namespace=name,
            replication_config=NamespaceReplicationConfig(
                active_cluster_name=options.active_cluster
            ),
        )
    else:
        before = await session.workflows.describe_namespace(
            DescribeNamespaceRequest(namespace=name)
        )
        request = _changed(options, name, before)
    answer = await session.workflows.update_namespace(request)
    session.output.message(answer)
    session.output.say(session.output.colored(f"Namespace {name} changed", Color.GREEN))


def _changed(
    options: Options, name: str, before: DescribeNamespaceResponse
) -> UpdateNamespaceRequest:
    """Return the request that leaves alone what was not asked for."""
    known = before.namespace_info
    retention = span_of(options.retention) or before.config.workflow_execution_retention_ttl
    return UpdateNamespaceRequest(
        namespace=name,
        update_info=UpdateNamespaceInfo(
            description=options.description or known.description,
            owner_email=options.email or known.owner_email,
            data=pairs(options.data, "--data"),
        ),
        config=NamespaceConfig(
            workflow_execution_retention_ttl=retention,
            history_archival_state=_archival(options.history_archival_state),
            history_archival_uri=options.history_uri or "",
            visibility_archival_state=_archival(options.visibility_archival_state),
            visibility_archival_uri=options.visibility_uri or "",
        ),
        replication_config=NamespaceReplicationConfig(
            clusters=_clusters(options),
            state=ReplicationState.ValueType(enum_of(ReplicationState, options.replication_state)),
        ),
    )


def _name(session: Session) -> str:
    options = session.options
    if options.argument and options.namespace and options.argument != options.namespace:
        raise ValueRefusedError(f"which one: {options.argument} or {options.namespace}?")
    return options.argument or session.namespace


def _clusters(options: Options) -> list[ClusterReplicationConfig]:
    return [ClusterReplicationConfig(cluster_name=name) for name in options.cluster]


def _archival(word: str | None) -> ArchivalState.ValueType:
    return ArchivalState.ValueType(enum_of(ArchivalState, word.capitalize() if word else None))


def _print_namespace(output: Output, answer: DescribeNamespaceResponse) -> None:
    known, config = answer.namespace_info, answer.config
    replication = answer.replication_config
    output.card(
        {
            "Name": known.name,
            "Id": known.id,
            "Description": known.description,
            "OwnerEmail": known.owner_email,
            "State": short_name(NamespaceState, known.state),
            "Data": dict(known.data),
            "Retention": how_long(config.workflow_execution_retention_ttl),
            "ActiveCluster": replication.active_cluster_name,
            "Clusters": ", ".join(one.cluster_name for one in replication.clusters),
            "HistoryArchival": short_name(ArchivalState, config.history_archival_state),
            "VisibilityArchival": short_name(ArchivalState, config.visibility_archival_state),
            "IsGlobal": answer.is_global_namespace,
            "SearchAttributeAliases": dict(config.custom_search_attribute_aliases),
        }
    )
