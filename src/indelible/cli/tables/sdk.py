"""`indelible sdk ...`: let the official SDKs' test environments find our servers."""

from typing import Final

from indelible.cli.sdk_downloads import SDKS
from indelible.cli.tables.model import Group, command, text

_CHOICE: Final = (
    text("--sdk", "whose SDK", of=tuple(SDKS), default="python"),
    text(
        "--sdk-version",
        "which release of the SDK (default: the temporalio of this Python environment)",
        metavar="VERSION",
    ),
    text(
        "--download-version",
        "also for programs that ask for this version of a server",
        metavar="VERSION",
        many=True,
    ),
    text(
        "--folder",
        "where the SDK keeps downloads (default: the temporary folder)",
        metavar="FOLDER",
    ),
)

GROUP: Final = Group(
    name="sdk",
    summary="let the official SDKs' test environments find our servers",
    commands=(
        command(
            "sdk install",
            "put our servers where an SDK looks before it downloads one",
            "sdk_downloads:install",
            _CHOICE,
            is_local=True,
            notes="After that `WorkflowEnvironment.start_local()` and `start_time_skipping()` of"
            " the\nSDK run Indelible without being told of it, and need no network.",
        ),
        command(
            "sdk uninstall",
            "take them away, and put back what was there before",
            "sdk_downloads:uninstall",
            _CHOICE,
            is_local=True,
        ),
        command(
            "sdk status",
            "say what an SDK finds; the exit code is 0 if it is ours",
            "sdk_downloads:status",
            _CHOICE,
            is_local=True,
        ),
    ),
)
