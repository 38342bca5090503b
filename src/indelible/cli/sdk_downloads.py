"""The places where the official SDKs keep the servers that they download, and what we put there.

Owns the names of those files and what becomes of a file that was there before. An SDK that is asked
for a local server without being told of an executable looks for such a file first and downloads
only if there is none; it takes what it finds. Must not know the command line.
"""

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

_SHEBANG: Final = "#!/bin/sh\n"
_MARK: Final = "# Put here by `indelible sdk install`; `indelible sdk uninstall` takes it away.\n"
_SET_ASIDE: Final = ".before-indelible"
_MODE: Final = stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH


class ServerKind(Enum):
    """A server that an SDK can download; the value is how our own is run by Python."""

    DEV_SERVER = ("-m", "indelible")
    TEST_SERVER = ("-c", "from indelible.cli.test_server import main; raise SystemExit(main())")


class Sdk(msgspec.Struct, frozen=True, kw_only=True):
    """How one SDK names what it has downloaded, up to a version."""

    own_version: Mapping[ServerKind, str]
    """Names of the version that belongs to this release of the SDK."""
    other_version: Mapping[ServerKind, str]
    """Names of a version that the caller has asked for."""


def _on_core(name: str) -> Sdk:
    return Sdk(
        own_version={
            ServerKind.DEV_SERVER: f"temporal-{name}-",
            ServerKind.TEST_SERVER: f"temporal-test-server-{name}-",
        },
        other_version={
            ServerKind.DEV_SERVER: "temporal-",
            ServerKind.TEST_SERVER: "temporal-test-server-",
        },
    )


SDKS: Final[Mapping[str, Sdk]] = {
    "python": _on_core("sdk-python"),
    "typescript": _on_core("sdk-typescript"),
    "dotnet": _on_core("sdk-dotnet"),
    "ruby": _on_core("sdk-ruby"),
    # Go's test environment skips time in the test's own process: it has a dev server only.
    "go": Sdk(
        own_version={ServerKind.DEV_SERVER: "temporal-cli-go-sdk-"},
        other_version={ServerKind.DEV_SERVER: "temporal-cli-"},
    ),
}
"""By the names of the command's flag. Java's test environments download nothing."""


class State(Enum):
    """What stands at a place; the value is the word that a person reads."""

    ABSENT = "nothing"
    OURS = "indelible"
    FOREIGN = "another executable"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One file that an SDK looks for, and the server that it expects there."""

    path: Path
    kind: ServerKind

    def state(self) -> State:
        """Return what stands there now. Raises `OSError` if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                beginning = file.read(len(_SHEBANG) + len(_MARK))
        except FileNotFoundError:
            return State.ABSENT
        return State.OURS if beginning == (_SHEBANG + _MARK).encode() else State.FOREIGN

    def install(self) -> None:
        """Put a launcher of ours there; another executable is set aside. Raises `OSError`.

        A test that starts at this moment finds the old file or the new one, never half of one.
        """
        if self.state() is State.FOREIGN:
            self.path.replace(self._aside)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix="indelible-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(_launcher(self.kind))
            Path(name).chmod(_MODE)
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def uninstall(self) -> bool:
        """Take ours away, put back what was there before; False if ours was not there."""
        if self.state() is not State.OURS:
            return False
        if self._aside.exists():
            self._aside.replace(self.path)
        else:
            self.path.unlink()
        return True

    @property
    def _aside(self) -> Path:
        return self.path.with_name(self.path.name + _SET_ASIDE)


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder where SDKs keep their downloads unless told otherwise."""
    return Path(environment.get("TMPDIR") or "/tmp")  # noqa: S108 - the SDKs' choice, not ours


def places(sdk: Sdk, *, sdk_version: str, downloaded: Sequence[str], folder: Path) -> list[Place]:
    """Return every file that this release of an SDK may look for.

    `downloaded` are versions of a server that programs ask for by name instead of taking the one
    that belongs to their SDK.
    """
    own = [(kind, prefix + sdk_version) for kind, prefix in sdk.own_version.items()]
    other = [
        (kind, prefix + version)
        for version in downloaded
        for kind, prefix in sdk.other_version.items()
    ]
    return [Place(path=folder / name, kind=kind) for kind, name in (*own, *other)]


def _launcher(kind: ServerKind) -> str:
    # -P: whatever lies in the folder of the user's tests is not ours to import.
    words = shlex.join((sys.executable, "-P", *kind.value))
    return f'{_SHEBANG}{_MARK}exec {words} "$@"\n'
