"""`indelible worker ...`: the workers that are there, worker deployments and their versions."""

from typing import Final

from indelible.cli.tables.model import Group, command, decimal, flag, text
from indelible.cli.tables.shared import LIMIT, QUERY, YES

_NAME: Final = text("--name -d", "the deployment", metavar="NAME", required=True)
_DEPLOYMENT: Final = text("--deployment-name", "the deployment", metavar="NAME", required=True)
_VERSION: Final = (
    _DEPLOYMENT,
    text("--build-id", "build id of the version", metavar="ID", required=True),
)
_VERSION_OR_NONE: Final = (
    _DEPLOYMENT,
    text("--build-id", "build id of the version", metavar="ID"),
    flag("--unversioned", "the workers that have no version"),
)
_ROUTING: Final = (
    flag("--ignore-missing-task-queues", "even if it polls fewer task queues than the current one"),
    flag("--allow-no-pollers", "even if no worker of it polls"),
    YES,
)
_SYSTEM: Final = flag("--include-system-workers", "those that the server runs for itself, too")

GROUP: Final = Group(
    name="worker",
    summary="workers, and which of their versions gets which work",
    groups=(
        ("deployment", "worker deployments and their versions"),
        ("deployment manager-identity", "who alone may change a deployment"),
    ),
    commands=(
        command("worker count", "count workers", "workers:count", QUERY, _SYSTEM),
        command(
            "worker deployment create",
            "make a deployment before its first worker comes",
            "deployments:create",
            _NAME,
        ),
        command(
            "worker deployment create-version",
            "make a version before its first worker comes",
            "deployment_versions:create",
            _VERSION,
        ),
        command(
            "worker deployment delete",
            "delete a deployment that has no version any more",
            "deployments:delete",
            _NAME,
        ),
        command(
            "worker deployment delete-version",
            "delete a version that nobody polls for",
            "deployment_versions:delete",
            _VERSION,
            flag("--skip-drainage", "even if workflows still run on it"),
        ),
        command(
            "worker deployment describe",
            "show a deployment and its versions",
            "deployments:describe",
            _NAME,
        ),
        command(
            "worker deployment describe-version",
            "show a version and its task queues",
            "deployment_versions:describe",
            _VERSION,
            flag("--report-task-queue-stats", "tell what waits in its task queues, too"),
        ),
        command("worker deployment list", "list deployments", "deployments:list_deployments"),
        command(
            "worker deployment manager-identity set",
            "let only one identity change a deployment",
            "deployments:set_owner",
            _DEPLOYMENT,
            text("--manager-identity", "whom", metavar="NAME"),
            flag("--self", "whoever says this (--identity)"),
            YES,
        ),
        command(
            "worker deployment manager-identity unset",
            "let everybody change a deployment again",
            "deployments:unset_owner",
            _DEPLOYMENT,
            YES,
        ),
        command(
            "worker deployment set-current-version",
            "give new workflows to a version",
            "deployment_versions:set_current",
            _VERSION_OR_NONE,
            _ROUTING,
        ),
        command(
            "worker deployment set-ramping-version",
            "give a share of new workflows to a version",
            "deployment_versions:set_ramping",
            _VERSION_OR_NONE,
            decimal("--percentage", "the share, 0 to 100", default=0),
            flag("--delete", "let no version ramp any more"),
            _ROUTING,
        ),
        command(
            "worker deployment update-version-metadata",
            "change what is noted about a version",
            "deployment_versions:update_metadata",
            _VERSION,
            text("--metadata", "entry to set", metavar="KEY=JSON", many=True),
            text("--remove-entries", "entry to remove", metavar="KEY", many=True),
        ),
        command(
            "worker describe",
            "show a worker",
            "workers:describe",
            text("--worker-instance-key", "the worker", metavar="KEY", required=True),
        ),
        command("worker list", "list workers", "workers:list_workers", QUERY, LIMIT, _SYSTEM),
    ),
)
