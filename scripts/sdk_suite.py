"""`make sdk-suite SUITE=checkout`: the official Python SDK's own tests against a server of ours.

Owns the server's settings and the folder that the tests run from. It must not know any test. The
suite needs an interpreter with the SDK's released wheel and the suite's packages: `--python`.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import Final

from tests.server_process import INDELIBLE, ServerProcess

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
    "activity.enableStandalone=true",
)


def main() -> int:
    """Return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", type=Path, required=True, help="checkout of the SDK")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the suite")
    parser.add_argument("pytest_arguments", nargs="*", help="after --: passed on to pytest")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sdk-suite-") as name:
        folder = Path(name)
        # The tests alone: beside the SDK's source they would import that, without its bridge.
        shutil.copytree(arguments.suite / "tests", folder / "tests")
        shutil.copy(arguments.suite / "pyproject.toml", folder)
        server = ServerProcess(
            executable=INDELIBLE,
            log=folder / "server.log",
            database=folder / "suite.db",
            extra_arguments=[*chain(*(("--dynamic-config-value", s) for s in SERVER_SETTINGS))],
        )
        server.start()
        try:
            asyncio.run(server.connect())
            words = [arguments.python, "-m", "pytest", "-E", server.address]
            words += arguments.pytest_arguments or ["tests"]
            return subprocess.run(words, cwd=folder, check=False).returncode
        finally:
            server.kill()
            sys.stderr.write(server.log_tail())


if __name__ == "__main__":
    sys.exit(main())
