"""`indelible operator ...`: namespaces, search attributes, Nexus endpoints, the cluster."""

from typing import Final

from indelible.cli.tables.model import Group, command, flag, span, text
from indelible.cli.tables.shared import LIMIT, YES

_STATES: Final = ("disabled", "enabled")
_NAMESPACE: Final = (
    text("--active-cluster", "cluster that is active", metavar="NAME"),
    text("--cluster", "cluster that has it", metavar="NAME", many=True),
    text("--data", "entry of its data", metavar="KEY=VALUE", many=True),
    text("--description", "what it is for"),
    text("--email", "whom to ask", metavar="ADDRESS"),
    text("--history-archival-state", "archival of histories", of=_STATES),
    text("--history-uri", "where histories are archived", metavar="URI"),
    text("--visibility-archival-state", "archival of visibility", of=_STATES),
    text("--visibility-uri", "where visibility is archived", metavar="URI"),
)
_ENDPOINT: Final = text("--name", "the endpoint", metavar="NAME", required=True)
_ENDPOINT_CONFIG: Final = (
    text("--description", "what it is for, Markdown allowed"),
    text("--description-file", "file with the description", metavar="FILE"),
    text("--target-namespace", "namespace of the handler", metavar="NAME"),
    text("--target-task-queue", "task queue of the handler", metavar="NAME"),
    text("--target-url", "URL of a handler elsewhere", metavar="URL"),
)
_ATTRIBUTES: Final = text("--name", "the attribute", metavar="NAME", required=True, many=True)

GROUP: Final = Group(
    name="operator",
    summary="namespaces, search attributes, Nexus endpoints, the cluster",
    groups=(
        ("cluster", "ask about the cluster"),
        ("namespace", "make, change and delete namespaces"),
        ("nexus", "Nexus endpoints"),
        ("nexus endpoint", "make, change and delete Nexus endpoints"),
        ("search-attribute", "add and remove search attributes"),
    ),
    commands=(
        command(
            "operator cluster describe",
            "show what the cluster is",
            "clusters:describe",
            flag("--detail", "show the number of shards and the version, too"),
        ),
        command("operator cluster health", "ask whether the server serves", "clusters:health"),
        command("operator cluster list", "list clusters", "clusters:list_clusters", LIMIT),
        command(
            "operator cluster remove",
            "forget a remote cluster",
            "clusters:remove",
            text("--name", "the cluster", metavar="NAME", required=True),
        ),
        command("operator cluster system", "show what the server is capable of", "clusters:system"),
        command(
            "operator cluster upsert",
            "add a remote cluster, or change it",
            "clusters:upsert",
            text("--frontend-address", "where it listens", metavar="HOST:PORT", required=True),
            flag("--enable-connection", "connect to it"),
            flag("--enable-replication", "replicate to it"),
        ),
        command(
            "operator namespace create",
            "make a namespace",
            "namespaces:create",
            _NAMESPACE,
            flag("--global", "replicate it"),
            span("--retention", "keep closed workflows so long", default="72h"),
            argument="NAMESPACE",
        ),
        command(
            "operator namespace delete",
            "delete a namespace with all that is in it",
            "namespaces:delete",
            YES,
            argument="NAMESPACE",
        ),
        command(
            "operator namespace describe",
            "show a namespace",
            "namespaces:describe",
            text("--namespace-id", "its id, instead of its name", metavar="ID"),
            argument="NAMESPACE",
        ),
        command("operator namespace list", "list namespaces", "namespaces:list_namespaces"),
        command(
            "operator namespace update",
            "change a namespace",
            "namespaces:update",
            _NAMESPACE,
            flag("--promote-global", "replicate it from now on"),
            text("--replication-state", "state of its replication", of=("normal", "handover")),
            span("--retention", "keep closed workflows so long"),
            argument="NAMESPACE",
        ),
        command(
            "operator nexus endpoint create",
            "make a Nexus endpoint",
            "endpoints:create",
            _ENDPOINT,
            _ENDPOINT_CONFIG,
        ),
        command(
            "operator nexus endpoint delete",
            "delete a Nexus endpoint",
            "endpoints:delete",
            _ENDPOINT,
        ),
        command("operator nexus endpoint get", "show a Nexus endpoint", "endpoints:get", _ENDPOINT),
        command("operator nexus endpoint list", "list Nexus endpoints", "endpoints:list_endpoints"),
        command(
            "operator nexus endpoint update",
            "change a Nexus endpoint",
            "endpoints:update",
            _ENDPOINT,
            _ENDPOINT_CONFIG,
            flag("--unset-description", "remove its description"),
        ),
        command(
            "operator search-attribute create",
            "add search attributes",
            "attributes:create",
            _ATTRIBUTES,
            text(
                "--type",
                "its type; as many as names",
                of=("Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"),
                required=True,
                many=True,
            ),
        ),
        command(
            "operator search-attribute list", "list search attributes", "attributes:list_attributes"
        ),
        command(
            "operator search-attribute remove",
            "remove search attributes",
            "attributes:remove",
            _ATTRIBUTES,
            YES,
        ),
    ),
)
