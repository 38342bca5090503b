"""Every example program, run as its README says, against a real server."""

import asyncio
import importlib
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import yaml

from indelible.base.ids import ChainKey, NamespaceId, WorkflowId
from indelible.services.history.shards import shard_of
from tests.server_process import ServerProcess, executable_under_test

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
CHAPTERS: Final = sorted(path.parent for path in EXAMPLES.glob("part-*/chapter-*/pyproject.toml"))
TESTED: Final = [chapter for chapter in CHAPTERS if list(chapter.rglob("test_*.py"))]
PROGRAMS: Final = sorted(
    path
    for path in EXAMPLES.glob("part-*/chapter-*/*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
)
SECONDS_MAX: Final = 60  # Alone each needs less than half of that.
SIDE_BY_SIDE: Final = 3
END_TO_END: Final = [chapter for chapter in CHAPTERS if list(chapter.glob("tests/e2e/test_*.py"))]
PIPELINES: Final = sorted(EXAMPLES.glob("part-*/chapter-*/ci/*.yml"))
_COMMAND_OF_PIPELINE: Final = re.compile(r"run: uv run ([^#\n]+)")
_COMMAND: Final = re.compile(r"^\$ uv run python (.+)$", re.MULTILINE)
ARGUMENTS: Final = {"worker.py": ["--probe"], "main_worker.py": ["--probe"]}
# Our commands are found as those of an installed package are.
PATH: Final = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# What a program shows only if the server was started with these flags, and the words that tell.
SERVER_ARGUMENTS: Final = (
    "--dynamic-config-value",
    'system.namespaceMinRetentionLocal="1s"',
    "--dynamic-config-value",
    'matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"',
    "--dynamic-config-value",
    'matching.wv.VersionDrainageStatusRefreshInterval="1s"',
    "--dynamic-config-file",
    str(EXAMPLES / "part-01/chapter-03/rate_limit.yaml"),
)
PROOFS: Final = {
    "cli_groups.py": " 0 of them refused",
    "cli_tour.py": " 0 of them refused",
    "namespaces_retention.py": "a closed run is purged in time",
    "rate_limit.py": "some calls were refused",
    "worker_versioning.py": "version 1.0 is drained",
}


def _name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def _uses(module: str, chapter: Path) -> bool:
    return any(module in path.read_text(encoding="utf-8") for path in chapter.glob("*.py"))


def _project(chapter: Path) -> dict[str, Any]:
    return tomllib.loads((chapter / "pyproject.toml").read_text(encoding="utf-8"))


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
@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("chapter", CHAPTERS, ids=_name)
async def test_programs_verify_themselves(server: ServerProcess, chapter: Path) -> None:
    """Side by side: they wait most of the time, and none of them may mind the others."""
    slots = asyncio.Semaphore(SIDE_BY_SIDE)
    complaints = await asyncio.gather(
        *(_complaint(server, program, slots) for program in PROGRAMS if program.parent == chapter)
    )
    assert not any(complaints), "\n\n".join(filter(None, complaints))


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("chapter", CHAPTERS, ids=_name)
async def test_two_terminals_work_as_the_readme_says(server: ServerProcess, chapter: Path) -> None:
    """The first command works until Ctrl-C, the second one proves what it claims without it."""
    readme = (chapter / "README.md").read_text(encoding="utf-8")
    worker, program = _COMMAND.findall(readme.split("With two terminals", 1)[1])[:2]
    first = await _start(server, chapter, worker.split())
    try:
        assert first.stdout
        async with asyncio.timeout(SECONDS_MAX):
            greeting = "working on " + chapter.name
            while not (line := await first.stdout.readline()).decode().startswith(greeting):
                assert line, "the worker ended by itself"
            second = await _start(server, chapter, program.split())
            told, _ = await second.communicate()
        assert told.decode().splitlines()[-1].startswith("VERIFIED: "), told.decode()
        assert second.returncode == 0
        first.send_signal(signal.SIGINT)
        async with asyncio.timeout(SECONDS_MAX):
            rest, _ = await first.communicate()
        assert rest.decode().splitlines()[-1:] == ["stopped"]
        assert first.returncode == 0
    finally:
        if first.returncode is None:
            first.kill()
            await first.wait()


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("chapter", TESTED, ids=_name)
async def test_tests_of_a_chapter_pass(chapter: Path, tmp_path: Path) -> None:
    """They start their own test server, which is ours where it is on the path."""
    environment = {**os.environ, "PATH": PATH, "COVERAGE_FILE": str(tmp_path / "coverage")}

    async def told(*words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *words),
            cwd=chapter,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        text, _ = await process.communicate()
        assert process.returncode == 0, text.decode()
        return text.decode()

    tests = ("pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    if "coverage" in _project(chapter)["tool"]:
        assert "skipped" not in await told("coverage", "run", "-m", *tests)
        await told("coverage", "report")  # Fails below the share that the chapter demands.
    else:
        assert "skipped" not in await told(*tests)


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("chapter", END_TO_END, ids=_name)
async def test_end_to_end_tests_of_a_chapter_pass(server: ServerProcess, chapter: Path) -> None:
    """They are marked, and need a server that runs already."""
    words = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-m", "e2e"]
    process = await _start(server, chapter, words)
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=_name)
def test_a_pipeline_runs_what_is_there(pipeline: Path) -> None:
    """Nobody runs them here, but what they name exists, and each step says what it does."""
    text = pipeline.read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"].values()
    folders = {job["defaults"]["run"]["working-directory"] for job in jobs}
    assert folders == {f"examples/{_name(pipeline.parents[1])}"}
    assert all("run" in step or "uses" in step for job in jobs for step in job["steps"])
    for words in _COMMAND_OF_PIPELINE.findall(text):
        program, *arguments = words.split()
        if program == "python":
            assert (pipeline.parents[1] / arguments[0]).is_file()
        else:
            assert program == "pytest" or program in _project(pipeline.parents[1])["tool"]
            assert list(pipeline.parents[1].rglob("test_*.py"))


async def _start(
    server: ServerProcess, chapter: Path, words: Sequence[str]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *words),
        cwd=chapter,
        env={**os.environ, "PATH": PATH, "TEMPORAL_ADDRESS": server.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


async def _complaint(server: ServerProcess, program: Path, slots: asyncio.Semaphore) -> str:
    """Run one program; return what it has told if it does not end with its verdict."""
    async with slots:
        words = [program.name, *ARGUMENTS.get(program.name, [])]
        process = await _start(server, program.parent, words)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            output, _ = await process.communicate()
            return f"{_name(program)} ran for more than {SECONDS_MAX} s:\n{output.decode()}"
    told = output.decode()
    verdicts = [line for line in told.splitlines() if line.startswith("VERIFIED: ")]
    proved = len(verdicts) == 1 and PROOFS.get(program.name, "") in verdicts[0]
    if proved and process.returncode == 0:
        return ""
    return f"{_name(program)} ended with {process.returncode}:\n{told}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=_name)
def test_chapter_is_a_project_of_its_own(chapter: Path) -> None:
    project = _project(chapter)["project"]
    assert project["requires-python"] == ">=3.11"
    extra = "[opentelemetry]" if _uses("temporalio.contrib.opentelemetry", chapter) else ""
    assert project["dependencies"] == [f"temporalio{extra}>=1.35,<2"]
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
