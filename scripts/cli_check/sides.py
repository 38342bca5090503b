"""The two servers and the one command line that asks both of them.

Owns processes: the servers, the workers of the check, the commands. Must not judge an answer.
"""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from string import Template
from typing import Final

from temporalio.client import Client

from scripts.cli_check.programs import workers
from scripts.cli_check.steps import Values
from tests.server_process import ServerExecutable, ServerProcess, free_port

# What is switched off by default there; ours heeds the keys that it has and names the others.
SERVER_SETTINGS: Final = (
    "activity.enableStandalone=true",
    "activity.startDelayEnabled=true",
    "component.nexusoperations.recordCancelRequestCompletionEvents=true",
    "frontend.MaxConcurrentBatchOperationPerNamespace=1000",
    "frontend.ListWorkersEnabled=true",
    "frontend.enableCancelWorkerPollsOnShutdown=true",
    "frontend.WorkerHeartbeatsEnabled=true",
    "frontend.WorkflowPauseEnabled=true",
    "frontend.activityAPIsEnabled=true",
    "frontend.enableBatchOperationsForStandaloneActivities=true",
    "frontend.namespaceRPS.visibility=1000",
    "frontend.workerVersioningDataAPIs=true",
    "frontend.workerVersioningRuleAPIs=true",
    "frontend.workerVersioningWorkflowAPIs=true",
    "history.enableStandaloneActivityOperatorCommands=true",
    "history.enableChasm=true",
    "history.enableUpdateCallbacks=true",
    'matching.TaskQueueInfoByBuildIdTTL="0s"',
    "nexusoperation.enableStandalone=true",
    "system.enableDeploymentVersions=true",
    "system.enableDeployments=true",
    "system.forceSearchAttributesCacheRefreshOnRead=true",
    'system.refreshNexusEndpointsMinWait="0s"',
)
COMMAND_SECONDS_MAX: Final = 40.0
_ID_LENGTH_MIN: Final = 8
"""What is shorter may well stand for something else."""
_UNSET: Final = ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_ENV", "TEMPORAL_PROFILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command left behind."""

    code: int
    output: str
    error: str


@dataclass(slots=True, kw_only=True)
class Side:
    """One server under the same commands as the other."""

    cli: Path
    client: Client
    address: str
    folder: Path
    """Working folder of the commands, with the files that they write."""
    values: Values = field(default_factory=dict[str, str])

    def known(self) -> Mapping[str, str]:
        """The names of the ids that a normal form should show by name."""
        return {value: name for name, value in self.values.items() if len(value) >= _ID_LENGTH_MIN}

    async def run(self, command: str, *, is_text: bool) -> Answer:
        """Give one command to the executable and return what it said."""
        words = [Template(word).safe_substitute(self.values) for word in shlex.split(command)]
        process = await asyncio.create_subprocess_exec(
            *(str(self.cli), *words, *self._connection(words)),
            *("--color", "never", "--output", "text" if is_text else "json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=self._environment(),
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS_MAX):
                output, error = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return Answer(code=-1, output="", error=f"no end in {COMMAND_SECONDS_MAX:.0f} s")
        return Answer(
            code=process.returncode or 0, output=output.decode(), error=error.decode().strip()
        )

    def _connection(self, words: Sequence[str]) -> Sequence[str]:
        is_local = words[0] in {"env", "config"} or words[:2] == ["workflow", "fix-history-json"]
        return () if is_local or "--address" in words else ("--address", self.address)

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
        files = {
            "TEMPORAL_CONFIG_FILE": str(self.folder / "temporal.toml"),
            "XDG_CONFIG_HOME": str(self.folder),
            "HOME": str(self.folder),
        }
        return kept | files


@asynccontextmanager
async def side(executable: ServerExecutable, *, cli: Path, folder: Path) -> AsyncIterator[Side]:
    """One server, its workers, and a folder, for as long as the block lasts."""
    with _server(executable, folder) as server:
        client = await server.connect()
        workplace = folder / "work"
        workplace.mkdir()
        async with workers(client):
            yield Side(cli=cli, client=client, address=server.address, folder=workplace)


@contextmanager
def _server(executable: ServerExecutable, folder: Path) -> Iterator[ServerProcess]:
    folder.mkdir()
    settings = chain(*(("--dynamic-config-value", one) for one in SERVER_SETTINGS))
    server = ServerProcess(
        executable=executable,
        log=folder / "server.log",
        database=folder / "server.db",
        extra_arguments=["--http-port", str(free_port()), *settings],
    )
    server.start()
    try:
        yield server
    finally:
        server.kill()
