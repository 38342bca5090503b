"""Our JSON beside that of the official command line, against the same server.

Its path comes from INDELIBLE_TEST_OFFICIAL_CLI. Both are asked the same; what must differ between
two calls (ids of jobs, spans) is left out of the comparison.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.stage import Ran

OFFICIAL: Final = os.environ.get("INDELIBLE_TEST_OFFICIAL_CLI", "")
_SECONDS_MAX: Final = 60
_DIFFER: Final = frozenset({"durationMillis", "batchJobId"})
_LINES: Final = [
    line
    for line in (Path(__file__).parent / "official.txt").read_text().splitlines()
    if line and not line.startswith("#")
]

pytestmark = [
    pytest.mark.timeout(300),  # More than a hundred processes.
    pytest.mark.slow,
    pytest.mark.skipif(not OFFICIAL, reason="INDELIBLE_TEST_OFFICIAL_CLI is not set"),
]


def test_both_say_the_same(address: str, run: Callable[[list[str], str], Ran]) -> None:
    """Lines with `!` only prepare; every other is asked of both."""
    differences: list[str] = []
    for line in _LINES:
        words = shlex.split(line.removeprefix("! "))
        code, out, err = run(words, "default")
        if line.startswith("! "):
            assert code == 0, err
            continue
        theirs = _official(words, address)
        found = list(_compared((code, out, err), theirs))
        differences += [f"{line}: {one}" for one in found]
    assert differences == []


def _official(words: list[str], address: str) -> Ran:
    ended = subprocess.run(
        [OFFICIAL, *words],
        env={**os.environ, "TEMPORAL_ADDRESS": address},
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def _compared(ours: Ran, theirs: Ran) -> Iterator[str]:
    if bool(ours[0]) != bool(theirs[0]):
        yield f"exit {ours[0]} and {theirs[0]}: {ours[2]}{theirs[2]}"
    yield from _differences(_documents(ours[1]), _documents(theirs[1]), "")


def _documents(text: str) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def _differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs} - _DIFFER):
            yield from _differences(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(*pair, f"{path}[{place}]")
    elif ours != theirs:
        yield f"{path}: {ours!r} and {theirs!r}"
