"""`indelible nexus ...`: Nexus operations without a workflow."""

from typing import Final

from indelible.cli.tables.model import Group, command, span, text
from indelible.cli.tables.shared import LIMIT, PAGE_SIZE, PAYLOADS, QUERY, RAW, REASON, RUN_ID

_ID: Final = text("--operation-id", "the operation", metavar="ID", required=True)
_START: Final = (
    text("--endpoint", "Nexus endpoint that leads to the handler", metavar="NAME", required=True),
    text("--service", "Nexus service", metavar="NAME", required=True),
    text("--operation", "operation of the service", metavar="NAME", required=True),
    _ID,
    span("--schedule-to-close-timeout", "limit of the whole operation"),
    span("--schedule-to-start-timeout", "limit of the wait until the handler has started it"),
    span("--start-to-close-timeout", "limit of the rest, if the handler goes on by itself"),
    text(
        "--id-conflict-policy",
        "if a running one has the id",
        of=("Fail", "UseExisting", "TerminateExisting"),
    ),
    text(
        "--id-reuse-policy", "if a closed one has the id", of=("AllowDuplicate", "RejectDuplicate")
    ),
    text("--search-attribute", "search attribute", metavar="KEY=JSON", many=True),
    text("--static-summary", "one line that says what it is, for people"),
    *PAYLOADS,
)

GROUP: Final = Group(
    name="nexus",
    summary="Nexus operations without a workflow",
    groups=(("operation", "start, look at and end operations"),),
    commands=(
        command(
            "nexus operation cancel",
            "ask an operation to cancel",
            "operation_steering:cancel",
            _ID,
            RUN_ID,
            REASON,
        ),
        command("nexus operation count", "count operations", "operations:count", QUERY),
        command(
            "nexus operation describe",
            "show an operation",
            "operations:describe",
            _ID,
            RUN_ID,
            RAW,
        ),
        command(
            "nexus operation execute",
            "start an operation and wait for its result",
            "operations:execute",
            _START,
        ),
        command(
            "nexus operation list",
            "list operations",
            "operations:list_operations",
            QUERY,
            LIMIT,
            PAGE_SIZE,
        ),
        command(
            "nexus operation result",
            "wait for the result of an operation",
            "operations:result",
            _ID,
            RUN_ID,
        ),
        command("nexus operation start", "start an operation", "operations:start", _START),
        command(
            "nexus operation terminate",
            "end an operation at once; its handler is not told",
            "operation_steering:terminate",
            _ID,
            RUN_ID,
            REASON,
        ),
    ),
)
