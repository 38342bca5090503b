"""`indelible workflow ...`: start, look at, steer and end workflows."""

from typing import Final

from indelible.cli.tables.model import Group, command, flag, text, whole
from indelible.cli.tables.shared import (
    DETAILED,
    HEADERS,
    LIMIT,
    PAGE_SIZE,
    PAYLOADS,
    QUERY,
    RAW,
    REASON,
    REJECT,
    RUN_ID,
    UPDATE_NAME,
    WAIT_FOR_STAGE,
    WORKFLOW,
    WORKFLOW_ID,
    WORKFLOW_OR_BATCH,
    WORKFLOW_START,
    WORKFLOW_START_ALONE,
    YES,
    prefixed,
)

_SIGNAL_NAME: Final = text("--name --type", "name of the signal", metavar="NAME", required=True)
_STARTED_UPDATE: Final = (
    text("--update-name --update-type", "name of the update", metavar="NAME", required=True),
    text("--update-id", "id of the update (default: a fresh one)", metavar="ID"),
    text("--update-first-execution-run-id", "first run of the chain", metavar="ID"),
    RUN_ID,
    *prefixed("update", PAYLOADS),
)
_UPDATE: Final = (
    UPDATE_NAME,
    WORKFLOW_ID,
    RUN_ID,
    text("--update-id", "id of the update (default: a fresh one)", metavar="ID"),
    text("--first-execution-run-id", "first run of the chain", metavar="ID"),
    HEADERS,
    *PAYLOADS,
)
_UPDATE_REFERENCE: Final = (
    WORKFLOW_ID,
    RUN_ID,
    text("--update-id", "the update", metavar="ID", required=True),
)
_VERSION: Final = (
    text("--versioning-override-deployment-name", "deployment of the version", metavar="NAME"),
    text("--versioning-override-build-id", "build id of the version", metavar="ID"),
)
_RESET: Final = (
    text("--workflow-id -w", "one workflow; or --query for many", metavar="ID"),
    RUN_ID,
    whole("--event-id -e", "end of the workflow task to go back to"),
    text("--reason", "why; it is kept", required=True),
    text(
        "--type -t",
        "which workflow task to go back to",
        of=("FirstWorkflowTask", "LastWorkflowTask", "LastContinuedAsNew", "BuildId"),
    ),
    text("--build-id", "with --type BuildId: the first task of it", metavar="ID"),
    text(
        "--reapply-exclude",
        "what not to apply again",
        of=("All", "Signal", "Update"),
        many=True,
    ),
    text(
        "--reapply-type",
        "what to apply again (--reapply-exclude says it better)",
        of=("All", "Signal", "None"),
        default="All",
    ),
    QUERY,
    YES,
)
_FILES: Final = (
    text("--source -s", "history to read", metavar="FILE", required=True),
    text("--target -t", "where to write it (default: to the terminal)", metavar="FILE"),
)

GROUP: Final = Group(
    name="workflow",
    summary="start, look at, steer and end workflows",
    groups=(("update", "send updates and ask for their outcome"),),
    commands=(
        command(
            "workflow cancel", "ask a workflow to cancel", "steering:cancel", WORKFLOW_OR_BATCH
        ),
        command("workflow count", "count workflows", "listing:count_workflows", QUERY),
        command("workflow delete", "delete a workflow", "steering:delete", WORKFLOW_OR_BATCH),
        command(
            "workflow describe",
            "show a workflow's state",
            "describing:describe_workflow",
            WORKFLOW,
            flag("--reset-points", "show only where a reset may lead"),
            RAW,
        ),
        command(
            "workflow execute",
            "start a workflow and wait for its result",
            "starting:execute",
            WORKFLOW_START,
            WORKFLOW_START_ALONE,
            PAYLOADS,
            DETAILED,
        ),
        command(
            "workflow execute-update-with-start",
            "send an update, starting the workflow if need be, and wait for its result",
            "starting:execute_update_with_start",
            WORKFLOW_START,
            WORKFLOW_START_ALONE,
            PAYLOADS,
            _STARTED_UPDATE,
        ),
        command(
            "workflow fix-history-json",
            "rewrite a history file in the names of today",
            "histories:fix",
            _FILES,
            is_local=True,
        ),
        command(
            "workflow list",
            "list workflows",
            "listing:list_workflows",
            QUERY,
            LIMIT,
            PAGE_SIZE,
            flag("--archived", "list those in the archive"),
        ),
        command(
            "workflow metadata",
            "ask a workflow which queries, signals and updates it knows",
            "querying:metadata",
            WORKFLOW,
            REJECT,
            HEADERS,
        ),
        command("workflow pause", "pause a workflow", "steering:pause", WORKFLOW, REASON),
        command(
            "workflow query",
            "ask a workflow about its state",
            "querying:query",
            WORKFLOW,
            text("--name --type", "name of the query", metavar="NAME", required=True),
            PAYLOADS,
            REJECT,
            HEADERS,
        ),
        command("workflow reset", "go back in a workflow's history", "resetting:reset", _RESET),
        command(
            "workflow reset with-workflow-update-options",
            "go back, and change the versioning of the new run",
            "resetting:reset_with_options",
            _RESET,
            text(
                "--versioning-override-behavior",
                "versioning of the new run",
                of=("pinned", "one_time", "auto_upgrade"),
                required=True,
            ),
            _VERSION,
        ),
        command("workflow result", "wait for a workflow's result", "histories:result", WORKFLOW),
        command(
            "workflow show",
            "show a workflow's history",
            "histories:show",
            WORKFLOW,
            flag("--follow -f", "go on until the workflow closes"),
            flag("--reverse", "newest first"),
            DETAILED,
        ),
        command(
            "workflow signal",
            "send a signal",
            "steering:signal",
            WORKFLOW_OR_BATCH,
            _SIGNAL_NAME,
            PAYLOADS,
        ),
        command(
            "workflow signal-with-start",
            "send a signal, starting the workflow if need be",
            "starting:signal_with_start",
            WORKFLOW_START,
            WORKFLOW_START_ALONE,
            PAYLOADS,
            text("--signal-name --signal-type", "the signal", metavar="NAME", required=True),
            prefixed("signal", PAYLOADS),
        ),
        command(
            "workflow stack", "show where a workflow's code is", "querying:stack", WORKFLOW, REJECT
        ),
        command(
            "workflow start",
            "start a workflow",
            "starting:start",
            WORKFLOW_START,
            WORKFLOW_START_ALONE,
            PAYLOADS,
        ),
        command(
            "workflow start-update-with-start",
            "send an update, starting the workflow if need be, and wait until it is accepted",
            "starting:start_update_with_start",
            WORKFLOW_START,
            WORKFLOW_START_ALONE,
            PAYLOADS,
            _STARTED_UPDATE,
            text("--update-wait-for-stage", "how far to wait", of=WAIT_FOR_STAGE, required=True),
        ),
        command(
            "workflow terminate",
            "end a workflow at once",
            "steering:terminate",
            WORKFLOW_OR_BATCH[:-1],
        ),
        command(
            "workflow trace",
            "watch a workflow, its activities and its children",
            "tracing:trace",
            WORKFLOW,
            text(
                "--fold",
                "do not unfold children in this state",
                metavar="STATUS",
                many=True,
            ),
            flag("--no-fold", "unfold every child"),
            whole("--depth", "unfold so many levels of children (-1: all)", default=-1),
            whole("--concurrency", "read so many histories at a time", default=10),
        ),
        command(
            "workflow unpause", "let a paused workflow go on", "steering:unpause", WORKFLOW, REASON
        ),
        command(
            "workflow update describe",
            "show how far an update is",
            "updating:describe",
            _UPDATE_REFERENCE,
        ),
        command(
            "workflow update execute",
            "send an update and wait for its result",
            "updating:execute",
            _UPDATE,
        ),
        command(
            "workflow update result",
            "wait for the result of an update",
            "updating:result",
            _UPDATE_REFERENCE,
        ),
        command(
            "workflow update start",
            "send an update and wait until it is accepted",
            "updating:start",
            _UPDATE,
            text("--wait-for-stage", "how far to wait", of=WAIT_FOR_STAGE, required=True),
        ),
        command(
            "workflow update-options",
            "change the versioning of a workflow",
            "steering:update_options",
            WORKFLOW_OR_BATCH,
            text(
                "--versioning-override-behavior",
                "what overrides the workflow's own behaviour",
                of=("unspecified", "pinned", "one_time", "auto_upgrade"),
                required=True,
            ),
            _VERSION,
        ),
    ),
)
