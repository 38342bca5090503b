"""One server and one worker for all transcripts, and a way to run commands against it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from indelible.cli.main import main
from tests.cli.stage import NAMESPACES, Ran, working
from tests.server_process import INDELIBLE, ServerProcess

_RARE_REQUESTS: Final = (
    "frontend.rps.namespaceReplicationInducingAPIs",
    "frontend.namespaceRPS.namespaceReplicationInducingAPIs",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    # Each transcript has a namespace of its own, so that lists and counts are its alone.
    server = ServerProcess(
        executable=INDELIBLE,
        log=log,
        extra_arguments=[
            *(word for name in NAMESPACES for word in ("--namespace", name)),
            # Some requests are meant to come rarely; not here.
            *(word for key in _RARE_REQUESTS for word in ("--dynamic-config-value", f"{key}=1000")),
        ],
    )
    server.start()
    try:
        asyncio.run(server.connect())
        with working(server.address):
            yield server.address
    finally:
        server.kill()


@pytest.fixture
def run(
    address: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[list[str], str], Ran]:
    """Run a command in this process, away from the profiles of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def ran(words: list[str], namespace: str) -> Ran:
        monkeypatch.setenv("TEMPORAL_NAMESPACE", namespace)
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return ran
