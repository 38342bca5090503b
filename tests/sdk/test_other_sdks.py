"""One program in each of the other official SDKs, unmodified, against a real server.

They need a toolchain and the packages of their language, so they run only when asked for:
INDELIBLE_TEST_OTHER_SDKS=go,typescript,java (or some of them).
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.server_process import ServerProcess, executable_under_test

VARIABLE: Final = "INDELIBLE_TEST_OTHER_SDKS"
BUILD_SECONDS_MAX: Final = 300
RUN_SECONDS_MAX: Final = 90
_HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How the program of one language is built and run; the server's address is the last word."""

    folder: Path
    build: Sequence[str]
    run: Sequence[str]
    address_prefix: str = ""


PROGRAMS: Final = {
    "go": Program(
        folder=_HERE / "go" / "hello", build=["go", "build", "-o", "hello", "."], run=["./hello"]
    ),
    "typescript": Program(
        folder=_HERE / "typescript",
        build=["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"],
        run=["node", "hello.js"],
    ),
    "java": Program(
        folder=_HERE / "java",
        build=["mvn", "-q", "-B", "-ntp", "compile"],
        run=["mvn", "-q", "-B", "-ntp", "exec:java"],
        address_prefix="-Dexec.args=",
    ),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    log = tmp_path_factory.mktemp("other-sdks") / "server.log"
    server = ServerProcess(executable=executable_under_test(), log=log)
    server.start()
    try:
        await server.connect()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=sorted(PROGRAMS))
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    """The program, in a folder of its own where its build may leave what it likes."""
    wanted = os.environ.get(VARIABLE, "").split(",")
    if request.param not in wanted:
        pytest.skip(f"{VARIABLE} does not name {request.param}")
    source = PROGRAMS[request.param]
    if shutil.which(source.build[0]) is None:
        pytest.skip(f"no {source.build[0]} on this machine")
    folder = tmp_path / request.param
    shutil.copytree(source.folder, folder)
    return Program(
        folder=folder, build=source.build, run=source.run, address_prefix=source.address_prefix
    )


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(BUILD_SECONDS_MAX + RUN_SECONDS_MAX + 10)
@pytest.mark.asyncio(loop_scope="module")
async def test_one_of_everything(program: Program, server: ServerProcess) -> None:
    built = _run(program.build, program.folder, BUILD_SECONDS_MAX)
    assert built.returncode == 0, built.stderr
    words = [*program.run, f"{program.address_prefix}{server.address}"]
    finished = _run(words, program.folder, RUN_SECONDS_MAX)
    told = f"{finished.stdout}\n{finished.stderr}"
    assert finished.returncode == 0, told
    assert "VERIFIED: " in finished.stdout, told


def _run(words: Sequence[str], folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )
