"""One pass over the suite, from the first test to the last, whatever hangs in between.

Owns the folder that the tests run from and the pytest processes. A process from which nothing is
heard for a while is killed; what it was running counts as unfinished, and a new process takes up
the rest. It must not know what is expected of a test.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from scripts.sdk_suite import recorder
from scripts.sdk_suite.names import dotted_name, node_id
from scripts.sdk_suite.outcomes import Run
from scripts.sdk_suite.servers import Access

SILENCE_SECONDS_MAX: Final = 120.0
"""A test has a minute by the suite's own settings; collecting takes less than one."""

_POLL_SECONDS: Final = 1.0
_PLAIN: Final = ("-p", "no:cacheprovider", "-q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The tests, in a folder of their own."""

    root: Path
    python: str
    tests: Sequence[str]
    """The node ids of the tests to run."""

    temporary: Path
    """Its own temporary folder, where the SDK looks for executables that it has downloaded."""

    pytest_arguments: Sequence[str]

    @classmethod
    def copy(
        cls,
        checkout: Path,
        root: Path,
        *,
        python: str,
        temporary: Path,
        names: Sequence[str],
        extra: Sequence[str],
    ) -> "Suite":
        """Copy the tests alone: beside the SDK's source they would import that, without its bridge.

        One of them tests the release scripts, which lie beside them.
        """
        shutil.copytree(checkout / "tests", root / "tests")
        if (checkout / "scripts").is_dir():
            shutil.copytree(checkout / "scripts", root / "scripts")
        shutil.copy(checkout / "pyproject.toml", root)
        plugin = Path(recorder.__file__)
        shutil.copy(plugin, root / "indelible_suite_recorder.py")
        tests = [node_id(name, root) for name in names] or _collect(root, python)
        return cls(
            root=root, python=python, tests=tests, temporary=temporary, pytest_arguments=extra
        )


def _collect(root: Path, python: str) -> Sequence[str]:
    """Every test of the suite. Raises RuntimeError, with what pytest says, if it is incomplete."""
    words = [python, "-m", "pytest", *_PLAIN, "--collect-only", "tests"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the suite cannot be collected:\n{done.stdout[-4_000:]}")
    return [line for line in done.stdout.splitlines() if line.startswith("tests/")]


def run_suite(suite: Suite, access: Access, results: Path) -> Run:
    """Run every test once. The record and pytest's output stay in the results folder."""
    run = Run()
    run.expect(suite.tests)
    left = list(suite.tests)
    for number in count(1):
        record = results / f"record-{number}.jsonl"
        _run_pytest(suite, access, left, record)
        run.read(record)
        still_left = [test for test in left if not run.knows(dotted_name(test))]
        if not still_left or len(still_left) == len(left):
            break
        left = still_left
    return run


def _run_pytest(suite: Suite, access: Access, tests: Sequence[str], record: Path) -> None:
    """Run pytest until it ends by itself, or falls silent.

    `native` is the traceback that the interpreter itself prints. Pytest's own parses the source,
    and some releases of Python 3.11 fail there, which would end the run.
    """
    chosen = record.with_suffix(".tests")
    chosen.write_text("\n".join(tests) + "\n", encoding="utf-8")
    words = [suite.python, "-m", "pytest", *_PLAIN, "--tb=native"]
    words += ["-p", "indelible_suite_recorder", *access.arguments, *suite.pytest_arguments]
    environment = {
        **os.environ,
        "TMPDIR": str(suite.temporary),
        recorder.RECORD_VARIABLE: str(record),
    }
    # The sandbox imports a test's module for every workflow: without bytecode that is a second's
    # work, and tests with workflow tasks of one second fail in the client.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with record.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [*words, f"@{chosen}"],
            cwd=suite.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, record)
        finally:
            _kill(process)


def _wait(process: subprocess.Popen[bytes], record: Path) -> None:
    heard_at, size = time.monotonic(), 0
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        grown = record.stat().st_size if record.exists() else 0
        if grown != size:
            heard_at, size = time.monotonic(), grown
        elif time.monotonic() - heard_at > SILENCE_SECONDS_MAX:
            return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: tests start processes of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # Nothing of it is left.
    finally:
        process.wait()
