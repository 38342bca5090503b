"""One server and one worker for all transcripts, and a way to run commands against it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indelible.cli.main import main
from tests.cli.stage import Ran, working
from tests.server_process import INDELIBLE, ServerProcess


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    server = ServerProcess(executable=INDELIBLE, log=log)
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
) -> Callable[[list[str]], Ran]:
    """Run a command in this process, away from the profiles of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").touch()

    def ran(words: list[str]) -> Ran:
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return ran
