"""Our servers in the places where SDKs keep the servers that they download.

Owns which places the options speak of, and what is told of each.
"""

import os
from argparse import Namespace
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from indelible.cli.output import Output
from indelible.cli.sdk_downloads import SDKS, Place, State, places, temporary_folder
from indelible.cli.values import ValueRefusedError

_FAILED: Final = 1
_OWN_SDK: Final = "python"


def install(options: Namespace, output: Output) -> None:
    """Put ours there."""
    for place in _chosen(options):
        _told(place, output, place.install)


def uninstall(options: Namespace, output: Output) -> None:
    """Take ours away."""
    for place in _chosen(options):
        _told(place, output, place.uninstall)


def status(options: Namespace, output: Output) -> int:
    """Say what is there."""
    found = [_told(place, output, lambda: None) for place in _chosen(options)]
    return 0 if all(state is State.OURS for state in found) else _FAILED


def _told(place: Place, output: Output, act: Callable[[], object]) -> State:
    try:
        act()
        state = place.state()
    except OSError as error:
        raise ValueRefusedError(f"{place.path}: {error.strerror or error}") from None
    output.say(f"{place.path}: {state.value}")
    output.document({"path": str(place.path), "found": state.name.lower()})
    return state


def _chosen(options: Namespace) -> list[Place]:
    sdk_version: str | None = options.sdk_version or _installed_version(options.sdk)
    if sdk_version is None:
        raise ValueRefusedError(f"say which release of the {options.sdk} SDK: --sdk-version")
    return places(
        SDKS[options.sdk],
        sdk_version=sdk_version,
        downloaded=options.download_version,
        folder=Path(options.folder) if options.folder else temporary_folder(os.environ),
    )


def _installed_version(sdk: str) -> str | None:
    if sdk != _OWN_SDK:
        return None
    try:
        return version("temporalio")
    except PackageNotFoundError:
        return None
