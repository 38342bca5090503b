"""`indelible batch ...`: jobs on many workflows."""

from typing import Final

from indelible.cli.tables.model import Group, command, flag, text
from indelible.cli.tables.shared import LIMIT

_JOB: Final = text("--job-id", "the job", metavar="ID", required=True)

GROUP: Final = Group(
    name="batch",
    summary="look at and end jobs on many workflows",
    commands=(
        command(
            "batch describe",
            "show how far a job is",
            "jobs:describe",
            _JOB,
            flag("--follow -f", "go on until the job ends, with a bar on a terminal"),
        ),
        command("batch list", "list jobs", "jobs:list_jobs", LIMIT),
        command(
            "batch terminate",
            "end a job",
            "jobs:terminate",
            _JOB,
            text("--reason", "why; it is kept", required=True),
        ),
    ),
)
