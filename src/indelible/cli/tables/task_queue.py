"""`indelible task-queue ...`: who polls, what waits, limits, and the older ways of versioning."""

from typing import Final

from indelible.cli.tables.model import Group, command, decimal, flag, text, whole
from indelible.cli.tables.shared import TASK_QUEUE, YES

_TYPES: Final = ("workflow", "activity", "nexus")
_TYPE: Final = text("--task-queue-type", "which of its queues", of=_TYPES, required=True)
_BUILD_ID: Final = text("--build-id", "the build id", metavar="ID", required=True)
_SOURCE: Final = text("--source-build-id", "from this build id", metavar="ID", required=True)
_TARGET: Final = text("--target-build-id", "to this build id", metavar="ID", required=True)
_INDEX: Final = whole("--rule-index -i", "place of the rule", required=True)
_SHARE: Final = decimal("--percentage", "share of new workflows", default=100)
_FORCE: Final = flag("--force", "even if no worker of it polls, or nothing unconditional remains")
_OLD: Final = "Worker deployments (`indelible worker deployment`) have replaced this."

GROUP: Final = Group(
    name="task-queue",
    summary="who polls, what waits, and limits",
    groups=(
        ("config", "rate limits and weights"),
        ("update-build-ids", "compatible sets of build ids (replaced by worker deployments)"),
        ("versioning", "assignment and redirect rules (replaced by worker deployments)"),
    ),
    commands=(
        command(
            "task-queue config get",
            "show limits and weights",
            "queue_config:get",
            TASK_QUEUE,
            _TYPE,
        ),
        command(
            "task-queue config set",
            "change limits and weights",
            "queue_config:set_config",
            TASK_QUEUE,
            _TYPE,
            text("--queue-rps-limit", "tasks a second; default removes it", metavar="N|default"),
            text("--queue-rps-limit-reason", "why; it is kept"),
            text(
                "--fairness-key-rps-limit-default",
                "tasks a second of each fairness key; default removes it",
                metavar="N|default",
            ),
            text("--fairness-key-rps-limit-reason", "why; it is kept"),
            text(
                "--fairness-key-weight",
                "weight of a fairness key; default removes it",
                metavar="KEY=N|default",
                many=True,
            ),
            flag("--fairness-key-weight-clear-all", "remove all weights"),
        ),
        command(
            "task-queue describe",
            "show who polls and what waits",
            "queues:describe",
            TASK_QUEUE,
            text("--task-queue-type", "only these of its queues", of=_TYPES, many=True),
            text("--select-build-id", "only this build id", metavar="ID", many=True),
            flag("--select-unversioned", "only what has no version"),
            flag("--select-all-active", "every build id that polls or has tasks"),
            flag("--report-reachability", "tell whether tasks may still come to a build id"),
            flag("--disable-stats", "leave out what waits"),
            flag("--legacy-mode", "one kind of queue, partition by partition: who polls"),
            text(
                "--task-queue-type-legacy",
                "in that mode: which of its queues",
                of=("workflow", "activity"),
                default="workflow",
            ),
            whole("--partitions-legacy", "in that mode: how many partitions", default=1),
            flag("--report-config", "in that mode: show limits and weights"),
        ),
        command(
            "task-queue get-build-id-reachability",
            "tell which workflows may still need a build id",
            "build_ids:reachability",
            text("--build-id", "the build id", metavar="ID", many=True),
            text("--task-queue -t", "only on this queue", metavar="NAME", many=True),
            text(
                "--reachability-type",
                "which workflows count",
                of=("open", "closed", "existing"),
                default="existing",
            ),
            notes=_OLD,
        ),
        command(
            "task-queue get-build-ids",
            "show the compatible sets",
            "build_ids:get",
            TASK_QUEUE,
            whole("--max-sets", "at most so many, the default one last", default=0),
            notes=_OLD,
        ),
        command(
            "task-queue list-partition", "list partitions", "queues:list_partitions", TASK_QUEUE
        ),
        command(
            "task-queue update-build-ids add-new-compatible",
            "add a build id to the set of another",
            "build_ids:add_compatible",
            TASK_QUEUE,
            _BUILD_ID,
            text("--existing-compatible-build-id", "the other", metavar="ID", required=True),
            flag("--set-as-default", "make the set the default one"),
            notes=_OLD,
        ),
        command(
            "task-queue update-build-ids add-new-default",
            "add a build id in a set of its own, the default one",
            "build_ids:add_default",
            TASK_QUEUE,
            _BUILD_ID,
            notes=_OLD,
        ),
        command(
            "task-queue update-build-ids promote-id-in-set",
            "make a build id the default of its set",
            "build_ids:promote_id",
            TASK_QUEUE,
            _BUILD_ID,
            notes=_OLD,
        ),
        command(
            "task-queue update-build-ids promote-set",
            "make a set the default one",
            "build_ids:promote_set",
            TASK_QUEUE,
            _BUILD_ID,
            notes=_OLD,
        ),
        command(
            "task-queue versioning add-redirect-rule",
            "let another build id take over",
            "queue_rules:add_redirect",
            TASK_QUEUE,
            _SOURCE,
            _TARGET,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning commit-build-id",
            "let a build id have all new workflows",
            "queue_rules:commit",
            TASK_QUEUE,
            _BUILD_ID,
            _FORCE,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning delete-assignment-rule",
            "delete an assignment rule",
            "queue_rules:delete_assignment",
            TASK_QUEUE,
            _INDEX,
            _FORCE,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning delete-redirect-rule",
            "delete a redirect rule",
            "queue_rules:delete_redirect",
            TASK_QUEUE,
            _SOURCE,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning get-rules",
            "show the rules",
            "queue_rules:get",
            TASK_QUEUE,
            notes=_OLD,
        ),
        command(
            "task-queue versioning insert-assignment-rule",
            "add an assignment rule",
            "queue_rules:insert_assignment",
            TASK_QUEUE,
            _BUILD_ID,
            whole("--rule-index -i", "place of the rule", default=0),
            _SHARE,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning replace-assignment-rule",
            "replace an assignment rule",
            "queue_rules:replace_assignment",
            TASK_QUEUE,
            _BUILD_ID,
            _INDEX,
            _SHARE,
            _FORCE,
            YES,
            notes=_OLD,
        ),
        command(
            "task-queue versioning replace-redirect-rule",
            "change where a redirect rule leads",
            "queue_rules:replace_redirect",
            TASK_QUEUE,
            _SOURCE,
            _TARGET,
            YES,
            notes=_OLD,
        ),
    ),
)
