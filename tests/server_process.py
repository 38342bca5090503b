"""One real server as a child process: ours, or the reference when a path to it is given.

Owns the process, its ports, its data file and its log. It must not know what the server is asked.
"""

import asyncio
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError

SERVER_VARIABLE: Final = "INDELIBLE_TEST_SERVER"
READY_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 10.0
_POLL_SECONDS: Final = 0.02
_HEALTH_TIMEOUT: Final = timedelta(seconds=2)
_REPOSITORY: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerExecutable:
    """The words that start a server, up to and without its sub-command."""

    name: str
    words: tuple[str, ...]

    def launcher(self, folder: Path) -> Path:
        """One executable file, for callers that take nothing but a path (the SDKs do)."""
        if len(self.words) == 1:
            return Path(self.words[0])
        path = folder / f"{self.name}-launcher"
        # What the caller's interpreter is told to import is not meant for ours.
        path.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(_REPOSITORY / 'src'))}\n"
            "export PYTHONPATH\n"
            f'exec {shlex.join(self.words)} "$@"\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


INDELIBLE: Final = ServerExecutable(name="indelible", words=(sys.executable, "-m", "indelible"))
TEST_SERVER: Final = ServerExecutable(
    name="indelible-test-server",
    words=(
        sys.executable,
        "-c",
        "import sys; from indelible.cli.test_server import main; sys.exit(main())",
    ),
)


def reference_executable(path: str) -> ServerExecutable:
    """The official command line tool at this path, whose dev server is the yardstick."""
    return ServerExecutable(name="reference", words=(str(Path(path).resolve()),))


def executable_under_test() -> ServerExecutable:
    """Ours, unless the environment names another: then the tests themselves are on trial."""
    path = os.environ.get(SERVER_VARIABLE)
    return reference_executable(path) if path else INDELIBLE


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True, kw_only=True)
class ServerProcess:
    """A dev server on fixed ports and, if asked, on a data file that outlives the process."""

    executable: ServerExecutable
    log: Path
    database: Path | None = None
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    extra_arguments: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running server. Raises RuntimeError when none was started."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    def start(self) -> None:
        """Spawn the process and return at once; `connect` waits until it answers."""
        words = [
            *self.executable.words,
            *("server", "start-dev", "--headless", "--ip", "127.0.0.1"),
            *("--port", str(self.port), "--metrics-port", str(self.metrics_port)),
            *("--log-level", "warn"),
            *(("--db-filename", str(self.database)) if self.database else ()),
            *self.extra_arguments,
        ]
        paths = [str(_REPOSITORY / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self.log.open("ab") as log:
            # Its own group: signals meant for the tests spare it, `kill` reaches its children.
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )

    async def connect(
        self, namespace: str = "default", *, runtime: Runtime | None = None
    ) -> Client:
        """A client, as soon as the server answers. Raises RuntimeError when it never does."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not await self._answers():
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"the server ended while starting:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server is not ready:\n{self.log_tail()}")
            await asyncio.sleep(_POLL_SECONDS)
        return await Client.connect(self.address, namespace=namespace, runtime=runtime)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        try:
            client = await Client.connect(self.address)
            return await client.service_client.check_health(timeout=_HEALTH_TIMEOUT)
        except (RPCError, RuntimeError):
            return False

    def kill(self) -> None:
        """SIGKILL, to the whole group: no chance to say goodbye."""
        process = self._process
        if process is None:
            return
        self._signal_group(signal.SIGKILL)
        process.wait()
        self._process = None

    def stop(self) -> int:
        """SIGTERM, then the exit code. Raises RuntimeError when it has to be killed instead."""
        process = self._process
        if process is None:
            raise RuntimeError("the server was not started")
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"SIGTERM was ignored:\n{self.log_tail()}") from None
        self._process = None
        return code

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return  # It had ended by itself, which `wait` will report.

    def log_tail(self, bytes_max: int = 4_000) -> str:
        """The end of what the server wrote, for the message of a failing test."""
        return self.log.read_bytes()[-bytes_max:].decode(errors="replace")
