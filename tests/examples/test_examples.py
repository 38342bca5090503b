"""Every example program, run as its README says, against a real server."""

import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from indelible.base.ids import ChainKey, NamespaceId, WorkflowId
from indelible.services.history.shards import shard_of
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
# What a program shows only if the server was started with these flags, and the words that tell.
SERVER_ARGUMENTS: Final = (
    "--dynamic-config-value",
    'system.namespaceMinRetentionLocal="1s"',
)
PROOFS: Final = {"namespaces_retention.py": "a closed run is purged in time"}


def _name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("examples")
    server = ServerProcess(
        executable=executable_under_test(),
        log=folder / "server.log",
        extra_arguments=SERVER_ARGUMENTS,
    )
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
    verdict = finished.stdout.strip().splitlines()[-1]
    assert verdict.startswith("VERIFIED: "), told
    assert PROOFS.get(program.name, "") in verdict, told


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


def test_the_probe_knows_where_the_server_puts_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program may not import our package, so it says the formula again."""
    monkeypatch.syspath_prepend(EXAMPLES / "part-01/chapter-03")
    monkeypatch.delitem(sys.modules, "running", raising=False)
    shown = importlib.import_module("sharding_probe").shard_of
    monkeypatch.delitem(sys.modules, "running")
    chain = ChainKey(NamespaceId("namespace"), WorkflowId("order-\N{SNOWMAN}"))
    for count in (1, 4, 512):
        assert shown(chain.namespace_id, chain.workflow_id, count) == shard_of(chain, count)


def test_shared_module_is_the_same_everywhere() -> None:
    copies = {(chapter / "running.py").read_text(encoding="utf-8") for chapter in CHAPTERS}
    assert len(copies) == 1
