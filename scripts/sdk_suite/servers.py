"""The server that the suite runs against: one that we start, or one that the suite starts itself.

Owns the settings and the ways to the server. `external` gives the suite an address. `dev-server`
lets the suite start its own, as it does by default: the SDK looks into the temporary folder for the
official executable, as it may have downloaded it before, and finds ours there. The others let it
start the test server, or the dev server for workflows that skip time, found in the same way.
"""

import ast
import asyncio
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from tests.server_process import ServerExecutable, ServerProcess

# The suite starts its own server with these, and expects what they change.
SERVER_SETTINGS: Final = (
    "limit.historyCount.suggestContinueAsNew=50",
    "system.forceSearchAttributesCacheRefreshOnRead=true",
    "system.enableEagerWorkflowStart=true",
    "frontend.enableExecuteMultiOperation=true",
    "frontend.workerVersioningWorkflowAPIs=true",
    "frontend.workerVersioningDataAPIs=true",
    "frontend.enableCancelWorkerPollsOnShutdown=true",
    "system.enableDeploymentVersions=true",
    "frontend.activityAPIsEnabled=true",
    "component.nexusoperations.recordCancelRequestCompletionEvents=true",
    "activity.enableStandalone=true",
    "activity.startDelayEnabled=true",
    "history.enableChasm=true",
    "history.enableTransitionHistory=true",
    "history.enableCHASMCallbacks=true",
    "history.enableCHASMSignalBacklinks=true",
    "nexusoperation.enableStandalone=true",
    'system.refreshNexusEndpointsMinWait="0s"',
    "history.enableSignalWithStartFromWorkflow=true",
    "history.enableUpdateCallbacks=true",
    "activity.enableCallbacks=true",
)

WITH_TEST_SERVER: Final = ("time-skipping", "time-skipping-v1")
"""The suite's words for the older protocol: a server of its own, with one clock."""
WITH_TIME_SKIPPING: Final = "time-skipping-v2"
"""And for the newer one: the dev server, with a clock for each workflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How pytest reaches the server."""

    arguments: Sequence[str]


@contextmanager
def external_server(executable: ServerExecutable, folder: Path) -> Iterator[Access]:
    """A durable server of ours, for as long as the block lasts; its log stays in the folder."""
    server = ServerProcess(
        executable=executable,
        log=folder / "server.log",
        database=folder / "suite.db",
        extra_arguments=[*chain(*(("--dynamic-config-value", s) for s in SERVER_SETTINGS))],
    )
    server.start()
    try:
        asyncio.run(server.connect())
        yield Access(arguments=["-E", server.address])
    finally:
        server.kill()


def own_server(mode: str) -> Access:
    """Leave it to the suite to start one: by default a dev server, else one that skips time."""
    return Access(arguments=[] if mode == "dev-server" else ["-E", mode])


def seed_download(
    folder: Path,
    *,
    suite: Path,
    python: str,
    server: ServerExecutable,
    test_server: ServerExecutable | None,
) -> Path:
    """Return a temporary folder in which the SDK finds executables where downloads would be.

    Some tests start a dev server of their own in any mode, some a server that skips time.
    """
    temporary = folder / "tmp"
    temporary.mkdir()
    version = f"sdk-python-{_sdk_version(python)}"
    for name in (_pinned_version(suite), version):
        shutil.copy(server.launcher(folder), temporary / f"temporal-{name}")
    if test_server:
        shutil.copy(test_server.launcher(folder), temporary / f"temporal-test-server-{version}")
    return temporary


def _pinned_version(suite: Path) -> str:
    """The version of the dev server that the suite asks for, by the name it gives that constant."""
    module = ast.parse((suite / "tests" / "__init__.py").read_text(encoding="utf-8"))
    for node in module.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="DEV_SERVER_DOWNLOAD_VERSION")],
                value=ast.Constant(value=str(version)),
            ):
                return version
            case _:
                pass
    raise LookupError("the suite does not say which dev server it downloads")


def _sdk_version(python: str) -> str:
    words = [python, "-c", "import temporalio; print(temporalio.__version__)"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
