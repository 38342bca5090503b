"""`indelible activity ...`: activities, with and without a workflow."""

from typing import Final

from indelible.cli.tables.model import Group, command, decimal, flag, span, text, whole
from indelible.cli.tables.shared import (
    HEADERS,
    LIMIT,
    PAGE_SIZE,
    PAYLOADS,
    PRIORITY,
    QUERY,
    RAW,
    REASON,
    RUN_ID,
    STATIC_TEXTS,
    TASK_QUEUE,
    YES,
)

_ID: Final = text("--activity-id -a", "the activity", metavar="ID", required=True)
_ANY_ID: Final = text("--activity-id -a", "one activity; or --query for many", metavar="ID")
_WORKFLOW_ID: Final = text("--workflow-id -w", "its workflow, if it has one", metavar="ID")
_RPS: Final = decimal("--rps", "with --query: at most so many a second")
_JITTER: Final = span("--jitter", "start at a random time up to so much later")
_RESTORE: Final = flag("--restore-original-options", "go back to the options it was started with")
_STANDALONE: Final = (_ANY_ID, RUN_ID, QUERY, REASON, YES, _RPS)
"""Activities without a workflow: one, or many."""
_OF_WORKFLOW: Final = (_ANY_ID, _WORKFLOW_ID, RUN_ID, QUERY, REASON, YES, _RPS)
_TIMEOUTS: Final = (
    span("--schedule-to-close-timeout", "limit of all attempts together"),
    span("--schedule-to-start-timeout", "limit of the wait for a worker"),
    span("--start-to-close-timeout", "limit of one attempt"),
    span("--heartbeat-timeout", "limit between two heartbeats"),
    span("--start-delay", "wait so long before the first attempt"),
)
_RETRY: Final = (
    span("--retry-initial-interval", "wait before the second attempt"),
    span("--retry-maximum-interval", "longest wait between attempts"),
    decimal("--retry-backoff-coefficient", "factor from one wait to the next"),
    whole("--retry-maximum-attempts", "at most so many attempts"),
)
_START: Final = (
    _ID,
    text("--type", "activity type", metavar="NAME", required=True),
    TASK_QUEUE,
    *_TIMEOUTS,
    *_RETRY,
    text(
        "--id-reuse-policy",
        "if a closed activity has the id",
        of=("AllowDuplicate", "AllowDuplicateFailedOnly", "RejectDuplicate"),
    ),
    text("--id-conflict-policy", "if a running one has the id", of=("Fail", "UseExisting")),
    text("--search-attribute", "search attribute", metavar="KEY=JSON", many=True),
    HEADERS,
    *STATIC_TEXTS,
    *PRIORITY,
    *PAYLOADS,
)

GROUP: Final = Group(
    name="activity",
    summary="activities, with and without a workflow",
    commands=(
        command(
            "activity cancel",
            "ask an activity without a workflow to cancel",
            "activity_steering:cancel",
            _STANDALONE,
        ),
        command(
            "activity complete",
            "complete an activity in place of its worker",
            "activity_steering:complete",
            _ID,
            _WORKFLOW_ID,
            RUN_ID,
            text("--result", "its result", metavar="JSON", required=True),
        ),
        command("activity count", "count activities without a workflow", "activities:count", QUERY),
        command(
            "activity delete",
            "delete an activity without a workflow",
            "activity_steering:delete",
            _STANDALONE,
        ),
        command(
            "activity describe",
            "show an activity without a workflow",
            "activities:describe",
            _ID,
            RUN_ID,
            RAW,
        ),
        command(
            "activity execute",
            "start an activity without a workflow and wait for its result",
            "activities:execute",
            _START,
        ),
        command(
            "activity fail",
            "fail an activity in place of its worker",
            "activity_steering:fail",
            _ID,
            _WORKFLOW_ID,
            RUN_ID,
            text("--detail", "detail of the failure", metavar="JSON"),
            REASON,
        ),
        command(
            "activity list",
            "list activities without a workflow",
            "activities:list_activities",
            QUERY,
            LIMIT,
            PAGE_SIZE,
        ),
        command(
            "activity pause",
            "pause an activity",
            "activity_options:pause",
            _ID,
            _WORKFLOW_ID,
            RUN_ID,
            REASON,
        ),
        command(
            "activity reset",
            "begin an activity anew, with its first attempt",
            "activity_options:reset",
            _OF_WORKFLOW,
            flag("--keep-paused", "leave it paused if it is"),
            _JITTER,
            _RESTORE,
        ),
        command(
            "activity result",
            "wait for the result of an activity without a workflow",
            "activities:result",
            _ID,
            RUN_ID,
        ),
        command(
            "activity start", "start an activity without a workflow", "activities:start", _START
        ),
        command(
            "activity terminate",
            "end an activity without a workflow at once",
            "activity_steering:terminate",
            _STANDALONE,
        ),
        command(
            "activity unpause",
            "let a paused activity go on",
            "activity_options:unpause",
            _OF_WORKFLOW,
            _JITTER,
        ),
        command(
            "activity update-options",
            "change timeouts, retries or the task queue of an activity",
            "activity_options:update_options",
            _OF_WORKFLOW,
            text("--task-queue", "another task queue", metavar="NAME"),
            _TIMEOUTS,
            _RETRY,
            _RESTORE,
        ),
    ),
)
