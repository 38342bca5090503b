"""Every example program, run as its README says, against a real server."""

import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.server_process import ServerProcess, executable_under_test

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
CHAPTERS: Final = sorted(path.parent for path in EXAMPLES.glob("part-*/chapter-*/pyproject.toml"))
PROGRAMS: Final = sorted(
    path
    for path in EXAMPLES.glob("part-*/chapter-*/*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
)
SECONDS_MAX: Final = 30
ARGUMENTS: Final = {"worker.py": ["--probe"]}


def _name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("examples")
    server = ServerProcess(executable=executable_under_test(), log=folder / "server.log")
    server.start()
    try:
        await server.connect()
        yield server
    finally:
        server.kill()


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("program", PROGRAMS, ids=_name)
async def test_program_verifies_itself(server: ServerProcess, program: Path) -> None:
    finished = subprocess.run(
        [sys.executable, program.name, *ARGUMENTS.get(program.name, [])],
        cwd=program.parent,
        env={**os.environ, "TEMPORAL_ADDRESS": server.address},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    told = f"{finished.stdout}\n{finished.stderr}"
    assert finished.returncode == 0, told
    assert finished.stdout.strip().splitlines()[-1].startswith("VERIFIED: "), told


@pytest.mark.parametrize("chapter", CHAPTERS, ids=_name)
def test_chapter_is_a_project_of_its_own(chapter: Path) -> None:
    project = tomllib.loads((chapter / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert project["dependencies"] == ["temporalio>=1.35,<2"]
    assert (chapter / ".python-version").read_text(encoding="utf-8").strip() == "3.13"
    readme = (chapter / "README.md").read_text(encoding="utf-8")
    for program in PROGRAMS:
        if program.parent == chapter:
            assert program.name in readme


def test_shared_module_is_the_same_everywhere() -> None:
    copies = {(chapter / "running.py").read_text(encoding="utf-8") for chapter in CHAPTERS}
    assert len(copies) == 1
