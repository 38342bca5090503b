"""A server, and the official UI server in front of it.

Owns both processes and their ports. Must not know the pages.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from scripts.cli_check.sides import SERVER_SETTINGS
from tests.server_process import ServerExecutable, ServerProcess, free_port

_READY_SECONDS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 0.05
_HEARTBEAT_INTERVAL: Final = timedelta(seconds=1)
"""The SDK's own is a minute; until then there are no workers to be seen."""
_CONFIGURATION: Final = """\
temporalGrpcAddress: {server}
host: 127.0.0.1
port: {port}
enableUi: true
cors:
  allowOrigins: ["http://127.0.0.1:{port}"]
defaultNamespace: default
disableNewsFetch: true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One server with a UI."""

    client: Client
    ui: str
    """Address of the UI, without a slash at its end."""


@asynccontextmanager
async def side(
    executable: ServerExecutable, *, ui_server: Path, folder: Path
) -> AsyncIterator[Side]:
    """Run a server and its UI, with their files in a folder, for the time of the context."""
    with _server(executable, folder) as server:
        client = await server.connect(
            runtime=Runtime(
                telemetry=TelemetryConfig(), worker_heartbeat_interval=_HEARTBEAT_INTERVAL
            )
        )
        with _ui(ui_server, server.address, folder) as port:
            await _answers(port)
            yield Side(client=client, ui=f"http://127.0.0.1:{port}")


@contextmanager
def _server(executable: ServerExecutable, folder: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(
        executable=executable,
        log=folder / "server.log",
        database=folder / "server.db",
        extra_arguments=[*chain(*(("--dynamic-config-value", one) for one in SERVER_SETTINGS))],
    )
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def _ui(executable: Path, address: str, folder: Path) -> Iterator[int]:
    port = free_port()
    (folder / "development.yaml").write_text(_CONFIGURATION.format(server=address, port=port))
    with (folder / "ui.log").open("ab") as log:
        process = subprocess.Popen(
            [str(executable), "--root", str(folder), "--config", ".", "start"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                writer.close()
                return
