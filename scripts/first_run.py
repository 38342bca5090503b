"""`make run`: a durable server, a first workflow on it, and then the server stays up for you.

Owns the order of these steps and what the terminal shows. It must not know how the server or the
workflow work: it starts both the way a reader would, as commands.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
FIRST_WORKFLOW: Final = REPOSITORY / "examples/part-01/chapter-01/simple_workflow.py"
READY_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 10.0
POLL_SECONDS: Final = 0.05

WHAT_NEXT: Final = """
The server stays up on {address} and keeps its data in {database}
until you press Ctrl-C. In another terminal, from this folder:

  .venv/bin/python {workflow}
  .venv/bin/indelible --help

or point any Temporal SDK, or the temporal command line, at {address}.
"""


def main() -> int:
    """Return the exit code: the server's, or the first workflow's if that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=7233, help="port of the gRPC frontend")
    parser.add_argument("--database", type=Path, default=REPOSITORY / ".run" / "first-run.db")
    parser.add_argument("--once", action="store_true", help="stop the server after the workflow")
    arguments = parser.parse_args()
    arguments.database.parent.mkdir(parents=True, exist_ok=True)
    server = _start_server(arguments.port, arguments.database)
    try:
        code = _use(server, arguments.port, arguments.database, once=arguments.once)
    except KeyboardInterrupt:
        code = 0
    return _stop(server) or code


def _start_server(port: int, database: Path) -> subprocess.Popen[bytes]:
    words = ["server", "start-dev", "--port", str(port), "--db-filename", str(database)]
    # Ctrl-C reaches every process of the terminal; in its own session the server hears us alone.
    return subprocess.Popen(
        [sys.executable, "-m", "indelible", *words],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _use(server: subprocess.Popen[bytes], port: int, database: Path, *, once: bool) -> int:
    if not _wait_until_ready(server, port):
        print("The server did not start; the lines above say why. make run RUN_ARGS='--port 7300'?")
        return server.poll() or 1
    address = f"127.0.0.1:{port}"
    workflow = FIRST_WORKFLOW.relative_to(REPOSITORY)
    print(f"\nRunning a first workflow: {workflow}", flush=True)
    code = _run([sys.executable, str(FIRST_WORKFLOW)], address)
    if code or once:
        return code
    print(WHAT_NEXT.format(address=address, database=database, workflow=workflow), flush=True)
    return server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            # Somebody else's server may own the port; ours then ends within a moment and says so.
            time.sleep(POLL_SECONDS)
            return server.poll() is None
    return False


def _run(words: Sequence[str], address: str) -> int:
    environment = os.environ | {"TEMPORAL_ADDRESS": address}
    return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def _stop(server: subprocess.Popen[bytes]) -> int:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        return server.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
