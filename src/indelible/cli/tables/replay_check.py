"""`indelible replay-check`: does the workflow code of today fit what has been recorded?"""

from typing import Final

from indelible.cli.tables.model import Group, command, text, whole
from indelible.cli.tables.shared import QUERY

_SUMMARY: Final = "replay recorded histories with the workflow code of today"

GROUP: Final = Group(
    name="replay-check",
    summary=_SUMMARY,
    commands=(
        command(
            "replay-check",
            _SUMMARY,
            "replaying:check",
            QUERY,
            text(
                "--workflow-id -w",
                "only the histories of this workflow",
                metavar="ID",
                many=True,
            ),
            text(
                "--from-file",
                "a history in JSON, or a folder of them, instead of a server's",
                metavar="PATH",
                many=True,
            ),
            text(
                "--data-converter",
                "the data converter of the workers, if it is not the default",
                metavar="MODULE:NAME",
            ),
            whole("--limit", "replay at most so many histories, the newest first", default=100),
            text(
                "--save",
                "also write the histories into this folder, for --from-file and other replayers",
                metavar="FOLDER",
            ),
            argument="MODULE[:WORKFLOW][,...]",
            offline=("from_file", "replaying:check_files"),
            notes="The code is that of one or more modules: of all their workflows, or of one.\n"
            "Without a query and ids it takes the newest runs of the workflow types that the"
            " code has.\nThe exit code is 0 only if at least one history was replayed, and none"
            " broke.",
        ),
    ),
)
