"""Server processes of all kinds: those that serve, and those that refuse to.

Owns the process and what it printed. It must not know which flags a test gives.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest, GetSystemInfoResponse

from indelible.wire.calls.methods import WORKFLOW_SERVICE
from tests.server_process import INDELIBLE, free_port

Answer = TypeVar("Answer", bound=Message)
SECONDS_MAX: Final = 30.0
_SOURCE: Final = Path(__file__).resolve().parents[2] / "src"


def environment() -> dict[str, str]:
    paths = [str(_SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run(*words: str, shell_prefix: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    command: Sequence[str] = [*INDELIBLE.words, *words]
    if shell_prefix:
        command = ["sh", "-c", f'{shell_prefix}; exec "$@"', "sh", *command]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=SECONDS_MAX,
        check=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A server that has answered its first request."""

    process: subprocess.Popen[bytes]
    channel: grpc.aio.Channel
    port: int
    log: Path

    async def ask(
        self,
        request: Message,
        answer_type: type[Answer],
        *,
        service: str = WORKFLOW_SERVICE.name,
        seconds: float = 5,
    ) -> Answer:
        """Call the method that the request is named after."""
        method = type(request).__name__.removesuffix("Request")
        invoke = self.channel.unary_unary(
            f"/{service}/{method}", type(request).SerializeToString, answer_type.FromString
        )
        return await invoke(request, timeout=seconds)

    @property
    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and the seconds until the end."""
        started = _seconds()
        self.process.send_signal(number)
        code = self.process.wait(SECONDS_MAX)
        return code, _seconds() - started


def _seconds() -> float:
    return time.monotonic()


@asynccontextmanager
async def serving(log: Path, *words: str) -> AsyncIterator[Serving]:
    """Start a server on a free port and wait for its first answer; kill what is left of it."""
    port = free_port()
    process = _spawn(log, [*INDELIBLE.words, "server", *words, "--port", str(port)])
    try:
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{port}",
            options=[
                ("grpc.initial_reconnect_backoff_ms", 20),
                ("grpc.max_reconnect_backoff_ms", 50),
            ],
        ) as channel:
            server = Serving(process=process, channel=channel, port=port, log=log)
            await _first_answer(server)
            yield server
    finally:
        process.kill()
        process.wait()


def _spawn(log: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
        )


async def _first_answer(server: Serving) -> None:
    deadline = _seconds() + SECONDS_MAX
    while True:
        try:
            await server.ask(GetSystemInfoRequest(), GetSystemInfoResponse)
        except grpc.aio.AioRpcError as error:
            if server.process.poll() is not None or _seconds() > deadline:
                raise RuntimeError(f"the server does not serve: {server.printed}") from error
            await asyncio.sleep(0.02)
        else:
            return
