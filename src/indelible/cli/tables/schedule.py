"""`indelible schedule ...`: workflows started by the clock."""

from typing import Final

from indelible.cli.tables.model import Group, command, flag, instant, span, text, whole
from indelible.cli.tables.shared import PAYLOADS, QUERY, SPAN_OF_TIME, WORKFLOW_START

_ID: Final = text("--schedule-id -s", "the schedule", metavar="ID", required=True)
_OVERLAP: Final = text(
    "--overlap-policy",
    "what to do when a time comes and the workflow before still runs",
    of=("Skip", "BufferOne", "BufferAll", "CancelOther", "TerminateOther", "AllowAll"),
    default="Skip",
)
_CONFIGURATION: Final = (
    text("--calendar", "when, as JSON of a calendar", metavar="JSON", many=True),
    text("--cron", "when, as a cron string", metavar="SPEC", many=True),
    text("--interval", "how often, and from which offset", metavar="DURATION[/OFFSET]", many=True),
    span("--catchup-window", "make up for what was missed within this time"),
    span("--jitter", "start at a random time up to so much later"),
    instant("--start-time", "not before"),
    instant("--end-time", "not after"),
    text("--time-zone", "zone of calendars and cron strings", metavar="NAME"),
    text("--notes", "notes of its state"),
    flag("--paused", "pause it"),
    flag("--pause-on-failure", "pause it after a workflow failed"),
    whole("--remaining-actions", "start so many workflows and no more"),
)

GROUP: Final = Group(
    name="schedule",
    summary="workflows started by the clock",
    commands=(
        command(
            "schedule backfill",
            "start what would have been started in a span of time",
            "schedules:backfill",
            _ID,
            SPAN_OF_TIME,
            _OVERLAP,
        ),
        command(
            "schedule create",
            "make a schedule",
            "schedules:create",
            _ID,
            _CONFIGURATION,
            _OVERLAP,
            text(
                "--schedule-search-attribute",
                "search attribute of the schedule itself",
                metavar="KEY=JSON",
                many=True,
            ),
            text(
                "--schedule-memo",
                "entry of the schedule's own memo",
                metavar="KEY=JSON",
                many=True,
            ),
            WORKFLOW_START,
            PAYLOADS,
        ),
        command("schedule delete", "delete a schedule", "schedules:delete", _ID),
        command("schedule describe", "show a schedule", "schedules:describe", _ID),
        command(
            "schedule list",
            "list schedules",
            "schedules:list_schedules",
            QUERY,
            flag("--long -l", "show when and why as well"),
            flag("--really-long", "show everything"),
        ),
        command(
            "schedule list-matching-times",
            "show when a schedule would start workflows",
            "schedules:list_times",
            _ID,
            SPAN_OF_TIME,
        ),
        command(
            "schedule toggle",
            "pause a schedule, or let it go on",
            "schedules:toggle",
            _ID,
            flag("--pause", "pause it"),
            flag("--unpause", "let it go on"),
            text("--reason", "why; it is kept", default="(no reason provided)"),
        ),
        command("schedule trigger", "start a workflow now", "schedules:trigger", _ID, _OVERLAP),
        command(
            "schedule update",
            "replace what a schedule does, and when",
            "schedules:update",
            _ID,
            _CONFIGURATION,
            _OVERLAP,
            WORKFLOW_START,
            PAYLOADS,
        ),
    ),
)
